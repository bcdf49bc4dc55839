import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { launchBrowser, screenshot, type TestBrowser, type TestWindow } from '../support/browser.js'
import { startPlant, type Plant } from '../support/plant.js'
import { dial } from '../support/wire.js'

/** A panel whose script stores far too much in the browser, as broken ones do and hostile ones would. */
describe('a machine that fills the browser with cookies', () => {
  let browser: TestBrowser
  let plant: Plant
  let panel: Server
  let window: TestWindow

  beforeAll(async () => {
    panel = createServer((req, res) => {
      const [, count = '0', bytes = '0'] = /^\/fill\/(\d+)\/(\d+)/.exec(req.url ?? '') ?? []
      res.setHeader('content-type', 'text/html')
      res.end(`<!doctype html><title>Panel</title><h1>Panel</h1><script>
        for (let i = 0; i < ${count}; i++) document.cookie = 'c' + i + '=' + 'x'.repeat(${bytes}) + '; path=/'
      </script>`)
    })
    await new Promise<void>((resolve) => panel.listen(0, '127.0.0.1', resolve))
    const upstream = `http://127.0.0.1:${(panel.address() as AddressInfo).port}`
    browser = await launchBrowser()
    plant = await startPlant({ endpoints: [{ id: 'press-3', upstream }], enrolled: ['vendor'] })
  }, 30_000)
  beforeEach(async () => {
    window = await browser.open()
    await plant.signInPage(window.page, 'vendor')
  })
  afterEach(() => window.close())
  afterAll(async () => {
    await browser.close()
    await plant.close()
    panel.closeAllConnections()
    await new Promise((resolve) => panel.close(resolve))
  })

  it('locks a person out, who is shown why, and gets back in by a button', async () => {
    const { page } = window
    const press = plant.origin('press-3')
    await page.goto(`${press}/fill/150/300`)
    const answer = await page.goto(`${press}/values?of=today`)
    expect(answer?.status()).toBe(431)
    await screenshot(page, 'cookie-bomb/locked-out')
    expect(window.problems.map(({ text }) => text)).toEqual(['GET <origin>/values?of=today 431'])
    await page.getByRole('button', { name: 'Clear the cookies' }).click()
    await page.getByRole('heading', { name: 'The cookies are gone' }).waitFor()
    await screenshot(page, 'cookie-bomb/cleared')
    expect(await window.context.cookies(press)).toEqual([])
    await page.getByRole('link', { name: 'Open the machine' }).click()
    await page.getByRole('heading', { name: 'Panel' }).waitFor()
    expect(page.url()).toBe(`${press}/values?of=today`)
  })

  it('locks a person out beyond what any page of ours could undo, and they are told what to do', async () => {
    const { page } = window
    const press = plant.origin('press-3')
    await page.goto(`${press}/fill/150/600`)
    const answer = await page.goto(`${press}/values`)
    expect(answer?.status()).toBe(431)
    expect(await page.getByRole('heading').innerText()).toBe('This request is too large')
  })

  it('gives no other site, and no other request, a way to clear them', async () => {
    const press = new URL(plant.origin('press-3'))
    const tooMuch = `Cookie: a=${'x'.repeat(20_000)}`
    const ask = async (line: string, ...fields: string[]): Promise<string> => {
      const client = dial(plant.gatehouse.address.port)
      client.send([`${line} HTTP/1.1`, ...fields, 'Content-Length: 0', '', ''].join('\r\n'))
      await client.ended
      return client.text()
    }
    const path = '/.gatehouse/clear-cookies'
    const own = [`Host: ${press.host}`, `Origin: ${press.origin}`]
    const portal = new URL(plant.portal)
    expect(await ask(`POST ${path}`, ...own, tooMuch)).toMatch(
      /^HTTP\/1\.1 200 .*clear-site-data: "cookies"/is,
    )
    expect(await ask(`POST ${path}`, ...own, 'Connection: close')).toMatch(/clear-site-data: "cookies"/i)
    for (const text of [
      await ask(`POST ${path}`, `Host: ${press.host}`, 'Origin: http://evil.example', tooMuch),
      await ask(`POST ${path}`, `Host: ${press.host}`, tooMuch),
      await ask(`GET ${path}`, ...own, tooMuch),
      await ask(`POST ${path}/`, ...own, tooMuch),
      await ask(`POST ${path}?now`, ...own, tooMuch),
      await ask(`POST ${path}`, `Host: ${portal.host}`, `Origin: ${portal.origin}`, tooMuch),
      await ask(`POST ${path}`, 'Host: other.example', 'Origin: http://other.example', tooMuch),
    ])
      expect(text).toMatch(/^HTTP\/1\.1 431 (?!.*clear-site-data)/is)
    const foreign = [`Host: ${press.host}`, 'Origin: http://evil.example', 'Connection: close']
    expect(await ask(`POST ${path}`, ...foreign)).toMatch(/^HTTP\/1\.1 4\d\d (?!.*clear-site-data)/is)
  })
})
