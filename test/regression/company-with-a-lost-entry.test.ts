import { assertEnded, endCompany } from '../../src/admin/index.js'
import { operator, startPlant, type Plant } from '../support/plant.js'
import { visibleText } from '../support/html.js'

/*
 * Who belongs to a company by a claim stands in the directory alone. Somebody who could write to Redis took a person out of
 * its list, or damaged their entry, and with that the person out of the company: its end found nothing of theirs, answered
 * that all had ended, and their grants and their session went on.
 */

let plant: Plant
beforeEach(async () => {
  plant = await startPlant({
    enrolled: ['vendor', 'admin'],
    granted: [],
    extra: `
companies:
  - { id: crew, name: Crew, claimValues: [vendors] }
  - { id: others, name: Others, emailDomains: [others.example] }`,
  })
}, 60_000)
afterEach(async () => {
  await plant.close()
})

const end = (position: 0 | 1) => {
  const { services } = plant.gatehouse
  const company = plant.config.companies[position]
  if (company === undefined) throw new Error('configured')
  const all = {
    ...services,
    endings: plant.config.grants.endings,
    record: (event: Parameters<typeof services.ledger.append>[0]) => services.ledger.append(event),
  }
  return endCompany(all, company, { reason: 'Contract ended', actor: operator })
}
const signInAndHold = async (): Promise<{ grantId: string; personId: string; sessionId: string }> => {
  ;(await plant.signIn('vendor')).close()
  const grant = await plant.issue()
  const [session] = await plant.gatehouse.services.sessions.list()
  if (session === undefined) throw new Error('signed in')
  return { grantId: grant.id, personId: session.principal.id, sessionId: session.id }
}

it('loses also what somebody holds who is missing from the list of everyone', async () => {
  const { grantId, personId } = await signInAndHold()
  const { store, grants } = plant.gatehouse.services
  await store.run((redis) => redis.srem(store.key('people'), personId))
  const { ended, left } = await end(0)
  expect([left, ended]).toEqual([[], { grants: 1, sessions: 1, requests: 0, codes: 0 }])
  expect((await grants.get(grantId))?.revocation).not.toBeNull()
})

it.each(['damaged', 'missing'])(
  'has not ended while somebody holds something whose entry is %s',
  async (how) => {
    const { grantId, personId, sessionId } = await signInAndHold()
    const { store } = plant.gatehouse.services
    await store.run((redis) =>
      how === 'damaged'
        ? redis.append(store.key('person', personId), 'x')
        : redis.del(store.key('person', personId)),
    )
    const outcome = await end(0)
    expect(outcome.left).toEqual([
      { kind: 'grants', id: grantId, why: 'holder-unknown' },
      { kind: 'sessions', id: sessionId, why: 'holder-unknown' },
    ])
    expect(() => {
      assertEnded(outcome)
    }).toThrow(/look at each of them/)
    // A company that is found by addresses alone misses nobody for it.
    expect((await end(1)).left).toEqual([])

    const admin = await plant.signIn('admin')
    const address = `${plant.portal}/admin/companies/crew`
    const page = visibleText(await admin.navigate(address))
    expect(page).toContain('Whose 2 more are cannot be read.')
    expect(page).toContain(grantId)
    expect(visibleText(await admin.navigate(`${address}?done=ended`))).not.toContain('holds nothing any more')
    // Nor did the list of the company's grants say that there may be more.
    const listed = await admin.navigate(`${plant.portal}/admin?company=crew`)
    expect(visibleText(listed)).toContain('Whose one more is cannot be read.')
    expect(listed.text).toContain(`<a href="/admin/grants/${grantId}">`)
    const others = visibleText(await admin.navigate(`${plant.portal}/admin?company=others`))
    expect(others).not.toContain('cannot be read')
    admin.close()
    await plant.command('grants', 'revoke', grantId, '--reason', 'Contract ended')
    await plant.command('sessions', 'kill', sessionId)
    expect((await end(0)).left).toEqual([])
  },
)
