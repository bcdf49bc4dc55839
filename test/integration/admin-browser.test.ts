import { AxeBuilder } from '@axe-core/playwright'
import { launchBrowser, screenshot, type TestBrowser } from '../support/browser.js'
import { startPlant, type Plant } from '../support/plant.js'

let plant: Plant
let browser: TestBrowser

beforeAll(async () => {
  ;[plant, browser] = await Promise.all([startPlant({ enrolled: ['admin'] }), launchBrowser()])
  await plant.issue({ until: '+2h', ticket: 'CHG-1', access: 'view', reason: 'x'.repeat(400) })
  await plant.issue({ endpoints: ['press-3', 'press-4'], from: '+20h', until: '+22h' })
}, 60_000)
afterAll(async () => {
  await browser.close()
  await plant.close()
})

const paths = [
  '/admin?q=test&state=coming&machine=press-3',
  '/admin?q=nothing+fits',
  '/admin/search?q=a',
  '/admin/timeline',
  '/admin/timeline?span=week',
  '/admin/endpoints',
]

describe('in a browser, the pages for administrators', () => {
  it.each([
    { width: 1280, colorScheme: 'light' },
    { width: 320, colorScheme: 'dark' },
  ] as const)(
    'have no accessibility fault, no policy breach and nothing wider than the screen: %j',
    async ({ width, colorScheme }) => {
      const { page, problems, close } = await browser.open({ viewport: { width, height: 800 }, colorScheme })
      await plant.signInPage(page, 'admin')
      for (const path of paths) {
        await page.goto(plant.portal + path)
        await screenshot(page, `admin${path.replace(/\W+/g, '-')}-${colorScheme}`)
        const { violations } = await new AxeBuilder({ page })
          .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
          .analyze()
        expect([path, violations.map(({ id, nodes }) => [id, nodes[0]?.html])]).toEqual([path, []])
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
        expect([path, wider <= 0]).toEqual([path, true])
      }
      expect(problems).toEqual([])
      await close()
    },
    240_000,
  )
})
