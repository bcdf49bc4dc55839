import type { Page } from 'playwright-core'
import { screenshot, type PageProblem, type TestBrowser, type TestWindow } from './browser.js'
import { until } from './until.js'

/** What a person at the screen saw, in words that do not depend on the origin. */
export interface Sighting {
  /** Console errors, uncaught exceptions, requests that failed or were refused; each once, in order. */
  readonly problems: readonly string[]
  /** Paths of the WebSockets over which frames came, without their session parameters. */
  readonly webSockets: readonly string[]
  /** Paths of what service workers cover. */
  readonly serviceWorkers: readonly string[]
  /** Paths, without query, of every document, script, style sheet, font and picture that arrived. */
  readonly assets: readonly string[]
}

/** Every piece of work is done under each of them. */
export const hostHeaders = ['upstream', 'original'] as const
export type HostHeader = (typeof hostHeaders)[number]

export interface Visit {
  readonly browser: TestBrowser
  /** Where the software is: its own address, or its origin behind Gatehouse. */
  readonly origin: string
  /** Paths that it is known to fetch sooner or later. */
  readonly awaits?: readonly string[]
  /** For file names of screenshots. */
  readonly name: string
  /** Called with the fresh window before anything is opened; signs in where one has to. */
  readonly enter: (page: Page) => Promise<void>
}

const assetKinds = new Set(['document', 'script', 'stylesheet', 'font', 'image', 'manifest'])

/** Opens a window, does one piece of work in it, and tells what was seen from the first request to the last. */
async function watch(visit: Visit, work: (window: TestWindow) => Promise<void>): Promise<Sighting> {
  const window = await visit.browser.open()
  const { page } = window
  try {
    await visit.enter(page)
    const problemsOfSigningIn = window.problems.length
    const assets = new Set<string>()
    page.on('response', (response) => {
      const url = new URL(response.url())
      const isAsset = assetKinds.has(response.request().resourceType())
      if (isAsset && url.origin === visit.origin && response.status() < 400) assets.add(url.pathname)
    })
    await work(window)
    // Some are fetched when the page has nothing better to do. What never comes is for the caller to find missing.
    const haveArrived = (): boolean => (visit.awaits ?? []).every((path) => assets.has(path))
    await until('what else the page fetches', haveArrived, 30_000).catch(() => undefined)
    await screenshot(page, `third-party/${visit.name}`)
    // A string, because it runs in the page, whose globals are not Node's.
    const scopes = await page.evaluate<string[]>(
      'navigator.serviceWorker?.getRegistrations().then((all) => all.map((one) => one.scope)) ?? []',
    )
    return {
      problems: told(window.problems.slice(problemsOfSigningIn)),
      webSockets: window.webSockets
        .filter((socket) => socket.framesReceived > 0)
        .map((socket) => new URL(socket.url).pathname),
      serviceWorkers: scopes.map((scope) => new URL(scope).pathname),
      assets: [...assets].sort(),
    }
  } catch (error) {
    await screenshot(page, `third-party/${visit.name}-failed`).catch(() => undefined)
    const problems = told(window.problems).map((problem) => `  ${problem.slice(0, 200)}`)
    throw new Error(
      `${visit.name} at ${page.url()} failed; problems on the way:\n${problems.slice(0, 10).join('\n') || '  none'}`,
      {
        cause: error,
      },
    )
  } finally {
    await window.close()
  }
}

function told(problems: readonly PageProblem[]): string[] {
  return [...new Set(problems.map(({ kind, text }) => `${kind}: ${text}`))]
}

/** Adds a comment to the flow and deploys it, as an engineer would. `comment` has to be new. */
export function deployFromEditor(visit: Visit, comment: string): Promise<Sighting> {
  return watch(visit, async ({ page, webSockets }) => {
    await page.goto(`${visit.origin}/`)
    await page.getByText('each second').first().waitFor()
    await eventually('frames over /comms', () => webSockets.some((socket) => socket.framesReceived > 0))

    const workspace = page.locator('#red-ui-workspace-chart')
    const palette = page.locator('.red-ui-palette-node[data-palette-type="comment"]')
    // Each visit leaves one behind; the next goes below it.
    const below = 200 + 40 * (await page.locator('.red-ui-flow-node-group').count())
    await palette.dragTo(workspace, { targetPosition: { x: 500, y: below } })
    const node = page.locator('.red-ui-flow-node-group.red-ui-flow-node-selected')
    await node.dblclick()
    await page.locator('#node-input-name').fill(comment)
    await page.locator('#node-dialog-ok').click()
    await page.getByText(comment).first().waitFor()

    await page.locator('#red-ui-header-button-deploy').click()
    await page.getByText('Successfully deployed').waitFor()
  })
}

/** Watches the count grow over the WebSocket, and sets it from the page. */
export function watchDashboard(visit: Visit, dashboardPath: string): Promise<Sighting> {
  return watch(visit, async ({ page, webSockets }) => {
    await page.goto(visit.origin + dashboardPath)
    const bottles = page.locator('.nrdb-ui-text-value').first()
    await bottles.waitFor()
    const count = async (): Promise<number> => Number(await bottles.textContent())
    const first = await count()
    await eventually('a count that grows', async () => (await count()) > first + 1)
    const before = await count()
    await page.getByRole('button', { name: 'Next batch' }).click()
    await eventually('the next batch, 1000 bottles on', async () => (await count()) >= before + 1000)
    await eventually('frames in both directions', () =>
      webSockets.some((socket) => socket.framesReceived > 2 && socket.framesSent > 2),
    )
    // Its service worker comes after the first picture.
    await eventually('a service worker', () =>
      page.evaluate<boolean>('navigator.serviceWorker.getRegistration().then((one) => one?.active != null)'),
    )
  })
}

/** Runs a query and reads its answer, as a table and as a graph. */
export function queryPrometheus(visit: Visit): Promise<Sighting> {
  return watch(visit, async ({ page }) => {
    await page.goto(`${visit.origin}/`)
    await page.locator('#expr0').fill('up')
    const row = page.locator('.graph_wrapper tbody tr', { hasText: 'up{' })
    await eventually('a result of the query', async () => {
      await page.locator('.execute_btn').first().click()
      await page.locator('.spinner').first().waitFor({ state: 'hidden' })
      return (await row.count()) > 0
    })
    const text = (await row.first().textContent()) ?? ''
    if (!/job="prometheus"\}\s*1\s*$/.test(text)) throw new Error(`up is not 1 but: ${text}`)
    await page.locator('.nav-tabs a', { hasText: 'Graph' }).click()
    await page.locator('.rickshaw_graph svg path').first().waitFor({ state: 'attached' })
    await page.goto(`${visit.origin}/classic/config`)
    await page.getByText('job_name: prometheus').waitFor()
    await page.goBack()
    await page.locator('.rickshaw_graph svg path').first().waitFor({ state: 'attached' })
  })
}

/**
 * Sees the time go by on the screen of a panel PC, clicks into its terminal and enters a line.
 * `entered` reads what arrived there.
 */
export function operateScreen(
  visit: Visit,
  screenPath: string,
  line: string,
  entered: () => Promise<string>,
): Promise<Sighting> {
  return watch(visit, async ({ page }) => {
    await page.goto(visit.origin + screenPath)
    const first = await pictureOf(page)
    await eventually('a picture that changes', async () => (await pictureOf(page)) !== first)
    await page.locator(picture).click({ position: { x: 40, y: 40 } })
    await page.keyboard.type(`${line}\n`)
    const click = /\x1b\[<0;\d+;\d+M/
    await eventually('the click and the line on the other side', async () => {
      const last = (await entered()).trimEnd().split('\n').at(-1) ?? ''
      return click.test(last) && last.endsWith(line)
    })
  })
}

const picture = '#noVNC_container canvas'

/** The pixels on the screen; waits until there is one. */
async function pictureOf(page: Page): Promise<string> {
  await page.locator(picture).waitFor({ timeout: 60_000 })
  return page.evaluate<string>(`document.querySelector('${picture}').toDataURL()`)
}

/** A window that stays open. */
export interface Sitting {
  readonly name: string
  readonly window: TestWindow
  /** What its live part shows at this moment, as a text that changes when the picture does. */
  glance(): Promise<string>
  /** As in `Sighting`, since the person entered. */
  problems(): readonly string[]
}

/** The four programs as they are watched for hours: what to open, and where to look. */
export const screens = {
  editor: {
    path: '/',
    glance: async (page: Page) =>
      (await page.locator('.red-ui-flow-node-status-label', { hasText: 'bottles' }).textContent()) ?? '',
  },
  dashboard: {
    path: '/dashboard/line',
    glance: async (page: Page) => (await page.locator('.nrdb-ui-text-value').first().textContent()) ?? '',
  },
  /** Its pages ask only when someone does. */
  trends: {
    path: '/classic/graph?g0.expr=time()&g0.tab=1',
    glance: async (page: Page) => {
      await page.locator('.execute_btn').first().click()
      await page.locator('.spinner').first().waitFor({ state: 'hidden' })
      return (await page.locator('.graph_wrapper tbody tr').first().textContent()) ?? ''
    },
  },
  screen: { path: '/vnc.html?autoconnect=true', glance: pictureOf },
} as const
export type ScreenName = keyof typeof screens

/** Opens one of the screens and leaves it open. */
export async function sitDown(visit: Visit, screen: ScreenName): Promise<Sitting> {
  const { path, glance } = screens[screen]
  const window = await visit.browser.open()
  await visit.enter(window.page)
  const problemsOfSigningIn = window.problems.length
  await window.page.goto(visit.origin + path)
  await glance(window.page)
  return {
    name: visit.name,
    window,
    glance: () => glance(window.page),
    problems: () => told(window.problems.slice(problemsOfSigningIn)),
  }
}

const eventually = (what: string, holds: () => boolean | Promise<boolean>): Promise<void> =>
  until(what, holds, 15_000, 100)
