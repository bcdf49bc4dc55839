import { Option, type Command } from 'commander'
import { parseInstant, readReason } from '../grants/index.js'
import { scopes, type EpochMs, type ServiceToken } from '../model.js'
import { brief, describeActor, inert, instant, table } from './output.js'
import type { Common, Shell } from './shell.js'

interface Create extends Common {
  readonly name: string
  readonly owner: string
  readonly scope: string[]
  readonly expires: string
  readonly reason: string
  readonly source?: string[]
}

export function addTokens(tokens: Command, shell: Shell): void {
  const { command, answer, look, change, stop } = shell
  command(
    tokens,
    'create',
    `Make a token by which a program may use the JSON API.

    gatehouse tokens create --name "Service desk" --owner cara@plant.example \\
      --scope grants:read --scope grants:write --expires 90d --source 10.20.0.0/16 \\
      --reason "CHG-1042"

The token is printed this once, and kept nowhere. Whoever has it may do what its scopes say: put it where the
program reads it, and nowhere else.`,
  )
    .requiredOption('--name <text>', 'what it is for; the ledger and the pages call it so')
    .requiredOption('--owner <email>', 'who answers for it: someone who has signed in')
    .addOption(new Option('--scope <scope...>', 'what it may do').choices(scopes).makeOptionMandatory())
    .requiredOption('--expires <time>', 'for how long: 90d, 12h; 365d at most')
    .requiredOption('--reason <text>', 'why, in words: one line, in quotes; it stays on record')
    .option('--source <network...>', 'from where: IP addresses or CIDR blocks; from anywhere when left out')
    .action(async (options: Create) => {
      const reason = readReason(options.reason)
      await change(options, async ({ tokens: all, clock }) => {
        const { token, secret } = await all.create(
          {
            name: options.name,
            owner: options.owner,
            scopes: options.scope,
            sources: options.source ?? [],
            lifetimeMs: readLength(options.expires),
          },
          reason,
          shell.operator,
        )
        const described = describeToken(token, clock.now())
        answer(
          options,
          { ...described, token: secret },
          `Token ${token.id}, ${inert(token.name)}: ${token.scopes.join(', ')}, until ${brief(described.until)}.\n` +
            `It is shown only now:\n  ${secret}\n`,
        )
      })
    })

  command(tokens, 'list', 'All tokens of programs, the newest first, without what they are worth.').action(
    async (options: Common) => {
      await look(options, async ({ tokens: all, clock }) => {
        const described = (await all.list()).map((token) => describeToken(token, clock.now()))
        const rows = described.map(({ id, state, name, owner, scopes: held, sources, until }) => [
          ...[id, state, name, owner, held.join(', ')],
          ...[sources.length === 0 ? 'anywhere' : sources.join(', '), brief(until)],
        ])
        const headings = ['ID', 'STATE', 'NAME', 'OWNER', 'SCOPES', 'FROM', 'UNTIL']
        answer(options, described, table(headings, rows, 'There are no tokens.'))
      })
    },
  )

  command(tokens, 'revoke <id>', 'Make a token worthless, at once and for good.')
    .requiredOption('--reason <text>', 'why, in words: one line, in quotes')
    .action(async (id: string, options: Common & { reason: string }) => {
      const reason = readReason(options.reason)
      await stop(options, async ({ tokens: all, clock }) => {
        const token = await all.revoke(id, reason, shell.operator)
        answer(options, describeToken(token, clock.now()), `Token ${token.id} is revoked.\n`)
      })
    })
}

/** NaN for what is no length of time. */
function readLength(text: string): number {
  return (/^\d/.test(text) ? parseInstant(`+${text}`, { now: () => 0 }) : null) ?? NaN
}

function describeToken(token: ServiceToken, now: EpochMs) {
  const { id, name, owner, scopes: held, sources, createdBy, createdAt, until, revocation } = token
  return {
    id,
    state: revocation !== null ? 'revoked' : now < until ? 'active' : 'expired',
    name,
    owner: owner.email,
    scopes: held,
    sources,
    createdBy: describeActor(createdBy),
    createdAt: instant(createdAt),
    until: instant(until),
    revocation: revocation && {
      at: instant(revocation.at),
      by: describeActor(revocation.by),
      reason: revocation.reason,
    },
  }
}
