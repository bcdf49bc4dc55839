import { endCompany } from '../../src/admin/index.js'
import type { Company } from '../../src/model.js'
import { operator, startPlant } from '../support/plant.js'

/*
 * Of the claim that names companies a hundred texts are kept beside those that the configuration names. Whoever configured a
 * company by its claim in order to end it was told that it held nothing, where its people have more groups than that, and theirs
 * was not among those that were kept; they stayed signed in, with their grants.
 */

it('names what somebody holds of whom not every claim was kept, until their next sign-in', async () => {
  const plant = await startPlant({ enrolled: ['vendor'], granted: [] })
  try {
    ;(await plant.signIn('vendor')).close()
    const grant = await plant.issue()
    const { services } = plant.gatehouse
    const [session] = await services.sessions.list()
    if (session === undefined) throw new Error('signed in')
    const remember = (soughtClaims: readonly string[] | null): Promise<void> =>
      services.people.remember(session.principal, [], [], {
        companyClaims: Array.from({ length: 100 }, (_, number) => `group-${String(number)}`),
        soughtClaims,
      })
    const crew: Company = {
      id: 'crew',
      name: 'Crew',
      emailDomains: [],
      claimValues: ['crew'],
      requestable: null,
    }
    const all = {
      ...services,
      endings: plant.config.grants.endings,
      record: (event: Parameters<typeof services.ledger.append>[0]) => services.ledger.append(event),
    }
    const end = async (company: Company): Promise<unknown> =>
      (await endCompany(all, company, { reason: 'Contract ended', actor: operator })).left
    await remember(['another'])
    expect(await end(crew)).toEqual([
      { kind: 'grants', id: grant.id, why: 'holder-unknown' },
      { kind: 'sessions', id: session.id, why: 'holder-unknown' },
    ])
    expect(await end({ ...crew, claimValues: [], emailDomains: ['others.example'] })).toEqual([])
    // At the next sign-in its value is looked for among all.
    await remember(['another', 'crew'])
    expect(await end(crew)).toEqual([])
  } finally {
    await plant.close()
  }
}, 60_000)
