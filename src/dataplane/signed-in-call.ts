import type { Socket } from 'node:net'
import { GatehouseError } from '../lib/index.js'
import { upstreamFailure } from './failures.js'
import type { ResponseHead } from './response-headers.js'
import type { RequestHead, Upstream, UpstreamCall, UpstreamEvents } from './upstream.js'

/** What an answer says of the sign-in that its request came with. */
export type Verdict = 'pass' | 'again' | 'fail'

/** What one pass is at one machine. */
export interface Account {
  /** Changes with each sign-in: an answer speaks of the one its request came with. */
  readonly state: number
  /** Null when a request may be sent at once. Rejects with `upstream-login-failed` and what else fails at a machine. */
  prepare(): Promise<void> | null
  /** The header section with what signs it in, in place of what a browser sent under those names. */
  dress(headers: readonly string[]): string[]
  judge(head: ResponseHead, target: string, state: number, isRepeated: boolean): Verdict
  /** Signs in again, unless somebody did since `state`. */
  renew(state: number): Promise<void>
  /** Keeps what is for Gatehouse alone. */
  undress(head: ResponseHead): ResponseHead
}

export interface SignedInCallOptions {
  readonly upstream: Upstream
  readonly account: Account
  readonly head: RequestHead
  readonly events: UpstreamEvents
}

/**
 * One request that signs itself in. Where the machine asks for a new sign-in, a request that changes
 * nothing and has no body is sent once more; anything else ends there, for its sender to repeat.
 */
export class SignedInCall implements UpstreamCall, UpstreamEvents {
  readonly #options: SignedInCallOptions
  readonly #events: UpstreamEvents
  #inner: UpstreamCall | null = null
  /** Body that came before there was somewhere to write it. */
  readonly #held: Buffer[] = []
  #isWritten = false
  #isRepeated = false
  #isOver = false
  #state = 0

  constructor(options: SignedInCallOptions) {
    this.#options = options
    this.#events = options.events
  }

  start(): void {
    const waiting = this.#options.account.prepare()
    if (waiting === null) this.#send()
    else this.#sendAfter(waiting)
  }

  #sendAfter(signIn: Promise<void>): void {
    signIn
      .then(() => {
        this.#send()
      })
      .catch((error: unknown) => {
        this.#fail(
          error instanceof GatehouseError ? error : new GatehouseError('internal', '', { cause: error }),
        )
      })
  }

  #send(): void {
    if (this.#isOver) return
    const { upstream, account, head } = this.#options
    this.#state = account.state
    const inner = upstream.send({ ...head, headers: account.dress(head.headers) }, this)
    this.#inner = inner
    const held = this.#held.splice(0)
    for (const chunk of held) inner.write(chunk)
    if (this.#isWritten) inner.end()
    if (held.length > 0) this.#events.onDrain()
  }

  // ── what its owner does ────────────────────────────────────────────────────────────────────────

  write(chunk: Buffer): boolean {
    if (this.#inner !== null) return this.#inner.write(chunk)
    if (!this.#isOver) this.#held.push(chunk)
    return this.#isOver
  }

  end(): void {
    this.#isWritten = true
    this.#inner?.end()
  }

  pause(): void {
    this.#inner?.pause()
  }

  resume(): void {
    this.#inner?.resume()
  }

  destroy(): void {
    this.#isOver = true
    this.#inner?.destroy()
  }

  // ── what the machine does ──────────────────────────────────────────────────────────────────────

  onResponse(head: ResponseHead): void {
    const { account, head: request } = this.#options
    const verdict = account.judge(head, request.target, this.#state, this.#isRepeated)
    if (verdict === 'pass') {
      this.#events.onResponse(account.undress(head))
      return
    }
    this.#inner?.destroy()
    this.#inner = null
    if (verdict === 'fail') this.#fail(refusal())
    else this.#repeatAfter(account.renew(this.#state))
  }

  #repeatAfter(signIn: Promise<void>): void {
    const { method, body } = this.#options.head
    this.#isRepeated = true
    const mayRepeat = body === 'none' && (method === 'GET' || method === 'HEAD')
    this.#sendAfter(
      mayRepeat
        ? signIn
        : signIn.then(() => {
            throw refusal()
          }),
    )
  }

  #fail(failure: GatehouseError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#events.onFailure(failure)
  }

  onData(chunk: Buffer): void {
    this.#events.onData(chunk)
  }

  onPause(): void {
    this.#events.onPause()
  }

  onEnd(): void {
    this.#events.onEnd()
  }

  onDrain(): void {
    this.#events.onDrain()
  }

  onUpgrade(head: ResponseHead, socket: Socket, early: Buffer): void {
    this.#events.onUpgrade(this.#options.account.undress(head), socket, early)
  }

  onFailure(failure: GatehouseError): void {
    this.#fail(failure)
  }
}

function refusal(): GatehouseError {
  return upstreamFailure('upstream-login-failed', 'the machine asked for its sign-in')
}
