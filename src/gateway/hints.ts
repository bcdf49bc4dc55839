import type { ServerResponse } from 'node:http'
import type { Grants, Requests } from '../grants/index.js'
import { assert, GatehouseError, systemClock, type Change, type Pages } from '../lib/index.js'
import type { PendingStream } from '../dataplane/index.js'
import type { Admission } from './admission.js'

/** Tabs of one session that are told; the others ask by themselves, as without scripts nobody would. */
const perSession = 6
const inTotal = 1_000
/** Of these; the rest is kept for the people of the plant, whom vendors must not crowd out. */
const inTotalForOthers = 800
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

/** What a change is about, for those whom it may concern: a grant, a request, or, as a lockdown is, everybody. */
type Matter = `grant ${string}` | `request ${string}` | 'all'

function matterOf(change: Change): Matter {
  if ('grantId' in change) return `grant ${change.grantId}`
  return change.kind === 'request-changed' ? `request ${change.requestId}` : 'all'
}

export interface HintsOptions {
  readonly pages: Pages
  readonly grants: Pick<Grants, 'byIds'>
  readonly requests: Pick<Requests, 'get'>
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
  readonly principalId: string
  /** Of those who are not of the plant: told of what is theirs, and of what concerns all. */
  readonly matters: Set<Matter>
}

export function createHints({ pages, grants, requests }: HintsOptions): Hints {
  const told = new Set<Told>()
  let isGathering = false

  const beat = (): void => {
    for (const { send } of told) send(':\n\n')
    heartbeat = systemClock.after(heartbeatMs, beat)
  }
  let heartbeat = systemClock.after(heartbeatMs, beat)

  /** Whose each matter is; those of which that cannot be said are left out. */
  const ownersOf = async (matters: ReadonlySet<Matter>): Promise<ReadonlyMap<Matter, string | null>> => {
    const idsOf = (kind: string): string[] =>
      [...matters]
        .filter((matter) => matter.startsWith(`${kind} `))
        .map((matter) => matter.slice(kind.length + 1))
    const [ofGrants, ofRequests] = await Promise.all([
      grants.byIds(idsOf('grant')).catch(() => []),
      Promise.all(idsOf('request').map((id) => requests.get(id).catch(() => null))),
    ])
    return new Map<Matter, string | null>([
      ...ofGrants.map(({ id, to }) => [`grant ${id}`, to.principalId] as const),
      ...ofRequests.flatMap((found) =>
        found === null ? [] : [[`request ${found.id}`, found.by.principalId] as const],
      ),
    ])
  }
  const tellOthers = async (waiting: readonly (readonly [Told, ReadonlySet<Matter>])[]): Promise<void> => {
    const owners = await ownersOf(new Set(waiting.flatMap(([, matters]) => [...matters])))
    for (const [entry, matters] of waiting) {
      const { principalId, send } = entry
      // Whoever cannot be ruled out is told: a hint too many says nothing, one too few leaves a page as it was.
      const isTheirs = (matter: Matter): boolean =>
        matter === 'all' || !owners.has(matter) || owners.get(matter) === principalId
      if (told.has(entry) && [...matters].some(isTheirs)) send('data: access\n\n')
    }
  }
  const tell = (): void => {
    isGathering = false
    const waiting: [Told, ReadonlySet<Matter>][] = []
    for (const entry of told) {
      for (const topic of entry.untold) entry.send(`data: ${topic}\n\n`)
      entry.untold.clear()
      if (entry.matters.size > 0) waiting.push([entry, new Set(entry.matters)])
      entry.matters.clear()
    }
    if (waiting.length > 0) void tellOthers(waiting)
  }

  return {
    open: (admission, pending, res) => {
      const { session, request } = admission
      assert(session !== null, 'a hint is for somebody who is signed in')
      const site = request.header('sec-fetch-site')
      if (site !== null && site !== 'same-origin') throw new GatehouseError('not-found', '')
      const ofSession = [...told].filter(({ sessionId }) => sessionId === session.id).length
      const isStaff = session.roles.length > 0
      const places = isStaff ? inTotal : inTotalForOthers
      if (ofSession >= perSession || told.size >= places) throw new GatehouseError('busy', '')

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
        isStaff,
        principalId: session.principal.id,
        matters: new Set(),
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
    note: (change) => {
      const topic = topicOf(change.kind)
      if (topic === null || told.size === 0) return
      // Only who is there already: a page that is asked for after a change shows it.
      for (const { isStaff, untold, matters } of told) {
        if (isStaff) untold.add(topic)
        else if (topic === 'access') matters.add(matterOf(change))
      }
      if (!isGathering) systemClock.after(gatherMs, tell)
      isGathering = true
    },
    close: () => {
      heartbeat.cancel()
    },
  }
}
