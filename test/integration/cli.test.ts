import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { openLedger, readLedger } from '../../src/audit/index.js'
import { run } from '../../src/cli/program.js'
import { principalId } from '../../src/identity/index.js'
import type { Principal } from '../../src/model.js'
import { accounts, startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

interface Outcome {
  readonly status: number
  readonly out: string
  readonly err: string
}

/** A command line as it stands, without the configuration that `plant.command` adds. */
async function bare(...argv: string[]): Promise<Outcome> {
  let out = ''
  let err = ''
  const status = await run(argv, { out: (more) => (out += more), err: (more) => (err += more) })
  return { status, out, err }
}

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string
const invitation = expect.stringMatching(/^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/) as string

describe('the command line', () => {
  let plant: Plant
  const scratch: string[] = []

  beforeAll(async () => {
    delete process.env.GATEHOUSE_CONFIG
    plant = await startPlant()
  }, 30_000)
  afterAll(async () => {
    await plant.close()
    for (const folder of scratch) await rm(folder, { recursive: true, force: true })
  })

  const good = {
    '--to': 'ana@machines.example',
    '--endpoint': 'press-3',
    '--from': 'now',
    '--until': '+2h',
    '--reason': 'replace the recipe module',
  }
  const issue = (over: Record<string, string> = {}, ...more: string[]): Promise<Outcome> =>
    plant.command('grants', 'issue', ...Object.entries({ ...good, ...over }).flat(), ...more)
  const issued = async (over: Record<string, string> = {}): Promise<Record<string, unknown>> => {
    const { status, out, err } = await issue(over, '--json')
    expect([status, err]).toEqual([0, ''])
    return JSON.parse(out) as Record<string, unknown>
  }
  const idOf = async (over?: Record<string, string>): Promise<string> => String((await issued(over)).id)

  /** Everything in Redis, and the records of commands: what a refusal must leave as it is. */
  const stored = async (): Promise<unknown> => {
    const { store } = plant.gatehouse.services
    const keys = await store.run((redis) => redis.keys('*'))
    const values = await store.pipeline((redis) => keys.sort().forEach((key) => void redis.dump(key)))
    const records = []
    for await (const { writer, seq } of readLedger(plant.config.audit))
      if (writer === 'cli') records.push(seq)
    return { keys, values: values.map(String), records }
  }
  const remember = async (over: Partial<Principal> = {}): Promise<Principal> => {
    const { email, subject, name } = accounts.vendor
    const issuer = plant.provider.issuer
    const named = { issuer, subject, email, name, ...over }
    const principal = { id: principalId(named.issuer, named.subject), ...named }
    await plant.gatehouse.services.people.remember(principal, [])
    return principal
  }

  /** The plant's configuration, changed, in a file beside it. */
  const configWith = async (changes: Record<string, string>): Promise<string> => {
    let content = await readFile(plant.configFile, 'utf8')
    for (const [before, after] of Object.entries(changes)) {
      expect(content).toContain(before)
      content = content.replace(before, after)
    }
    const folder = await mkdtemp(join(dirname(plant.configFile), 'other-'))
    scratch.push(folder)
    for (const name of ['keys.json', 'oidc-secret']) await cp(join(folder, '..', name), join(folder, name))
    await writeFile(join(folder, 'gatehouse.yml'), content)
    return join(folder, 'gatehouse.yml')
  }

  describe('asked for help', () => {
    it.each([
      [[], ['serve', 'check', 'keys', 'grants', 'sessions', 'users', 'audit']],
      [['keys'], ['init']],
      [['grants'], ['issue', 'list', 'extend', 'revoke']],
      [['sessions'], ['list', 'kill']],
      [['users'], ['list', 'invite', 'reset-totp']],
      [['audit'], ['verify', 'export']],
      [
        ['grants', 'issue'],
        ['--to <email>', '--ending <how>', '--json', '--config <file>'],
      ],
      [
        ['grants', 'extend'],
        ['<id>', '--until <when>', '--reason <text>'],
      ],
      [
        ['audit', 'export'],
        ['--from', '--event'],
      ],
    ])('on %j names what there is', async (path, names) => {
      const { status, out, err } = await bare(...path, '--help')
      expect([status, err]).toEqual([0, ''])
      for (const name of names) expect(out).toContain(name)
    })

    it('shows an example that is accepted as it stands', async () => {
      const { out } = await bare('grants', 'issue', '--help')
      const example = /^ {4}gatehouse (grants issue (?:.*\\\n)*.*)/m.exec(out)?.[1] ?? ''
      const argv = [...example.replaceAll('\\\n', '').matchAll(/"([^"]+)"|(\S+)/g)]
      const { status } = await plant.command(...argv.map(([, quoted, word]) => quoted ?? word ?? ''))
      expect(status).toBe(0)
    })
  })

  describe('that cannot be understood', () => {
    it.each([
      ['no command', []],
      ['an unknown command', ['grant']],
      ['a group alone', ['grants']],
      ['an unknown command of a group', ['grants', 'give']],
      ['no configuration', ['grants', 'list']],
      ['an unknown option', ['grants', 'list', '--config', 'x', '--all']],
      ['a missing id', ['grants', 'revoke', '--config', 'x', '--reason', 'work is done']],
      [
        'a reason without quotes',
        ['grants', 'revoke', 'g-1', '--config', 'x', '--reason', 'work', 'is', 'done'],
      ],
      ['an unknown event', ['audit', 'export', '--config', 'x', '--event', 'grnt']],
    ])('for %s: exit status 2, a sentence on stderr, JSON for scripts', async (_, argv) => {
      const { status, out, err } = await bare(...argv)
      expect([status, out]).toEqual([2, ''])
      expect(err).toMatch(/^(error: .+\n|Usage: gatehouse)/)
      const forScripts = await bare(...argv, '--json')
      expect(forScripts.status).toBe(2)
      expect(JSON.parse(forScripts.out)).toEqual({
        error: { code: 'usage', field: null, message: expect.stringMatching(/\w/) as string },
      })
    })

    it.each(['--to', '--endpoint', '--from', '--until', '--reason'])(
      'says that %s is missing',
      async (name) => {
        const argv = Object.entries(good).filter(([option]) => option !== name)
        const { status, err } = await plant.command('grants', 'issue', ...argv.flat())
        expect(status).toBe(2)
        expect(err).toContain(`required option '${name} <`)
        expect(err).toContain('usage: gatehouse grants issue --to <email> --from <when>')
      },
    )

    it.each([
      ['--access', 'View', 'view, operate'],
      ['--ending', 'never', 'cut, drain, read-only'],
    ])('names what %s may be', async (option, value, choices) => {
      const { status, err } = await issue({ [option]: value })
      expect(status).toBe(2)
      expect(err).toContain(`'${option} <`)
      expect(err).toContain(choices)
    })
  })

  describe('grants', () => {
    it('are issued with an invitation for someone who has no second factor', async () => {
      const now = new Date(plant.clock.now()).toISOString()
      const grant = await issued({ '--to': 'New@Machines.example', '--ticket': 'CHG-17', '--access': 'view' })
      expect(grant).toEqual({
        id: expect.stringMatching(/^g-[0-9a-z]{16}$/) as string,
        state: 'active',
        to: 'new@machines.example',
        isBound: false,
        endpoints: ['press-3'],
        access: 'view',
        from: now,
        until: new Date(plant.clock.now() + 2 * 3_600_000).toISOString(),
        reason: 'replace the recipe module',
        ticket: 'CHG-17',
        ending: 'cut',
        ...{ windows: [], sources: [], needsRelease: false, maxSessions: null },
        ...{ lastsFromFirstUseMs: null, firstUsedAt: null },
        issuedBy: expect.stringMatching(/^operator \w/) as string,
        issuedAt: now,
        revocation: null,
        enrolmentCode: invitation,
      })
      const { out } = await issue({ '--to': 'new@machines.example' })
      expect(out).toMatch(/^Grant g-\w+: new@machines\.example may operate press-3\n {2}from .+Z until .+Z\n/)
      expect(out).toMatch(/invitation code[^\n]*\n {2}[0-9A-Z]{4}(-[0-9A-Z]{4}){3}\n$/)
    })

    it('are issued without one to someone who has', async () => {
      await remember()
      expect(await issued()).not.toHaveProperty('enrolmentCode')
      expect((await issue()).out).not.toContain('code')
    })

    it('are listed, extended and revoked', async () => {
      const id = await idOf({ '--endpoint': 'press-4' })
      const entry = async (): Promise<Record<string, unknown> | undefined> => {
        const { out } = await plant.command('grants', 'list', '--json')
        return (JSON.parse(out) as Record<string, unknown>[]).find((grant) => grant.id === id)
      }
      expect(await entry()).toMatchObject({ state: 'active', until: iso })
      expect((await plant.command('grants', 'list')).out).toMatch(
        new RegExp(
          `^ID .+ REASON\n[^]*${id} +active +ana@machines\\.example +press-4 .+ replace the recipe module\n`,
        ),
      )

      const longer = await plant.command('grants', 'extend', id, '--until', '+3h', '--reason', 'work goes on')
      expect(longer.out).toMatch(new RegExp(`^Grant ${id} now ends \\S+Z\\.\n$`))
      expect((await entry())?.until).toBe(new Date(plant.clock.now() + 3 * 3_600_000).toISOString())

      // A script from before commands asked why stopped with status 2, beside a line that stood still.
      const unsaid = await plant.command('grants', 'extend', id, '--until', '+4h')
      expect(unsaid).toMatchObject({ status: 0, err: '' })

      const over = await plant.command('grants', 'revoke', id, '--reason', 'the line is needed', '--json')
      expect(JSON.parse(over.out)).toMatchObject({
        state: 'revoked',
        revocation: {
          at: iso,
          by: expect.stringMatching(/^operator/) as string,
          reason: 'the line is needed',
        },
      })
      const tooLate = await plant.command(
        'grants',
        'extend',
        id,
        '--until',
        '+5h',
        '--reason',
        'work goes on',
      )
      expect(tooLate).toMatchObject({ status: 1, out: '', err: 'This grant has been revoked.\n' })
    })

    it.each([
      ['a start after the end', { '--from': '+3h' }, 'until'],
      ['an end that is no instant', { '--until': 'NaN' }, 'until'],
      ['a local time', { '--from': '2026-11-23T14:00' }, 'from'],
      ['ten years', { '--until': '+3650d' }, 'until'],
      ['a start in the past', { '--from': '2020-01-01T00:00Z' }, 'from'],
      ['an unknown endpoint', { '--endpoint': 'press-99' }, 'endpoints'],
      ['an endpoint named __proto__', { '--endpoint': '__proto__' }, 'endpoints'],
      ['an endpoint with a colon', { '--endpoint': 'press-3:*' }, 'endpoints'],
      ['an endpoint with CRLF', { '--endpoint': 'press-3\r\nX: y' }, 'endpoints'],
      ['no reason', { '--reason': '' }, 'reason'],
      ['a reason of blanks', { '--reason': '    ' }, 'reason'],
      ['a reason with an escape sequence', { '--reason': 'replace \u001b[2Jit all' }, 'reason'],
      ['nobody', { '--to': '' }, 'to'],
      ['a person named __proto__', { '--to': '__proto__' }, 'to'],
      ['a mail header', { '--to': 'ana@machines.example\r\nBcc: eve@evil.example' }, 'to'],
      ['a ticket with CRLF', { '--ticket': 'CHG-1\r\n' }, 'ticket'],
    ])('are refused for %s, by name, and nothing is stored', async (_, over, field) => {
      const before = await stored()
      const { status, out, err } = await issue(over, '--json')
      expect(status).toBe(1)
      expect(JSON.parse(out)).toMatchObject({
        error: { code: 'input-invalid', field, message: expect.stringMatching(`^${field}: `) as string },
      })
      expect(err).toMatch(new RegExp(`^${field}: [\\x20-\\x7e]+\n$`))
      expect(await stored()).toEqual(before)
    })

    it.each(['drain', 'read-only'])('end as they were issued to: %s', async (ending) => {
      const { status, out } = await issue({ '--ending': ending }, '--json')
      expect([status, (JSON.parse(out) as { ending: string }).ending]).toEqual([0, ending])
      const { id } = JSON.parse(out) as { id: string }
      const listed = (await plant.command('grants', 'list')).out
        .split('\n')
        .find((line) => line.startsWith(id))
      expect(listed).toMatch(new RegExp(` ${ending} +replace the recipe module$`))
    })

    it.each([
      ['unknown', 'g-nowhere'],
      ['__proto__', '__proto__'],
      ['with a colon', 'g:1:*'],
      ['with CRLF', 'g-1\r\nDEL *'],
      ['empty', ''],
    ])('are not found by an id that is %s, and nothing is stored', async (_, id) => {
      const before = await stored()
      const attempts = [
        await plant.command('grants', 'revoke', id, '--reason', 'work is done'),
        await plant.command('grants', 'extend', id, '--until', '+3h', '--reason', 'work goes on'),
      ]
      for (const { status, err } of attempts) {
        expect(status).toBe(1)
        expect(err).toBe('There is no such grant.\n`gatehouse grants list` shows all grants.\n')
      }
      expect(await stored()).toEqual(before)
    })

    it.each([
      [['extend', '--until', '+20h', '--reason', 'more'], 'until'],
      [['extend', '--until', '+1h', '--reason', 'more'], 'until'],
      [['extend', '--until', 'later', '--reason', 'more'], 'until'],
      [['extend', '--until', '+3h', '--reason', ' '], 'reason'],
      [['revoke', '--reason', ''], 'reason'],
    ])('are left as they are by %j', async ([verb = '', ...options], field) => {
      const id = await idOf()
      const before = await stored()
      const { status, err } = await plant.command('grants', verb, id, ...options)
      expect([status, err]).toEqual([1, expect.stringMatching(`^${field}: `)])
      expect(await stored()).toEqual(before)
    })

    it('are issued one after the other by ten commands at once', async () => {
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => issue({}, '--json')))
      expect(outcomes.map(({ status, err }) => [status, err])).toEqual(outcomes.map(() => [0, '']))
      const ids = outcomes.map(({ out }) => (JSON.parse(out) as { id: string }).id)
      expect(new Set(ids).size).toBe(10)
    })

    it('wait for a command that is writing, while lists do not', async () => {
      const { keyring, clock, logger } = plant.gatehouse.services
      const { directory, durability } = plant.config.audit
      const other = await openLedger({
        directory,
        durability,
        writer: 'cli',
        key: keyring.ledger,
        clock,
        logger,
      })
      let isDone = false
      const waiting = issue().finally(() => (isDone = true))
      expect((await plant.command('grants', 'list')).status).toBe(0)
      expect(isDone).toBe(false)
      await other.close()
      expect((await waiting).status).toBe(0)
    })
  })

  describe('sessions', () => {
    it('are listed and killed', async () => {
      expect((await plant.command('sessions', 'list')).out).toBe('Nobody is signed in.\n')
      const client = await plant.signIn('admin')
      const { out } = await plant.command('sessions', 'list', '--json')
      const [session, ...others] = JSON.parse(out) as Record<string, unknown>[]
      expect(others).toEqual([])
      expect(session).toEqual({
        id: expect.stringMatching(/^s-\w+$/) as string,
        principalId: expect.any(String) as string,
        who: accounts.admin.email,
        name: 'admin',
        roles: ['admin'],
        origin: 'provider',
        hasSecondFactor: true,
        startedAt: iso,
        endsAt: iso,
        source: '127.0.0.1',
      })
      const id = String(session?.id)
      expect((await plant.command('sessions', 'list')).out).toMatch(
        `${id}  cara@plant.example  admin  proved`,
      )
      expect(await plant.command('sessions', 'kill', id)).toEqual({
        status: 0,
        out: `Session ${id} has ended.\n`,
        err: '',
      })
      expect((await client.navigate(plant.portal)).text).toContain('Sign in with')
      client.close()
      expect(await plant.command('sessions', 'kill', id)).toMatchObject({
        status: 1,
        err: expect.stringContaining('may have ended already') as string,
      })
    })

    it.each(['s-nowhere', '__proto__', 'a:b', 's\r\n', ''])('are not found by %j', async (id) => {
      const before = await stored()
      const { status, out } = await plant.command('sessions', 'kill', id, '--json')
      expect(status).toBe(1)
      expect(JSON.parse(out)).toMatchObject({ error: { code: 'session-unknown' } })
      expect(await stored()).toEqual(before)
    })
  })

  describe('people', () => {
    it('are listed with what they have', async () => {
      await remember()
      const { out } = await plant.command('users', 'list', '--json')
      const list = JSON.parse(out) as Record<string, unknown>[]
      expect(list.find(({ email }) => email === accounts.vendor.email)).toEqual({
        id: principalId(plant.provider.issuer, accounts.vendor.subject),
        email: accounts.vendor.email,
        name: 'vendor',
        roles: [],
        isEnrolled: true,
        lockedUntil: null,
        lastLoginAt: iso,
      })
      expect((await plant.command('users', 'list')).out).toMatch(
        /^WHO .+LAST SIGN-IN\n[^]*ana@machines\.example +vendor +yes/,
      )
    })

    it('cannot make a terminal do anything with their names', async () => {
      const name = 'Eve\u001b[2J\u009b31m\r\nroot  \u202eadmin'
      await remember({ subject: 'escape', email: 'escape@machines.example', name })
      for (const format of [[], ['--json']]) {
        const { out } = await plant.command('users', 'list', ...format)
        expect(out).toContain('escape@machines.example')
        expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u)
      }
      const { out } = await plant.command('users', 'list', '--json')
      expect((JSON.parse(out) as { name: string }[]).map((person) => person.name)).toContain(name)
    })

    it('are invited', async () => {
      const { out } = await plant.command(
        'users',
        'invite',
        'zoe@machines.example',
        '--reason',
        'first day',
        '--json',
      )
      expect(JSON.parse(out)).toEqual({
        email: 'zoe@machines.example',
        enrolmentCode: invitation,
        expiresAt: iso,
      })
      expect(
        (await plant.command('users', 'invite', 'zoe@machines.example', '--reason', 'first day')).out,
      ).toMatch(/valid until \S+Z:\n {2}\w/)
    })

    it.each(['', 'zoe', '__proto__', 'zoe@machines.example\r\nBcc: x@y.example'])(
      'are not invited at %j',
      async (email) => {
        const before = await stored()
        const { status, err } = await plant.command('users', 'invite', email, '--reason', 'first day')
        expect([status, err]).toEqual([1, 'email: This is not an e-mail address.\n'])
        expect(await stored()).toEqual(before)
      },
    )

    const reset = (who: string, ...more: string[]) =>
      plant.command('users', 'reset-totp', who, '--reason', 'phone lost', ...more)

    it('lose their second factor and their sessions', async () => {
      const client = await plant.signIn('stranger')
      const { status, out } = await reset('Eve@machines.example', '--json')
      expect(status).toBe(0)
      expect(JSON.parse(out)).toEqual({
        id: principalId(plant.provider.issuer, accounts.stranger.subject),
        email: accounts.stranger.email,
        enrolmentCode: invitation,
        expiresAt: iso,
      })
      expect((await client.navigate(plant.portal)).text).toContain('Sign in with')
      client.close()
      const again = await reset(accounts.stranger.email)
      expect(again).toMatchObject({
        status: 1,
        err: expect.stringMatching(/^This person has no second factor to reset\.\n.*invite/) as string,
      })
    })

    it('who are unknown or have no second factor are told apart, and nothing is stored', async () => {
      await remember({ subject: 'fresh', email: 'fresh@machines.example' })
      const before = await stored()
      const outcomes = [
        await reset('nobody@machines.example'),
        await reset('fresh@machines.example'),
        await reset(''),
      ]
      expect(outcomes.map(({ status, err }) => [status, err.split('\n')[0]])).toEqual([
        [1, 'Nobody with this e-mail or id has signed in yet.'],
        [1, 'This person has no second factor to reset.'],
        [1, 'Nobody with this e-mail or id has signed in yet.'],
      ])
      expect(await stored()).toEqual(before)
    })

    it('who share an e-mail are named by their ids, and granted nothing by it', async () => {
      const shared = 'shared@machines.example'
      const [one, other] = [
        await remember({ subject: 'one', email: shared }),
        await remember({ subject: 'other', email: shared }),
      ]
      const before = await stored()
      const refused = await reset(shared)
      expect(refused.status).toBe(1)
      for (const { id } of [one, other])
        expect(refused.err).toContain(`\n  ${id}  ${plant.provider.issuer}\n`)
      expect((await issue({ '--to': shared })).err).toMatch(/^to: more than one account/)
      expect((await reset(one.id)).err).toMatch(/^This person has no second factor/)
      expect(await stored()).toEqual(before)
    })

    it('whose provider vouches for no e-mail are reset by id', async () => {
      const { unverified } = accounts
      const { id } = await remember({ subject: unverified.subject, email: null })
      const { status, out } = await reset(id)
      expect([status, out]).toEqual([0, expect.stringMatching(/is void.+\n.+cannot be invited/)])
    })
  })

  describe('the ledger', () => {
    const exported = async (...options: string[]): Promise<Record<string, unknown>[]> => {
      const { status, out } = await plant.command('audit', 'export', ...options)
      expect(status).toBe(0)
      return out
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    }

    it('verifies', async () => {
      await issue()
      const { status, out } = await plant.command('audit', 'verify')
      expect(status).toBe(0)
      expect(out).toMatch(
        /^cli: whole, \d+ records, signed up to \d+\ngateway: whole, .+\nThe ledger is whole\.\n$/,
      )
      const { ok, chains } = JSON.parse((await plant.command('audit', 'verify', '--json')).out) as {
        ok: boolean
        chains: unknown[]
      }
      expect([ok, chains.length]).toEqual([true, 2])
    })

    it('names file, line and record where somebody changed it', async () => {
      await issue()
      const configFile = await configWith({})
      const copy = join(dirname(configFile), 'ledger')
      await cp(plant.config.audit.directory, copy, { recursive: true })
      const file = join(copy, 'cli-000001.jsonl')
      const lines = (await readFile(file, 'utf8')).split('\n')
      lines[2] = (lines[2] ?? '').replace('"at":"20', '"at":"19')
      await writeFile(file, lines.join('\n'))
      const { status, out, err } = await bare('audit', 'verify', '--config', configFile)
      expect([status, err]).toEqual([1, ''])
      expect(out).toMatch(/^cli: BROKEN \(\S+\) at cli-000001\.jsonl, line 3, record 3\n {2}\w.+\n/)
      expect(out).toMatch(/\nThe ledger is not whole\.\n$/)
    })

    it('is said to be missing where it is', async () => {
      const configFile = await configWith({})
      const { status, err } = await bare('audit', 'verify', '--config', configFile)
      expect([status, err]).toEqual([1, expect.stringMatching(/^The ledger in \/.+ cannot be read/)])
    })

    it('is exported by event, family and time', async () => {
      await plant.clock.advance({ minutes: 1 })
      const before = new Date(plant.clock.now()).toISOString()
      const id = await idOf({ '--to': 'export@machines.example' })
      await plant.clock.advance({ hours: 1 })
      await plant.command('grants', 'revoke', id, '--reason', 'work is done')
      const namesOf = (records: Record<string, unknown>[]): unknown[] => records.map(({ event }) => event)
      expect(namesOf(await exported('--from', before, '--event', 'grant'))).toEqual([
        'grant.issued',
        'grant.revoked',
      ])
      expect(namesOf(await exported('--from', before, '--event', 'grant.revoked'))).toEqual(['grant.revoked'])
      expect(namesOf(await exported('--from', before, '--until', '-30m'))).toEqual([
        'grant.issued',
        'invitation.issued',
      ])
      expect(await exported('--from', 'now', '--until', '+1h')).toMatchObject([
        { event: 'grant.revoked', writer: 'cli' },
      ])
    })

    it.each([
      [['--from', 'yesterday'], 'from'],
      [['--until', '2026-11-23T14:00'], 'until'],
      [['--from', 'now', '--until', '-1h'], 'until'],
    ])('is not exported with %j', async (options, field) => {
      const { status, out, err } = await plant.command('audit', 'export', ...options)
      expect([status, out, err]).toEqual([1, '', expect.stringMatching(`^${field}: `)])
    })
  })

  describe('when something is wrong with the host', () => {
    it('lists every problem of the configuration', async () => {
      const configFile = await configWith({ 'kind: hmi': 'kind: plc', 'redis:': 'reddis:' })
      const { status, out, err } = await bare('check', '--config', configFile, '--json')
      expect(status).toBe(1)
      expect(JSON.parse(out)).toMatchObject({
        error: {
          code: 'config-invalid',
          problems: [{ path: 'redis' }, { path: 'reddis' }, { path: 'endpoints[0].kind' }],
        },
      })
      expect(err).toMatch(/: 3 problems\n(?: {2}line \d+, .+\n){3}$/)
      expect(await bare('grants', 'list', '--config', join(dirname(configFile), 'none.yml'))).toMatchObject({
        status: 1,
        err: expect.stringMatching(/none\.yml: 1 problem\n.+no such file/) as string,
      })
    })

    it('says what a valid one comes to', async () => {
      expect(await plant.command('check')).toMatchObject({
        status: 0,
        out: expect.stringMatching(/^The configuration is valid\. Endpoints: 2\.\n/) as string,
      })
      expect(JSON.parse((await plant.command('check', '--json')).out)).toMatchObject({
        ok: true,
        endpoints: ['press-3', 'press-4'],
      })
    })

    it('makes keys once, and uses none that others can read or that are missing', async () => {
      const configFile = await configWith({})
      const keys = join(dirname(configFile), 'keys.json')
      const list = (): Promise<Outcome> => bare('grants', 'list', '--config', configFile)
      expect((await bare('keys', 'init', '--config', configFile)).err).toMatch(
        /exists already, and is not overwritten/,
      )
      await chmod(keys, 0o644)
      expect(await list()).toMatchObject({
        status: 1,
        err: expect.stringMatching(/mode 0644\)\. Make it 0600/) as string,
      })
      await rm(keys)
      expect(await list()).toMatchObject({
        status: 1,
        err: expect.stringMatching(/keys\.json cannot be read: there is no such file/) as string,
      })
      expect(await bare('keys', 'init', '--config', configFile)).toMatchObject({
        status: 0,
        out: expect.stringContaining(keys) as string,
      })
      expect((await list()).status).toBe(0)
    })

    it('changes nothing without a ledger, and can still look', async () => {
      const configFile = await configWith({ 'directory: ledger': 'directory: keys.json/ledger' })
      const before = await stored()
      const argv = ['grants', 'issue', ...Object.entries(good).flat(), '--config', configFile]
      expect(await bare(...argv)).toMatchObject({
        status: 1,
        out: '',
        err: expect.stringMatching(/^The ledger in .+ cannot be opened\.\n {2}because: .*ENOTDIR/) as string,
      })
      expect(await stored()).toEqual(before)
      expect((await bare('grants', 'list', '--config', configFile)).status).toBe(0)
    })

    it('says within moments that Redis does not answer', async () => {
      const silent = createServer(() => undefined).listen(0, '127.0.0.1')
      await once(silent, 'listening')
      const { port } = silent.address() as AddressInfo
      for (const url of ['unix:none.sock', 'redis://127.0.0.1:1', `redis://127.0.0.1:${port}`]) {
        const configFile = await configWith({ [plant.redis.url]: url })
        const began = performance.now()
        const { status, out, err } = await bare('grants', 'list', '--config', configFile, '--json')
        expect(performance.now() - began).toBeLessThan(4_000)
        expect(status).toBe(1)
        expect(JSON.parse(out)).toMatchObject({ error: { code: 'store-unavailable' } })
        expect(err).toMatch(/ {2}because: .+\nRedis does not answer/)
      }
      silent.close()
    })
  })

  describe('as a process', () => {
    const root = join(import.meta.dirname, '../..')
    const children = new Set<ChildProcess>()
    const start = (configFile: string, ...argv: string[]): ChildProcess => {
      const loader = join(root, 'test/support/typescript.mjs')
      const main = join(root, 'src/cli/main.ts')
      const child = spawn(process.execPath, ['--import', loader, main, ...argv, '--config', configFile], {
        cwd: tmpdir(),
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      children.add(child)
      return child
    }
    const end = async (child: ChildProcess): Promise<Outcome> => {
      const [[status], out, err] = await Promise.all([
        once(child, 'exit') as Promise<[number]>,
        child.stdout ? text(child.stdout) : '',
        child.stderr ? text(child.stderr) : '',
      ])
      return { status, out, err }
    }
    /** Where nobody else listens or writes. */
    const ownPlace = (listen: string): Promise<string> =>
      configWith({
        [`listen: ${new URL(plant.portal).host.replace('portal.localhost', '127.0.0.1')}`]: `listen: ${listen}`,
      })

    afterEach(() => {
      for (const child of children) child.kill('SIGKILL')
      children.clear()
    })

    it('serve ends with a sentence where somebody else listens', async () => {
      const { host, port } = plant.config.server.listen
      const { status, err } = await end(start(await ownPlace(`${host}:${port}`), 'serve'))
      expect(status).toBe(1)
      expect(err).toContain(
        `server.listen: cannot listen on ${host}, port ${port}: another program listens there.\n`,
      )
    })

    it('serve ends with a sentence where another instance writes the ledger', async () => {
      const { status, err } = await end(start(plant.configFile, 'serve'))
      expect([status, err]).toEqual([
        1,
        expect.stringMatching(/\nThe ledger is being written by process \d+ \(/),
      ])
    })

    it('serve starts without Redis, says so once, and stops in good order however often it is told to', async () => {
      const configFile = await ownPlace('127.0.0.1:0')
      const content = await readFile(configFile, 'utf8')
      await writeFile(configFile, content.replace(plant.redis.url, 'unix:none.sock'))
      const child = start(configFile, 'serve')
      let log = ''
      child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()))
      const ended = end(child)
      await until('it serves', () => log.includes('gateway serving'), 20_000)
      expect(log).toContain('redis: connection failed')
      child.kill('SIGINT')
      await until('it stops', () => log.includes('gateway stopping'))
      child.kill('SIGINT')
      expect((await ended).status).toBe(0)
      expect(log.split('cannot follow')).toHaveLength(2)
      const events = []
      for await (const { event } of readLedger({ directory: join(dirname(configFile), 'ledger') }))
        events.push(event)
      expect(events.at(-1)).toBe('gateway.stopped')
    })

    it('loses nothing on a pipe, and does not mind a reader who has seen enough', async () => {
      const { out: expected } = await plant.command('audit', 'export')
      const whole = await end(start(plant.configFile, 'audit', 'export'))
      expect(whole).toMatchObject({ status: 0, err: '' })
      expect(whole.out.length).toBeGreaterThanOrEqual(expected.length)
      const child = start(plant.configFile, 'audit', 'export')
      child.stdout?.destroy()
      const [[status], err] = await Promise.all([once(child, 'exit'), child.stderr ? text(child.stderr) : ''])
      expect([status, err]).toEqual([0, ''])
    })
  })
})
