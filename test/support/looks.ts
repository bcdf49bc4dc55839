import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { screenshot } from './browser.js'

/**
 * How every page is looked at. A window of 1280 pixels at a zoom of 400 % is 320 CSS pixels wide, which is what WCAG 2.2
 * §1.4.10 asks to be without scrolling in two directions; so 320 stands for a phone and for that zoom alike.
 */
const looks = [
  { width: 1280, colorScheme: 'light' },
  { width: 1280, colorScheme: 'dark' },
  { width: 320, colorScheme: 'dark' },
  { width: 320, colorScheme: 'light' },
] as const

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/**
 * That the page, as it is open, has no accessibility fault and nothing wider than the screen, in each look. It is loaded
 * once: theme and width change beneath it.
 *
 * @param name of the screenshots; none are kept without
 */
export async function expectSoundInEachLook(page: Page, path: string, name?: string): Promise<void> {
  for (const { width, colorScheme } of looks) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 800 })
    const place = `${path} ${String(width)} ${colorScheme}`
    if (name !== undefined) await screenshot(page, `${name}-${String(width)}-${colorScheme}`)
    // In the page itself: our pages have no frames, and a second page for each run makes it four times as slow.
    const { violations } = await new AxeBuilder({ page })
      .options({ runOnly: tags, resultTypes: ['violations'] })
      .setLegacyMode()
      .analyze()
    expect([place, violations.map(({ id, nodes }) => [id, nodes[0]?.html])]).toEqual([place, []])
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    expect([place, wider <= 0]).toEqual([place, true])
  }
}
