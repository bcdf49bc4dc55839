import type { Clock, GatehouseError, Logger } from '../lib/index.js'
import type { Endpoint, UpstreamCredentials } from '../model.js'
import { CookieJar } from './cookie-jar.js'
import { upstreamFailure } from './failures.js'
import { ask } from './own-request.js'
import { valuesOf, type ResponseHead } from './response-headers.js'
import { SignedInCall, type Account, type Verdict } from './signed-in-call.js'
import type { Upstream } from './upstream.js'

/**
 * The accounts of Gatehouse at machines. People never learn the password, the cookies that it brings
 * never reach a browser, and what a browser sends in their place is dropped.
 */
export interface Accounts {
  /** The same machine with everything that is sent signed in; the same object where there is nothing to sign in with. */
  signedIn(upstream: Upstream, endpoint: Endpoint, passId: string): Upstream
  /** Forgets what the machine gave to this pass. */
  release(passId: string): void
}

/** Most sessions of machines have ended by then, and so has most work. */
const longestUnusedMs = 3_600_000

export function createAccounts(options: { readonly clock: Clock; readonly logger: Logger }): Accounts {
  const machines = new WeakMap<Endpoint, Caution>()
  /** The one used last at the end. */
  const forms = new Map<string, FormPass>()

  const cautionFor = (endpoint: Endpoint): Caution => {
    const known = machines.get(endpoint)
    if (known !== undefined) return known
    const caution = new Caution(endpoint.id, options)
    machines.set(endpoint, caution)
    return caution
  }
  const formAccount = (endpoint: Endpoint, form: Form, upstream: Upstream, passId: string): FormAccount => {
    const known = forms.get(passId)
    const account =
      known?.endpoint === endpoint
        ? known.account
        : new FormAccount(form, endpoint.landingPath, upstream, cautionFor(endpoint), options.clock)
    const usedAt = options.clock.monotonic()
    forms.delete(passId)
    forms.set(passId, { endpoint, account, usedAt })
    for (const [id, pass] of forms) {
      if (usedAt - pass.usedAt < longestUnusedMs) break
      forms.delete(id)
    }
    return account
  }

  return {
    signedIn: (upstream, endpoint, passId) => {
      const { credentials } = endpoint
      if (credentials === null) return upstream
      const account =
        credentials.kind === 'form'
          ? formAccount(endpoint, credentials, upstream, passId)
          : new FieldAccount(fieldOf(credentials), cautionFor(endpoint))
      return {
        origin: upstream.origin,
        send: (head, events) => {
          const call = new SignedInCall({ upstream, account, head, events })
          call.start()
          return call
        },
      }
    },
    release: (passId) => {
      forms.delete(passId)
    },
  }
}

interface FormPass {
  readonly endpoint: Endpoint
  readonly account: FormAccount
  /** Monotonic. */
  readonly usedAt: number
}

type Form = Extract<UpstreamCredentials, { kind: 'form' }>

const firstPauseMs = 60_000
const longestPauseMs = 15 * 60_000
/** Refusals in a row. */
const doubtsOfProved = 3

/**
 * What is known of the password of one machine, by all passes together. One that is refused is not tried
 * again at once, nor by the next person: machines lock an account after a few wrong ones, and then nobody
 * at the plant can use it either.
 */
class Caution {
  readonly #endpointId: string
  readonly #clock: Clock
  readonly #logger: Logger
  #failures = 0
  #doubts = 0
  #isProved = false
  #notBefore = -Infinity
  #last: Promise<void> = Promise.resolve()

  constructor(endpointId: string, { clock, logger }: { clock: Clock; logger: Logger }) {
    this.#endpointId = endpointId
    this.#clock = clock
    this.#logger = logger
  }

  get isHeld(): boolean {
    return this.#clock.monotonic() < this.#notBefore
  }

  /** One at a time, so that the second does not try what the first will find to be wrong. */
  inTurn(attempt: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(() => {
      if (this.isHeld) throw hasToWait()
      return attempt()
    })
    this.#last = turn.catch(() => undefined)
    return turn
  }

  failed(problem: string): void {
    // Those that were under way together are one failure.
    if (this.isHeld) return
    const pauseMs = Math.min(firstPauseMs * 2 ** this.#failures, longestPauseMs)
    this.#failures += 1
    this.#notBefore = this.#clock.monotonic() + pauseMs
    this.#logger.error('upstream: sign-in failed', {
      endpointId: this.#endpointId,
      problem,
      nextInSeconds: pauseMs / 1_000,
    })
  }

  /** Once it was right, a single refusal says that a page is closed to this account, and must not close the others. */
  doubted(problem: string): void {
    this.#doubts += 1
    if (this.#isProved && this.#doubts < doubtsOfProved) return
    this.#isProved = false
    this.failed(problem)
  }

  proved(): void {
    this.#isProved = true
    this.#doubts = 0
    this.#failures = 0
  }
}

function hasToWait(): GatehouseError {
  return signInFailure('the last attempt failed, and the next has to wait')
}

function signInFailure(problem: string): GatehouseError {
  return upstreamFailure('upstream-login-failed', problem)
}

/** A machine that asks for it would have the browser ask a person, who neither knows nor should type it here. */
function asksBrowser(head: ResponseHead): boolean {
  return head.status === 401 && valuesOf(head, 'www-authenticate').length > 0
}

function fieldOf(credentials: Exclude<UpstreamCredentials, Form>): readonly [name: string, value: string] {
  if (credentials.kind === 'header') return [credentials.name, credentials.value]
  const pair = Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')
  return ['Authorization', `Basic ${pair}`]
}

/** Signs in with each request anew: Basic (RFC 7617), or a header of the machine's own. */
class FieldAccount implements Account {
  readonly state = 0
  readonly #field: readonly [name: string, value: string]
  readonly #caution: Caution

  constructor(field: readonly [name: string, value: string], caution: Caution) {
    this.#field = field
    this.#caution = caution
  }

  prepare(): Promise<void> | null {
    return this.#caution.isHeld ? Promise.reject(hasToWait()) : null
  }

  dress(headers: readonly string[]): string[] {
    return [...without(headers, this.#field[0]), ...this.#field]
  }

  judge(head: ResponseHead): Verdict {
    if (!asksBrowser(head)) {
      if (head.status < 400) this.#caution.proved()
      return 'pass'
    }
    this.#caution.doubted('the machine refused what it was sent')
    return 'fail'
  }

  renew(): Promise<void> {
    return Promise.resolve()
  }

  undress(head: ResponseHead): ResponseHead {
    return head
  }
}

/**
 * How soon after a sign-in the machine may ask for the next. Sooner it did not take the one before, or has
 * some page that is closed to this account, and signing in again would change neither.
 */
const settledMs = 60_000

/** One pass, signed in at one machine by its form. */
class FormAccount implements Account {
  readonly #form: Form
  readonly #landingPath: string
  readonly #upstream: Upstream
  readonly #caution: Caution
  readonly #clock: Clock
  #jar = new CookieJar()
  #generation = 0
  #signedInAt: number | null = null
  /** Whether some page was shown to whoever came with these cookies. */
  #isProved = false
  /** Where the machine sends whoever is not signed in, if that is not where the form is sent to. */
  #formPage: string | null = null
  #underWay: Promise<void> | null = null

  constructor(form: Form, landingPath: string, upstream: Upstream, caution: Caution, clock: Clock) {
    this.#form = form
    this.#landingPath = landingPath
    this.#upstream = upstream
    this.#caution = caution
    this.#clock = clock
  }

  get state(): number {
    return this.#generation
  }

  prepare(): Promise<void> | null {
    return this.#signedInAt === null ? this.#signIn() : null
  }

  dress(headers: readonly string[]): string[] {
    const cookies = this.#jar.join(valueOf(headers, 'cookie'))
    return [...without(headers, 'cookie'), ...(cookies === null ? [] : ['Cookie', cookies])]
  }

  judge(head: ResponseHead, target: string, state: number, isRepeated: boolean): Verdict {
    const isLed = this.#leadsToForm(head, target)
    if (!isLed && head.status !== 401 && head.status !== 403) {
      this.#noticePage(head, state)
      return 'pass'
    }
    // The way out that a person took: they are signed in again when they come back.
    if (isLed && this.#isTakenBack(head)) return 'pass'
    if (state !== this.#generation && !isRepeated) return 'again'
    const isSettled = this.#clock.monotonic() - (this.#signedInAt ?? -Infinity) >= settledMs
    if (isSettled && !isRepeated) return 'again'
    if (isLed && !isRepeated && !this.#isProved)
      this.#refused('the machine asked for its sign-in again at once')
    return isLed || asksBrowser(head) ? 'fail' : 'pass'
  }

  async renew(state: number): Promise<void> {
    if (state === this.#generation) await this.#signIn()
  }

  undress(head: ResponseHead): ResponseHead {
    const headers: string[] = []
    for (let i = 0; i < head.headers.length; i += 2) {
      const [name = '', value = ''] = head.headers.slice(i, i + 2)
      const isOurs = name.toLowerCase() === 'set-cookie' && this.#jar.owns(value)
      if (isOurs) this.#jar.take(value, this.#clock.now())
      else headers.push(name, value)
    }
    if (this.#jar.isEmpty) this.#signedInAt = null
    return { ...head, headers }
  }

  #noticePage(head: ResponseHead, state: number): void {
    const isPage = /^(?:text\/html|application\/json)\b/i.test(valuesOf(head, 'content-type')[0] ?? '')
    // Pictures and scripts are often there for everyone.
    if (state !== this.#generation || head.status >= 300 || !isPage) return
    this.#isProved = true
    this.#caution.proved()
  }

  #isTakenBack(head: ResponseHead): boolean {
    return valuesOf(head, 'set-cookie').some((field) => this.#jar.takesBack(field, this.#clock.now()))
  }

  #leadsToForm(head: ResponseHead, target: string): boolean {
    const path = this.#redirectedTo(head, target)
    return path !== null && (path === this.#form.path.split('?', 1)[0] || path === this.#formPage)
  }

  #redirectedTo(head: ResponseHead, target: string): string | null {
    if (head.status < 300 || head.status >= 400) return null
    const [location] = valuesOf(head, 'location')
    const base = new URL(target, this.#upstream.origin)
    if (location === undefined || !URL.canParse(location, base)) return null
    return new URL(location, base).pathname
  }

  #refused(problem: string): void {
    this.#signedInAt = null
    this.#caution.failed(problem)
  }

  #signIn(): Promise<void> {
    this.#underWay ??= this.#caution
      .inTurn(async () => {
        const flaw = await this.#fillIn()
        if (flaw !== null) {
          this.#refused(flaw)
          throw signInFailure(flaw)
        }
        this.#generation += 1
        this.#signedInAt = this.#clock.monotonic()
      })
      .finally(() => {
        this.#underWay = null
      })
    return this.#underWay
  }

  /**
   * What a browser does: look at the page, be sent to the form, send it, look at the page again. The
   * first look brings what some servers tie the form to; the second shows whether it was accepted.
   *
   * @returns what is wrong, or null
   */
  async #fillIn(): Promise<string | null> {
    const jar = new CookieJar()
    const before = await this.#look(jar)
    const answer = await this.#send(jar)
    if (answer.status >= 400) return `the form was answered with status ${String(answer.status)}`
    if (this.#leadsToForm(answer, this.#form.path)) return 'the form led back to itself'
    const flaw = this.#keep(jar, answer)
    if (flaw !== null) return flaw
    if (jar.isEmpty) return 'the form was answered without a cookie'
    const after = await this.#look(jar)
    const isSame = after.status === before.status && after.path === before.path
    if (isSame && (before.status === 401 || before.status === 403 || before.isForm))
      return 'the machine asks for its sign-in as before'
    this.#jar = jar
    this.#isProved = !isSame
    if (before.path !== null && !isSame) this.#formPage = before.path
    return null
  }

  async #look(jar: CookieJar): Promise<{ status: number; path: string | null; isForm: boolean }> {
    const target = this.#landingPath
    const head = await ask(this.#upstream, { method: 'GET', target, headers: cookieField(jar) })
    this.#keep(jar, head)
    const path = this.#redirectedTo(head, target)
    return { status: head.status, path, isForm: this.#leadsToForm(head, target) }
  }

  #keep(jar: CookieJar, head: ResponseHead): string | null {
    for (const field of valuesOf(head, 'set-cookie')) {
      const flaw = jar.take(field, this.#clock.now())
      if (flaw !== null) return flaw
    }
    return null
  }

  #send(jar: CookieJar): Promise<ResponseHead> {
    const { origin } = this.#upstream.origin
    return ask(this.#upstream, {
      method: 'POST',
      target: this.#form.path,
      headers: [
        ...['Origin', origin, 'Referer', origin + this.#form.path, ...cookieField(jar)],
        ...['Content-Type', 'application/x-www-form-urlencoded'],
      ],
      body: Buffer.from(new URLSearchParams(this.#form.fields).toString()),
    })
  }
}

function cookieField(jar: CookieJar): string[] {
  const cookies = jar.join(null)
  return cookies === null ? [] : ['Cookie', cookies]
}

function valueOf(headers: readonly string[], name: string): string | null {
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i]?.toLowerCase() === name) return headers[i + 1] ?? null
  return null
}

function without(headers: readonly string[], name: string): string[] {
  const key = name.toLowerCase()
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i]?.toLowerCase() !== key) kept.push(headers[i] ?? '', headers[i + 1] ?? '')
  return kept
}
