import type { Command } from 'commander'
import { readReason } from '../grants/index.js'
import { GatehouseError } from '../lib/index.js'
import { brief, instant, table } from './output.js'
import type { Common, Shell } from './shell.js'

export function addSessions(sessions: Command, shell: Shell): void {
  const { command, answer, look, stop } = shell
  command(sessions, 'list', 'Everyone who is signed in.').action(async (options: Common) => {
    await look(options, async ({ sessions: all }) => {
      const described = (await all.list()).map((session) => ({
        id: session.id,
        principalId: session.principal.id,
        who: session.principal.email ?? session.principal.id,
        name: session.principal.name,
        roles: session.roles,
        origin: session.origin,
        hasSecondFactor: session.assurance.secondFactorAt !== null,
        startedAt: instant(session.startedAt),
        endsAt: instant(session.endsAt),
        source: session.source,
      }))
      const rows = described.map(({ id, who, roles, hasSecondFactor, startedAt, endsAt, source }) => [
        id,
        who,
        roles.join(', '),
        hasSecondFactor ? 'proved' : 'not yet',
        brief(startedAt),
        brief(endsAt),
        source,
      ])
      const headings = ['ID', 'WHO', 'ROLES', 'SECOND FACTOR', 'SINCE', 'ENDS', 'FROM']
      answer(options, described, table(headings, rows, 'Nobody is signed in.'))
    })
  })

  command(sessions, 'kill <id>', 'Sign someone out, with everything they have open.')
    .option('--reason <text>', 'why, in words: one line, in quotes; it stays on record')
    .action(async (id: string, options: Common & { reason?: string }) => {
      const reason = options.reason === undefined ? undefined : readReason(options.reason)
      await stop(options, async ({ sessions: all, breakGlass }) => {
        const ended =
          (await all.end(id, 'session-killed', shell.operator, reason)) ||
          (await breakGlass.withdraw(id, shell.operator, reason))
        if (!ended)
          throw new GatehouseError('session-unknown', 'There is no such session; it may have ended already.')
        answer(options, { id, ended }, `Session ${id} has ended.\n`)
      })
    })
}
