import type { Page } from 'playwright-core'
import { timeLeftPath } from '../../src/lib/index.js'
import { launchBrowser, type TestBrowser, type TestWindow } from '../support/browser.js'
import { accounts, startPlant, type AccountName, type Plant } from '../support/plant.js'
import { expectSoundInEachLook } from '../support/looks.js'
import { until } from '../support/until.js'

let plant: Plant
let browser: TestBrowser
let windows: TestWindow[] = []

beforeAll(async () => {
  ;[plant, browser] = await Promise.all([
    startPlant({ enrolled: ['vendor', 'approver', 'admin'] }),
    launchBrowser(),
  ])
}, 60_000)
afterEach(async () => {
  await Promise.all(windows.map((window) => window.close()))
  windows = []
  for (const grant of await plant.gatehouse.services.grants.list()) {
    if (grant.revocation === null && grant.until > plant.clock.now()) await plant.revoke(grant)
  }
})
afterAll(async () => {
  await browser.close()
  await plant.close()
})

const open = async (
  name: AccountName,
  options: Parameters<TestBrowser['open']>[0] = {},
): Promise<TestWindow & { page: Page }> => {
  const window = await browser.open(options)
  windows.push(window)
  await plant.signInPage(window.page, name)
  return window
}
const at = (path: string): string => plant.portal + path

describe('in a browser, the pages', () => {
  it('have no accessibility fault, no policy breach and nothing wider than the screen, in each look', async () => {
    const grant = await plant.issue({ until: '+2h', ticket: 'CHG-1', access: 'view' })
    await plant.issue({ endpoints: ['press-3', 'press-4'], from: '+20h', until: '+22h' })
    const { page, problems } = await open('admin')
    const why = ['--reason', 'provider answers and lets nobody in', '--anyway']
    await plant.command('users', 'break-glass', accounts.admin.email, ...why)
    await page.goto(at('/admin?q=panel'))
    await page.getByText('Keep this filter under a name').click()
    await page.getByLabel('Name', { exact: true }).fill('Night shift, everything with a panel')
    await page.getByRole('button', { name: 'Keep', exact: true }).click()
    await page.getByRole('navigation', { name: 'Filters you have kept' }).waitFor()
    const paths = [
      '/',
      '/admin',
      '/admin?q=panel&kept=name',
      `/admin/grants/${grant.id}`,
      '/admin/grants/new',
      '/admin/sessions',
      '/admin/people',
      '/admin/break-glass',
      '/admin/simulator',
      '/admin/simulator?endpoint=press-3',
      `/admin/simulator?endpoint=press-3&person=${accounts.vendor.email}`,
    ]
    for (const path of [...paths, '/signed-out', '/break-glass']) {
      await page.goto(at(path))
      await expectSoundInEachLook(page, path)
    }
    expect(problems).toEqual([])
  }, 300_000)

  it('load again by themselves when a grant ends', async () => {
    await plant.issue({ until: plant.clock.now() + 90_000 })
    const { page } = await open('vendor')
    await page.goto(at('/'))
    await page.getByRole('link', { name: 'Open press-3 panel in a new tab' }).waitFor()
    const left =
      Number(await page.locator('[data-until]').first().getAttribute('data-until')) - plant.clock.now()
    await plant.clock.advance({ ms: left - 2_000 })
    await page.reload()
    await plant.clock.advance({ seconds: 3 })
    await page.getByText('Nothing is open to you now').waitFor()
  })

  it('tell the viewer’s own time beside that of the plant', async () => {
    await plant.issue({ until: '+2h' })
    const { page } = await open('vendor', { timezoneId: 'Asia/Kolkata' })
    await page.goto(at('/'))
    const shown = await page.locator('.card [data-local]').first().innerText()
    const [, hour, minute, localHour, localMinute] =
      /(\d\d):(\d\d) UTC \((?:\w+,? \d+ \w+,? )?(\d\d):(\d\d) your time\)/.exec(shown)?.map(Number) ?? []
    const minutes = ((localHour ?? 0) - (hour ?? 0)) * 60 + (localMinute ?? 0) - (minute ?? 0)
    expect([shown, (minutes + 1440) % 1440]).toEqual([shown, 330])
  })

  it('say that something has changed, and leave it to the viewer when to look', async () => {
    // Where there is no grant there is nothing to search.
    await plant.issue({ until: '+2h' })
    const { page } = await open('approver')
    // What changes before the page listens, nobody tells it.
    const listens = page.waitForResponse((response) => response.url().endsWith('/.gatehouse/events'))
    await page.goto(at('/admin'))
    await listens
    await page.getByLabel('Search', { exact: true }).fill('half a wo')
    await plant.issue({ to: 'hinted@vendor.example', until: '+2h' })
    const news = page.getByRole('link', { name: 'Something has changed. Show it' })
    await news.waitFor()
    expect(await page.getByLabel('Search', { exact: true }).inputValue()).toBe('half a wo')
    await news.click()
    await page.getByText('hinted@vendor.example').first().waitFor()
  })

  // Each hint made each front page ask, and load again, at once: all of them in the same moment, as often as anything happened.
  it('are asked for again every two seconds at most, however often something changes', async () => {
    const { page } = await open('vendor')
    await page.goto(at('/'))
    const beganAt = performance.now()
    let asked = 0
    page.on('request', (request) => {
      if (new URL(request.url()).pathname === timeLeftPath) asked += 1
    })
    for (let count = 0; count < 12; count += 1) {
      await plant.issue({ until: '+3h', reason: `part ${count}` })
      await new Promise((resolve) => setTimeout(resolve, 400))
    }
    await until('the page has asked', () => asked >= 2, 10_000)
    expect(asked).toBeLessThanOrEqual(2 + (performance.now() - beganAt) / 2_000)
  })

  it('ask in a dialog before a grant is revoked, and "Do nothing" does nothing', async () => {
    const grant = await plant.issue()
    const revoked = async (): Promise<boolean> =>
      (await plant.gatehouse.services.grants.get(grant.id))?.revocation !== null
    const { page } = await open('approver')
    await page.goto(at(`/admin/grants/${grant.id}`))
    await page.getByLabel('Reason').fill('line is back')
    await page.getByRole('button', { name: 'Revoke this grant' }).click()
    const dialog = page.getByRole('dialog', { name: 'Revoke this grant?' })
    await dialog.getByRole('button', { name: 'Do nothing' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(await revoked()).toBe(false)
    await page.getByRole('button', { name: 'Revoke this grant' }).press('Enter')
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click()
    await page.getByText('The grant was revoked.').waitFor()
    expect(await revoked()).toBe(true)
  })

  it('issue a grant by keyboard, read back what will happen, and mean plant time wherever the viewer is', async () => {
    const { page } = await open('admin', { timezoneId: 'America/New_York' })
    await page.goto(at('/admin/grants/new'))
    await page.getByLabel('Who').fill('keyboard@vendor.example')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    const start = new Date(Math.ceil(plant.clock.now() / 3_600_000) * 3_600_000 + 48 * 3_600_000)
    const [day = '', time = ''] = start.toISOString().slice(0, 16).split('T')
    await page.locator('input[name=from]').fill(`${day}T${time}`)
    await page.getByText('plant time, UTC').first().waitFor()
    await page.getByLabel('Reason').fill('replace the sensor')
    const readback = `keyboard@vendor.example may operate press-3 panel, from ${day} ${time} for 4 h, then cut.`
    await page.getByText(readback).waitFor()
    await page.getByLabel('Reason').press('Enter')
    await page.getByRole('heading', { name: 'Grant issued' }).waitFor()
    const grants = await plant.gatehouse.services.grants.list()
    const grant = grants.find(({ to }) => to.email === 'keyboard@vendor.example')
    expect(grant).toMatchObject({ from: start.getTime(), until: start.getTime() + 4 * 3_600_000 })
  })

  it('read back every time of the week that was entered', async () => {
    const { page } = await open('admin')
    await page.goto(at('/admin/grants/new'))
    await page.getByText('More conditions').click()
    for (const [suffix, day, from, until] of [
      ['', 'mon', '06:00', '14:00'],
      ['-2', 'sat', '08:00', '12:00'],
    ] as const) {
      if (suffix !== '') await page.getByText('Another time of the week').first().click()
      await page.locator(`#days${suffix}-${day}`).check()
      await page.locator(`#dayFrom${suffix}`).fill(from)
      await page.locator(`#dayUntil${suffix}`).fill(until)
    }
    await page.getByText('only Mondays 06:00 to 14:00, and Saturdays 08:00 to 12:00.').waitFor()
    await page.getByLabel('Only from these networks').fill('192.0.2.7\n198.51.100.0/24')
    await page.locator('#days-2-sun').check()
    await page.locator('#dayUntil-2').fill('')
    await page
      .getByText('and Saturdays, Sundays 08:00 to …, only from 192.0.2.7, 198.51.100.0/24.', { exact: false })
      .waitFor()
    await expectSoundInEachLook(page, 'two times of the week', 'issue-two-times')
  }, 60_000)

  it('do all of it without scripts too', async () => {
    const grant = await plant.issue()
    const { page } = await open('admin', { javaScriptEnabled: false })
    await page.goto(at(`/admin/grants/${grant.id}`))
    await page.getByRole('button', { name: '+1 h' }).click()
    await page.getByLabel('Reason').fill('belt still off')
    await page.getByRole('button', { name: 'Extend' }).click()
    await page.getByText('The grant was extended.').waitFor()
    await page.getByLabel('Reason').fill('line is back')
    await page.getByRole('button', { name: 'Revoke this grant' }).click()
    await page.getByRole('heading', { name: 'Revoke this grant?' }).waitFor()
    await page.getByRole('button', { name: 'Revoke', exact: true }).click()
    await page.getByText('The grant was revoked.').waitFor()
  })

  it('send a form once, however often the button is pressed', async () => {
    const { page } = await open('admin')
    await page.goto(at('/admin/grants/new'))
    await page.getByLabel('Who').fill('twice@vendor.example')
    await page.getByLabel('press-3 panel').check()
    await page.getByLabel('Reason').fill('replace the sensor')
    const sent: string[] = []
    let answer = (): void => undefined
    const isAnswered = new Promise<void>((resolve) => (answer = resolve))
    await page.route(at('/admin/grants'), async (route) => {
      sent.push(route.request().method())
      await isAnswered
      await route.continue()
    })
    const button = page.getByRole('button', { name: 'Issue grant' })
    await button.scrollIntoViewIfNeeded()
    const { x, y } = (await button.boundingBox()) ?? { x: 0, y: 0 }
    for (let press = 0; press < 3; press += 1) {
      await page.mouse.click(x + 10, y + 10)
      await until('it was sent', () => sent.length > 0)
    }
    answer()
    await page.getByRole('heading', { name: 'Grant issued' }).waitFor()
    expect(sent).toEqual(['POST'])
    const grants = await plant.gatehouse.services.grants.list()
    expect(grants.filter(({ to }) => to.email === 'twice@vendor.example')).toHaveLength(1)
  })
})
