import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Pages } from '../lib/index.js'
import { clearCookie, cookieNames } from '../sessions/index.js'
import { ownPathPrefix } from './admission.js'
import { isMachinePath } from './handover.js'

/** Where a person gets rid of the cookies by which a machine has locked them out. */
export const clearCookiesPath = `${ownPathPrefix}clear-cookies`

/**
 * Whether a request asks for that. Also asked of one that is refused for its size, which is the very one
 * that has to work, so nothing else of it is believed: exact path and method, sent by a page of `origin`.
 */
export function asksToClear(req: IncomingMessage, origin: string): boolean {
  return req.method === 'POST' && req.url === clearCookiesPath && req.headers.origin === origin
}

/**
 * Clears every cookie of the machine's site, ours among them (W3C Clear-Site-Data §4.2.2), which leaves
 * nothing that a new hand-over would not bring back. Asks for no pass: cookies that large hide it.
 */
export function clearCookies(
  asker: { readonly id: string },
  origin: string,
  { req, res, pages }: { req: IncomingMessage; res: ServerResponse; pages: Pages },
): void {
  res.setHeader('Clear-Site-Data', '"cookies"')
  res.setHeader('Set-Cookie', [clearCookie(cookieNames.pass), clearCookie(cookieNames.handover)])
  res.setHeader('Connection', 'close')
  const html = pages.message({
    title: 'The cookies are gone',
    text: 'Your browser has forgotten what the machine had stored in it.',
    next: 'Open the machine again. If the same happens again, the machine itself is at fault: tell the plant.',
    code: 'cookies-cleared',
    requestId: asker.id,
    language: 'en',
    link: { label: 'Open the machine', href: cameFrom(req, origin) },
  })
  pages.send(res, 200, html)
}

/** The page that could not be shown. Not the machine's landing page: it would tell anybody that there is a machine. */
function cameFrom({ headers: { referer = '' } }: IncomingMessage, origin: string): string {
  const path = referer.startsWith(`${origin}/`) ? referer.slice(origin.length) : '/'
  return origin + (isMachinePath(path) ? path : '/')
}
