import type { ServerResponse } from 'node:http'
import { assert, GatehouseError, systemClock, type Change, type Pages } from '../lib/index.js'
import type { PendingStream } from '../dataplane/index.js'
import type { Admission } from './admission.js'

/** Tabs of one session that are told; the others ask by themselves, as without scripts nobody would. */
const perSession = 6
const inTotal = 1_000
/** So often something passes, for whatever between here and the browser closes what is silent. */
const heartbeatMs = 20_000
/** What changes within it is told as one. */
const gatherMs = 250
/** Who does not read gets no more than this kept for them. */
const unreadBytes = 16_384
/** How long the last bytes may take. */
const closingMs = 2_000

/** What a page may have to ask about again: who comes and goes, which concerns the people of the plant alone, or the rest. */
type Topic = 'sessions' | 'access'

/** Null for what no page shows. */
function topicOf(kind: Change['kind']): Topic | null {
  if (kind === 'session-changed' || kind === 'session-ended' || kind === 'break-glass-issued')
    return 'sessions'
  return kind === 'second-factor-reset' || kind === 'token-changed' ? null : 'access'
}

export interface Hints {
  /**
   * Answers with a stream that says *something has changed*, and nothing else: what it was, the page asks for as it
   * always does, and is told what its viewer may know. It ends as other streams do, with the session above all.
   *
   * @throws GatehouseError `not-found` to a page of another origin; `busy` where enough are told already
   */
  open(admission: Admission, pending: PendingStream, res: ServerResponse): void
  note(change: Change): void
  close(): void
}

interface Told {
  readonly sessionId: string
  readonly isStaff: boolean
  readonly send: (text: string) => void
  /** What changed since it was opened, and it has not been told of yet. */
  readonly untold: Set<Topic>
}

export function createHints(pages: Pages): Hints {
  const told = new Set<Told>()
  let isGathering = false

  const beat = (): void => {
    for (const { send } of told) send(':\n\n')
    heartbeat = systemClock.after(heartbeatMs, beat)
  }
  let heartbeat = systemClock.after(heartbeatMs, beat)

  const tell = (): void => {
    isGathering = false
    for (const { send, untold } of told) {
      for (const topic of untold) send(`data: ${topic}\n\n`)
      untold.clear()
    }
  }

  return {
    open: (admission, pending, res) => {
      const { session, request } = admission
      assert(session !== null, 'a hint is for somebody who is signed in')
      const site = request.header('sec-fetch-site')
      if (site !== null && site !== 'same-origin') throw new GatehouseError('not-found', '')
      const ofSession = [...told].filter(({ sessionId }) => sessionId === session.id).length
      if (ofSession >= perSession || told.size >= inTotal) throw new GatehouseError('busy', '')

      const stream = pending.open({
        id: admission.id,
        kind: 'hints',
        sessionId: session.id,
        passId: '',
        principalId: session.principal.id,
        email: session.principal.email,
        grantId: '',
        endpointId: '',
        path: request.path,
        startedAt: admission.startedAt,
        closeAt: session.endsAt,
        sessionEndsAt: session.endsAt,
        viewOnlyFrom: null,
      })
      const entry: Told = {
        sessionId: session.id,
        isStaff: session.roles.some((role) => role === 'admin' || role === 'approver'),
        send: (text) => {
          if (res.writableLength > unreadBytes) res.destroy()
          else if (!res.writableEnded) res.write(text)
        },
        untold: new Set(),
      }
      told.add(entry)
      res.once('close', () => {
        told.delete(entry)
        stream.end()
      })
      pages.applyHeaders(res)
      // Once it has ended, nothing keeps a stopping instance waiting for this connection.
      res.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' })
      res.write('retry: 5000\n\n')
      stream.onCut(() => {
        told.delete(entry)
        res.end()
        const force = systemClock.after(closingMs, () => res.destroy())
        res.once('close', () => {
          force.cancel()
        })
      })
    },
    note: ({ kind }) => {
      const topic = topicOf(kind)
      if (topic === null || told.size === 0) return
      // Only who is there already: a page that is asked for after a change shows it.
      for (const { isStaff, untold } of told) if (isStaff || topic === 'access') untold.add(topic)
      if (!isGathering) systemClock.after(gatherMs, tell)
      isGathering = true
    },
    close: () => {
      heartbeat.cancel()
    },
  }
}
