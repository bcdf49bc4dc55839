import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  chromium,
  type BrowserContext,
  type BrowserContextOptions,
  type ConsoleMessage,
  type Page,
  type WebSocket,
} from 'playwright-core'

/** One headless Chromium for a test file; a fresh profile for each test. */
export interface TestBrowser {
  /** A new window with no cookies. Closed by `close` at the latest. */
  open(options?: BrowserContextOptions): Promise<TestWindow>
  close(): Promise<void>
}

export interface TestWindow {
  readonly context: BrowserContext
  readonly page: Page
  /** What went wrong in any page of this window since it was opened. */
  readonly problems: readonly PageProblem[]
  /** Every WebSocket any page of this window opened, in order. */
  readonly webSockets: readonly WatchedWebSocket[]
  close(): Promise<void>
}

export interface PageProblem {
  readonly kind: 'console' | 'exception' | 'request-failed' | 'bad-status'
  /** Without origin, port, line numbers and other things that differ between two runs. */
  readonly text: string
}

export interface WatchedWebSocket {
  readonly url: string
  readonly framesReceived: number
  readonly framesSent: number
  readonly isClosed: boolean
}

const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
const screenshotFolder = join(import.meta.dirname, '../../.artifacts/screenshots')

const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Whatever a page asks for, it never leaves this machine.
  '--host-resolver-rules=MAP * 127.0.0.1',
]

/** @throws Error when Chromium is not installed */
export async function launchBrowser(): Promise<TestBrowser> {
  const isRoot = process.getuid?.() === 0
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    // Chromium refuses its sandbox to root, which is who tests run as in a container.
    args: isRoot ? [...flags, '--no-sandbox'] : flags,
  })
  return {
    async open(options = {}) {
      const context = await browser.newContext({
        locale: 'en-GB',
        timezoneId: 'Europe/Berlin',
        viewport: { width: 1280, height: 800 },
        ...options,
      })
      context.setDefaultTimeout(30_000)
      const problems: PageProblem[] = []
      const webSockets: WatchedWebSocket[] = []
      context.on('page', (page) => watch(page, problems, webSockets))
      const page = await context.newPage()
      return { context, page, problems, webSockets, close: () => context.close() }
    },
    close: () => browser.close(),
  }
}

/** `.artifacts/screenshots/<name>.png`, for people to look at. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const path = join(screenshotFolder, `${name}.png`)
  await mkdir(dirname(path), { recursive: true })
  await page.screenshot({ path, fullPage: true })
}

function watch(page: Page, problems: PageProblem[], webSockets: WatchedWebSocket[]): void {
  const add = (kind: PageProblem['kind'], text: string): void =>
    void problems.push({ kind, text: steady(text) })
  page.on('console', (message) => {
    // A missing file is told by `bad-status` already, with its address.
    if (message.type() === 'error' && !isAboutLoading(message)) {
      add('console', `${message.text()} (${message.location().url})`)
    }
  })
  page.on('pageerror', (error) => add('exception', error.message))
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? 'failed'
    // Leaving a page ends what it was still loading.
    if (why !== 'net::ERR_ABORTED') add('request-failed', `${request.method()} ${request.url()} ${why}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 400)
      add('bad-status', `${response.request().method()} ${response.url()} ${response.status()}`)
  })
  page.on('websocket', (socket) => webSockets.push(count(socket)))
}

function isAboutLoading(message: ConsoleMessage): boolean {
  return message.text().startsWith('Failed to load resource')
}

function count(socket: WebSocket): WatchedWebSocket {
  const seen = { url: socket.url(), framesReceived: 0, framesSent: 0, isClosed: false }
  socket.on('framereceived', () => (seen.framesReceived += 1))
  socket.on('framesent', () => (seen.framesSent += 1))
  socket.on('close', () => (seen.isClosed = true))
  return seen
}

/** Two runs of the same page, on two origins, say the same. */
function steady(text: string): string {
  return (
    text
      .replace(/\b(https?|wss?):\/\/[^\s/'"()]+/g, (origin) => (isLoopback(origin) ? '<origin>' : origin))
      .replace(/([?&](?:t|_|sid|EIO)=)[^&\s)'"]+/g, '$1…')
      .replace(/:\d+:\d+/g, '')
      // Gatehouse passes the number of an answer and not the machine's words for it.
      .replace(/\b([45]\d\d) [A-Z][a-z]+(?: \w+)*/g, '$1')
  )
}

function isLoopback(origin: string): boolean {
  return /^[a-z]+:\/\/(?:[\w.-]+\.)?(?:localhost|127\.0\.0\.1)(?::\d+)?$/.test(origin)
}
