import type { Command } from 'commander'
import { atTheGate, release, type AtTheGate } from '../admin/index.js'
import { GatehouseError } from '../lib/index.js'
import { brief, describeActor, instant, table } from './output.js'
import type { Common, Shell } from './shell.js'

export function addReleases(releases: Command, shell: Shell): void {
  const { command, answer, look, change, stop } = shell

  command(
    releases,
    'list',
    'Who is signed in with a grant that needs a release: who waits first, then who was let in.',
  ).action(async (options: Common) => {
    await look(options, async (services, { grants: { endings } }) => {
      const described = (await atTheGate({ ...services, endings })).map(describe)
      const rows = described.map((one) => [
        one.state,
        one.who,
        one.endpoints.join(', '),
        one.access,
        brief(one.until),
        one.reason,
        one.grantId,
        one.sessionId,
      ])
      const headings = ['STATE', 'WHO', 'MACHINES', 'ACCESS', 'UNTIL', 'REASON', 'GRANT', 'SESSION']
      answer(options, described, table(headings, rows, 'Nobody waits for a release.'))
    })
  })

  command(
    releases,
    'release <grant> <session>',
    `Let a session use its grant, until it ends or this is withdrawn.

    gatehouse releases release g-7k2m9x4p0qrs3t5v s-0h3n8w6c1rjt2m4d

\`gatehouse releases list\` shows both ids.`,
  )
    .option('--reason <text>', 'why, in words: one line, in quotes')
    .action(async (grantId: string, sessionId: string, options: Common & { reason?: string }) => {
      await change(options, async (services) => {
        const given = await release(services, { grantId, sessionId, reason: options.reason }, shell.operator)
        const described = { ...given, at: instant(given.at), by: describeActor(given.by) }
        answer(options, described, `Grant ${grantId} is released for session ${sessionId}.\n`)
      })
    })

  command(
    releases,
    'withdraw <grant> <session>',
    'Take a release back, and cut what the session has open under the grant.',
  )
    .option('--reason <text>', 'why, in words: one line, in quotes')
    .action(async (grantId: string, sessionId: string, options: Common & { reason?: string }) => {
      await stop(options, async (services) => {
        const { reason } = options
        if (!(await services.releases.withdraw(grantId, sessionId, reason, shell.operator)))
          throw new GatehouseError('release-unknown', 'Nothing is released for this grant and session.')
        const described = { grantId, sessionId, withdrawn: true }
        answer(options, described, `The release of ${grantId} for session ${sessionId} is withdrawn.\n`)
      })
    })
}

function describe({ grant, session, release: given, drainsUntil }: AtTheGate) {
  return {
    grantId: grant.id,
    sessionId: session.id,
    state: given === null ? 'waiting' : drainsUntil === null ? 'released' : 'draining',
    who: grant.to.email,
    endpoints: grant.endpoints,
    access: grant.access,
    until: instant(grant.until),
    reason: grant.reason,
    signedInAt: instant(session.startedAt),
    release: given && { at: instant(given.at), by: describeActor(given.by), reason: given.reason },
  }
}
