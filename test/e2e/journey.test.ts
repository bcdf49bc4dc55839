import { FillingLine, filler, startHmi, type Hmi } from '../../demo/plant/index.js'
import { launchBrowser, screenshot, type TestBrowser, type TestWindow } from '../support/browser.js'
import { oneTimeCode } from '../support/one-time-code.js'
import { accounts, startPlant, type AccountName, type Plant } from '../support/plant.js'

/** The main job, as two people do it at two screens. */
describe('in a real browser', () => {
  let browser: TestBrowser
  let plant: Plant
  let hmi: Hmi
  let windows: TestWindow[]

  beforeAll(async () => {
    browser = await launchBrowser()
  })
  beforeEach(async () => {
    hmi = await startHmi({ line: new FillingLine({ profile: filler, seed: 7 }), port: 0, name: 'Filler 1' })
    plant = await startPlant({
      endpoints: [
        { id: 'filler-1', upstream: hmi.url },
        { id: 'labeller-1', upstream: hmi.url },
      ],
      granted: [],
      enrolled: ['admin', 'stranger'],
    })
    windows = []
  }, 30_000)
  afterEach(async () => {
    for (const window of windows) await window.close()
    await plant.close()
    await hmi.close()
  })
  afterAll(() => browser.close())

  const open = async (options = {}): Promise<TestWindow> => {
    const window = await browser.open(options)
    windows.push(window)
    return window
  }
  const enterPassword = async ({ page }: TestWindow, name: AccountName): Promise<void> => {
    await page.getByRole('link', { name: /^Sign in with/ }).click()
    await page.locator('input[name=login]').fill(accounts[name].login)
    await page.locator('input[name=password]').fill(accounts[name].password)
    await page.locator('button[type=submit]').click()
  }
  /** Gives the vendor access on the administrator's page, and reads out the enrolment code. */
  const giveAccess = async (): Promise<string> => {
    const { page } = await open()
    await plant.signInPage(page, 'admin')
    await page.goto(`${plant.portal}/admin`)
    await screenshot(page, 'journey/admin-empty')
    await page.getByRole('link', { name: 'Issue a grant' }).first().click()
    await page.locator('input[name=to]').fill(accounts.vendor.email)
    await page.getByLabel(/filler-1/).check()
    await page.locator('[name=reason]').fill('replace the recipe module')
    await screenshot(page, 'journey/admin-issue')
    await page
      .getByRole('button', { name: /grant|give/i })
      .first()
      .click()
    const code = await page
      .getByText(/^[0-9A-Z]{4}(-[0-9A-Z]{4}){3,}$/)
      .first()
      .innerText()
    await screenshot(page, 'journey/admin-issued')
    return code
  }

  it('a newcomer signs in, enrols, opens the HMI, changes a setpoint, and is out when the grant is revoked', async () => {
    const invitation = await giveAccess()
    const vendor = await open()
    const { page } = vendor

    // A deep link: the path they were sent survives the whole way.
    const wanted = `${plant.origin('filler-1')}/hmi/setpoints`
    await page.goto(wanted)
    await screenshot(page, 'journey/1-sign-in')
    await enterPassword(vendor, 'vendor')
    await page.locator('input[name=invitation]').fill(invitation)
    await screenshot(page, 'journey/2-invitation')
    await page.locator('input[name=invitation]').press('Enter')
    const secret = await page
      .getByText(/^([A-Z2-7]{4} ?){8}$/)
      .first()
      .innerText()
    await screenshot(page, 'journey/3-enrol')
    const code = oneTimeCode(secret.replaceAll(' ', ''), plant.clock.now())
    await page.locator('input[autocomplete=one-time-code]').fill(code)
    await page.locator('input[autocomplete=one-time-code]').press('Enter')
    await page.getByText('recovery codes').first().waitFor()
    await screenshot(page, 'journey/4-recovery-codes')
    const stored = page.locator('main input[type=checkbox]')
    if ((await stored.count()) > 0) await stored.check()
    await page.locator('main form button, main a.button').last().click()

    await page.waitForURL(wanted)
    await page.locator('#setpoint-form').waitFor()
    await page.locator('#setpoint-form input[name=speed]').fill('150')
    await screenshot(page, 'journey/5-setpoints')
    await page.locator('#setpoint-form input[name=speed]').press('Enter')
    await page
      .getByText(/taken|accepted|150/)
      .first()
      .waitFor()
    await page.goto(`${plant.origin('filler-1')}/`)
    const speed = page.locator('#live-speed')
    const first = await speed.innerText()
    await page.waitForFunction(`document.querySelector('#live-speed').innerText !== ${JSON.stringify(first)}`)
    await screenshot(page, 'journey/6-hmi')
    expect(vendor.webSockets.some((socket) => socket.framesReceived > 0)).toBe(true)

    const [grant] = await plant.gatehouse.services.grants.list()
    const began = performance.now()
    await plant.command('grants', 'revoke', grant?.id ?? '', '--reason', 'the line is needed')
    await page.getByText('grant-revoked').waitFor()
    expect(performance.now() - began).toBeLessThan(2_000)
    await screenshot(page, 'journey/7-hmi-cut')
    await page.reload()
    await page.getByText('Your access was withdrawn').waitFor()
    await screenshot(page, 'journey/8-withdrawn')
    await page.goto(plant.portal)
    await page.getByText('the line is needed').waitFor()
    await screenshot(page, 'journey/9-portal-after')
    expect(hmi.viewers()).toBe(0)
    // The refusals of the reconnecting panel are meant; nothing else may go wrong on the way.
    expect(vendor.problems.filter(({ text }) => !/403|401|WebSocket|\/live/.test(text))).toEqual([])
  }, 90_000)

  it('somebody else gets nowhere, and is told what to do', async () => {
    await plant.issue({ endpoints: ['filler-1'] })
    const { page } = await open({ viewport: { width: 390, height: 844 } })
    await plant.signInPage(page, 'stranger')
    await screenshot(page, 'journey/stranger-home')
    await page.goto(plant.origin('filler-1'))
    await page.getByText('You have no access here').waitFor()
    await screenshot(page, 'journey/stranger-denied')
    expect(hmi.viewers()).toBe(0)
  }, 60_000)

  it('a grant for later opens nothing yet, says when it starts, and opens the machine from then on', async () => {
    const { page } = await open()
    await plant.signInPage(page, 'stranger')
    await plant.issue({
      to: accounts.stranger.email,
      endpoints: ['filler-1'],
      from: '+2h',
      until: '+4h',
      reason: 'planned maintenance',
    })
    // It waits for its owner by e-mail, and is theirs at the next sign-in.
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(`${plant.portal}/signed-out`)
    await screenshot(page, 'journey/signed-out')
    await plant.signInPage(page, 'stranger')
    await page.getByText('planned maintenance').waitFor()
    await screenshot(page, 'journey/later-home')
    expect(await page.getByRole('link', { name: /^Open/ }).count()).toBe(0)
    await page.goto(plant.origin('filler-1'))
    await page.getByText('Your access has not started yet').waitFor()
    await screenshot(page, 'journey/later-denied')
    expect(hmi.viewers()).toBe(0)
    await plant.clock.advance({ hours: 2 })
    await page.reload()
    await page.locator('#live-speed').waitFor()
  }, 60_000)

  it('a wrong code is refused, and so is one that has been used', async () => {
    const used = await plant.code('admin')
    const first = await open()
    await first.page.goto(plant.portal)
    await enterPassword(first, 'admin')
    const field = first.page.locator('input[autocomplete=one-time-code]')
    await field.fill(used === '000000' ? '000001' : '000000')
    await field.press('Enter')
    await first.page
      .getByText(/not right|wrong/i)
      .first()
      .waitFor()
    await screenshot(first.page, 'journey/wrong-code')
    await field.fill(used)
    await field.press('Enter')
    await first.page.waitForURL(`${plant.portal}/`)

    const second = await open()
    await second.page.goto(plant.portal)
    await enterPassword(second, 'admin')
    await second.page.locator('input[autocomplete=one-time-code]').fill(used)
    await second.page.locator('input[autocomplete=one-time-code]').press('Enter')
    await second.page.getByText('has been used').waitFor()
  }, 60_000)
})
