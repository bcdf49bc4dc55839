import { Option, type Command } from 'commander'
import { issueGrant } from '../admin/index.js'
import { accessLevels, endings } from '../model.js'
import { isUnused } from '../policy/index.js'
import { brief, conditionLines, describeGrant, instant, table } from './output.js'
import { unsaid, type Common, type Shell } from './shell.js'

export function addGrants(grants: Command, shell: Shell): void {
  const { command, answer, look, change, stop } = shell
  interface Issue extends Common {
    readonly to: string
    readonly endpoint?: string[]
    readonly group?: string[]
    readonly from: string
    readonly until: string
    readonly reason: string
    readonly ticket?: string
    readonly weekly?: string[]
    readonly access: string
    readonly ending: string
    readonly source?: string[]
    readonly lasts?: string
    readonly release?: boolean
    readonly sessions?: string
  }
  command(
    grants,
    'issue',
    `Give a person access to machines for a time.

    gatehouse grants issue --to ana@vendor.example --endpoint press-3 \\
      --from now --until +2h --reason "Replace the recipe module"

Someone without a second factor needs the invitation code this prints.`,
  )
    .requiredOption('--to <email>', 'whom, by e-mail')
    .requiredOption('--from <when>', 'from when: 2026-03-01T14:00+01:00, now, or +2h')
    .requiredOption('--until <when>', 'until when: likewise; +8h counts from now')
    .requiredOption('--reason <text>', 'what for, in words: one line, in quotes')
    .option('--endpoint <id...>', 'to which machines, by id; this or --group is needed')
    .option('--group <id...>', 'to the machines that these groups of the configuration have now')
    .option(
      '--weekly <window...>',
      'only at these hours of plant time, every week between the two: "mon-fri 06:00-14:00"',
    )
    .option('--ticket <number>', 'the ticket this belongs to')
    .addOption(new Option('--access <level>', 'what they may do').choices(accessLevels).default('operate'))
    .addOption(
      new Option(
        '--ending <how>',
        'what happens to running work at the end: it is cut, requests may finish, or for the last while they may only view',
      )
        .choices(endings)
        .default('cut'),
    )
    .option('--source <network...>', 'only from these addresses or CIDR blocks, like 198.51.100.0/24')
    .option('--sessions <count>', 'by so many of their sign-ins at a time, such as 1')
    .option('--release', 'only once the control room has released it, for each sign-in anew')
    .option('--lasts <length>', 'for so long from its first use on, at any time before --until: 2h, or 90m')
    .action(async (options: Issue, issue: Command) => {
      if (options.endpoint === undefined && options.group === undefined)
        issue.error("error: required option '--endpoint <id...>' or '--group <id...>' not specified")
      await change(options, async (services, config) => {
        const { grant, enrolmentCode } = await issueGrant(
          { ...services, enrolment: config.totp.enrolment },
          {
            to: options.to,
            endpoints: options.endpoint,
            groups: options.group,
            from: options.from,
            until: options.until,
            reason: options.reason,
            ticket: options.ticket,
            weekly: options.weekly,
            access: options.access,
            ending: options.ending,
            sources: options.source,
            lasts: options.lasts,
            needsRelease: options.release,
            maxSessions: options.sessions === undefined ? undefined : Number(options.sessions),
          },
          shell.operator,
        )
        const described = describeGrant(grant, services.clock.now(), config.grants.endings)
        answer(
          options,
          enrolmentCode === null ? described : { ...described, enrolmentCode },
          `Grant ${grant.id}: ${grant.to.email} may ${grant.access} ${grant.endpoints.join(', ')}\n` +
            `  from ${brief(described.from)} until ${brief(described.until)}\n` +
            conditionLines(grant) +
            (enrolmentCode === null
              ? ''
              : `They have no second factor yet. Give them this invitation code, by phone or in person, once:\n  ${enrolmentCode}\n`),
        )
      })
    })

  command(grants, 'list', 'All grants, the one that ends last first.').action(async (options: Common) => {
    await look(options, async ({ grants: all, clock }, config) => {
      const { endings: limits } = config.grants
      const described = (await all.list()).map((grant) => describeGrant(grant, clock.now(), limits))
      answer(
        options,
        described,
        table(
          ['ID', 'STATE', 'WHO', 'MACHINES', 'ACCESS', 'FROM', 'UNTIL', 'ENDING', 'REASON'],
          described.map((grant) => [
            grant.id,
            grant.state,
            grant.to,
            grant.endpoints.join(', '),
            grant.access,
            brief(grant.from),
            brief(grant.until),
            grant.ending,
            grant.reason,
          ]),
          'No grants yet. `gatehouse grants issue --help` shows how to give one.',
        ),
      )
    })
  })

  command(grants, 'extend <id>', 'Let a grant end later.')
    .requiredOption('--until <when>', 'the new end: 2026-03-01T18:00+01:00, or +2h from now')
    .option('--reason <text>', 'why, in words: one line, in quotes; it stays on record', unsaid)
    .action(async (id: string, options: Common & { until: string; reason: string }) => {
      await change(options, async ({ grants: all, clock }, config) => {
        const grant = await all.extend(id, options.until, options.reason, shell.operator)
        answer(
          options,
          describeGrant(grant, clock.now(), config.grants.endings),
          isUnused(grant)
            ? `Grant ${grant.id} can now be begun until ${brief(instant(grant.until))}; from its first use it lasts as long as before.\n`
            : `Grant ${grant.id} now ends ${brief(instant(grant.until))}.\n`,
        )
      })
    })

  command(grants, 'revoke <id>', 'End a grant now, with everything open under it.')
    .requiredOption('--reason <text>', 'why, in words: one line, in quotes')
    .action(async (id: string, options: Common & { reason: string }) => {
      await stop(options, async ({ grants: all, clock }, config) => {
        const grant = await all.revoke(id, options.reason, shell.operator)
        const described = describeGrant(grant, clock.now(), config.grants.endings)
        answer(options, described, `Grant ${grant.id} is revoked.\n`)
      })
    })
}
