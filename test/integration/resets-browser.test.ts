import { principalId } from '../../src/identity/index.js'
import { launchBrowser, type TestBrowser } from '../support/browser.js'
import { expectSoundInEachLook } from '../support/looks.js'
import { accounts, startPlant, type AccountName, type Plant } from '../support/plant.js'

let plant: Plant
let browser: TestBrowser
beforeAll(async () => {
  ;[plant, browser] = await Promise.all([
    startPlant({ extra: 'totp: { secondAdministrator: true }' }),
    launchBrowser(),
  ])
}, 60_000)
afterAll(async () => {
  await browser.close()
  await plant.close()
})

const at = (path: string): string => plant.portal + path
const idOf = (name: AccountName): string => principalId(plant.provider.issuer, accounts[name].subject)

it('a reset that waits is seen, read and declined by keyboard, in each look, whatever its reason holds', async () => {
  ;(await plant.signIn('vendor')).close()
  ;(await plant.signIn('admin')).close()
  const reason = `<img src=x onerror="document.title='owned'"> ${'W'.repeat(300)} صيانة`
  const { resets } = plant.gatehouse.services
  const { email } = accounts.admin
  const { id } = await resets.propose(idOf('vendor'), reason, {
    actor: { kind: 'principal', principalId: idOf('admin'), email },
    roles: ['admin'],
    hasFreshCode: true,
  })
  const { page, close } = await browser.open({})
  await plant.signInPage(page, 'secondAdmin')
  for (const path of ['/admin/people', `/admin/resets/${id}/confirm`, `/admin/resets/${id}/decline`]) {
    await page.goto(at(path))
    expect([path, new URL(page.url()).pathname]).toEqual([path, path])
    expect([path, await page.title()]).not.toEqual([path, 'owned'])
    expect(await page.locator('main img').count()).toBe(0)
    await expectSoundInEachLook(page, path, path === '/admin/people' ? 'resets' : undefined)
  }
  await page.getByLabel('Reason').fill('Cara knows nothing of it')
  await page.getByLabel('Reason').press('Enter')
  await page.getByText('Declined. The second factor stays as it is.').waitFor()
  expect(await resets.waiting()).toEqual([])
  await close()
}, 120_000)
