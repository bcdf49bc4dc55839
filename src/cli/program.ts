import { userInfo } from 'node:os'
import { Command, CommanderError, Option } from 'commander'
import { accessLevels, endings, type Actor } from '../model.js'
import { issueGrant } from '../admin/index.js'
import { readLedger, verifyLedger } from '../audit/index.js'
import { createKeysFile, loadConfig, loadKeyring, warnings, type Config } from '../config/index.js'
import { parseInstant } from '../grants/index.js'
import type { Person } from '../identity/index.js'
import { createLogger, describeError, GatehouseError, systemClock } from '../lib/index.js'
import { openServices, startGatehouse, version, type Services } from '../main.js'
import { describeGrant, describeReport, inert, instant, table, type Output } from './output.js'

const nodeMajor = Number(process.versions.node.split('.')[0])

/** Exit status of every command. */
const exit = { success: 0, failure: 1, usage: 2 } as const

interface Common {
  readonly config: string
  readonly json?: boolean
}

/**
 * Runs one command line.
 *
 * @returns 0 on success, 1 when the command was refused or failed, 2 when it was not understood
 */
export async function run(argv: readonly string[], output: Output): Promise<number> {
  let status: number = exit.success
  const program = buildProgram(output, (failed) => {
    status = failed
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.success : exit.usage
    const isKnown = error instanceof GatehouseError
    const wantsJson = argv.includes('--json')
    if (wantsJson && isKnown) {
      output.out(
        `${JSON.stringify({ error: { code: error.code, field: error.field, message: error.message } })}\n`,
      )
    }
    // An operator on the host may know the cause; nobody else sees this.
    output.err(
      `${isKnown ? inertLines(error.message) : 'Unexpected failure'}${isKnown ? '' : `: ${describeError(error)}`}\n`,
    )
    if (isKnown && error.cause !== undefined) output.err(`  because: ${inert(describeError(error.cause))}\n`)
    return exit.failure
  }
}

function buildProgram(output: Output, setStatus: (status: number) => void): Command {
  const program = new Command('gatehouse')
    .description('Identity-aware reverse proxy for plant remote access.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: output.out, writeErr: output.err })
    .showHelpAfterError('(add --help for what this command takes)')

  const command = (parent: Command, name: string, description: string): Command =>
    parent
      .command(name)
      .description(description)
      .addOption(
        new Option('-c, --config <file>', 'the configuration file')
          .env('GATEHOUSE_CONFIG')
          .makeOptionMandatory(),
      )
      .option('--json', 'answer in JSON')
  const group = (name: string, description: string): Command => program.command(name).description(description)
  const answer = (options: Common, value: unknown, text: string): void => {
    output.out(options.json === true ? `${JSON.stringify(value, null, 2)}\n` : text)
  }

  command(program, 'serve', 'Run the gateway until it is told to stop.').action(async (options: Common) => {
    const config = loadConfig(options.config)
    const logger = createLogger(config.log.level)
    for (const warning of warnings(config, nodeMajor)) logger.warn(warning)
    const gatehouse = await startGatehouse(config, { logger })
    await new Promise<void>((resolve) => {
      process.once('SIGTERM', resolve)
      process.once('SIGINT', resolve)
    })
    logger.info('gateway stopping')
    await gatehouse.close()
  })

  command(program, 'check', 'Check a configuration without starting anything.').action((options: Common) => {
    const config = loadConfig(options.config)
    loadKeyring(config.keys.file)
    const found = warnings(config, nodeMajor)
    answer(
      options,
      { ok: true, endpoints: config.endpoints.map(({ id }) => id), warnings: found },
      `The configuration is valid: ${String(config.endpoints.length)} endpoints.\n${found.map((text) => `Note: ${text}\n`).join('')}`,
    )
  })

  const keys = group('keys', 'The keys that seal, sign and authenticate.')
  command(keys, 'init', 'Make the keys file named in the configuration. Never overwrites one.').action(
    (options: Common) => {
      const { file } = loadConfig(options.config).keys
      createKeysFile(file)
      answer(
        options,
        { file },
        `Made ${file}. Copy it to every instance, and keep a copy where only you can read it.\n`,
      )
    },
  )

  addGrants(group('grants', 'Who may open what, from when, until when.'), command, answer)
  addSessions(group('sessions', 'Who is signed in.'), command, answer)
  addUsers(group('users', 'People and their second factors.'), command, answer)
  addAudit(group('audit', 'The ledger.'), command, answer, output, setStatus)
  return program
}

type AddCommand = (parent: Command, name: string, description: string) => Command
type Answer = (options: Common, value: unknown, text: string) => void

function addGrants(grants: Command, command: AddCommand, answer: Answer): void {
  interface Issue extends Common {
    readonly to: string
    readonly endpoint: string[]
    readonly from: string
    readonly until: string
    readonly reason: string
    readonly ticket?: string
    readonly access: string
    readonly ending: string
  }
  command(grants, 'issue', 'Give a person access to machines for a time.')
    .requiredOption('--to <email>', 'whom')
    .requiredOption('--endpoint <id...>', 'to which machines, by id')
    .requiredOption('--from <when>', 'from when: ISO 8601, now, +2h')
    .requiredOption('--until <when>', 'until when: ISO 8601, +8h')
    .requiredOption('--reason <text>', 'what for')
    .option('--ticket <number>', 'the ticket this belongs to')
    .addOption(new Option('--access <level>', 'what they may do').choices(accessLevels).default('operate'))
    .addOption(
      new Option('--ending <how>', 'what happens to running work at the end').choices(endings).default('cut'),
    )
    .action(async (options: Issue) => {
      await withServices(options, async (services, config) => {
        const { grant, enrolmentCode } = await issueGrant(
          { ...services, enrolment: config.totp.enrolment },
          {
            to: options.to,
            endpoints: options.endpoint,
            from: options.from,
            until: options.until,
            reason: options.reason,
            ticket: options.ticket,
            access: options.access,
            ending: options.ending,
          },
          operator(),
        )
        const described = describeGrant(grant, services.clock.now())
        answer(
          options,
          enrolmentCode === null ? described : { ...described, enrolmentCode },
          `Grant ${grant.id}: ${grant.to.email} may ${grant.access} ${grant.endpoints.join(', ')}\n` +
            `  from ${described.from} until ${described.until}\n` +
            (enrolmentCode === null
              ? ''
              : `They have no second factor yet. Give them this enrolment code, by phone or in person, once:\n  ${enrolmentCode}\n`),
        )
      })
    })

  command(grants, 'list', 'All grants, newest first.').action(async (options: Common) => {
    await withServices(options, async ({ grants: all, clock }) => {
      const described = (await all.list()).map((grant) => describeGrant(grant, clock.now()))
      answer(
        options,
        described,
        table(
          ['ID', 'STATE', 'WHO', 'MACHINES', 'ACCESS', 'FROM', 'UNTIL', 'REASON'],
          described.map((grant) => [
            grant.id,
            grant.state,
            grant.to,
            grant.endpoints.join(', '),
            grant.access,
            grant.from,
            grant.until,
            grant.reason,
          ]),
          'No grants yet. `gatehouse grants issue --help` shows how to give one.',
        ),
      )
    })
  })

  command(grants, 'extend <id>', 'Let a grant end later.')
    .requiredOption('--until <when>', 'the new end: ISO 8601, or +2h from now')
    .action(async (id: string, options: Common & { until: string }) => {
      await withServices(options, async ({ grants: all, clock }) => {
        const grant = await all.extend(id, options.until, operator())
        answer(
          options,
          describeGrant(grant, clock.now()),
          `Grant ${grant.id} now ends ${instant(grant.until)}.\n`,
        )
      })
    })

  command(grants, 'revoke <id>', 'End a grant now, with everything open under it.')
    .requiredOption('--reason <text>', 'why')
    .action(async (id: string, options: Common & { reason: string }) => {
      await withServices(options, async ({ grants: all, clock }) => {
        const grant = await all.revoke(id, options.reason, operator())
        answer(options, describeGrant(grant, clock.now()), `Grant ${grant.id} is revoked.\n`)
      })
    })
}

function addSessions(sessions: Command, command: AddCommand, answer: Answer): void {
  command(sessions, 'list', 'Everyone who is signed in.').action(async (options: Common) => {
    await withServices(options, async ({ sessions: all }) => {
      const described = (await all.list()).map((session) => ({
        id: session.id,
        who: session.principal.email ?? session.principal.id,
        name: session.principal.name,
        roles: session.roles,
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
        startedAt,
        endsAt,
        source,
      ])
      const headings = ['ID', 'WHO', 'ROLES', 'SECOND FACTOR', 'SINCE', 'ENDS', 'FROM']
      answer(options, described, table(headings, rows, 'Nobody is signed in.'))
    })
  })

  command(sessions, 'kill <id>', 'Sign someone out, with everything they have open.').action(
    async (id: string, options: Common) => {
      await withServices(options, async ({ sessions: all }) => {
        const ended = await all.end(id, 'session-killed', operator())
        if (!ended)
          throw new GatehouseError('session-unknown', 'There is no such session; it may have ended already.')
        answer(options, { id, ended }, `Session ${id} has ended.\n`)
      })
    },
  )
}

function addUsers(users: Command, command: AddCommand, answer: Answer): void {
  command(users, 'list', 'Everyone who has ever signed in.').action(async (options: Common) => {
    await withServices(options, async ({ people, secondFactor }) => {
      const described = []
      for (const { principal, roles, lastLoginAt } of await people.list()) {
        const { isEnrolled, lockedUntil } = await secondFactor.status(principal.id)
        described.push({
          id: principal.id,
          email: principal.email,
          name: principal.name,
          roles,
          isEnrolled,
          lockedUntil: lockedUntil === null ? null : instant(lockedUntil),
          lastLoginAt: instant(lastLoginAt),
        })
      }
      const rows = described.map(({ email, name, roles, isEnrolled, lockedUntil, lastLoginAt, id }) => [
        email ?? id,
        name,
        roles.join(', '),
        lockedUntil !== null ? `locked until ${lockedUntil}` : isEnrolled ? 'yes' : 'no',
        lastLoginAt,
      ])
      const headings = ['WHO', 'NAME', 'ROLES', 'SECOND FACTOR', 'LAST SIGN-IN']
      answer(options, described, table(headings, rows, 'Nobody has signed in yet.'))
    })
  })

  command(
    users,
    'invite <email>',
    'Make a single-use code with which someone may set up a second factor.',
  ).action(async (email: string, options: Common) => {
    await withServices(options, async ({ secondFactor }) => {
      const { code, expiresAt } = await secondFactor.invite(email, operator())
      answer(
        options,
        { email, enrolmentCode: code, expiresAt: instant(expiresAt) },
        `Give ${inert(email)} this enrolment code, by phone or in person, once. It is valid until ${instant(expiresAt)}:\n  ${code}\n`,
      )
    })
  })

  command(users, 'reset-totp <email>', 'Void someone’s second factor and sign them out.').action(
    async (email: string, options: Common) => {
      await withServices(options, async ({ people, secondFactor, sessions }) => {
        const { principal } = onlyOne(await people.byEmail(email.toLowerCase()))
        await secondFactor.reset(principal.id, operator())
        await sessions.endAllOf(principal.id, 'second-factor-reset', operator())
        const { code, expiresAt } = await secondFactor.invite(email, operator())
        answer(
          options,
          { email, enrolmentCode: code, expiresAt: instant(expiresAt) },
          `The second factor of ${inert(email)} is void. To set up a new one they need this enrolment code:\n  ${code}\n`,
        )
      })
    },
  )
}

function addAudit(
  audit: Command,
  command: AddCommand,
  answer: Answer,
  output: Output,
  setStatus: (status: number) => void,
): void {
  command(audit, 'verify', 'Prove that the ledger is whole, or name the first bad record.').action(
    async (options: Common) => {
      const config = loadConfig(options.config)
      const report = await verifyLedger({
        directory: config.audit.directory,
        publicKey: loadKeyring(config.keys.file).ledger.publicKey,
      })
      answer(options, report, describeReport(report))
      if (!report.ok) setStatus(exit.failure)
    },
  )

  command(audit, 'export', 'Write records as JSON lines to standard output.')
    .option('--from <when>', 'the earliest')
    .option('--until <when>', 'the latest, not included')
    .option('--event <name>', 'only this kind of event')
    .action(async (options: Common & { from?: string; until?: string; event?: string }) => {
      const records = readLedger({
        directory: loadConfig(options.config).audit.directory,
        ...(options.from === undefined ? {} : { from: toInstant('from', options.from) }),
        ...(options.until === undefined ? {} : { until: toInstant('until', options.until) }),
        ...(options.event === undefined ? {} : { event: options.event }),
      })
      for await (const record of records)
        output.out(`${JSON.stringify({ writer: record.writer, ...record.fields })}\n`)
    })
}

/** Commands write a chain of their own: the server holds the lock of the other. */
async function withServices(
  options: Common,
  work: (services: Services, config: Config) => Promise<void>,
): Promise<void> {
  const config = loadConfig(options.config)
  const services = await openServices(config, {
    logger: createLogger('silent'),
    writer: 'cli',
    lockWaitMs: 5_000,
  })
  try {
    await services.store.untilReady(2_000)
    await work(services, config)
  } finally {
    await services.close()
  }
}

function toInstant(field: string, text: string): number {
  const at = parseInstant(text, systemClock)
  if (at !== null) return at
  throw new GatehouseError(
    'input-invalid',
    `${field}: use ISO 8601 with a time zone (2026-03-01T14:00:00Z), now, or +2h.`,
    {
      field,
    },
  )
}

function onlyOne(found: readonly Person[]): Person {
  const [person, ...others] = found
  if (person === undefined)
    throw new GatehouseError('person-unknown', 'Nobody with this e-mail has signed in yet.')
  if (others.length === 0) return person
  throw new GatehouseError(
    'person-ambiguous',
    'More than one account has this e-mail. Give one of them another at the provider.',
  )
}

function operator(): Actor {
  return { kind: 'operator', account: userInfo().username }
}

function inertLines(text: string): string {
  return text.split('\n').map(inert).join('\n')
}
