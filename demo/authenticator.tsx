import { createServer } from 'node:http'
import { generateSync } from 'otplib'
import { systemClock, type Clock } from '../src/lib/index.js'
import { renderDocument } from './document.js'
import { listen, sendHtml, sendJson, type Running } from './http.js'

/** A second factor of the demo, which a real person would carry in their phone. */
export interface AuthenticatorEntry {
  readonly name: string
  /** The user name at the provider. */
  readonly login: string
  /** Base32. */
  readonly secret: string
}

export const periodMs = 30_000

/** The one-time code (RFC 6238) of `secret` at an instant, as an authenticator app shows it. */
export function oneTimeCode(secret: string, atMs: number): string {
  return generateSync({ strategy: 'totp', secret, epoch: Math.floor(atMs / 1_000) })
}

/** How long the codes of now will still be shown. */
export function remainingMs(atMs: number): number {
  return periodMs - (atMs % periodMs)
}

/**
 * A page that stands in for the authenticator apps of all demo accounts. A newcomer may have none at hand;
 * whoever copied this to a plant would have no second factor at all.
 */
export async function startAuthenticator(options: {
  readonly port: number
  readonly entries: readonly AuthenticatorEntry[]
  readonly clock?: Clock
}): Promise<Running> {
  const { entries, clock = systemClock } = options
  const codes = (): unknown => {
    const now = clock.now()
    return {
      remainingMs: remainingMs(now),
      codes: entries.map(({ login, secret }) => ({ login, code: oneTimeCode(secret, now) })),
    }
  }
  const server = createServer((req, res) => {
    const { pathname } = new URL(req.url ?? '/', 'http://authenticator')
    if (req.method !== 'GET' && req.method !== 'HEAD') sendJson(res, 405, { message: 'Read only.' })
    else if (pathname === '/') sendHtml(res, 200, page(entries, clock.now()))
    else if (pathname === '/codes.json') sendJson(res, 200, codes())
    else sendJson(res, 404, { message: 'Nothing here.' })
  })
  return listen(server, options.port)
}

/** `123456` reads easier as `123 456`; the sign-in page takes both. */
export function spaced(code: string): string {
  return `${code.slice(0, 3)} ${code.slice(3)}`
}

function page(entries: readonly AuthenticatorEntry[], now: number): string {
  return renderDocument({
    title: 'Authenticator of the demo',
    children: (
      <>
        <h1>Authenticator</h1>
        <p class="lead">One-time codes of the demo accounts</p>
        <div class="timer">
          <i aria-hidden="true">
            <b style={`width:${(remainingMs(now) / periodMs) * 100}%`} />
          </i>
          <span>
            next in <output>{Math.ceil(remainingMs(now) / 1_000)}</output> s
          </span>
        </div>
        <ul class="codes">
          {entries.map(({ name, login, secret }) => (
            <li>
              <span class="who">
                {name}
                <small>user {login}</small>
              </span>
              <button type="button" data-login={login} title="Copy">
                {spaced(oneTimeCode(secret, now))}
              </button>
            </li>
          ))}
        </ul>
        <p class="note" role="status">
          A code works once. Select one to copy it. In real life these live in each person’s own phone.
        </p>
      </>
    ),
    script,
  })
}

const script = `
(() => {
  const one = (selector) => document.querySelector(selector)
  let endsAt = 0
  let isLoading = false
  async function load() {
    if (isLoading) return
    isLoading = true
    try {
      const { codes, remainingMs } = await (await fetch('/codes.json', { cache: 'no-store' })).json()
      for (const { login, code } of codes) {
        one('[data-login="' + CSS.escape(login) + '"]').textContent = code.slice(0, 3) + ' ' + code.slice(3)
      }
      endsAt = performance.now() + remainingMs
    } catch {
      one('[role=status]').textContent = 'The demo has stopped.'
      endsAt = performance.now() + 2000
    }
    isLoading = false
  }
  setInterval(() => {
    const left = endsAt - performance.now()
    if (left <= 0) void load()
    one('.timer b').style.width = Math.max(0, left / ${periodMs / 100}) + '%'
    one('.timer output').textContent = String(Math.max(0, Math.ceil(left / 1000)))
  }, 200)
  document.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-login]')
    if (!button) return
    await navigator.clipboard.writeText(button.textContent.replace(' ', ''))
    one('[role=status]').textContent = 'Copied the code of ' + button.dataset.login + '.'
  })
  void load()
})()
`
