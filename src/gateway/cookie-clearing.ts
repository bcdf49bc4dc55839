import type { IncomingMessage, ServerResponse } from 'node:http'
import type { InEach, Pages } from '../lib/index.js'
import { clearCookie, cookieNames } from '../sessions/index.js'
import { ownPathPrefix } from './admission.js'
import type { Asker } from './answers.js'
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
  asker: Pick<Asker, 'id' | 'language'>,
  origin: string,
  { req, res, pages }: { req: IncomingMessage; res: ServerResponse; pages: Pages },
): void {
  res.setHeader('Clear-Site-Data', '"cookies"')
  res.setHeader('Set-Cookie', [clearCookie(cookieNames.pass), clearCookie(cookieNames.handover)])
  res.setHeader('Connection', 'close')
  const words = clearingWords[asker.language]
  const html = pages.message({
    title: words.title,
    text: words.text,
    next: words.next,
    code: 'cookies-cleared',
    requestId: asker.id,
    language: asker.language,
    link: { label: words.openMachine, href: cameFrom(req, origin) },
  })
  pages.send(res, 200, html)
}

/** The page that could not be shown. Not the machine's landing page: it would tell anybody that there is a machine. */
function cameFrom({ headers: { referer = '' } }: IncomingMessage, origin: string): string {
  const path = referer.startsWith(`${origin}/`) ? referer.slice(origin.length) : '/'
  return origin + (isMachinePath(path) ? path : '/')
}

interface ClearingWords {
  /** On the button by which they go. */
  readonly clear: string
  readonly title: string
  readonly text: string
  readonly next: string
  readonly openMachine: string
}

export const clearingWords: InEach<ClearingWords> = {
  en: {
    clear: 'Clear the cookies',
    title: 'The cookies are gone',
    text: 'Your browser has forgotten what the machine had stored in it.',
    next: 'Open the machine again. If the same happens again, the machine itself is at fault: tell the plant.',
    openMachine: 'Open the machine',
  },
  de: {
    clear: 'Cookies löschen',
    title: 'Die Cookies sind gelöscht',
    text: 'Ihr Browser hat vergessen, was die Maschine in ihm gespeichert hatte.',
    next: 'Öffnen Sie die Maschine noch einmal. Wenn es wieder geschieht, liegt es an der Maschine: Sagen Sie dem Werk Bescheid.',
    openMachine: 'Maschine öffnen',
  },
}
