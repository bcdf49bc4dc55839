import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { FillingLine, filler, startHmi, type Hmi } from '../../demo/plant/index.js'
import { launchBrowser, screenshot, type TestBrowser, type TestWindow } from '../support/browser.js'
import { startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'
import { startRawMachine, type RawMachine } from '../support/wire.js'

/** Minutes before the end, and what is said from then on. */
const stages = [
  [15, 'Bring your work to where the machine can be left'],
  [5, 'Leave the machine in a safe state now'],
  [1, 'Start nothing new'],
] as const

/** Old and strict pages, as a machine may send them. */
const pages: Record<string, string> = {
  '/old': 'Content-Type: text/html\r\n\r\n<HTML><BODY BGCOLOR=silver><FONT SIZE=4>Pump 2</FONT>',
  '/strict':
    "Content-Type: text/html\r\nContent-Security-Policy: script-src 'nonce-x'\r\n\r\n" +
    '<!doctype html><html><body>Pump 3<script nonce="x">document.title = "runs"</script></body></html>',
}

describe('in a real browser, as access ends', () => {
  let browser: TestBrowser
  let plant: Plant
  let hmi: Hmi
  let old: RawMachine
  let windows: TestWindow[]

  beforeAll(async () => {
    browser = await launchBrowser()
    hmi = await startHmi({ line: new FillingLine({ profile: filler, seed: 7 }), port: 0, name: 'Filler 1' })
    old = await startRawMachine((socket, soFar) => {
      if (!soFar.endsWith('\r\n\r\n')) return
      socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n${pages[soFar.split(' ')[1] ?? ''] ?? '\r\n'}`)
    })
    plant = await startPlant({
      endpoints: [
        { id: 'filler-1', upstream: hmi.url, more: 'timeLeftNotice: true' },
        { id: 'pump', upstream: old.url, more: 'timeLeftNotice: true' },
      ],
      granted: [],
      enrolled: ['vendor'],
    })
  }, 60_000)
  beforeEach(() => {
    windows = []
  })
  afterEach(async () => {
    for (const window of windows) await window.close()
    for (const grant of await plant.gatehouse.services.grants.list())
      if (grant.revocation === null && grant.until > plant.clock.now()) await plant.revoke(grant)
  })
  afterAll(async () => {
    await browser.close()
    await plant.close()
    await hmi.close()
    await old.close()
  })

  /** Signed in; the time of its pages passes with the plant's where a test says so, and by itself besides. */
  const open = async (options: Parameters<TestBrowser['open']>[0] = {}): Promise<TestWindow> => {
    const window = await browser.open(options)
    windows.push(window)
    await plant.signInPage(window.page, 'vendor')
    await window.page.clock.install()
    return window
  }
  const pass = async (page: Page, ms: number): Promise<void> => {
    await plant.clock.advance({ ms })
    await page.clock.fastForward(ms)
  }
  const grantFor = (endpoint: string, minutes: number) =>
    plant.issue({ endpoints: [endpoint], until: plant.clock.now() + minutes * 60_000 })

  it('the portal warns at 15, 5 and 1 minutes and at the end, says each once, and then what to do', async () => {
    const { page, problems } = await open()
    const { until: end } = await grantFor('filler-1', 20)
    await page.goto(plant.portal)
    await page.evaluate(`{
      const said = document.querySelector('[data-said]')
      window.said = []
      new MutationObserver(() => window.said.push(said.textContent)).observe(said, { childList: true })
    }`)
    const shown = page.locator('.warning:not([hidden])')
    expect(await shown.count()).toBe(0)
    for (const [minutes, words] of stages) {
      await pass(page, end - plant.clock.now() - minutes * 60_000)
      await shown.getByText(words).waitFor()
      expect(await shown.count()).toBe(1)
      const { violations } = await new AxeBuilder({ page }).analyze()
      expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([])
      await screenshot(page, `time-left/portal-${minutes}`)
    }
    const said = await page.evaluate<string[]>('window.said')
    expect(said).toHaveLength(3)
    stages.forEach(([, words], index) => {
      expect(said[index]).toMatch(/^filler-1 panel: \d+ (?:min|s) left\. At the end the connection is cut\./)
      expect(said[index]).toContain(words)
    })
    await pass(page, end - plant.clock.now() + 1_000)
    await page.getByText('Ended as agreed on').waitFor()
    await page.getByText('ask your contact at the plant for more time').waitFor()
    await screenshot(page, 'time-left/portal-after')
    expect(problems).toEqual([])
  }, 60_000)

  it('the portal notices by itself that there is more time, or none any more', async () => {
    const { page } = await open({ viewport: { width: 360, height: 740 }, colorScheme: 'dark' })
    const grant = await grantFor('filler-1', 4)
    await page.goto(plant.portal)
    await page.getByText('Leave the machine in a safe state now').waitFor()
    await screenshot(page, 'time-left/portal-5-dark-phone')
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    await plant.command('grants', 'extend', grant.id, '--until', '+2h', '--reason', 'work goes on')
    await page.clock.fastForward(20_000)
    await page.getByText('1 h 59 min').waitFor()
    expect(await page.locator('.warning:not([hidden])').count()).toBe(0)
    await plant.command('grants', 'revoke', grant.id, '--reason', 'the line is needed')
    await page.clock.fastForward(20_000)
    await page.getByText('the line is needed').waitFor()
  }, 60_000)

  it('a wrong clock of the computer changes nothing on the portal', async () => {
    const { page } = await open()
    await grantFor('filler-1', 30)
    await page.clock.setSystemTime(0)
    await page.goto(plant.portal)
    await page.getByText('29 min').waitFor()
    await page.clock.setSystemTime(4e12)
    await page.clock.runFor(2_000)
    expect(await page.locator('[data-until]').innerText()).toBe('29 min')
  }, 60_000)

  it('the machine’s page carries a notice of Gatehouse, which folds away, comes back, and tells the end', async () => {
    const { page, problems } = await open()
    const { until: end } = await grantFor('filler-1', 20)
    await page.goto(plant.origin('filler-1'))
    await page.locator('#live-speed').waitFor()
    const keys = `window.keys = 0; document.addEventListener('keydown', ({ key }) => key === 'Enter' && (window.keys += 1))`
    await page.evaluate(keys)
    expect(await noticeOn(page)).toBe(null)
    for (const [minutes, words] of stages) {
      await pass(page, end - plant.clock.now() - minutes * 60_000)
      await until('the notice says so', async () => (await noticeOn(page))?.includes(words))
      expect(await noticeOn(page)).toMatch(/Gatehouse.*Access to filler-1 panel ends in \d+ (?:min|s)\./)
      await page.clock.runFor(1_100)
      await screenshot(page, `time-left/hmi-${minutes}`)
      await foldAway(page)
      await until('it is folded', async () => !(await noticeOn(page))?.includes(words))
      expect(await noticeOn(page)).toMatch(/\d+ (?:min|s) left/)
      await screenshot(page, `time-left/hmi-${minutes}-folded`)
    }
    expect(await page.evaluate('window.keys')).toBe(0)
    await pass(page, end - plant.clock.now() + 1_000)
    await until('it says the end', async () => (await noticeOn(page))?.includes('has ended'))
    expect(await noticeOn(page)).toMatch(
      /Access to filler-1 panel has ended\..*do not rely on what it shows.*call your contact at the plant.*Open the portal/,
    )
    await page.clock.runFor(1_100)
    await screenshot(page, 'time-left/hmi-after')
    // The panel's own attempts to go on are refused, and so is the question how long; nothing else may go wrong.
    expect(problems.filter(({ text }) => !/403|401|WebSocket|\/live/.test(text))).toEqual([])
  }, 90_000)

  it('the notice speaks the language of the browser', async () => {
    const { page } = await open({ locale: 'de-DE' })
    await grantFor('filler-1', 4)
    await page.goto(plant.origin('filler-1'))
    await until('it is there', async () => (await noticeOn(page))?.includes('endet in'))
    expect(await noticeOn(page)).toMatch(/Der Zugang zu filler-1 panel endet in \d min\..*Portal öffnen/)
    expect(await noticeOn(page)).not.toMatch(/Move|Fold|Open/)
  }, 60_000)

  it('an old page that is never closed carries it too, and stays in its own mode', async () => {
    const { page } = await open()
    await grantFor('pump', 4)
    await page.goto(`${plant.origin('pump')}/old`)
    await until('the notice is there', async () => (await noticeOn(page))?.includes('Leave the machine'))
    expect(await page.evaluate('document.scrollingElement.scrollHeight <= innerHeight')).toBe(true)
    expect(await page.evaluate('[document.compatMode, document.body.innerText.trim()]')).toEqual([
      'BackCompat',
      'Pump 2',
    ])
    await foldAway(page)
    await page.reload()
    await until('it is as it was left', async () => ((await noticeOn(page)) ?? '').endsWith('min left'))
  }, 60_000)

  it('a page whose own policy keeps scripts out stays as it is, and without notice', async () => {
    const { page, problems } = await open()
    await grantFor('pump', 4)
    await page.goto(`${plant.origin('pump')}/strict`)
    expect(await page.title()).toBe('runs')
    await until('the browser refused it', () =>
      problems.some(({ text }) => text.includes('Content Security Policy')),
    )
    expect(await noticeOn(page)).toBe(null)
  }, 60_000)
})

/** All that the notice says to a person, in order; null while none is shown. No selector of a page reaches into it. */
async function noticeOn(page: Page): Promise<string | null> {
  const nodes = await axTree(page)
  const notice = nodes.find(({ name }) => String(name?.value).startsWith('Gatehouse: '))
  if (notice === undefined) return null
  const words: string[] = []
  const collect = (id: string): void => {
    const node = nodes.find(({ nodeId }) => nodeId === id)
    if (node?.role?.value === 'StaticText') words.push(String(node.name?.value))
    else node?.childIds?.forEach(collect)
  }
  collect(notice.nodeId)
  return words.join(' ')
}

async function axTree(page: Page) {
  const browser = await page.context().newCDPSession(page)
  const { nodes } = await browser.send('Accessibility.getFullAXTree')
  await browser.detach()
  return nodes
}

/** By the keyboard alone. */
async function foldAway(page: Page): Promise<void> {
  await until('the keyboard is there', async () => {
    await page.keyboard.press('Tab')
    return (await axTree(page)).some(
      ({ name, properties }) =>
        name?.value === 'Fold away' &&
        properties?.some((property) => property.name === 'focused' && property.value.value === true),
    )
  })
  await page.keyboard.press('Enter')
}
