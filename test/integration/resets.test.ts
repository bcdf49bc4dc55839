import { readLedger } from '../../src/audit/index.js'
import { createResets, principalId, type Administrator, type Resets } from '../../src/identity/index.js'
import { GatehouseError, type Store } from '../../src/lib/index.js'
import type { Actor, Principal } from '../../src/model.js'
import { rawRequest } from '../support/api.js'
import type { Answer, Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { silentLogger } from '../support/logger.js'
import { oneTimeCode } from '../support/one-time-code.js'
import { accounts, operator, startPlant, type AccountName, type Plant } from '../support/plant.js'
import { changesOf, snapshot } from '../support/store.js'
import { openTrust } from '../support/trust.js'
import { until } from '../support/until.js'

const minute = 60_000
const why = 'lost the phone, known by voice'

let plant: Plant
const clients: Client[] = []
beforeAll(async () => {
  plant = await startPlant({ extra: 'totp: { secondAdministrator: true }' })
  ;(await plant.signIn('vendor')).close() // known by their e-mail
}, 60_000)
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  const { resets, secondFactor } = plant.gatehouse.services
  for (const { id } of await resets.waiting()) await resets.decline(id, 'test is over', operator)
  if (!(await secondFactor.status(idOf('vendor'))).isEnrolled) await enrolVendor()
})
afterAll(async () => {
  await plant.close()
})

const at = (path: string): string => plant.portal + path
const idOf = (name: AccountName): string => principalId(plant.provider.issuer, accounts[name].subject)
const as = async (name: AccountName): Promise<Client> => {
  const client = await plant.signIn(name)
  clients.push(client)
  return client
}
const actorOf = (name: AccountName): Actor => ({
  kind: 'principal',
  principalId: idOf(name),
  email: accounts[name].email,
})
const administrator = (name: AccountName, over: Partial<Administrator> = {}): Administrator => ({
  ...{ actor: actorOf(name), roles: ['admin'], hasFreshCode: true },
  ...over,
})
const isEnrolled = async (name: AccountName = 'vendor'): Promise<boolean> =>
  (await plant.gatehouse.services.secondFactor.status(idOf(name))).isEnrolled
/** A new second factor, whose codes nobody asks for. */
const enrolVendor = async (): Promise<void> => {
  const { secondFactor } = plant.gatehouse.services
  const { email, subject, name } = accounts.vendor
  const { issuer } = plant.provider
  const to = { principal: { id: idOf('vendor'), issuer, subject, email, name }, sessionId: 's-again' }
  const { code: invitation } = await secondFactor.invite(email, 'first day at the plant', operator)
  const { secret } = await secondFactor.beginEnrolment({ ...to, invitation })
  await plant.clock.advance({ minutes: 2 })
  await secondFactor.confirmEnrolment({ ...to, code: oneTimeCode(secret, plant.clock.now()) })
}
const recorded = async (): Promise<Record<string, unknown>[]> => {
  const found = []
  const { directory } = plant.config.audit
  for await (const { event, fields } of readLedger({ directory })) {
    const { seq: _, at: __, prev: ___, hash: ____, ...said } = fields
    if (event.startsWith('second-factor.reset')) found.push({ ...said, event })
  }
  return found
}
const eventsOf = async (proposalId: string): Promise<unknown[]> =>
  (await recorded()).filter((one) => one.proposalId === proposalId).map(({ event }) => event)
const ask = (client: Client, name: AccountName = 'vendor'): Promise<Answer> =>
  client.navigate(at(`/admin/people/${idOf(name)}/reset-totp`))
const propose = async (client: Client, name: AccountName = 'vendor'): Promise<string> => {
  const page = await ask(client, name)
  const done = await client.submit(
    page,
    { reason: why },
    { action: `/admin/people/${idOf(name)}/reset-totp` },
  )
  expect(visibleText(done)).toContain('nothing is reset until they confirm it')
  const id = /\/admin\/resets\/(r-[0-9a-z]{16})\/decline/.exec(done.text)?.[1]
  if (id === undefined) throw new Error('nothing was proposed')
  return id
}
const answerPage = (client: Client, id: string, answer: 'confirm' | 'decline'): Promise<Answer> =>
  client.navigate(at(`/admin/resets/${id}/${answer}`))
const confirm = async (client: Client, id: string): Promise<Answer> =>
  client.submit(
    await answerPage(client, id, 'confirm'),
    { reason: 'called Cara' },
    { action: `/admin/resets/${id}/confirm` },
  )
const codeIn = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
    return null
  } catch (error) {
    return (error as { code: unknown }).code
  }
}

describe('a reset of a second factor that takes two administrators', () => {
  it('is proposed by one, shown to the other, and comes about with the yes of the other', async () => {
    const vendor = await as('vendor')
    const first = await as('admin')
    const second = await as('secondAdmin')
    const asked = await ask(first)
    expect(visibleText(asked)).toContain('has 30 min to confirm it')
    const unsaid = await first.submit(asked, { reason: '' }, {})
    expect(unsaid.status).toBe(422)
    const id = await propose(first)
    expect(await isEnrolled()).toBe(true)
    expect((await vendor.fetch(at('/'))).status).toBe(200)

    const list = await second.navigate(at('/admin/people'))
    expect(visibleText(list)).toMatch(/lost the phone, known by voice cara@plant\.example/)
    expect(visibleText(await second.navigate(at('/admin')))).toContain(
      'A reset of a second factor waits for a second administrator.',
    )
    expect(visibleText(await first.navigate(at('/admin')))).not.toContain('waits for a second administrator')
    expect(list.text).not.toContain(`href="/admin/people/${idOf('vendor')}/reset-totp"`)

    const question = await answerPage(second, id, 'confirm')
    expect(visibleText(question)).toContain('Ask cara@plant.example by phone or in person')
    const done = await confirm(second, id)
    expect(visibleText(done)).toContain('was reset, and all their sessions were ended')
    expect(await isEnrolled()).toBe(false)
    expect((await vendor.fetch(at('/'))).status).toBe(401)
    const principalIdOfVendor = idOf('vendor')
    expect((await recorded()).slice(-3)).toEqual([
      {
        ...{ event: 'second-factor.reset-proposed', proposalId: id, principalId: principalIdOfVendor },
        ...{ actor: actorOf('admin'), reason: why, lapsesAt: expect.any(String) as string },
      },
      {
        ...{ event: 'second-factor.reset-confirmed', proposalId: id, principalId: principalIdOfVendor },
        ...{ actor: actorOf('secondAdmin'), reason: 'called Cara' },
      },
      {
        ...{ event: 'second-factor.reset', principalId: principalIdOfVendor, actor: actorOf('secondAdmin') },
        ...{ reason: 'called Cara', proposalId: id },
      },
    ])
    // Once: there is nothing left to say yes to.
    expect((await answerPage(second, id, 'confirm')).status).toBe(404)
  })

  it('is not confirmed by who proposed it, however the form is sent', async () => {
    const first = await as('admin')
    const id = await propose(first)
    const list = await first.navigate(at('/admin/people'))
    expect(list.text).not.toContain(`/admin/resets/${id}/confirm`)
    const refused = await confirm(first, id)
    expect([refused.status, visibleText(refused)]).toEqual([
      403,
      expect.stringContaining('another administrator has to confirm it'),
    ])
    expect(await isEnrolled()).toBe(true)
  })

  it('is not confirmed by the same person in another sign-in', async () => {
    const id = await propose(await as('admin'))
    expect((await confirm(await as('admin'), id)).status).toBe(403)
    expect(await isEnrolled()).toBe(true)
  })

  it('takes a one-time code of the last five minutes of each, and none for a no', async () => {
    const first = await as('admin')
    const second = await as('secondAdmin')
    await plant.clock.advance({ minutes: 6 })
    const early = await ask(first)
    expect(early.url.pathname).toBe('/second-factor/again')
    await first.submit(early, { code: await plant.code('admin') })
    const id = await propose(first)
    const yes = await answerPage(second, id, 'confirm')
    expect(yes.url.pathname).toBe('/second-factor/again')
    const form = /name="form" value="([^"]+)"/.exec((await second.navigate(at('/'))).text)?.[1] ?? ''
    const posted = await second.fetch(at(`/admin/resets/${id}/confirm`), {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' },
      body: new URLSearchParams({ form, reason: why }).toString(),
    })
    expect([posted.status, await isEnrolled()]).toEqual([303, true])

    const no = await second.submit(
      await answerPage(second, id, 'decline'),
      { reason: 'Cara knows nothing of it' },
      { action: `/admin/resets/${id}/decline` },
    )
    expect(visibleText(no)).toContain('Declined. The second factor stays as it is.')
    expect(await eventsOf(id)).toEqual(['second-factor.reset-proposed', 'second-factor.reset-declined'])
    expect((await answerPage(first, id, 'decline')).status).toBe(404)
  })

  it('can be taken back by who proposed it, and proposed again', async () => {
    const first = await as('admin')
    const id = await propose(first)
    await first.submit(
      await answerPage(first, id, 'decline'),
      { reason: 'wrong person' },
      { action: `/admin/resets/${id}/decline` },
    )
    expect(await propose(first)).not.toBe(id)
  })

  it('lapses after half an hour', async () => {
    const id = await propose(await as('admin'))
    await plant.clock.advance({ minutes: 29 })
    const second = await as('secondAdmin')
    const question = await answerPage(second, id, 'confirm')
    await plant.clock.advance({ minutes: 1 })
    const late = await second.submit(question, { reason: why }, { action: `/admin/resets/${id}/confirm` })
    expect(late.status).toBe(404)
    expect(await codeIn(plant.gatehouse.services.resets.confirm(id, why, administrator('secondAdmin')))).toBe(
      'reset-conflict',
    )
    expect(await isEnrolled()).toBe(true)
  })

  it('is neither proposed nor confirmed by the person whose second factor it is, who may say no', async () => {
    const second = await as('secondAdmin')
    const first = await as('admin')
    const list = await first.navigate(at('/admin/people'))
    expect(visibleText(list)).toContain('Your own. Two other administrators have to agree to reset it.')
    expect(list.text).not.toContain(`href="/admin/people/${idOf('admin')}/reset-totp"`)
    expect(list.text).toContain(`href="/admin/people/${idOf('secondAdmin')}/reset-totp"`)
    const own = await first.submit(await ask(first, 'admin'), { reason: why }, {})
    expect([own.status, visibleText(own)]).toEqual([
      403,
      expect.stringContaining('This is your own second factor'),
    ])
    const id = await propose(second, 'admin')
    expect(visibleText(await first.navigate(at('/admin/people')))).toContain(
      'If you did not ask for this, decline it.',
    )
    expect((await confirm(first, id)).status).toBe(403)
    const no = await first.submit(
      await answerPage(first, id, 'decline'),
      { reason: 'I still have my phone' },
      { action: `/admin/resets/${id}/decline` },
    )
    expect(visibleText(no)).toContain('Declined.')
    expect(await isEnrolled('admin')).toBe(true)
  })

  it('is refused where who proposed it is no administrator any more', async () => {
    const { people, resets } = plant.gatehouse.services
    const first = await as('admin')
    const id = await propose(first)
    const person = await people.get(idOf('admin'))
    if (person === null) throw new Error('has signed in')
    await people.remember(person.principal, ['approver'])
    const second = await as('secondAdmin')
    const refused = await confirm(second, id)
    expect([refused.status, visibleText(refused)]).toEqual([
      403,
      expect.stringContaining('no administrator any more'),
    ])
    await people.remember(person.principal, ['admin'])
    expect(await codeIn(resets.confirm(id, why, administrator('secondAdmin')))).toBe(null)
  })

  it('is for the second factor that there was, and not for one that was set up since', async () => {
    const id = await propose(await as('admin'))
    const { resets, secondFactor } = plant.gatehouse.services
    await secondFactor.reset(idOf('vendor'), operator, 'at the host')
    await enrolVendor()
    expect(await resets.waiting()).toEqual([])
    expect(await codeIn(resets.confirm(id, why, administrator('secondAdmin')))).toBe('reset-conflict')
    expect(await isEnrolled()).toBe(true)
  })

  it('waits once for each person', async () => {
    await propose(await as('admin'))
    const { resets } = plant.gatehouse.services
    expect(await codeIn(resets.propose(idOf('vendor'), why, administrator('secondAdmin')))).toBe(
      'reset-conflict',
    )
  })

  it('leaves the list of people readable where it is not', async () => {
    const { store } = plant.gatehouse.services
    const client = await as('admin')
    await store.run((redis) => redis.del(store.key('resets')))
    await store.run((redis) => redis.set(store.key('resets'), 'no hash'))
    const page = await client.navigate(at('/admin/people'))
    await store.run((redis) => redis.del(store.key('resets')))
    expect(page.status).toBe(200)
    expect(visibleText(page)).toMatch(/cannot be read at the moment.*ana@machines\.example/s)
  })

  it('speaks German', async () => {
    const first = await as('admin')
    await propose(first)
    const second = await as('secondAdmin')
    const german = { headers: { 'Accept-Language': 'de' } }
    const list = visibleText(await second.navigate(at('/admin/people'), german))
    expect(list).toContain('Das Zurücksetzen eines zweiten Faktors wartet auf eine zweite Person.')
    expect(list).toContain('Vorgeschlagen von')
  })
})

describe('a proposal', () => {
  const proposed = (): Promise<{ id: string }> =>
    plant.gatehouse.services.resets.propose(idOf('vendor'), why, administrator('admin'))
  beforeAll(async () => {
    await as('admin') // known as an administrator
  })
  /** Another instance, with a journal and a ledger of its own. */
  const another = async (over: Partial<Parameters<typeof createResets>[0]> = {}) => {
    const { store, clock, keyring, people, secondFactor, ledger } = plant.gatehouse.services
    const trust = await openTrust(plant.clock, keyring)
    const { changes } = changesOf(store, { vouching: trust.vouching })
    const resets: Resets = createResets({
      ...{ store, clock, changes, people, secondFactor, logger: silentLogger },
      ...{ journal: trust.journal, vouching: trust.vouching },
      record: (event) => ledger.append(event),
      assertFit: () => Promise.resolve(),
      lapsesAfterMs: 30 * minute,
      ...over,
    })
    return { resets, trust }
  }

  /** People with a second factor whose codes nobody asks for, and the moment at which they set it up. */
  const colleagues = async (count: number, of: string): Promise<Principal[]> => {
    const { people, secondFactor } = plant.gatehouse.services
    const { issuer } = plant.provider
    const all = Array.from({ length: count }, (_, index) => {
      const name = `${of}-${String(index)}`
      return { id: principalId(issuer, name), issuer, subject: name, email: `${name}@plant.example`, name }
    })
    for (const principal of all) {
      await people.remember(principal, [])
      const to = { principal, sessionId: 's-first' }
      const { code: invitation } = await secondFactor.invite(principal.email, 'first day here', operator)
      const { secret } = await secondFactor.beginEnrolment({ ...to, invitation })
      await secondFactor.confirmEnrolment({ ...to, code: oneTimeCode(secret, plant.clock.now()) })
    }
    return all
  }

  /**
   * Nothing bounded how many one administrator may propose, each of which stood at the head of the list of people. Then the
   * bound was looked at before the record, which waits for the disk: what was proposed meanwhile all came in. And it counted
   * proposals that nobody is shown, for their second factor has been changed.
   */
  it('waits five times for one proposer, and no more, however many are proposed at the same moment', async () => {
    const { resets, secondFactor } = plant.gatehouse.services
    const { resets: elsewhere, trust } = await another()
    const all = await colleagues(9, 'crew')
    const propose = (one: Principal | undefined, at: Resets) =>
      codeIn(at.propose(one?.id ?? '', why, administrator('admin')))
    const codes = await Promise.all(
      all.slice(0, 8).map((one, index) => propose(one, index % 2 === 0 ? resets : elsewhere)),
    )
    expect(codes.filter((code) => code === null)).toHaveLength(5)
    expect(codes.filter((code) => code === 'reset-limit')).toHaveLength(3)
    const waiting = await resets.waiting()
    expect(waiting).toHaveLength(5)
    expect(await propose(all[8], elsewhere)).toBe('reset-limit')
    await secondFactor.reset(waiting[0]?.principalId ?? '', operator, 'at the host')
    expect(await resets.waiting()).toHaveLength(4)
    expect(await propose(all[8], elsewhere)).toBe(null)
    await trust.close()
  })

  it('waits once for each person, however many propose it at the same moment', async () => {
    const { resets } = plant.gatehouse.services
    const { resets: elsewhere, trust } = await another()
    const codes = await Promise.all(
      [resets, elsewhere, resets, elsewhere].map((instance, index) =>
        codeIn(
          instance.propose(idOf('vendor'), why, administrator(index % 2 === 0 ? 'admin' : 'secondAdmin')),
        ),
      ),
    )
    expect([...codes].sort()).toEqual([null, 'reset-conflict', 'reset-conflict', 'reset-conflict'].sort())
    expect(await resets.waiting()).toHaveLength(1)
    await trust.close()
  })

  it('is answered once, however many say yes at the same moment', async () => {
    const { resets } = plant.gatehouse.services
    const { resets: elsewhere, trust } = await another()
    const { id } = await proposed()
    const before = (await recorded()).filter(({ event }) => event === 'second-factor.reset').length
    const codes = await Promise.all(
      [resets, elsewhere, resets, elsewhere].map((instance) =>
        codeIn(instance.confirm(id, why, administrator('secondAdmin'))),
      ),
    )
    expect(codes.filter((code) => code === null)).toHaveLength(1)
    expect(codes.filter((code) => code === 'reset-conflict')).toHaveLength(3)
    const after = (await recorded()).filter(({ event }) => event === 'second-factor.reset').length
    expect([after - before, await isEnrolled()]).toEqual([1, false])
    const events = await eventsOf(id)
    const count = (event: string): number => events.filter((one) => one === `second-factor.${event}`).length
    // Whoever was told no has a record that says so.
    expect(count('reset-confirmed') - count('reset-failed')).toBe(1)
    await trust.close()
  })

  it.each([1, 2, 3, 4, 5])('is confirmed or declined, never both, at the same moment (%i)', async () => {
    const { resets } = plant.gatehouse.services
    const { resets: elsewhere, trust } = await another()
    const { id } = await proposed()
    const [yes, no] = await Promise.all([
      codeIn(resets.confirm(id, why, administrator('secondAdmin'))),
      codeIn(elsewhere.decline(id, why, actorOf('secondAdmin'))),
    ])
    expect([yes, no].sort()).toEqual([null, 'reset-conflict'].sort())
    expect(await isEnrolled()).toBe(yes !== null)
    await trust.close()
  })

  it('that lapses while its yes is being written down resets nothing', async () => {
    const { ledger } = plant.gatehouse.services
    const { resets: slow, trust } = await another({
      record: async (event) => {
        await ledger.append(event)
        if (event.event === 'second-factor.reset-confirmed') await plant.clock.advance({ minutes: 31 })
      },
    })
    const { id } = await proposed()
    expect(await codeIn(slow.confirm(id, why, administrator('secondAdmin')))).toBe('reset-conflict')
    expect(await isEnrolled()).toBe(true)
    expect((await eventsOf(id)).at(-1)).toBe('second-factor.reset-failed')
    await trust.close()
  })

  it('of a program or an operator, or of one without a fresh code or the role, is none, and no yes either', async () => {
    const { resets } = plant.gatehouse.services
    const service: Actor = {
      ...{ kind: 'service', tokenId: 't-0123456789abcdef', name: 'Service desk' },
      ...{ owner: accounts.secondAdmin.email, ownerId: idOf('secondAdmin') },
    }
    const others: [Partial<Administrator>, string][] = [
      [{ actor: service }, 'reset-refused'],
      [{ actor: operator }, 'reset-refused'],
      [{ roles: ['approver', 'auditor'] }, 'reset-refused'],
      [{ hasFreshCode: false }, 'fresh-code-required'],
    ]
    for (const [over, code] of others)
      expect(await codeIn(resets.propose(idOf('vendor'), why, administrator('secondAdmin', over)))).toBe(code)
    const { id } = await proposed()
    for (const [over, code] of others)
      expect(await codeIn(resets.confirm(id, why, administrator('secondAdmin', over)))).toBe(code)
    expect(await isEnrolled()).toBe(true)
  })

  it('takes two people, and not two accounts of one', async () => {
    const { resets } = plant.gatehouse.services
    const { id } = await proposed()
    const other = (name: AccountName): Partial<Administrator> => ({
      actor: { kind: 'principal', principalId: 'p-another-account', email: accounts[name].email },
    })
    for (const name of ['admin', 'vendor'] as const)
      expect(await codeIn(resets.confirm(id, why, administrator('secondAdmin', other(name))))).toBe(
        'reset-refused',
      )
    const own = administrator('secondAdmin', other('vendor'))
    expect(await codeIn(resets.propose(idOf('vendor'), why, own))).toBe('reset-refused')
  })

  /**
   * Two accounts are told from two people by their e-mail. Where there was none they passed for two people, so that one
   * administrator with a second account could reset what takes two.
   */
  it('takes people whose e-mail is known', async () => {
    const { people, resets } = plant.gatehouse.services
    const nameless = (id: string): Partial<Administrator> => ({
      actor: { kind: 'principal', principalId: id, email: null },
    })
    const { id } = await proposed()
    await as('stranger')
    expect(
      await codeIn(resets.confirm(id, why, administrator('secondAdmin', nameless('p-another-account')))),
    ).toBe('reset-refused')
    expect(
      await codeIn(resets.propose(idOf('stranger'), why, administrator('admin', nameless(idOf('admin'))))),
    ).toBe('reset-refused')
    expect(await codeIn(resets.propose('p-never-seen', why, administrator('admin')))).toBe('reset-refused')

    const known = await people.get(idOf('vendor'))
    if (known === null) throw new Error('has signed in')
    await people.remember({ ...known.principal, email: null }, [])
    expect(await codeIn(resets.confirm(id, why, administrator('secondAdmin')))).toBe('reset-refused')
    await people.remember(known.principal, [])
    expect(await isEnrolled()).toBe(true)
  })

  it('that cannot be put on record does not come about, and neither does its answer', async () => {
    const full = { record: () => Promise.reject(new Error('full')) }
    const { resets: mute, trust } = await another(full)
    await expect(mute.propose(idOf('vendor'), why, administrator('admin'))).rejects.toThrow('full')
    expect(await mute.waiting()).toEqual([])
    const { id } = await proposed()
    await expect(mute.confirm(id, why, administrator('secondAdmin'))).rejects.toThrow('full')
    await expect(mute.decline(id, why, operator)).rejects.toThrow('full')
    expect((await mute.waiting()).map((one) => one.id)).toEqual([id])
    expect(await isEnrolled()).toBe(true)
    await trust.close()
  })

  /**
   * One that Redis did not confirm in time was on record as failed, and waited all the same: whoever read the ledger knew of
   * nothing that could be confirmed. And the record named neither whose second factor it was nor who had asked.
   */
  it('that Redis does not confirm in time is none, and its record says whose and by whom', async () => {
    const { store } = plant.gatehouse.services
    let isSlow = true
    const slow: Store = {
      ...store,
      transaction: async (fill) => {
        const result = await store.transaction(fill)
        if (!isSlow) return result
        isSlow = false
        throw new GatehouseError('store-unavailable', 'Redis did not answer in time.')
      },
    }
    const { resets: elsewhere, trust } = await another({ store: slow })
    expect(await codeIn(elsewhere.propose(idOf('vendor'), why, administrator('admin')))).toBe(
      'store-unavailable',
    )
    expect(await plant.gatehouse.services.resets.waiting()).toEqual([])
    const [, failed] = (await recorded()).slice(-2)
    expect(failed).toEqual({
      ...{ event: 'second-factor.reset-failed', attempt: 'proposed' },
      ...{ principalId: idOf('vendor'), actor: actorOf('admin'), proposalId: expect.any(String) as string },
    })
    await trust.close()
  })

  it('that somebody has altered in Redis, or copied to another place, resets nothing', async () => {
    const { resets, store } = plant.gatehouse.services
    const { id } = await proposed()
    const key = store.key('resets')
    const text = (await store.run((redis) => redis.hget(key, id))) ?? ''
    const other = 'r-0123456789abcdef'
    await store.run((redis) => redis.hset(key, other, text))
    await store.run((redis) => redis.hset(key, id, text.replace(idOf('vendor'), idOf('stranger'))))
    for (const forged of [id, other])
      expect(await codeIn(resets.confirm(forged, why, administrator('secondAdmin')))).toBe('reset-unknown')
    expect([await isEnrolled(), await isEnrolled('stranger')]).toEqual([true, true])
    // An outcome that is none of ours ends it all the same.
    await store.run((redis) => redis.hset(key, id, text, `${id} outcome`, 'nothing'))
    expect(await codeIn(resets.confirm(id, why, administrator('secondAdmin')))).toBe('reset-conflict')
  })

  it('that was declined stays so on every instance when Redis is put back to before that', async () => {
    const { resets, store, journal } = plant.gatehouse.services
    const { resets: elsewhere, trust } = await another()
    const { id } = await proposed()
    const putBack = await snapshot(store)
    await elsewhere.decline(id, why, operator)
    // This instance hears of it by the log of changes.
    await until('the other instance has heard of it', () => journal.since('reset', id) !== null, 20_000)
    await putBack()
    for (const instance of [resets, elsewhere]) {
      // Unknown, where whoever follows has noticed already and taken it out again.
      expect(await codeIn(instance.confirm(id, why, administrator('secondAdmin')))).toMatch(
        /^reset-(conflict|unknown)$/,
      )
      expect(await instance.waiting()).toEqual([])
    }
    expect(await isEnrolled()).toBe(true)
    await trust.close()
  })
})

describe('the command line', () => {
  it('lists what waits and declines it; the host alone resets at once, and says so', async () => {
    const id = await propose(await as('admin'))
    const { out } = await plant.command('users', 'resets', '--json')
    expect(JSON.parse(out)).toEqual([
      {
        ...{ id, principalId: idOf('vendor'), email: accounts.vendor.email, by: accounts.admin.email },
        reason: why,
        at: expect.any(String) as string,
        lapsesAt: expect.any(String) as string,
      },
    ])
    expect((await plant.command('users', 'decline-reset', id)).status).toBe(2)
    const declined = await plant.command('users', 'decline-reset', id, '--reason', 'nobody asked')
    expect([declined.status, declined.out]).toEqual([0, `The reset ${id} is declined.\n`])
    expect((await plant.command('users', 'resets')).out).toContain('No reset waits')
    const again = await plant.command('users', 'decline-reset', id, '--reason', 'nobody asked')
    expect([again.status, again.err]).toEqual([1, expect.stringContaining('answered already')])

    await (await as('vendor')).fetch(at('/'))
    const { email } = accounts.vendor
    const reset = await plant.command('users', 'reset-totp', email, '--reason', why)
    expect([reset.status, reset.err]).toEqual([0, expect.stringContaining('totp.secondAdministrator is on')])
    expect(await isEnrolled()).toBe(false)
  })
})

describe('the JSON API', () => {
  it('shows what waits, takes a no, and offers no yes', async () => {
    const id = await propose(await as('admin'))
    const { tokens } = plant.gatehouse.services
    const { secret } = await tokens.create(
      {
        ...{ name: 'Watch', owner: accounts.secondAdmin.email, sources: [], lifetimeMs: 24 * 60 * minute },
        scopes: ['people:read', 'resets:decline'],
      },
      'a program needs it',
      operator,
    )
    const call = (method: string, path: string, body?: object) =>
      rawRequest(at(`/api/v1/second-factor-resets${path}`), {
        method,
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    expect((await call('GET', '')).json.items).toMatchObject([
      { id, principalId: idOf('vendor'), reason: why, by: { name: accounts.admin.email } },
    ])
    expect((await call('POST', `/${id}/confirm`, { reason: why })).status).toBe(404)
    expect((await call('POST', `/${id}/decline`, {})).status).toBe(422)
    const declined = await call('POST', `/${id}/decline`, { reason: 'nobody asked' })
    expect([declined.status, declined.json]).toEqual([200, { id, declined: true }])
    expect((await call('POST', `/${id}/decline`, { reason: 'nobody asked' })).status).toBe(409)
    expect(await isEnrolled()).toBe(true)
  })
})
