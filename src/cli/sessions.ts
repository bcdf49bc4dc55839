import type { Command } from 'commander'
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

  command(sessions, 'kill <id>', 'Sign someone out, with everything they have open.').action(
    async (id: string, options: Common) => {
      await stop(options, async ({ sessions: all, breakGlass }) => {
        const ended =
          (await all.end(id, 'session-killed', shell.operator)) ||
          (await breakGlass.withdraw(id, shell.operator))
        if (!ended)
          throw new GatehouseError('session-unknown', 'There is no such session; it may have ended already.')
        answer(options, { id, ended }, `Session ${id} has ended.\n`)
      })
    },
  )
}
