import type { Command } from 'commander'
import { lockDown } from '../admin/index.js'
import { scopeText } from '../grants/index.js'
import { GatehouseError } from '../lib/index.js'
import type { Lockdown } from '../model.js'
import { brief, describeActor, inert, instant, table } from './output.js'
import type { Common, Shell } from './shell.js'

interface Change extends Common {
  readonly scope: string
  readonly reason: string
}

const scopes = 'all, endpoint:ID, or principal:EMAIL'

export function addLockdown(lockdown: Command, shell: Shell): void {
  const { command, answer, look, change, stop } = shell
  command(
    lockdown,
    'on',
    `Close machines at once, to everybody or to one person, whatever they hold.

    gatehouse lockdown on --scope all --reason "Leaked laptop"

What is open is cut, grants stay as they are, and nobody passes until it is lifted. Works on this host while
Redis is away, too.`,
  )
    .requiredOption('--scope <scope>', scopes)
    .requiredOption('--reason <text>', 'why, in words: one line, in quotes')
    .action(async (options: Change) => {
      await stop(options, async (services) => {
        const begun = await lockDown(services, options, shell.operator)
        answer(options, describe(begun), `Locked down: ${inert(scopeText(begun.scope))}\n`)
      })
    })

  command(lockdown, 'off', 'Lift a lockdown. Whoever holds a grant may go on.')
    .requiredOption('--scope <scope>', scopes)
    .requiredOption('--reason <text>', 'why, in words: one line, in quotes')
    .action(async (options: Change) => {
      await change(options, async ({ lockdowns }) => {
        const isLifted = await lockdowns.off(options.scope, options.reason, shell.operator)
        if (!isLifted)
          throw new GatehouseError('lockdown-unknown', 'There is no lockdown of this scope to be lifted.')
        answer(options, { scope: options.scope }, `Lifted: ${inert(options.scope)}\n`)
      })
    })

  command(lockdown, 'list', 'The lockdowns in force.').action(async (options: Common) => {
    await look(options, async ({ lockdowns }) => {
      const described = (await lockdowns.inForce()).map(describe)
      const rows = described.map(({ scope, at, by, reason }) => [scope, brief(at), by, reason])
      answer(options, described, table(['SCOPE', 'SINCE', 'BY', 'REASON'], rows, 'Nothing is locked down.'))
    })
  })
}

function describe({ scope, at, by, reason }: Lockdown) {
  return { scope: scopeText(scope), at: instant(at), by: describeActor(by), reason }
}
