import { cutCauses, type CutCause, type Grant } from '../model.js'
import { grantState } from '../policy/index.js'
import type { Change, ChangeLog, Clock, Logger } from '../lib/index.js'
import type { StreamInfo, Streams } from '../dataplane/index.js'
import type { Grants } from '../grants/index.js'
import type { Sessions } from '../sessions/index.js'

export interface WatchOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly changes: ChangeLog
  readonly streams: Streams
  readonly sessions: Sessions
  readonly grants: Grants
}

/**
 * Ends what is open when the right to it ends, whichever instance or command ended it. Deadlines need no
 * watching, each stream carries its own; this is for what nobody could know when the stream began.
 */
export async function watchChanges(options: WatchOptions): Promise<{ close(): Promise<void> }> {
  const { streams, sessions, grants, logger } = options

  const apply = async (change: Change): Promise<void> => {
    if (change.kind === 'session-ended') {
      const cut = streams.cut((stream) => stream.sessionId === change.sessionId, causeOf(change.cause))
      logger.info('session ended', { sessionId: change.sessionId, cut })
      void sessions.noteEnded(change.sessionId) // nobody who waits for us to follow need wait for the disk
    } else if (change.kind === 'grant-revoked') {
      const cut = streams.cut((stream) => stream.grantId === change.grantId, 'grant-revoked')
      logger.info('grant revoked', { grantId: change.grantId, cut })
      void grants.noteRevoked(change.grantId)
    } else if (change.kind === 'grant-extended') {
      const grant = await grants.get(change.grantId)
      if (grant) streams.moveDeadline((stream) => stream.grantId === grant.id, grant.until)
    }
  }

  const restore = async (): Promise<void> => {
    await grants.revokeRevived()
    await sessions.endRevived()
    await recheckAll(options)
  }

  return options.changes.follow({ onChange: apply, onDoubt: restore })
}

/**
 * Looks afresh at the right behind every open stream, as if each were asked for now.
 *
 * A request that is still being admitted has read its facts before the doubt, or while it began, and cannot
 * be looked at yet: it is cut as it opens. Whoever asks from here on reads what is true now.
 */
async function recheckAll({ streams, sessions, grants, clock, logger }: WatchOptions): Promise<void> {
  const open = streams.list()
  const suspects = new Set(open.map((stream) => stream.id))
  streams.cut((stream) => !suspects.has(stream.id), 'state-stale')
  if (open.length === 0) return
  logger.info('re-checking all open streams', { count: open.length })
  const liveSessions = new Set<string>()
  for (const id of new Set(open.map((stream) => stream.sessionId)))
    if (await sessions.byId(id)) liveSessions.add(id)
  const liveGrants = new Map<string, Grant>()
  for (const id of new Set(open.map((stream) => stream.grantId))) {
    const grant = await grants.get(id)
    if (grant && grantState(grant, clock.now()) === 'grant-active') liveGrants.set(id, grant)
  }
  const cutSuspects = (hasLost: (stream: StreamInfo) => boolean, cause: CutCause): number =>
    streams.cut((stream) => suspects.has(stream.id) && hasLost(stream), cause)
  cutSuspects((stream) => !liveSessions.has(stream.sessionId), 'session-ended')
  cutSuspects((stream) => !liveGrants.has(stream.grantId), 'grant-revoked')
  for (const grant of liveGrants.values()) {
    streams.moveDeadline((stream: StreamInfo) => stream.grantId === grant.id, grant.until)
  }
}

function causeOf(text: string): CutCause {
  return cutCauses.find((cause) => cause === text) ?? 'session-ended'
}
