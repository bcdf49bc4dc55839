import { launchBrowser, type TestBrowser } from '../support/browser.js'
import { expectSoundInEachLook } from '../support/looks.js'
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
  it('have no accessibility fault, no policy breach and nothing wider than the screen, in each look', async () => {
    const { page, problems, close } = await browser.open()
    await plant.signInPage(page, 'admin')
    for (const path of paths) {
      await page.goto(plant.portal + path)
      await expectSoundInEachLook(page, path, `admin${path.replace(/\W+/g, '-')}`)
    }
    expect(problems).toEqual([])
    await close()
  }, 300_000)
})
