import { createTransport } from 'nodemailer'
import { describeError, newId, type Clock } from '../lib/index.js'
import { writeLetter, writeTestLetter, type Letter, type Surroundings } from './letter.js'
import type { Channel, Outcome } from './notice.js'

/** A mail server, and as whom it is asked. */
export interface MailServer {
  readonly host: string
  readonly port: number
  /** `implicit`: from the first byte. `starttls`: before anything is said. `none` is for loopback alone. */
  readonly tls: 'implicit' | 'starttls' | 'none'
  /** PEM; null for those Node trusts. */
  readonly authorities: string | null
  readonly from: string
  readonly credentials: { readonly user: string; readonly password: string } | null
}

export interface MailOptions {
  readonly server: MailServer
  readonly plant: Surroundings
  readonly timeoutMs: number
  readonly clock: Clock
}

export const mailChannel = 'mail'

/** A greeting or an answer is a line or two. */
const longestAnswerBytes = 16_384

/** Sends one mail to one address. Never throws; ends within its limit of time. */
type SendLetter = (letter: Letter, to: string, id: string, signal: AbortSignal) => Promise<Outcome>

export function createMail(options: MailOptions): Channel {
  const send = createSendLetter(options)
  return {
    name: mailChannel,
    parallel: 2,
    send: ({ notice, to, id }, signal) => send(writeLetter(notice, options.plant), to, id, signal),
  }
}

/** To find out whether mail arrives: past the queue, once. */
export async function sendTestMail(options: MailOptions, to: string): Promise<Outcome> {
  const letter = writeTestLetter(options.plant)
  return createSendLetter(options)(letter, to, newId('n'), new AbortController().signal)
}

function createSendLetter({ server, plant, timeoutMs, clock }: MailOptions): SendLetter {
  const { host, port, tls, authorities, from, credentials } = server
  const transport = createTransport({
    ...{ host, port },
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...(authorities === null ? {} : { tls: { ca: authorities } }),
    ...(credentials === null ? {} : { auth: { user: credentials.user, pass: credentials.password } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    // Else a server that holds its end open would hold ours.
    socketCloseTimeout: 0,
    maxResponseSize: longestAnswerBytes,
    disableFileAccess: true,
    disableUrlAccess: true,
    logger: false,
  })
  return async (letter, to, id, signal) => {
    const limit = new AbortController()
    const timer = clock.after(timeoutMs, () => {
      limit.abort()
    })
    try {
      await transport.sendMail({
        ...letter,
        // As objects: no part of an address is read as anything else.
        from: { name: 'Gatehouse', address: from },
        to: { name: '', address: to },
        messageId: `<${id}@${plant.publicUrl.hostname}>`,
        // RFC 3834: no out-of-office notes in return.
        headers: { 'Auto-Submitted': 'auto-generated' },
        signal: AbortSignal.any([signal, limit.signal]),
      })
      return { kind: 'sent' }
    } catch (error) {
      if (limit.signal.aborted)
        return { kind: 'failed', problem: `not taken within ${String(timeoutMs / 1_000)} s` }
      return judge(error)
    } finally {
      timer.cancel()
    }
  }
}

/** Refused for good is only what the server says of this message or its receiver; a wrong password can be mended. */
function judge(error: unknown): Outcome {
  const code = error instanceof Error && 'code' in error ? error.code : null
  const status = error instanceof Error && 'responseCode' in error ? Number(error.responseCode) : 0
  const isFinal = (code === 'EENVELOPE' || code === 'EMESSAGE') && status >= 500
  // Servers say what they like.
  const problem = describeError(error)
    .replace(/[\p{Cc}\p{Bidi_Control}]+/gu, ' ')
    .slice(0, 300)
  return { kind: isFinal ? 'refused' : 'failed', problem }
}
