import { readLedger } from '../../src/audit/index.js'
import { principalId } from '../../src/identity/index.js'
import type { Session } from '../../src/model.js'
import { createClient, type Answer, type Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { accounts, operator, startPlant, type AccountName, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const reason = 'provider down, press 3 stands still'

let plant: Plant
const clients: Client[] = []

/** Everybody has signed in while the provider was there. */
beforeAll(async () => {
  plant = await startPlant({ enrolled: ['vendor', 'approver', 'admin'] })
  for (const name of ['vendor', 'approver', 'admin'] as const) (await plant.signIn(name)).close()
  const stranger = createClient({ clock: plant.clock })
  await plant.signInWithPassword(stranger, 'stranger')
  stranger.close()
  await plant.provider.close()
  await plant.restart()
}, 60_000)
afterEach(() => {
  for (const client of clients.splice(0)) client.close()
})
afterAll(async () => {
  await plant.close()
})

interface Issued {
  readonly sessionId: string
  readonly code: string
  readonly address: string
  readonly expiresAt: string
}

const at = (path: string): string => plant.portal + path
const idOf = (name: AccountName): string => principalId(plant.provider.issuer, accounts[name].subject)
const newClient = (): Client => {
  const client = createClient({ clock: plant.clock })
  clients.push(client)
  return client
}
const command = (name: AccountName, ...more: string[]) =>
  plant.command('users', 'break-glass', accounts[name].email, '--reason', reason, ...more)
const issue = async (name: AccountName, ...more: string[]): Promise<Issued> => {
  const { status, out, err } = await command(name, '--json', ...more)
  expect([status, err]).toEqual([0, ''])
  return JSON.parse(out) as Issued
}
const enter = (client: Client, code: string): Promise<Answer> =>
  client.fetch(at('/break-glass'), {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' },
    body: new URLSearchParams({ code }).toString(),
  })
/** As far as the page for the one-time code. */
const breakIn = async (client: Client, code: string): Promise<Answer> =>
  client.submit(await client.navigate(at('/break-glass')), { code })
const signIn = async (name: AccountName, ...more: string[]): Promise<Client> => {
  const client = newClient()
  const { code } = await issue(name, ...more)
  await client.submit(await breakIn(client, code), { code: await plant.code(name) })
  return client
}
const sessionsOf = async (name: AccountName): Promise<Session[]> =>
  (await plant.gatehouse.services.sessions.list()).filter((one) => one.principal.id === idOf(name))
const recorded = async (event: string): Promise<Record<string, unknown>[]> => {
  const records: Record<string, unknown>[] = []
  for await (const { writer, fields } of readLedger({ directory: plant.config.audit.directory, event }))
    records.push({ writer, ...fields })
  return records
}
const inRedis = <T>(
  work: (redis: Parameters<Parameters<typeof plant.gatehouse.services.store.run>[0]>[0]) => Promise<T>,
): Promise<T> => plant.gatehouse.services.store.run(work)
const entryKey = (sessionId: string): string =>
  plant.gatehouse.services.store.key('break-glass', 'of', sessionId)

describe('with the identity provider down, a break-glass code', () => {
  it('leads from the page that says so to the machine, through the second factor and nothing less', async () => {
    const grant = await plant.issue()
    const { sessionId, code, address, expiresAt } = await issue('vendor')
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){6}$/)
    expect(address).toBe(at('/break-glass'))
    expect(Date.parse(expiresAt)).toBe(plant.clock.now() + 10 * minuteMs)

    const client = newClient()
    const press = plant.origin('press-3')
    const failed = await client.click(await client.navigate(press), 'Sign in with')
    expect(failed.status).toBe(503)
    const form = await client.click(failed, 'I have a break-glass code')
    const second = await client.submit(form, { code: ` ${code.toLowerCase().replaceAll('-', ' ')} ` })
    expect(second.url.pathname).toBe('/second-factor')
    expect((await client.navigate(press)).url.pathname).toBe('/second-factor')
    expect((await client.fetch(`${press}/`)).status).toBe(401)
    await client.submit(second, { code: await plant.code('vendor') })
    expect((await client.navigate(press)).text).toContain('<h1>Machine</h1>')

    const [session] = await sessionsOf('vendor')
    expect(session).toMatchObject({
      id: sessionId,
      origin: 'break-glass',
      roles: [],
      providerSessionId: null,
    })
    const events: unknown[] = []
    for await (const { fields } of readLedger({ directory: plant.config.audit.directory }))
      if (fields.sessionId === sessionId && /^(break-glass|login)/.test(String(fields.event)))
        events.push(fields.event)
    expect(events.sort()).toEqual(['break-glass.issued', 'break-glass.used', 'login.succeeded'])
    await plant.revoke(grant)
  })

  // Whoever was alarmed by the notice and ended that session was told that there was none, and the code still worked.
  it('can be taken back before it is used, by ending the session it would lead to', async () => {
    const { sessionId, code } = await issue('vendor', '--role', 'admin')
    const { status } = await plant.command('sessions', 'kill', sessionId)
    expect(status).toBe(0)
    await until(
      'the gateway knows',
      () => plant.gatehouse.services.journal.since('session', sessionId) !== null,
    )
    expect((await breakIn(newClient(), code)).status).toBe(422)
    expect(await sessionsOf('vendor')).not.toContainEqual(expect.objectContaining({ id: sessionId }))
    expect(await recorded('break-glass.withdrawn')).toContainEqual(expect.objectContaining({ sessionId }))
  })

  it('keeps the address the person came for', async () => {
    const client = newClient()
    const { code } = await issue('approver')
    const form = await client.navigate(at('/break-glass?to=%2Fadmin%2Fsessions'))
    const page = await client.submit(form, { code })
    const wanted = await client.submit(page, { code: await plant.code('approver') })
    expect(wanted.url.pathname).toBe('/admin/sessions')
  })

  it('gives a session that ends after an hour, or after the time that was said', async () => {
    await signIn('vendor')
    await signIn('vendor', '--for', '20m')
    const lengths = (await sessionsOf('vendor')).map(({ startedAt, endsAt }) => endsAt - startedAt)
    expect(lengths.slice(0, 2).sort()).toEqual([hourMs, 20 * minuteMs].sort())
    const client = await signIn('vendor', '--for', '20m')
    await plant.clock.advance({ minutes: 20 })
    expect((await client.navigate(at('/'))).url.pathname).toBe('/sign-in')
  })

  it('works once, however many try it at the same moment', async () => {
    const { sessionId, code } = await issue('vendor')
    const answers = await Promise.all(Array.from({ length: 20 }, () => enter(newClient(), code)))
    expect(answers.map(({ status }) => status).sort()).toEqual([303, ...Array<number>(19).fill(422)])
    expect(answers.find(({ status }) => status === 303)?.header('location')).toBe('/second-factor')
    expect((await sessionsOf('vendor')).filter(({ id }) => id === sessionId)).toHaveLength(1)
    const uses = await recorded('break-glass.used')
    expect(uses.filter((use) => use.sessionId === sessionId)).toHaveLength(1)
    expect((await enter(newClient(), code)).status).toBe(422)
    await plant.clock.advance({ minutes: 1 })
  })

  it('is good until its ten minutes are over', async () => {
    const [last, late] = [await issue('vendor'), await issue('vendor')]
    await plant.clock.advance({ minutes: 10, ms: -1 })
    expect((await enter(newClient(), last.code)).status).toBe(303)
    await plant.clock.advance({ ms: 1 })
    expect((await enter(newClient(), late.code)).status).toBe(422)
    expect((await recorded('break-glass.refused')).at(-1)).toMatchObject({
      sessionId: late.sessionId,
      why: 'expired',
    })
  })

  it('is not used by whoever only opens an address, nor from another origin', async () => {
    const { code } = await issue('vendor')
    const client = newClient()
    expect((await client.navigate(at(`/break-glass?code=${code}`))).text).not.toContain(code)
    const foreign = await client.fetch(at('/break-glass'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ code }).toString(),
      from: `${plant.origin('press-3')}/`,
    })
    expect([foreign.status, (foreign.json() as { code: string }).code]).toEqual([403, 'origin-foreign'])
    expect((await breakIn(client, code)).url.pathname).toBe('/second-factor')
  })

  it('is refused in the same words whatever is wrong with it', async () => {
    const { code } = await issue('vendor')
    await enter(newClient(), code)
    const unknown = '0000-0000-0000-0000-0000-0000-0000'
    for (const wrong of [code, unknown, '', 'x', code.slice(5), `${code}-0000`, '\u0000', 'é'.repeat(28)]) {
      const answer = await enter(newClient(), wrong)
      expect([answer.status, answer.headers['set-cookie']]).toEqual([422, undefined])
      expect(visibleText(answer)).toContain('This code is not valid, or is not valid any more.')
    }
    const why = (await recorded('break-glass.refused')).slice(-8).map((refusal) => refusal.why)
    expect(why).toEqual(['used-before', ...Array<string>(7).fill('unknown')])
    await plant.clock.advance({ minutes: 1 })
  })

  it('still works after any number of wrong ones, which do not fill the ledger', async () => {
    const { code } = await issue('vendor')
    const before = (await recorded('break-glass.refused')).length
    for (let tries = 0; tries < 30; tries += 1) expect((await enter(newClient(), 'wrong')).status).toBe(422)
    expect((await recorded('break-glass.refused')).length - before).toBe(20)
    expect((await enter(newClient(), code)).status).toBe(303)
    await plant.clock.advance({ minutes: 1 })
    await until('the rest is told', async () => (await recorded('break-glass.refusals')).length > 0)
    expect((await recorded('break-glass.refusals')).at(-1)).toMatchObject({
      source: '127.0.0.1',
      why: 'unknown',
      attempts: 10,
    })
  })

  it('is nowhere in Redis, in the ledger, or in what commands list', async () => {
    const { code } = await issue('vendor')
    const plain = code.replaceAll('-', '')
    const keys = await inRedis((redis) => redis.keys('*break-glass*'))
    const values = await Promise.all(keys.map((key) => inRedis((redis) => redis.dump(key))))
    const ledger = JSON.stringify(await recorded('break-glass'))
    for (const text of [ledger, ...keys, ...values.map(String)]) {
      expect(text).not.toContain(code)
      expect(text).not.toContain(plain)
    }
    const left = await inRedis((redis) =>
      Promise.all(keys.filter((key) => !key.endsWith(':all')).map((key) => redis.pttl(key))),
    )
    expect(Math.min(...left)).toBeGreaterThan(0)
  })

  it('leaves a session that ends at once when its owner signs out, provider or not', async () => {
    const client = await signIn('vendor')
    const home = await client.navigate(at('/'))
    const bye = await client.submit(home, {}, { press: 'Sign out' })
    expect(bye.url.pathname).toBe('/signed-out')
    expect((await client.navigate(at('/'))).url.pathname).toBe('/sign-in')
  })

  it('replaces the session that the browser had', async () => {
    const client = await signIn('vendor', '--for', '30m')
    const [before] = await sessionsOf('vendor')
    const { sessionId, code } = await issue('approver')
    expect((await enter(client, code)).status).toBe(303)
    const ids = (await plant.gatehouse.services.sessions.list()).map(({ id }) => id)
    expect(ids).toContain(sessionId)
    expect(ids).not.toContain(before?.id)
  })
})

describe('whoever is let in by break-glass', () => {
  it('holds no role that the command line did not name', async () => {
    const none = await signIn('admin')
    const answer = await none.fetch(at('/admin'))
    expect([answer.status, (answer.json() as { code: string }).code]).toEqual([403, 'role-missing'])

    const approver = await signIn('admin', '--role', 'approver')
    expect((await approver.fetch(at('/admin'))).status).toBe(200)
    expect((await approver.fetch(at('/admin/people'))).status).toBe(403)

    const given = await signIn('vendor', '--role', 'admin', 'auditor')
    expect((await given.fetch(at('/admin/people'))).status).toBe(200)
    expect((await sessionsOf('vendor'))[0]?.roles).toEqual(['admin', 'auditor'])
    // Nor is it remembered: at the provider they are a vendor.
    expect((await plant.gatehouse.services.people.get(idOf('vendor')))?.roles).toEqual([])
  })

  it('gets no grant that waits for their e-mail, which nobody has verified now', async () => {
    const { grants } = plant.gatehouse.services
    const request = { to: accounts.vendor.email, endpoints: ['press-4'], from: 'now', until: '+2h', reason }
    const { id } = await grants.issue(request, operator, { principalId: null })
    const client = await signIn('vendor')
    expect((await grants.get(id))?.to.principalId).toBeNull()
    expect((await client.navigate(plant.origin('press-4'))).status).toBe(403)
  })

  it('is cut by a lockdown of that person, and by the end of the session', async () => {
    const grant = await plant.issue()
    const open = async () => {
      const client = await signIn('vendor')
      await client.navigate(plant.origin('press-3'))
      const live = await client.openWebSocket(`${plant.origin('press-3')}/live`)
      await live.next()
      return live
    }
    const locked = await open()
    const scope = `principal:${accounts.vendor.email}`
    await plant.command('lockdown', 'on', '--scope', scope, '--reason', reason)
    expect(await locked.closed).toMatchObject({ reason: 'lockdown' })
    await plant.command('lockdown', 'off', '--scope', scope, '--reason', reason)

    const killed = await open()
    const [session] = await sessionsOf('vendor')
    await plant.command('sessions', 'kill', session?.id ?? '')
    expect(await killed.closed).toMatchObject({ reason: 'session-killed' })

    const kept = await open()
    await plant.clock.advance({ hours: 1 })
    expect(await kept.closed).toMatchObject({ reason: 'session-ended' })
    await plant.revoke(grant)
  })

  it('cannot set up a second factor, should theirs be removed meanwhile', async () => {
    const client = newClient()
    const { code } = await issue('approver')
    await breakIn(client, code)
    const key = plant.gatehouse.services.store.key('second-factor', idOf('approver'))
    // Restored afterwards: the plant is shared.
    const secret = (await inRedis((redis) => redis.hget(key, 'secret'))) ?? ''
    await inRedis((redis) => redis.hdel(key, 'secret'))
    const page = await client.navigate(at('/'))
    expect([page.url.pathname, page.status]).toEqual(['/second-factor/enrol', 409])
    expect(visibleText(page)).toContain('You signed in with a break-glass code')
    const [session] = await sessionsOf('approver')
    const form = plant.gatehouse.services.keyring.mac('form', session?.id ?? '')
    for (const path of ['/second-factor/enrol', '/second-factor/enrol/confirm']) {
      const answer = await client.fetch(at(path), {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ form, code: '000000', invitation: '' }).toString(),
      })
      expect([path, answer.status]).toEqual([path, 409])
    }
    await inRedis((redis) => redis.hset(key, 'secret', secret))
  })
})

describe('what somebody else wrote to Redis', () => {
  const altered = async (): Promise<unknown[]> => (await recorded('store.altered')).map(({ place }) => place)
  const pointers = async (): Promise<Map<string, string>> => {
    const keys = await inRedis((redis) => redis.keys('*break-glass:code:*'))
    const found = new Map<string, string>()
    for (const key of keys) {
      const sessionId = /^s-\w+/.exec((await inRedis((redis) => redis.get(key))) ?? '')?.[0] ?? ''
      found.set(sessionId, key)
    }
    return found
  }

  it('gives no role, no time, and no other person', async () => {
    const changes: ((issued: string) => string)[] = [
      (issued) => issued.replace('"roles":[]', '"roles":["admin"]'),
      (issued) => issued.replace(/"expiresAt":\d+/, `"expiresAt":${String(plant.clock.now() + hourMs)}`),
      (issued) => issued.replace(idOf('vendor'), idOf('admin')),
    ]
    for (const change of changes) {
      const { sessionId, code } = await issue('vendor')
      const kept = (await inRedis((redis) => redis.hget(entryKey(sessionId), 'issue'))) ?? ''
      expect(change(kept)).not.toBe(kept)
      await inRedis((redis) => redis.hset(entryKey(sessionId), 'issue', change(kept)))
      expect((await enter(newClient(), code)).status).toBe(422)
      expect(await altered()).toContain(`break-glass ${sessionId} issue`)
    }
  })

  it('makes no code lead to what another was made for', async () => {
    const [poor, rich] = [await issue('vendor'), await issue('vendor', '--role', 'admin')]
    const keys = await pointers()
    const [from, to] = [keys.get(rich.sessionId) ?? '', keys.get(poor.sessionId) ?? '']
    await inRedis(async (redis) => redis.set(to, (await redis.get(from)) ?? ''))
    expect((await enter(newClient(), poor.code)).status).toBe(422)
    const issued = (await inRedis((redis) => redis.hget(entryKey(rich.sessionId), 'issue'))) ?? ''
    await inRedis((redis) => redis.hset(entryKey(poor.sessionId), 'issue', issued))
    expect((await enter(newClient(), poor.code)).status).toBe(422)
  })

  it('makes a used code lead to no second session, and to none at all once that has ended', async () => {
    const { sessionId, code } = await issue('vendor')
    await enter(newClient(), code)
    await inRedis((redis) => redis.hdel(entryKey(sessionId), 'use'))
    expect((await enter(newClient(), code)).status).toBe(303)
    expect((await sessionsOf('vendor')).filter(({ id }) => id === sessionId)).toHaveLength(1)
    await plant.command('sessions', 'kill', sessionId)
    await inRedis((redis) => redis.hdel(entryKey(sessionId), 'use'))
    expect((await enter(newClient(), code)).status).toBe(422)
    expect((await sessionsOf('vendor')).map(({ id }) => id)).not.toContain(sessionId)
  })

  it('counts as a use when it stands where a use would', async () => {
    const { sessionId, code } = await issue('vendor')
    await inRedis((redis) => redis.hset(entryKey(sessionId), 'use', 'nonsense'))
    expect((await enter(newClient(), code)).status).toBe(422)
  })
})

describe('the command', () => {
  const refused = async (...argv: string[]): Promise<unknown> => {
    const before = (await recorded('break-glass.issued')).length
    const { status, out } = await plant.command('users', 'break-glass', ...argv, '--json')
    expect((await recorded('break-glass.issued')).length).toBe(before)
    const { error } = JSON.parse(out) as { error: { code: string; field: string | null } }
    expect(status).toBe(error.code === 'usage' ? 2 : 1)
    return error.field === null ? error.code : `${error.code} ${error.field}`
  }
  const { email } = accounts.vendor

  it('tells a person what to pass on, and records it in the name of the account that ran it', async () => {
    const { status, out } = await command('vendor', '--role', 'approver')
    expect(status).toBe(0)
    expect(out).toContain(`${email} may sign in once`)
    expect(out).toContain('for 60 minutes, as approver.')
    expect(out).toContain(at('/break-glass'))
    expect((await recorded('break-glass.issued')).at(-1)).toMatchObject({
      writer: 'cli',
      principalId: idOf('vendor'),
      email,
      roles: ['approver'],
      reason,
      sessionLengthMs: hourMs,
      didProviderAnswer: false,
      actor: { kind: 'operator' },
    })
  })

  it('is refused for somebody who is not known, or has no second factor', async () => {
    expect(await refused('nobody@plant.example', '--reason', reason)).toBe('person-unknown')
    expect(await refused(accounts.stranger.email, '--reason', reason)).toBe('not-enrolled')
  })

  it('asks which of several accounts is meant', async () => {
    const { people } = plant.gatehouse.services
    const issuer = plant.provider.issuer
    const other = { id: principalId(issuer, 'former'), issuer, subject: 'former', name: 'former' }
    await people.remember({ ...other, email }, [])
    expect(await refused(email, '--reason', reason)).toBe('person-ambiguous')
    const { status } = await plant.command('users', 'break-glass', idOf('vendor'), '--reason', reason)
    expect(status).toBe(0)
    await people.remember({ ...other, email: 'former@machines.example' }, [])
  })

  it.each([
    [['--reason', '...'], 'input-invalid reason'],
    [['--reason', reason, '--for', '4h1m'], 'input-invalid for'],
    [['--reason', reason, '--for', '241m'], 'input-invalid for'],
    [['--reason', reason, '--for', '0m'], 'input-invalid for'],
    [['--reason', reason, '--for', 'now'], 'input-invalid for'],
    [['--reason', reason, '--for', '+1h'], 'input-invalid for'],
    [['--reason', reason, '--role', 'root'], 'usage'],
    [[], 'usage'],
  ])('does not take %j', async (argv, problem) => {
    expect(await refused(email, ...argv)).toBe(problem)
  })

  it('is refused to whoever lost their second factor since', async () => {
    const { code } = await issue('vendor')
    const key = plant.gatehouse.services.store.key('second-factor', idOf('vendor'))
    const secret = (await inRedis((redis) => redis.hget(key, 'secret'))) ?? ''
    await inRedis((redis) => redis.hdel(key, 'secret'))
    expect((await enter(newClient(), code)).status).toBe(422)
    await inRedis((redis) => redis.hset(key, 'secret', secret))
    expect((await enter(newClient(), code)).status).toBe(303)
  })
})

describe('every administrator', () => {
  const noticeOf = async (client: Client, path = '/admin'): Promise<string> =>
    visibleText(await client.navigate(at(path)))
  const forget = async (): Promise<void> => {
    const { store } = plant.gatehouse.services
    await store.run((redis) => redis.del(store.key('break-glass', 'all')))
  }
  const made = 'a sign-in without the identity provider was made possible'
  const used = 'somebody signed in without the identity provider'

  let admin: Client
  beforeEach(async () => {
    admin = await signIn('admin', '--role', 'admin', '--for', '4h')
    await forget()
  })

  it('is shown it on every page, until they confirm to have seen it, and again once it is used', async () => {
    const other = await signIn('approver', '--role', 'admin', '--for', '4h')
    await forget()
    const { sessionId, code } = await issue('vendor', '--for', '30m')
    for (const path of ['/', '/admin', '/admin/people', '/admin/sessions', '/admin/break-glass']) {
      const text = await noticeOf(admin, path)
      expect(text).toContain(made)
      expect(text).toContain(`vendor (${accounts.vendor.email}) , without a role, for 30 min.`)
      expect(text).toContain(`because: ${reason}`)
      expect(text).toContain('Not used yet. The identity provider did not answer at that time.')
    }
    const seen = async (client: Client, page: Answer): Promise<Answer> => {
      const asked = await client.submit(page, {}, { press: 'I have seen this' })
      expect(visibleText(asked)).toContain('Say what you know of it')
      const action = '/admin/break-glass/acknowledge'
      expect((await client.submit(asked, { reason: ' ' }, { action })).status).toBe(422)
      return client.submit(asked, { reason: 'asked the operator' }, { action })
    }
    const list = await seen(admin, await admin.navigate(at('/')))
    expect(list.url.pathname).toBe('/admin/break-glass')
    expect(visibleText(list)).toContain(sessionId)
    expect(await noticeOf(admin)).not.toContain(made)
    expect(await noticeOf(other)).toContain(made)
    expect((await recorded('break-glass.acknowledged')).at(-1)).toMatchObject({
      sessionId,
      state: 'issued',
      actor: { principalId: idOf('admin') },
      reason: 'asked the operator',
    })

    const stale = await other.navigate(at('/admin'))
    await enter(newClient(), code)
    // Pressed on a page that was loaded before.
    await seen(other, stale)
    for (const client of [admin, other]) {
      const text = await noticeOf(client)
      expect(text).toContain(used)
      expect(text).toContain('from 127.0.0.1 .')
    }
    await seen(admin, await admin.navigate(at('/')))
    expect(await noticeOf(admin)).not.toContain(used)
    expect(await noticeOf(other)).toContain(used)
  })

  it('and nobody else is shown it, or can confirm it', async () => {
    await issue('vendor')
    const approver = await signIn('approver', '--role', 'approver')
    expect(await noticeOf(approver)).not.toContain('Break-glass')
    const early = newClient()
    const { code, sessionId } = await issue('admin', '--role', 'admin')
    const page = await breakIn(early, code)
    expect(visibleText(page)).not.toContain(made)
    const answer = await approver.fetch(at('/admin/break-glass/acknowledge'), { method: 'POST' })
    expect(answer.status).toBe(403)
    expect((await approver.fetch(at('/admin/break-glass'))).status).toBe(403)
    const unsigned = await admin.fetch(at('/admin/break-glass/acknowledge'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ session: sessionId, state: 'used' }).toString(),
    })
    expect((unsigned.json() as { code: string }).code).toBe('form-expired')
    expect(await noticeOf(admin)).toContain(used)
  })

  it('sees who is in that way', async () => {
    await signIn('vendor')
    expect(await noticeOf(admin, '/admin/sessions')).toContain('by break-glass')
  })

  it('is shown three at a time, and how many more there are', async () => {
    for (let number = 0; number < 5; number += 1) await issue('vendor')
    const text = await noticeOf(admin)
    expect(text.split(made)).toHaveLength(4)
    expect(text).toContain('2 more break-glass sign-ins')
  })

  it('is shown it for 30 days at most', async () => {
    await issue('vendor')
    const { breakGlass } = plant.gatehouse.services
    await plant.clock.advance({ hours: 30 * 24, ms: -1 })
    expect(await breakGlass.list(idOf('admin'))).toHaveLength(1)
    await plant.clock.advance({ ms: 1 })
    expect(await breakGlass.list(idOf('admin'))).toEqual([])
  })
})
