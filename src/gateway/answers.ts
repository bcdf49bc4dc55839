import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { CutCause, Reason } from '../model.js'
import {
  describeError,
  errorCodes,
  errorSentence,
  GatehouseError,
  type ErrorCode,
  type InEach,
  type Language,
  type Logger,
  type Message,
  type Pages,
} from '../lib/index.js'
import { answersInGerman, type Explanation } from './answers-german.js'

/** Enough of a request to answer it in the form its sender can use. */
export interface Asker {
  readonly id: string
  readonly isNavigation: boolean
  readonly language: Language
  /** Where they can do something about it by themselves. */
  readonly button?: Message['button']
}

/**
 * The one place that turns denials and errors into responses: a page for a person, a problem document
 * (RFC 9457) for a program, both with the request id and a stable code, never with internals.
 */
export interface Answers {
  denied(asker: Asker, res: ServerResponse, reasons: readonly Reason[]): void
  /** A request whose right ended while it ran, before anything was answered. */
  cut(asker: Asker, res: ServerResponse, cause: CutCause): void
  failed(asker: Asker, res: ServerResponse, error: unknown): void
  /** A whole answer, as it goes over the wire, to what never became a request. */
  unread(requestId: string, code: ErrorCode): string
  redirect(res: ServerResponse, location: string, cookies?: readonly string[]): void
}

const askForAccess = 'Ask the person at the plant who ordered your work to give you access, then try again.'
const askAdministrator = 'If this goes on, call the plant’s IT and read the request number to them.'

/** On the portal: the form that asks the plant. */
const askLink = { label: 'Ask for access', href: '/request' }

const noAccess: Explanation = {
  title: 'You have no access here',
  text: 'Nothing at this address is open to you.',
  next: askForAccess,
}

const slow: Explanation = {
  title: 'The connection has been closed',
  text: 'For some time, nothing passed over it.',
  next: 'Load the page again.',
}

const invalidToken: Explanation = {
  title: 'This service token is not valid',
  text: 'It is unknown, has ended, was revoked, or may not be used from this address.',
  next: 'An administrator sees which, and makes another.',
}

/** Unknown and not granted read the same, so that nobody can find out what exists. */
const denials = {
  'grant-not-started': {
    title: 'Your access has not started yet',
    text: 'You have been given access to this machine for a later time.',
    next: 'The portal shows when it starts. Come back then, or ask the plant for an earlier start.',
  },
  'grant-outside-window': {
    title: 'Your access is paused',
    text: 'You have been given access to this machine at certain hours, and this is not one of them.',
    next: 'The portal shows when it opens next. Come back then, or ask the plant for more time.',
  },
  'grant-ended': {
    title: 'Your access has ended',
    text: 'The time you were given for this machine is over, and the connection to it has been closed.',
    next: 'If your work is not finished, ask the plant for more time. They need a moment, not a form.',
    link: askLink,
  },
  'grant-revoked': {
    title: 'Your access was withdrawn',
    text: 'Someone at the plant ended your access to this machine, and the connection to it has been closed.',
    next: 'Call your contact at the plant before you go on, also to agree on the state the machine is left in.',
  },
  'source-closed': {
    title: 'Your access is not for where you are',
    text: 'The plant has opened this machine for certain networks only, and you come from another one.',
    next: 'Connect from the network you agreed on with the plant, or tell your contact there where you are.',
  },
  'release-awaited': {
    title: 'The control room has to let you in',
    text: 'You have been given access to this machine, and somebody at the plant releases it each time you come. They have not done so for this sign-in, or have taken it back.',
    next: 'Call the control room or your contact at the plant. Load this page again when they have released it.',
  },
  'sessions-taken': {
    title: 'You are in already, in another browser',
    text: 'As many sign-ins as this access allows at a time are using it.',
    next: 'Sign out where you do not need it, then load this page again. If you cannot reach that browser, ask your contact at the plant to end its session.',
  },
  'release-withdrawn': {
    title: 'The control room has taken this back',
    text: 'Someone at the plant has withdrawn the release of your access, and the connection to this machine has been closed.',
    next: 'Call them before you go on, also to agree on the state the machine is left in. They can release it again.',
  },
  'endpoint-unknown': noAccess,
  'grant-missing': noAccess,
  'role-missing': {
    title: 'This page is not for your account',
    text: 'It is for the people at the plant who give and end access.',
    next: 'If you should be one of them, ask the plant’s IT to add you to the right group, then sign in again.',
  },
  'browser-refused': {
    title: 'This is for programs only',
    text: 'What came with this call only browsers send. The API takes a service token, and no cookie of ours.',
    next: 'Call it from a program. People have the pages of the portal.',
  },
  'token-missing': {
    title: 'A service token is needed',
    text: 'Send it as "Authorization: Bearer ...".',
    next: 'An administrator makes one.',
  },
  'token-unknown': invalidToken,
  'token-revoked': invalidToken,
  'token-ended': invalidToken,
  'token-source-closed': invalidToken,
  'scope-missing': {
    title: 'This token may not do that',
    text: 'It lacks the scope that this call needs.',
    next: 'An administrator makes a token with that scope.',
  },
  'method-closed': {
    title: 'This is not open here',
    text: 'You have access to this machine, but what you just did is not open to anybody who comes this way.',
    next: 'If your work needs it, ask the plant’s IT to open it for this machine.',
  },
  'path-closed': {
    title: 'This part of the machine is not open',
    text: 'You have access to this machine, but only to parts of it, and this page is not among them.',
    next: 'Start again from the portal. If your work needs this page, ask the plant’s IT to open it.',
  },
  'view-only': {
    title: 'You may look, not change',
    text: 'Your access to this machine is for viewing. What you just did would have changed something.',
    next: 'If your work needs it, ask the plant for access to operate.',
  },
  'grant-read-only': {
    title: 'Your time to change anything is over',
    text: 'Your access to this machine ends soon, and until then you may look, not change. What you just did was not passed on.',
    next: 'If your work is not finished, ask the plant for more time. They need a moment, not a form.',
    link: askLink,
  },
  'grant-extended': {
    title: 'You have been given more time',
    text: 'What this page said to the machine shortly before did not reach it.',
    next: 'Load the page again, and check on the machine what was taken.',
  },
  'origin-foreign': {
    title: 'This came from another page',
    text: 'A page of another site tried to do this in your name, so it was not done.',
    next: 'Open the machine from the portal and do it there.',
  },
  'login-required': {
    title: 'Please sign in',
    text: 'You are not signed in.',
    next: 'Sign in on the portal and try again.',
  },
  'session-ended': {
    title: 'You have been signed out',
    text: 'Your session has ended.',
    next: 'Sign in on the portal again.',
  },
  'session-killed': {
    title: 'You have been signed out',
    text: 'Someone at the plant ended your session.',
    next: 'Call your contact at the plant before you sign in again.',
  },
  'signed-out': {
    title: 'You have signed out',
    text: 'Your session has ended.',
    next: 'Sign in on the portal again.',
  },
  'second-factor-required': {
    title: 'Your one-time code is needed',
    text: 'You are signed in, but have not entered your one-time code yet.',
    next: 'Enter it on the portal and try again.',
  },
  'second-factor-reset': {
    title: 'You have been signed out',
    text: 'Your second factor was reset by the plant’s IT.',
    next: 'Sign in again. You will need the new invitation code they give you.',
  },
  lockdown: {
    title: 'Remote access is stopped',
    text: 'The plant has stopped remote access for now, to this machine or altogether.',
    next: 'Your grant stays as it is. Call your contact at the plant, and try again when they have lifted the stop.',
  },
  'state-stale': {
    title: 'One moment',
    text: 'Your access had to be checked afresh, and what was under way has been ended.',
    next: 'Load the page again. If you just sent a change, check on the machine first whether it was taken.',
  },
  'gateway-stopping': {
    title: 'One moment',
    text: 'The gateway is being restarted.',
    next: 'Wait a minute and load the page again.',
  },
  idle: slow,
  'client-stalled': slow,
} satisfies Partial<Record<Reason | CutCause, Explanation>>

const uncheckable: Explanation = {
  title: 'Access cannot be checked right now',
  text: 'Nobody is let in while the gateway cannot see who may enter.',
  next: 'Wait a minute and load the page again. ' + askAdministrator,
}

const failures = {
  'request-ambiguous': {
    title: 'This request cannot be understood safely',
    text: 'It can be read in more than one way, so it was not passed on.',
    next: 'If you followed a link, type the address by hand. ' + askAdministrator,
  },
  'headers-too-large': {
    title: 'This request is too large',
    text: 'Your browser sent more cookies and other headers than the machines behind this gateway can take.',
    next: 'Clear the cookies of this address and load the page again. ' + askAdministrator,
  },
  'request-unreadable': {
    title: 'This request cannot be read',
    text: 'What arrived is not a request of the web, or breaks its rules.',
    next: 'Load the page again. ' + askAdministrator,
  },
  'request-timeout': {
    title: 'This request took too long',
    text: 'It was not complete in time.',
    next: 'Load the page again.',
  },
  'host-not-sni': {
    title: 'This connection is for another address',
    text: 'It was opened for one name, and then asked for another.',
    next: 'Load the page again. ' + askAdministrator,
  },
  'host-unknown': {
    title: 'Nothing is served under this name',
    text: 'The address you came by does not belong to this gateway.',
    next: 'Check the address. The portal lists what you may open.',
  },
  'method-not-allowed': {
    title: 'This cannot be done here',
    text: 'The address exists, but not for this kind of request.',
    next: 'Start again from the portal.',
  },
  'not-found': {
    title: 'There is no such page',
    text: 'The address may be mistyped or out of date.',
    next: 'Start again from the portal.',
  },
  'store-unavailable': uncheckable,
  'store-corrupt': uncheckable,
  'ledger-unavailable': {
    title: 'Access cannot be recorded right now',
    text: 'Nobody is let in while the gateway cannot write down who entered.',
    next: 'Wait a minute and load the page again. ' + askAdministrator,
  },
  'identity-provider-unavailable': {
    title: 'Signing in is not possible right now',
    text: 'The identity provider does not answer. Whoever is signed in keeps working.',
    next: 'Wait a minute and try again. If it is urgent, call the plant’s IT: they can give you a break-glass code, with which you sign in without it.',
    link: { label: 'I have a break-glass code', href: '/break-glass' },
  },
  'upstream-unreachable': {
    title: 'The machine does not answer',
    text: 'You are allowed in, but the machine cannot be reached. It may be switched off or restarting.',
    next: 'Ask someone at the plant whether it is running, then load the page again.',
  },
  'upstream-busy': {
    title: 'The machine is busy',
    text: 'You are allowed in, but the machine takes few connections, and all of them are in use.',
    next: 'Close what you do not need of it, wait a moment, and load the page again.',
  },
  'upstream-timeout': {
    title: 'The machine takes too long',
    text: 'You are allowed in, but the machine did not answer in time.',
    next: 'Load the page again. If you just sent a change, check on the machine first whether it was taken.',
  },
  'upstream-invalid': {
    title: 'The machine sent something unsafe',
    text: 'You are allowed in, but the machine’s answer broke the rules of the web and was not passed on.',
    next: askAdministrator,
  },
  'upstream-login-failed': {
    title: 'The machine did not let the gateway in',
    text: 'You are allowed in, but the machine asked for its own sign-in, which the gateway does for you. What you did was not taken.',
    next: 'Wait a minute, load the page again, and repeat it. ' + askAdministrator,
  },
  'handover-invalid': {
    title: 'This link has been used or is too old',
    text: 'The way from the portal to the machine is valid once, for half a minute, in one browser.',
    next: 'Open the machine from the portal again.',
  },
  stopping: {
    title: 'One moment',
    text: 'The gateway is being restarted.',
    next: 'Wait a minute and load the page again.',
  },
  busy: {
    title: 'Too much is going on',
    text: 'More is under way than the gateway serves at a time, from your address, for you, or for everybody.',
    next: 'Close tabs that you do not need, wait a minute, and load the page again. ' + askAdministrator,
  },
  'body-too-large': {
    title: 'This is too large to send',
    text: 'It is larger than what may be sent here at a time.',
    next: 'If your work needs it, ask the plant’s IT to allow more for this machine.',
  },
} satisfies Partial<Record<ErrorCode, Explanation>>

/** Who has not shown who they are; what is wrong with a token is told to nobody but the ledger. */
const unproved: Partial<Record<Reason, ErrorCode>> = {
  'second-factor-required': 'second-factor-required',
  'token-missing': 'token-missing',
  'token-unknown': 'token-invalid',
  'token-revoked': 'token-invalid',
  'token-ended': 'token-invalid',
  'token-source-closed': 'token-invalid',
}

/** RFC 6750 §3. */
const bearer = {
  'token-missing': 'Bearer realm="gatehouse"',
  'token-invalid': 'Bearer realm="gatehouse", error="invalid_token"',
}

/** RFC 9110 §10.2.3. */
const retryAfterSeconds = 10

/** Of those whose reason is not that a right has ended. */
const cutStatus: Partial<Record<CutCause, number>> = {
  'state-stale': 503,
  'gateway-stopping': 503,
  idle: 408,
  'client-stalled': 408,
}

const unforeseen: Explanation = {
  title: 'Something went wrong here',
  text: 'The fault is on our side and has been written down.',
  next: askAdministrator,
}

/** What is explained in English is explained in every language. */
export interface AnswerWords {
  readonly noAccess: Explanation
  readonly uncheckable: Explanation
  readonly unforeseen: Explanation
  /** For what the sentence of the error explains. */
  readonly plain: Omit<Explanation, 'text'>
  readonly denials: Readonly<Record<keyof typeof denials, Explanation>>
  readonly failures: Readonly<Record<keyof typeof failures, Explanation>>
}

export const answerWords: InEach<AnswerWords> = {
  en: {
    noAccess,
    uncheckable,
    unforeseen,
    plain: { title: 'This did not work', next: 'Go back, correct it, and try again.' },
    denials,
    failures,
  },
  de: answersInGerman,
}

/** What is explained of a name that may not be among them. */
function find(words: Readonly<Record<string, Explanation>>, name: string): Explanation | undefined {
  return Object.hasOwn(words, name) ? words[name] : undefined
}

export function createAnswers(pages: Pages, logger: Logger): Answers {
  const answer = (
    asker: Asker,
    res: ServerResponse,
    what: { status: number; code: string; field?: string | null } & Explanation,
  ): void => {
    if (res.headersSent) {
      res.destroy()
      return
    }
    const { status, code, title, text, next, link } = what
    const body = asker.isNavigation
      ? pages.message({
          title,
          text,
          next,
          link,
          code,
          requestId: asker.id,
          language: asker.language,
          button: asker.button,
        })
      : problem({ code, title, status, text, requestId: asker.id, field: what.field })
    pages.applyHeaders(res)
    res.statusCode = status
    res.setHeader(
      'content-type',
      asker.isNavigation ? 'text/html; charset=utf-8' : 'application/problem+json',
    )
    res.setHeader('content-language', asker.language)
    // What was refused may have left an unread body behind; the next request must not be read from it.
    res.setHeader('connection', 'close')
    res.setHeader('content-length', Buffer.byteLength(body))
    res.end(body)
  }

  return {
    denied: (asker, res, reasons) => {
      const [reason = 'grant-missing'] = reasons
      const challenged = reason === 'login-required' || reason === 'session-ended'
      if (reason === 'view-unproved' || reason === 'clock-untrusted') {
        answer(asker, res, { status: 503, code: reason, ...answerWords[asker.language].uncheckable })
        return
      }
      const code = challenged ? 'not-signed-in' : (unproved[reason] ?? 'denied')
      if (code === 'token-missing' || code === 'token-invalid')
        res.setHeader('www-authenticate', bearer[code])
      // The code says no more than the text: what exists stays hidden from those who may not know.
      const shown =
        code === 'denied' && reason !== 'endpoint-unknown' && reason !== 'grant-missing' ? reason : code
      const words = answerWords[asker.language]
      const explanation = find(words.denials, reason) ?? words.noAccess
      answer(asker, res, { status: errorCodes[code], code: shown, ...explanation })
    },
    cut: (asker, res, cause) => {
      const words = answerWords[asker.language]
      const explanation = find(words.denials, cause) ?? words.unforeseen
      answer(asker, res, { status: cutStatus[cause] ?? 403, code: cause, ...explanation })
    },
    failed: (asker, res, error) => {
      const known =
        error instanceof GatehouseError ? error : new GatehouseError('internal', '', { cause: error })
      if (known.status >= 500) {
        logger.error('request failed', {
          requestId: asker.id,
          code: known.code,
          problem: describeError(known),
        })
      }
      if (known.code === 'busy' || known.code === 'stopping')
        res.setHeader('retry-after', String(retryAfterSeconds))
      const words = answerWords[asker.language]
      const plain = { ...words.plain, text: errorSentence(known, asker.language) }
      const explanation =
        find(words.failures, known.code) ?? (known.code === 'internal' ? words.unforeseen : plain)
      answer(asker, res, { status: known.status, code: known.code, field: known.field, ...explanation })
    },
    unread: (requestId, code) => {
      // Nobody can tell what language was asked for.
      const { title, text, next } = find(failures, code) ?? unforeseen
      const status = errorCodes[code]
      // Whoever is a person has too many cookies; the others are programs, and most of them hostile ones.
      const isPage = code === 'headers-too-large'
      const body = isPage
        ? barePage(title, `${text} ${next} (${code}, ${requestId})`)
        : problem({ code, title, status, text, requestId })
      return [
        `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
        'Connection: close',
        'Cache-Control: no-store',
        "Content-Security-Policy: default-src 'none'",
        'X-Content-Type-Options: nosniff',
        `Content-Type: ${isPage ? 'text/html; charset=utf-8' : 'application/problem+json'}`,
        `Content-Length: ${Buffer.byteLength(body)}`,
        '',
        body,
      ].join('\r\n')
    },
    redirect: (res, location, cookies = []) => {
      pages.applyHeaders(res)
      res.writeHead(303, { location, ...(cookies.length > 0 ? { 'set-cookie': [...cookies] } : {}) })
      res.end()
    },
  }
}

/** RFC 9457. */
function problem(what: {
  readonly code: string
  readonly title: string
  readonly status: number
  readonly text: string
  readonly requestId: string
  readonly field?: string | null | undefined
}): string {
  const { code, title, status, text: detail, requestId, field } = what
  const type = `urn:gatehouse:${code}`
  return JSON.stringify({ type, title, status, detail, code, requestId, ...(field == null ? {} : { field }) })
}

/** For where there is no response to put one of our pages into. @param text of ours, without markup */
function barePage(title: string, text: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>${text}`
}
