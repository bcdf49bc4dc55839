import { principalId } from '../../src/identity/index.js'
import { visibleText } from '../support/html.js'
import { accounts, startPlant, type Plant } from '../support/plant.js'

describe('two sign-ins of one person', () => {
  let plant: Plant
  beforeAll(async () => {
    plant = await startPlant({ enrolled: ['vendor', 'approver'] })
  }, 30_000)
  afterAll(() => plant.close())

  // They looked alike but for their time, and the control room let in whichever it pressed.
  it('are told apart by address and browser, in the list and in the control room', async () => {
    await plant.issue({ needsRelease: true })
    const vendor = await plant.signIn('vendor')
    const { email, subject, name } = accounts.vendor
    const { issuer } = plant.provider
    const { sessions } = plant.gatehouse.services
    const { session } = await sessions.start({
      principal: { id: principalId(issuer, subject), issuer, subject, email, name },
      ...{ roles: [], providerSessionId: null, idToken: null, source: '198.51.100.7' },
      browser: { name: 'firefox', system: 'windows' },
    })
    await sessions.raise(session, { secondFactorAt: plant.clock.now() })
    const approver = await plant.signIn('approver')
    for (const path of ['/admin/sessions', '/admin/releases']) {
      const page = await approver.navigate(plant.portal + path)
      const text = visibleText(page)
      expect(text).toMatch(/from 198\.51\.100\.7\s*, Firefox on Windows/)
      expect(text).toMatch(/from 127\.0\.0\.1\s*, Chrome on Linux/)
    }
    const german = await approver.navigate(`${plant.portal}/admin/releases`, {
      headers: { 'Accept-Language': 'de' },
    })
    expect(visibleText(german)).toContain('Firefox unter Windows')
    expect((await sessions.byId(session.id))?.browser).toEqual({ name: 'firefox', system: 'windows' })
    for (const client of [vendor, approver]) client.close()
  })
})
