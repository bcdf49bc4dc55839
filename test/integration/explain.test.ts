import { readLedger } from '../../src/audit/index.js'
import type { Answer, Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'

let plant: Plant
let approver: Client

beforeAll(async () => {
  plant = await startPlant({
    endpoints: [
      { id: 'press-3', upstream: 'http://127.0.0.1:9' },
      {
        id: 'press-4',
        upstream: 'http://127.0.0.1:9',
        more: 'landingPath: /hmi/, methods: [GET], paths: [/hmi/]',
      },
    ],
    granted: [],
  })
  for (const name of ['vendor', 'stranger'] as const) (await plant.signIn(name)).close()
  approver = await plant.signIn('approver')
}, 60_000)
afterEach(async () => {
  for (const grant of await plant.gatehouse.services.grants.list()) {
    if (grant.revocation === null && grant.until > plant.clock.now()) await plant.revoke(grant)
  }
})
afterAll(async () => {
  approver.close()
  await plant.close()
})

const ana = accounts.vendor.email
const ask = (query: Record<string, string>): Promise<Answer> =>
  approver.navigate(`${plant.portal}/admin/simulator?${new URLSearchParams(query).toString()}`)
const textOf = async (query: Record<string, string>): Promise<string> => visibleText(await ask(query))

interface Told {
  isPast: boolean
  answers: {
    person: { email: string | null; principalId: string | null }
    endpoint: string
    outcome: string
    reasons: string[]
    obligations: string[]
    grant: { id: string } | null
    lockdowns: { scope: string; reason: string }[]
    remarks: string[]
  }[]
}
const explain = async (...argv: string[]): Promise<Told> => {
  const { status, out, err } = await plant.command('explain', ...argv, '--json')
  expect([status, err]).toEqual([0, ''])
  return JSON.parse(out) as Told
}
const one = async (...argv: string[]): Promise<Told['answers'][number]> => {
  const { answers } = await explain('--person', ana, '--endpoint', 'press-3', ...argv)
  const [answer, ...others] = answers
  if (answer === undefined || others.length > 0) throw new Error('one answer was asked for')
  return answer
}

describe('who could open a machine', () => {
  it('is told by page and command as the gateway decides it', async () => {
    const grant = await plant.issue({ until: '+2h', reason: 'replace the valve' })
    const page = await textOf({ person: ana, endpoint: 'press-3' })
    expect(page).toMatch(/Now .* Yes ana@machines\.example , press-3 panel : A grant is running\./)
    expect(page).toContain(`${grant.id} , for: replace the valve`)
    expect(await one()).toMatchObject({
      outcome: 'permit',
      reasons: ['grant-active'],
      grant: { id: grant.id },
    })
    await plant.revoke(grant)
    expect(await textOf({ person: ana, endpoint: 'press-3' })).toMatch(/No ana@.*The grant was revoked\./)
    expect(await one()).toMatchObject({ outcome: 'deny', reasons: ['grant-revoked'] })
  })

  it('depends on the moment: before the start, within, after the end', async () => {
    const start = plant.clock.now() + 3_600_000
    await plant.issue({ from: start, until: start + 3_600_000 })
    const at = (ms: number): string => new Date(start + ms).toISOString()
    const told = []
    for (const ms of [-1, 0, 3_599_999, 3_600_000]) told.push((await one('--at', at(ms))).reasons[0])
    expect(told).toEqual(['grant-not-started', 'grant-active', 'grant-active', 'grant-ended'])
    expect(await textOf({ person: ana, endpoint: 'press-3', at: at(60_000) })).toContain('Yes ana@')
  })

  it('for a moment that is past leaves out what was revoked, stopped or issued since', async () => {
    const before = new Date(plant.clock.now() - 1).toISOString()
    const grant = await plant.issue()
    await plant.clock.advance({ minutes: 10 })
    const between = new Date(plant.clock.now()).toISOString()
    await plant.clock.advance({ minutes: 10 })
    await plant.revoke(grant)
    expect(await one('--at', before)).not.toMatchObject({ grant: { id: grant.id } })
    expect(await one('--at', between)).toMatchObject({ outcome: 'permit', grant: { id: grant.id } })
    expect(await textOf({ person: ana, endpoint: 'press-3', at: between })).toContain('stands in the ledger')
    expect((await explain('--person', ana, '--endpoint', 'press-3', '--at', between)).isPast).toBe(true)
  })

  it('names the stop that keeps somebody out, who ordered it and why', async () => {
    const { lockdowns } = plant.gatehouse.services
    await plant.issue()
    await lockdowns.on('endpoint:press-3', 'fitters inside', operator)
    try {
      const text = await textOf({ person: ana, endpoint: 'press-3' })
      expect(text).toContain('Access is stopped, whatever grant there is.')
      expect(text).toMatch(/endpoint:press-3.*by test \(command line\) : fitters inside/)
      const told = {
        reasons: ['lockdown'],
        lockdowns: [{ scope: 'endpoint:press-3', reason: 'fitters inside' }],
      }
      expect(await one()).toMatchObject(told)
    } finally {
      await lockdowns.off('endpoint:press-3', 'fitters gone', operator)
    }
  })

  it('depends on the kind of request and the page, as the lists of the machine say', async () => {
    await plant.issue({ endpoints: ['press-3', 'press-4'], access: 'view' })
    const on = async (endpoint: string, ...more: string[]): Promise<unknown> =>
      (await explain('--person', ana, '--endpoint', endpoint, ...more)).answers.map(
        (answer) => answer.reasons,
      )
    expect(await on('press-4', '--method', 'POST')).toEqual([['method-closed']])
    expect(await on('press-4', '--path', '/admin')).toEqual([['path-closed']])
    expect(await on('press-4', '--path', '/hmi/start')).toEqual([['grant-active']])
    expect(await on('press-3', '--method', 'POST')).toEqual([['view-only']])
    expect(await textOf({ person: ana, endpoint: 'press-3', method: 'POST' })).toContain('A grant to operate')
    expect(await textOf({ person: ana, endpoint: 'press-3' })).toContain('Yes, view only')
  })

  it('counts a grant that waits for an e-mail, and says what is still needed', async () => {
    await plant.issue({ to: 'new@vendor.example' })
    const text = await textOf({ person: 'new@vendor.example', endpoint: 'press-3' })
    expect(text).toContain('Yes new@vendor.example')
    expect(text).toContain('They have never signed in here.')
    expect(text).toContain('becomes theirs when they next sign in')
    const [told] = (await explain('--person', 'new@vendor.example', '--endpoint', 'press-3')).answers
    expect(told?.remarks).toEqual(['never-signed-in', 'binds-at-sign-in'])
  })

  it('is told of everybody with a grant for a machine, and of all machines of a person', async () => {
    await plant.issue()
    await plant.issue({ to: 'new@vendor.example', from: '+1h' })
    const { answers } = await explain('--endpoint', 'press-3')
    const seen = answers.map(({ person, outcome }) => [person.email, outcome])
    expect(seen).toEqual([
      [ana, 'permit'],
      ['new@vendor.example', 'deny'],
    ])
    const page = await textOf({ endpoint: 'press-3' })
    expect(page).toContain('new@vendor.example')
    expect(page).not.toContain(accounts.stranger.email)
    const own = await explain('--person', ana)
    expect(own.answers.map(({ endpoint, outcome }) => [endpoint, outcome])).toContainEqual([
      'press-3',
      'permit',
    ])
    expect(await textOf({ person: accounts.stranger.email })).toContain('no grant for any machine')
    const { out } = await plant.command('explain', '--endpoint', 'press-3')
    expect(out).toMatch(/WHO +MACHINE +COULD OPEN IT +GRANT UNTIL +WHY\nana@machines\.example +press-3 +Yes /)
  })

  it('changes nothing, and is recorded as no access to a machine', async () => {
    await plant.issue()
    const { store } = plant.gatehouse.services
    const stored = async (): Promise<unknown> => {
      const keys = (await store.run((redis) => redis.keys('*'))).sort()
      return store.pipeline((redis) => keys.forEach((key) => void redis.dump(key)))
    }
    const records = async (): Promise<number> => {
      let count = 0
      for await (const { fields } of readLedger(plant.config.audit))
        if (fields.endpointId === 'press-3') count++
      return count
    }
    const before = [await stored(), await records()]
    await ask({ person: ana, endpoint: 'press-3' })
    await explain('--endpoint', 'press-3')
    expect([await stored(), await records()]).toEqual(before)
  })
})

describe('a question that cannot be answered', () => {
  const refused: [Record<string, string>, string, string][] = [
    [{ endpoint: 'none' }, 'endpoint', 'There is no such machine.'],
    [{ endpoint: 'press-3', person: 'ana' }, 'person', 'Enter an e-mail address'],
    [{ endpoint: 'press-3', at: 'yesterday' }, 'at', 'must be a date and a time'],
    [{ endpoint: 'press-3', at: '2020-01-01T00:00:00Z' }, 'at', 'at the earliest 30 days ago'],
    [{ person: ana, endpoint: 'press-3', path: '/a/../b' }, 'path', 'refused for everybody'],
    [{ person: ana, endpoint: 'press-3', method: 'TRACE' }, 'method', 'no such kind of request'],
  ]
  it.each(refused)('%j is told so at its field', async (query, field, text) => {
    const answer = await ask(query)
    expect(answer.status).toBe(422)
    expect(answer.text).toContain(`id="${field}-error"`)
    expect(visibleText(answer)).toContain(text)
  })

  it('is asked for a person where more than 500 hold a grant for the machine', async () => {
    for (let portion = 0; portion < 501; portion += 50)
      await Promise.all(
        Array.from({ length: Math.min(50, 501 - portion) }, (_, number) =>
          plant.issue({ to: `v${String(portion + number)}@vendor.example`, endpoints: ['press-4'] }),
        ),
      )
    const answer = await ask({ endpoint: 'press-4' })
    expect(answer.status).toBe(422)
    expect(visibleText(answer)).toContain('both where more than 500 hold a grant')
    expect((await ask({ endpoint: 'press-3' })).status).toBe(200)
  })

  it('fails as a command, with status 1', async () => {
    for (const argv of [[], ['--endpoint', 'none'], ['--person', 'ana']])
      expect((await plant.command('explain', ...argv)).status).toBe(1)
  })

  it('is asked anew where an e-mail has more than one account', async () => {
    const { people } = plant.gatehouse.services
    const issuer = plant.provider.issuer
    for (const subject of ['a', 'b'])
      await people.remember(
        { id: `p-${subject.repeat(32)}`, issuer, subject, email: 'two@vendor.example', name: subject },
        [],
      )
    const answer = await ask({ person: 'two@vendor.example', endpoint: 'press-3' })
    expect([answer.status, visibleText(answer)]).toEqual([
      409,
      expect.stringContaining('More than one account'),
    ])
    const text = await textOf({ person: `p-${'a'.repeat(32)}`, endpoint: 'press-3' })
    expect(text).toContain('There is no grant for this person')
  })
})
