import { readLedger } from '../../src/audit/index.js'
import { apiRoutes } from '../../src/admin/api/routes.js'
import { principalId } from '../../src/identity/index.js'
import { scopes, type Scope } from '../../src/model.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'
import { rawRequest } from '../support/api.js'
import { until } from '../support/until.js'

const dayMs = 24 * 3_600_000
const owner = accounts.admin.email

let plant: Plant
let everything: { secret: string; id: string }

beforeAll(async () => {
  plant = await startPlant({ enrolled: ['vendor', 'admin'], extra: 'portal: { requestable: all }' })
  ;(await plant.signIn('admin')).close()
  everything = await tokenWith(scopes)
}, 30_000)
afterAll(async () => {
  await plant.close()
})

async function tokenWith(
  held: readonly Scope[],
  over: { sources?: string[]; lifetimeMs?: number } = {},
): Promise<{ secret: string; id: string }> {
  const request = { name: 'Service desk', owner, scopes: held, sources: [], lifetimeMs: 90 * dayMs, ...over }
  const { token, secret } = await plant.gatehouse.services.tokens.create(
    request,
    'a program needs it',
    operator,
  )
  return { id: token.id, secret }
}

interface Sent {
  readonly token?: string | null
  readonly body?: unknown
  readonly headers?: Record<string, string>
}
/** A program's call, without anything that a browser adds. */
const call = (method: string, path: string, { token = everything.secret, body, headers }: Sent = {}) =>
  rawRequest(`${plant.portal}/api/v1${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
type Told = Awaited<ReturnType<typeof call>>
const codeOf = ({ json }: Told): unknown => json.code
const wanted = {
  to: accounts.vendor.email,
  endpoints: ['press-3'],
  from: 'now',
  until: '+2h',
  reason: 'Replace the recipe module',
  ticket: 'CHG0031337',
}
const issue = async (over: object = {}, sent: Sent = {}): Promise<Told> =>
  call('POST', '/grants', { body: { ...wanted, ...over }, ...sent })
const grantOf = ({ json }: Told): { id: string; [more: string]: unknown } =>
  json.grant as { id: string; [more: string]: unknown }
const recorded = async (event: string): Promise<Record<string, unknown>[]> => {
  const found = []
  for await (const { fields } of readLedger({ directory: plant.config.audit.directory, event }))
    found.push(fields)
  return found
}

describe('every route of the API', () => {
  const nothing = {} as Parameters<typeof apiRoutes>[0]
  const routes = apiRoutes(nothing).map(({ method, path, scope }) => [method, path, scope] as const)
  const pathOf = (path: string): string =>
    path
      .replace('{id}', 'g-0000000000000000')
      .replace('{scope}', 'endpoint:press-4')
      .replace('{grant}', 'g-0000000000000000')
      .replace('{session}', 's-0000000000000000')

  it.each(routes)(
    '%s %s is for tokens with the scope %s, and for no other',
    async (method, path, scope) => {
      for (const held of scopes) {
        const { secret } = await tokenWith([held])
        // Without what the call needs: whoever gets as far as that had the scope, and nothing is done.
        const answer = await call(method, `${pathOf(path)}?nonsense=1`, { token: secret })
        expect([held, answer.status, codeOf(answer)]).toEqual(
          held === (scope ?? held) ? [held, 422, 'input-invalid'] : [held, 403, 'scope-missing'],
        )
      }
    },
    30_000,
  )

  it.each(routes)(
    '%s %s refuses who has no valid token',
    async (method, path) => {
      const [ended, revoked, elsewhere] = [
        await tokenWith(scopes, { lifetimeMs: 3_600_000 }),
        await tokenWith(scopes),
        await tokenWith(scopes, { sources: ['10.0.0.0/8', '2001:db8::/32'] }),
      ]
      await plant.gatehouse.services.tokens.revoke(revoked.id, 'test of the gate', operator)
      await plant.clock.advance({ hours: 1 })
      const flipped = everything.secret.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
      const bearers: [string | null, string][] = [
        [null, 'token-missing'],
        ['', 'token-invalid'],
        ['nonsense', 'token-invalid'],
        [flipped, 'token-invalid'],
        [`gatehouse_${'A'.repeat(49)}`, 'token-invalid'],
        [ended.secret, 'token-invalid'],
        [revoked.secret, 'token-invalid'],
        [elsewhere.secret, 'token-invalid'],
      ]
      for (const [token, code] of bearers) {
        const answer = await call(method, pathOf(path), { token })
        expect([token, answer.status, codeOf(answer)]).toEqual([token, 401, code])
        expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="gatehouse"/)
        expect(answer.headers['content-type']).toBe('application/problem+json')
      }
      const basic = await call(method, pathOf(path), {
        token: null,
        headers: { authorization: 'Basic YTpi' },
      })
      expect([basic.status, codeOf(basic)]).toEqual([401, 'token-invalid'])
    },
    30_000,
  )

  it.each(routes)('%s %s refuses what comes from a browser, whatever its token', async (method, path) => {
    const { portal } = plant
    for (const headers of [
      { cookie: `__Host-gatehouse=${'a'.repeat(43)}` },
      { origin: portal },
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
    ] as Record<string, string>[]) {
      const answer = await call(method, pathOf(path), { headers })
      expect([answer.status, codeOf(answer)]).toEqual([403, 'browser-refused'])
    }
  })

  it('writes down why a token was refused, which its sender is not told, and never the token', async () => {
    const { id, secret } = await tokenWith(scopes, { sources: ['10.0.0.1'] })
    await call('GET', '/grants', { token: secret })
    const records = await recorded('token.refused')
    expect(records.filter(({ tokenId }) => tokenId === id)).toMatchObject([
      { why: 'token-source-closed', source: '127.0.0.1' },
    ])
    for await (const { fields } of readLedger({ directory: plant.config.audit.directory }))
      expect(JSON.stringify(fields)).not.toContain(secret)
  })

  it('tells who has no token nothing about what there is', async () => {
    for (const path of ['/nonsense', '/grants/x/y/z', '/'])
      expect(codeOf(await call('GET', path, { token: null }))).toBe('token-missing')
    expect((await call('GET', '/nonsense')).status).toBe(404)
    const wrong = await call('DELETE', '/grants')
    expect([wrong.status, codeOf(wrong), wrong.headers.allow]).toEqual([
      405,
      'method-not-allowed',
      'POST, GET',
    ])
  })
})

describe('a grant that a program gives', () => {
  it('is there, is on record with the token and its owner, and lets the vendor in', async () => {
    const answer = await issue()
    expect(answer.status).toBe(201)
    const { id } = grantOf(answer)
    expect(grantOf(answer)).toMatchObject({
      state: 'active',
      to: wanted.to,
      endpoints: ['press-3'],
      ticket: 'CHG0031337',
      issuedBy: { kind: 'service', tokenId: everything.id, name: `Service desk (program of ${owner})` },
    })
    const [record] = (await recorded('grant.issued')).filter(
      (each) => (each.grant as { id: string }).id === id,
    )
    expect(record?.actor).toEqual({
      ...{ kind: 'service', tokenId: everything.id, name: 'Service desk', owner },
      ownerId: expect.any(String) as string,
    })
    const asked = (await recorded('request.decided')).filter((each) => each.tokenId === everything.id)
    expect(asked.at(-1)).toMatchObject({ method: 'POST', outcome: 'permit', reasons: ['token-valid'] })
    const client = await plant.signIn('vendor')
    expect((await client.navigate(plant.origin('press-3'))).status).toBe(200)
    client.close()
  })

  it('comes with an enrolment code for someone new only where the token may invite', async () => {
    const to = 'new.person@vendor.example'
    const { secret } = await tokenWith(['grants:write'])
    const without = await issue({ to }, { token: secret })
    expect([without.status, without.json.enrolmentCode]).toEqual([201, null])
    expect((await recorded('invitation.issued')).filter(({ email }) => email === to)).toEqual([])
    const enrolmentCode = (await issue({ to })).json.enrolmentCode
    expect(enrolmentCode).toEqual(expect.stringMatching(/\w{4}/))
  })

  it.each([
    [{ to: 'nobody' }, 'to'],
    [{ endpoints: [] }, 'endpoints'],
    [{ endpoints: 'press-3' }, 'endpoints'],
    [{ endpoints: ['press-9'] }, 'endpoints'],
    [{ until: 'tomorrow' }, 'until'],
    [{ until: '+2d' }, 'until'],
    [{ reason: '...' }, 'reason'],
    [{ access: 'all' }, 'access'],
    [{ more: 1 }, 'more'],
  ])('is refused with the field at fault: %j', async (over, field) => {
    const answer = await issue(over)
    expect([answer.status, codeOf(answer), answer.json.field]).toEqual([422, 'input-invalid', field])
  })

  it('can be looked up, extended and revoked, and the vendor is cut', async () => {
    const { id } = grantOf(await issue({ until: '+1h' }))
    expect((await call('GET', `/grants/${id}`)).json).toMatchObject({ id, state: 'active' })
    const end = new Date(plant.clock.now() + 3 * 3_600_000).toISOString()
    const extended = await call('POST', `/grants/${id}/extend`, {
      body: { until: end, reason: 'work goes on' },
    })
    expect([extended.status, extended.json.until]).toEqual([200, end])
    const unsaid = await call('POST', `/grants/${id}/extend`, { body: { until: '+5h' } })
    expect([unsaid.status, unsaid.json.field]).toEqual([422, 'reason'])
    const revoked = await call('POST', `/grants/${id}/revoke`, { body: { reason: 'change was cancelled' } })
    expect(revoked.json).toMatchObject({ state: 'revoked', revocation: { by: { kind: 'service' } } })
    const late = await call('POST', `/grants/${id}/extend`, {
      body: { until: '+5h', reason: 'work goes on' },
    })
    expect([late.status, codeOf(late)]).toEqual([409, 'grant-conflict'])
    expect((await call('GET', '/grants/g-0000000000000000')).status).toBe(404)
  })
})

describe('the list of grants', () => {
  const list = async (query: string): Promise<{ items: { id: string }[]; next: string | null }> => {
    const { status, json } = await call('GET', `/grants?${query}`)
    expect(status).toBe(200)
    return json as unknown as { items: { id: string }[]; next: string | null }
  }

  it('is filtered, and comes in portions without gap or repetition while grants are added', async () => {
    const ids = []
    for (let count = 0; count < 5; count += 1) ids.push(grantOf(await issue({ ticket: 'LIST' })).id)
    const first = await list('ticket=LIST&limit=2&state=active&endpoint=press-3&person=ANA@machines.example')
    await issue({ ticket: 'LIST', until: '+8h' }) // stands before what was read
    const filters = 'ticket=LIST&limit=2&state=active&endpoint=press-3&person=ANA@machines.example'
    const second = await list(`${filters}&cursor=${first.next ?? ''}`)
    const third = await list(`${filters}&cursor=${second.next ?? ''}`)
    const seen = [first, second, third].flatMap(({ items }) => items.map(({ id }) => id))
    expect([...seen].sort()).toEqual([...ids].sort())
    expect(third.next).toBeNull()
    expect((await list('ticket=LIST&state=revoked')).items).toEqual([])
    expect((await list('endpoint=press-4')).items).toEqual([])
  })

  it('takes no cursor that it has not given for the same question', async () => {
    await issue({ ticket: 'CURSOR' })
    await issue({ ticket: 'CURSOR' })
    const { next } = await list('ticket=CURSOR&limit=1')
    const made = Buffer.from('0000000000000000 g-1').toString('base64url')
    for (const query of [
      `limit=1&cursor=${next ?? ''}`,
      `ticket=CURSOR&cursor=${made}.${'A'.repeat(43)}`,
      'cursor=nonsense',
      'limit=0',
      'limit=201',
      'limit=1&limit=2',
      'state=nonsense',
      'nonsense=1',
    ])
      expect([query, (await call('GET', `/grants?${query}`)).status]).toEqual([query, 422])
  })
})

describe('requests for access', () => {
  const list = async (query: string): Promise<{ items: { id: string }[]; next: string | null }> => {
    const { status, json } = await call('GET', `/requests?${query}`)
    expect([query, status]).toEqual([query, 200])
    return json as unknown as { items: { id: string }[]; next: string | null }
  }
  const ask = async (over: object = {}): Promise<string> => {
    const { email, subject, name } = accounts.vendor
    const { issuer } = plant.provider
    const principal = { id: principalId(issuer, subject), issuer, subject, email, name }
    const asked = { endpoints: ['press-3', 'press-4'], from: null, lengthMs: 7_200_000 }
    const request = { ...asked, reason: 'Replace the valve', ticket: 'CHG-7', ...over }
    return (await plant.gatehouse.services.requests.ask(request, principal)).id
  }
  const approver = { actor: operator, roles: [], hasFreshCode: true }
  const pressThree = { endpoints: ['press-3'], access: 'view' } as const

  it('are found by ticket, person, machine and state, and say what was answered and by whom', async () => {
    const { requests } = plant.gatehouse.services
    const [open, yes, no] = [await ask(), await ask(), await ask({ endpoints: ['press-4'], ticket: 'CHG-8' })]
    expect((await call('GET', `/requests/${yes}`)).json).toMatchObject({
      ...{ id: yes, state: 'open', by: { email: accounts.vendor.email }, ticket: 'CHG-7' },
      asked: { endpoints: ['press-3', 'press-4'], access: 'operate', from: null, lengthMs: 7_200_000 },
      ...{ approvals: [], outcome: null },
    })
    await requests.approve(yes, approver, pressThree)
    await requests.deny(no, approver, 'not during the shift')
    const approved = await call('GET', `/requests/${yes}`)
    expect(approved.json).toMatchObject({
      state: 'approved',
      asked: { endpoints: ['press-3', 'press-4'], access: 'operate' },
      approvals: [{ by: { kind: 'operator' }, terms: pressThree }],
      outcome: { by: { kind: 'operator' }, reason: null, terms: pressThree },
    })
    const { grantId } = approved.json.outcome as { grantId: string }
    expect((await call('GET', `/grants/${grantId}`)).json).toMatchObject({ requestId: yes, ...pressThree })
    expect((await call('GET', `/requests/${no}`)).json).toMatchObject({
      state: 'denied',
      outcome: { reason: 'not during the shift', grantId: null, terms: null },
    })
    const found = async (query: string): Promise<string[]> => (await list(query)).items.map(({ id }) => id)
    expect(await found('')).toEqual(expect.arrayContaining([open, yes, no]))
    expect((await found('ticket=CHG-7&person=ANA@machines.example')).sort()).toEqual([open, yes].sort())
    expect(await found('state=open')).toEqual([open])
    expect(await found('state=denied&endpoint=press-4&ticket=CHG-8')).toEqual([no])
    expect(await found('state=denied&endpoint=press-3')).toEqual([])
    expect(await found('person=eve@machines.example')).toEqual([])
    const lapsed = await ask({ ticket: 'CHG-9' })
    await plant.clock.advance({ hours: 25 })
    expect(await found('state=lapsed&ticket=CHG-9')).toEqual([lapsed])
    expect(await found('state=open')).toEqual([])
  })

  it('come in portions without gap or repetition, by no cursor of another question', async () => {
    const ids: string[] = []
    for (let count = 0; count < 5; count += 1) ids.push(await ask({ ticket: 'PAGES' }))
    const first = await list('ticket=PAGES&limit=2&state=open')
    await ask({ ticket: 'PAGES' }) // stands before what was read, or at the same moment beside it
    const second = await list(`ticket=PAGES&limit=2&state=open&cursor=${first.next ?? ''}`)
    const third = await list(`ticket=PAGES&limit=200&state=open&cursor=${second.next ?? ''}`)
    const seen = [first, second, third].flatMap(({ items }) => items.map(({ id }) => id))
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual(expect.arrayContaining(ids))
    expect(third.next).toBeNull()
    for (const query of [`cursor=${first.next ?? ''}`, 'state=answered', 'limit=0', 'nonsense=1'])
      expect([query, (await call('GET', `/requests?${query}`)).status]).toEqual([query, 422])
  })

  it('are answered by no program, and one that is unknown is none', async () => {
    const id = await ask({ ticket: 'CHG-10' })
    for (const path of [`/requests/${id}/approve`, `/requests/${id}/deny`])
      expect((await call('POST', path, { body: { reason: 'a program says so' } })).status).toBe(404)
    expect((await call('POST', `/requests/${id}`, { body: {} })).status).toBe(405)
    expect((await call('GET', `/requests/${id}`)).json).toMatchObject({ state: 'open' })
    for (const unknown of ['q-0000000000000000', 'nonsense', 'g-0000000000000000'])
      expect(codeOf(await call('GET', `/requests/${unknown}`))).toBe('request-unknown')
  })
})

describe('sessions, lockdowns, people and machines', () => {
  it('are told without secrets and addresses of machines', async () => {
    const client = await plant.signIn('vendor')
    const sessions = await call('GET', '/sessions')
    expect(sessions.json.items).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ email: accounts.vendor.email, hasSecondFactor: true }),
      ]),
    )
    const people = await call('GET', '/people')
    expect(people.json.items).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          id: principalId(plant.provider.issuer, accounts.vendor.subject),
          email: accounts.vendor.email,
        }),
      ]),
    )
    const endpoints = await call('GET', '/endpoints')
    expect(endpoints.json.items).toEqual([
      { id: 'press-3', name: 'press-3 panel', kind: 'hmi', zone: 'Hall B', groups: [] },
      { id: 'press-4', name: 'press-4 panel', kind: 'hmi', zone: 'Hall B', groups: [] },
    ])
    for (const { text } of [sessions, people, endpoints])
      expect(text).not.toContain(new URL(plant.machine.url).host)
    client.close()
  })

  it('a session can be ended', async () => {
    const client = await plant.signIn('vendor')
    const { json } = await call('GET', '/sessions')
    const [{ id } = { id: '' }] = (json.items as { id: string; email: string }[]).filter(
      ({ email }) => email === accounts.vendor.email,
    )
    const end = { body: { reason: 'left the desk' } }
    expect((await call('POST', `/sessions/${id}/end`, { body: { reason: '..' } })).status).toBe(422)
    expect((await call('POST', `/sessions/${id}/end`, end)).json).toEqual({ id, ended: true })
    expect((await client.fetch(plant.portal)).status).toBe(401)
    const again = await call('POST', `/sessions/${id}/end`, end)
    expect([again.status, codeOf(again)]).toEqual([404, 'session-unknown'])
    client.close()
  })

  it.each(['all', 'endpoint:press-3', 'principal:eve@machines.example'])(
    'a lockdown of %s begins and is lifted',
    async (scope) => {
      const begun = await call('PUT', `/lockdowns/${scope}`, { body: { reason: 'leaked laptop' } })
      expect([begun.status, begun.json.scope]).toEqual([200, scope])
      const { json } = await call('GET', '/lockdowns')
      expect(json.items).toEqual([begun.json])
      expect((await call('DELETE', `/lockdowns/${scope}`)).status).toBe(422)
      const lifted = await call('DELETE', `/lockdowns/${scope}?reason=laptop%20found`)
      expect(lifted.json).toEqual({ scope, lifted: true })
      const again = await call('DELETE', `/lockdowns/${scope}?reason=laptop%20found`)
      expect([again.status, codeOf(again)]).toEqual([404, 'lockdown-unknown'])
    },
  )

  it('a token that may stop does not lift for it', async () => {
    const { secret } = await tokenWith(['lockdowns:write'])
    const scope = '/lockdowns/endpoint:press-3'
    const begun = await call('PUT', scope, { token: secret, body: { reason: 'gas alarm' } })
    expect(begun.status).toBe(200)
    const lifted = await call('DELETE', `${scope}?reason=false%20alarm`, { token: secret })
    expect([lifted.status, codeOf(lifted)]).toEqual([403, 'scope-missing'])
    expect((await call('DELETE', `${scope}?reason=false%20alarm`)).status).toBe(200)
  })
})

describe('releases', () => {
  it('are listed, given and withdrawn, and not by a program of whoever holds the grant', async () => {
    const vendor = await plant.signIn('vendor')
    const { id } = grantOf(await issue({ needsRelease: true }))
    const [waiting] = ((await call('GET', '/releases')).json.items ?? []) as { sessionId: string }[]
    expect(waiting).toMatchObject({
      grantId: id,
      email: accounts.vendor.email,
      release: null,
      drainsUntil: null,
    })
    const path = `/releases/${id}/${waiting?.sessionId ?? ''}`
    const theirs = await plant.gatehouse.services.tokens.create(
      {
        ...{ name: 'Bot', owner: accounts.vendor.email, scopes: ['releases:write'] },
        ...{ sources: [], lifetimeMs: dayMs },
      },
      'a program needs it',
      operator,
    )
    const refused = await call('POST', `${path}/release`, { token: theirs.secret, body: {} })
    expect([refused.status, codeOf(refused)]).toEqual([403, 'release-refused'])
    const given = await call('POST', `${path}/release`, { body: { reason: 'The line stands still' } })
    expect([given.status, given.json]).toMatchObject([200, { grantId: id, reason: 'The line stands still' }])
    const [released] = (await call('GET', '/releases')).json.items as unknown[]
    expect(released).toMatchObject({ ...waiting, release: { by: { kind: 'service' } } })
    const withdrawn = await call('POST', `${path}/withdraw`, { body: {} })
    expect([withdrawn.status, withdrawn.json]).toMatchObject([200, { withdrawn: true }])
    const again = await call('POST', `${path}/withdraw`, { body: {} })
    expect([again.status, codeOf(again)]).toEqual([404, 'release-unknown'])
    await call('POST', `/grants/${id}/revoke`, { body: { reason: 'test of the gate' } })
    vendor.close()
  })
})

describe('what is sent', () => {
  const post = (body: string, headers: Record<string, string> = {}): Promise<Told> =>
    call('POST', '/grants', { body, headers })

  it.each([
    ['no JSON', '{'],
    ['a name twice', '{"to":"a@b.example","to":"eve@b.example"}'],
    ['a name twice, once escaped', '{"to":"a@b.example","\\u0074o":"eve@b.example"}'],
    ['__proto__', '{"__proto__":{"to":"a@b.example"}}'],
    ['an array', '[]'],
    ['null', 'null'],
    ['nothing', ''],
    ['a thousand brackets', '['.repeat(1_000) + ']'.repeat(1_000)],
    ['a byte order mark', '\ufeff{}'],
  ])('is refused where it is %s', async (_, body) => {
    const answer = await post(body)
    expect([answer.status, codeOf(answer)]).toEqual([422, 'input-invalid'])
  })

  it.each([
    ['text/plain', 415, 'content-type-unsupported'],
    ['application/x-www-form-urlencoded', 415, 'content-type-unsupported'],
    ['application/json; charset=latin1', 415, 'content-type-unsupported'],
  ])('must be JSON, not %s', async (type, status, code) => {
    const answer = await post('{}', { 'content-type': type })
    expect([answer.status, codeOf(answer)]).toEqual([status, code])
  })

  it('must not be longer than 64 KiB', async () => {
    const answer = await post(JSON.stringify({ ...wanted, reason: 'x'.repeat(70_000) }))
    expect([answer.status, codeOf(answer)]).toEqual([413, 'body-too-large'])
  })

  it('must be by someone who takes JSON', async () => {
    for (const accept of ['text/html', 'application/json;q=0', 'image/*'])
      expect((await call('GET', '/grants', { headers: { accept } })).status).toBe(406)
    for (const accept of ['application/json', '*/*', 'text/html, application/*;q=0.1'])
      expect((await call('GET', '/grants', { headers: { accept } })).status).toBe(200)
  })
})

describe('while Redis is away', () => {
  it('nothing is told or given, and stopping has effect on this host', async () => {
    const { id } = grantOf(await issue())
    const client = await plant.signIn('vendor')
    const asked = await client.navigate(plant.origin('press-3'))
    expect(asked.status).toBe(200)
    await plant.redis.kill()
    try {
      const told = await Promise.all([call('GET', '/grants'), issue(), call('GET', '/endpoints')])
      expect(told.map((answer) => [answer.status, codeOf(answer)])).toEqual(
        Array(3).fill([503, 'store-unavailable']),
      )
      const stopped = [
        await call('POST', `/grants/${id}/revoke`, { body: { reason: 'left the company' } }),
        await call('PUT', '/lockdowns/endpoint:press-4', { body: { reason: 'leaked laptop' } }),
      ]
      expect(stopped.map((answer) => [answer.status, codeOf(answer)])).toEqual(
        Array(2).fill([503, 'stopped-here-only']),
      )
      const stranger = await call('PUT', '/lockdowns/all', {
        token: `gatehouse_${'A'.repeat(49)}`,
        body: { reason: 'leaked laptop' },
      })
      expect(stranger.status).toBe(401)
    } finally {
      await plant.redis.restart()
    }
    await until('Redis is told', async () => {
      const answer = await call('GET', `/grants/${id}`)
      return answer.status === 200 && answer.json.state === 'revoked'
    })
    await until('of the lockdown too', async () => {
      const { json } = await call('DELETE', '/lockdowns/endpoint:press-4?reason=test%20is%20over')
      return json.lifted === true
    })
    client.close()
  }, 30_000)
})
