import { endCompany } from '../../src/admin/index.js'
import type { Company } from '../../src/model.js'
import { operator, startPlant } from '../support/plant.js'

/*
 * Of the claim that names companies only those values were kept that the configuration named at the sign-in. Whoever
 * configured a company by its claim on the day its contract ended, in order to end it, was told that it held nothing, while
 * its people were signed in and had their grants.
 */

it('has who signed in with its claim before it was configured', async () => {
  const plant = await startPlant({ enrolled: ['vendor'], granted: [] })
  try {
    ;(await plant.signIn('vendor')).close()
    await plant.issue()
    const { services } = plant.gatehouse
    const crew: Company = {
      id: 'crew',
      name: 'Crew',
      emailDomains: [],
      claimValues: ['vendors'],
      requestable: null,
    }
    const all = {
      ...services,
      endings: plant.config.grants.endings,
      record: (event: Parameters<typeof services.ledger.append>[0]) => services.ledger.append(event),
    }
    const { ended, left } = await endCompany(all, crew, { reason: 'Contract ended', actor: operator })
    expect([left, ended]).toEqual([[], { grants: 1, sessions: 1, requests: 0, codes: 0 }])
  } finally {
    await plant.close()
  }
}, 60_000)
