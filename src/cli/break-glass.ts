import { Option, type Command } from 'commander'
import { loadConfig, type Config } from '../config/index.js'
import { parseInstant, readReason } from '../grants/index.js'
import { doesProviderAnswer } from '../identity/index.js'
import { createLogger, GatehouseError, systemClock } from '../lib/index.js'
import { roles, type Role } from '../model.js'
import { brief, inert, instant } from './output.js'
import type { Common, Shell } from './shell.js'
import { findPerson } from './users.js'

interface BreakGlassOptions extends Common {
  readonly reason: string
  readonly role?: Role[]
  readonly for?: string
  readonly anyway?: boolean
}

const usualMs = 3_600_000
const shortestMs = 60_000
const longestMs = 4 * 3_600_000
/** Whoever waits for this command waits in the middle of an outage. */
const providerLimitSeconds = 3

export function addBreakGlass(users: Command, shell: Shell): void {
  const { command, answer, change } = shell
  command(
    users,
    'break-glass <who>',
    `Let someone sign in once without the identity provider, while it is down.

    gatehouse users break-glass cara@plant.example --role admin \\
      --reason "Provider down, press 3 stands still"

They are named by their e-mail, or by the id that \`gatehouse users list --json\` shows. They must have signed in
before and have a second factor, which is asked for as always. Prints a code that works
once, within ten minutes. Nothing is taken from the provider, so they get the roles named here and no others;
grants that are theirs count as always, and grants that wait for their e-mail stay waiting. Every administrator is
shown it until they confirm to have seen it.`,
  )
    .requiredOption('--reason <text>', 'why, in words: one line, in quotes')
    .addOption(new Option('--role <role...>', 'with which roles; none when left out').choices(roles))
    .option(
      '--for <time>',
      'how long the session may last: 30m, 2h; 4h at most, 1h when left out, and never longer than sessions.maxLength',
    )
    .option(
      '--anyway',
      'although the identity provider answers: it may answer, and let nobody in all the same',
    )
    .action(async (who: string, options: BreakGlassOptions) => {
      const config = loadConfig(options.config)
      const reason = readReason(options.reason)
      const sessionLengthMs = readLength(options.for, config)
      // Before the ledger is opened: another command, a lockdown for one, would wait for us meanwhile.
      const didProviderAnswer = await doesProviderAnswer(
        { oidc: config.oidc, clock: systemClock, logger: createLogger('silent') },
        providerLimitSeconds,
      )
      if (didProviderAnswer && options.anyway !== true)
        throw new GatehouseError('identity-provider-answers', 'The identity provider answers.')
      await change(options, async ({ people, breakGlass }) => {
        const person = await findPerson(people, who)
        const given = roles.filter((role) => options.role?.includes(role))
        const issued = await breakGlass.issue(
          { person, roles: given, reason, sessionLengthMs, didProviderAnswer },
          shell.operator,
        )
        const { id, email } = person.principal
        const address = new URL('/break-glass', config.server.publicUrl).href
        const expiresAt = instant(issued.expiresAt)
        answer(
          options,
          {
            sessionId: issued.sessionId,
            principalId: id,
            email,
            roles: given,
            reason,
            didProviderAnswer,
            address,
            code: issued.code,
            expiresAt,
            sessionMinutes: sessionLengthMs / 60_000,
          },
          `Break-glass ${issued.sessionId}: ${inert(email ?? id)} may sign in once, until ${brief(expiresAt)}, ` +
            `for ${String(sessionLengthMs / 60_000)} minutes, ` +
            `${given.length === 0 ? 'without a role' : `as ${given.join(', ')}`}.\n` +
            `Give them this, by phone or in person, once. They need their one-time code as well.\n` +
            `  ${address}\n  ${issued.code}\n` +
            `It is on record, and every administrator is shown it.\n`,
        )
      })
    })
}

/** @throws GatehouseError `input-invalid` about `for` */
function readLength(text: string | undefined, { sessions }: Config): number {
  const most = Math.min(longestMs, sessions.maxLengthMs)
  if (text === undefined) return Math.min(usualMs, most)
  const length = /^\d/.test(text) ? parseInstant(`+${text}`, { now: () => 0 }) : null
  if (length !== null && length >= shortestMs && length <= most) return length
  const message = `for: must be a time like 30m or 2h, of ${String(most / 60_000)} minutes at most`
  throw new GatehouseError('input-invalid', message, { field: 'for' })
}
