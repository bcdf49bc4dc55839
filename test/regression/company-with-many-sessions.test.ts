import { endCompany } from '../../src/admin/index.js'
import { readLedger } from '../../src/audit/index.js'
import { principalId } from '../../src/identity/index.js'
import { accounts, operator, startPlant, type Plant, type TestAccount } from '../support/plant.js'

/*
 * The end of a company looked at the thousand sessions that end last, as the page of sessions does, and said that all had
 * ended: who had signed in before those stayed signed in. And neither the sessions nor the break-glass codes that it ended
 * said why in the ledger, although somebody had been made to type it.
 */

let plant: Plant
beforeAll(async () => {
  plant = await startPlant({
    enrolled: ['vendor'],
    extra: 'companies: [{ id: machines, name: Machines GmbH, emailDomains: [machines.example] }]',
  })
}, 60_000)
afterAll(async () => {
  await plant.close()
})

const reasonsOf = async (event: string): Promise<unknown[]> => {
  const reasons: unknown[] = []
  for await (const { fields } of readLedger({ directory: plant.config.audit.directory, event }))
    reasons.push(fields.reason)
  return reasons
}

it('loses the session that is not among the thousand which end last, and each says why', async () => {
  const { sessions, people, ledger } = plant.gatehouse.services
  const { issuer } = plant.provider
  const signIn = ({ subject, email, name }: TestAccount, id = principalId(issuer, subject)) =>
    sessions.start({
      principal: { id, issuer, subject, email, name },
      ...{ roles: [], providerSessionId: null, idToken: null, source: '127.0.0.1' },
    })
  const { session } = await signIn(accounts.vendor)
  await people.remember(session.principal, [])
  await plant.clock.advance({ seconds: 1 })
  for (let count = 0; count < 1_000; count += 50)
    await Promise.all(Array.from({ length: 50 }, () => signIn(accounts.admin)))
  expect((await sessions.list()).map(({ id }) => id)).not.toContain(session.id)
  const made = await plant.command(
    ...['users', 'break-glass', accounts.vendor.email, '--reason', 'provider is down', '--anyway'],
  )
  expect(made.err).toBe('')

  const [company] = plant.config.companies
  if (company === undefined) throw new Error('configured')
  const services = {
    ...plant.gatehouse.services,
    endings: plant.config.grants.endings,
    record: (event: Parameters<typeof ledger.append>[0]) => ledger.append(event),
  }
  const { ended, left } = await endCompany(services, company, { reason: 'Contract ended', actor: operator })
  expect([left, ended]).toEqual([[], { grants: 0, requests: 0, sessions: 1, codes: 1 }])
  expect(await sessions.byId(session.id)).toBeNull()
  expect(await reasonsOf('session.ended')).toEqual(['Contract ended'])
  expect(await reasonsOf('break-glass.withdrawn')).toEqual(['Contract ended'])
}, 60_000)
