import type { Page } from 'playwright-core'
import { principalId } from '../../src/identity/index.js'
import type { AccessRequest, Grant } from '../../src/model.js'
import { launchBrowser, screenshot, type TestBrowser } from '../support/browser.js'
import { expectSoundInEachLook } from '../support/looks.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'

const hour = 3_600_000
const yes = { actor: operator, roles: ['admin' as const], hasFreshCode: true }

let plant: Plant
let browser: TestBrowser
let running: Grant
let open: AccessRequest

/* The auditor, who proves who was given what: all is to be seen, and nothing to be done. */

beforeAll(async () => {
  ;[plant, browser] = await Promise.all([
    startPlant({ enrolled: ['auditor'], extra: 'portal: { requestable: all }' }),
    launchBrowser(),
  ])
  const { requests, lockdowns } = plant.gatehouse.services
  const { email, subject, name } = accounts.vendor
  const { issuer } = plant.provider
  const vendor = { id: principalId(issuer, subject), issuer, subject, email, name }
  const ask = (reason: string): Promise<AccessRequest> =>
    requests.ask({ endpoints: ['press-4'], from: null, lengthMs: 2 * hour, reason }, vendor)
  running = await plant.issue({
    until: '+2h',
    ticket: 'CHG-1',
    needsRelease: true,
    reason: 'Replace the belt',
  })
  const revoked = await plant.issue({ until: '+4h', reason: 'Old work' })
  await plant.revoke(revoked)
  await plant.issue({ from: '+20h', until: '+22h' })
  open = await ask('Look at the sensor')
  await requests.approve((await ask('Look at the valve')).id, yes, {})
  await lockdowns.on('endpoint:press-4', 'A guard is open', operator)
}, 60_000)
afterAll(async () => {
  await browser.close()
  await plant.close()
})

/** Whatever would change something, if it were pressed; to sign out and to read another language is everybody's. */
const controlsOn = (page: Page): Promise<string[]> =>
  page.locator('form').evaluateAll((forms) =>
    forms
      // By its attributes: a field may be called `method`.
      .filter((form) => form.getAttribute('method') !== 'get')
      .map((form) => new URL(form.getAttribute('action') ?? '', document.baseURI).pathname)
      .filter((path) => path !== '/sign-out' && path !== '/language'),
  )

/** As a script of the page would, or a form of it. */
const ask = (
  page: Page,
  to: string,
  form?: Record<string, string>,
): Promise<{ status: number; text: string }> =>
  page.evaluate(
    async ([address, fields]) => {
      const post = fields && { method: 'POST', body: new URLSearchParams(fields) }
      const answer = await fetch(address, post)
      return { status: answer.status, text: await answer.text() }
    },
    [to, form] as const,
  )

describe('an auditor, in a browser', () => {
  it('sees grants, requests and lockdowns, takes the table along, and finds nothing that would change anything', async () => {
    const { page, problems } = await browser.open()
    await plant.signInPage(page, 'auditor')
    await screenshot(page, 'auditor/1-home')
    const links = new Set<string>()
    const look = async (name: string): Promise<void> => {
      await screenshot(page, `auditor/${name}`)
      expect([page.url(), await controlsOn(page)]).toEqual([page.url(), []])
      // By their attribute: links in a drawing have no address as text.
      const found = await page
        .locator('a[href]')
        .evaluateAll((all) =>
          all.map((link) => new URL(link.getAttribute('href') ?? '', document.baseURI).href),
        )
      for (const href of found) if (new URL(href).origin === plant.portal) links.add(href.replace(/#.*/, ''))
      await expectSoundInEachLook(page, page.url())
    }

    await page.getByRole('navigation').getByRole('link', { name: 'Grants' }).click()
    await page.getByText('Replace the belt').first().waitFor()
    await look('2-grants')
    await page
      .getByRole('link', { name: /^Details/ })
      .first()
      .click()
    await page.getByRole('heading', { name: 'Grant', exact: true }).waitFor()
    await page.goto(`${plant.portal}/admin/grants/${running.id}`)
    await page.getByText('CHG-1').first().waitFor()
    await look('3-grant')
    await page.goto(`${plant.portal}/admin/timeline`)
    await look('4-timeline')
    await page
      .getByRole('navigation')
      .getByRole('link', { name: /^Requests/ })
      .click()
    await page.getByText('Look at the sensor').first().waitFor()
    await look('5-requests')
    await page.goto(`${plant.portal}/admin/requests/${open.id}`)
    await page.getByText('Look at the sensor').first().waitFor()
    await look('6-request')
    await page.getByRole('navigation').getByRole('link', { name: 'Stop access' }).click()
    await page.getByText('A guard is open').first().waitFor()
    await look('7-lockdowns')
    await page.goto(`${plant.portal}/admin/simulator?endpoint=press-3`)
    await look('8-who-could-open-what')
    await page.goto(`${plant.portal}/admin?q=fits-nothing`)
    await look('9-nothing-fits')
    expect(problems).toEqual([])

    // What is to be seen leads nowhere that is closed.
    for (const href of links) expect([href, (await ask(page, href)).status]).toEqual([href, 200])
    expect([...links].some((href) => href.includes('/admin/grants.csv'))).toBe(true)
    expect((await ask(page, '/admin/grants.csv')).text).toContain('Replace the belt')
    expect(problems).toEqual([])
  }, 300_000)

  it('is refused what approvers and administrators do, also where the address is known', async () => {
    const { page } = await browser.open()
    await plant.signInPage(page, 'auditor')
    const token = await page.locator('input[name=form]').first().getAttribute('value')
    for (const path of [
      `grants/${running.id}/revoke`,
      `requests/${open.id}/approve`,
      'lockdowns',
      'grants',
    ]) {
      const { status, text } = await ask(page, `/admin/${path}`, {
        form: token ?? '',
        sure: 'yes',
        reason: 'for the books',
        scope: 'all',
      })
      expect([path, status, text]).toEqual([path, 403, expect.stringContaining('role-missing')])
    }
    expect((await plant.gatehouse.services.grants.get(running.id))?.revocation).toBeNull()
  }, 120_000)
})
