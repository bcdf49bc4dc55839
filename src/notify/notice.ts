import { z } from 'zod'
import { accessLevels, noticeKinds, type EpochMs, type NoticeKind } from '../model.js'

const instant = z.int().nonnegative()
const madeBy = z.string()

const kindsOf = <Group extends string>(group: Group) =>
  noticeKinds.filter((kind) => kind.startsWith(group)) as Extract<NoticeKind, `${Group}${string}`>[]

/** What happens in the life of a grant. */
export type GrantKind = Extract<NoticeKind, `grant.${string}`>
/** What happens in the life of a request for access. */
export type AccessKind = Extract<NoticeKind, `access.${string}`>

/** What a grant asks for besides its time. */
const conditionsSchema = z.strictObject({
  /** The next of them, 50 at most; empty for all of its time. */
  windows: z.array(z.strictObject({ from: instant, until: instant })),
  /** How many follow those. */
  moreWindows: z.int().nonnegative(),
  lastsFromFirstUseMs: z.int().positive().nullable(),
  sources: z.array(z.string()),
  maxSessions: z.int().positive().nullable(),
  needsRelease: z.boolean(),
})

/**
 * Something that somebody is told, with all that is to be said about it: what it says is what was so when it was
 * written down. Nothing in it opens anything.
 */
export const noticeSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.enum(kindsOf('grant.')),
    grantId: z.string(),
    /** E-mail address of whoever it was given to. */
    to: z.string(),
    /** Ids. */
    endpoints: z.array(z.string()),
    access: z.enum(accessLevels),
    from: instant,
    until: instant,
    reason: z.string(),
    ticket: z.string().nullable(),
    conditions: conditionsSchema,
    /** Whether it could be used when this was written down. */
    isOpen: z.boolean(),
    /** The request it answers; null where nobody had asked. */
    requestId: z.string().nullable(),
    /** Only where it was revoked. */
    revocation: z.strictObject({ at: instant, reason: z.string() }).nullable(),
  }),
  z.strictObject({
    kind: z.enum(kindsOf('access.')),
    requestId: z.string(),
    /** Who asks. */
    name: z.string(),
    email: z.string(),
    /** Ids; with `access` and time, what was asked for, or once it was approved what was given. */
    endpoints: z.array(z.string()),
    access: z.enum(accessLevels),
    /** Null: from the approval on. */
    from: instant.nullable(),
    lengthMs: z.int().positive(),
    // What was queued before there were these has neither.
    lastsFromFirstUseMs: z.int().positive().nullable().default(null),
    needsRelease: z.boolean().default(false),
    reason: z.string(),
    ticket: z.string().nullable(),
    askedAt: instant,
    lapsesAt: instant,
    /** While some who have to agree have, and others have not. */
    standing: z
      .strictObject({ agreed: z.int().positive(), needed: z.int().positive() })
      .nullable()
      .optional(),
    /** Null while it waits for its answer. */
    outcome: z
      .strictObject({
        at: instant,
        /** Null where it lapsed or was taken back. */
        by: madeBy.nullable(),
        /** Why not. */
        reason: z.string().nullable(),
        grantId: z.string().nullable(),
      })
      .nullable(),
  }),
  z.strictObject({
    kind: z.enum(kindsOf('lockdown.')),
    /** `all`, `endpoint:press-3` or `principal:ana@vendor.example` */
    scope: z.string(),
    at: instant,
    by: madeBy,
    reason: z.string(),
  }),
  z.strictObject({
    kind: z.enum(kindsOf('break-glass.')),
    sessionId: z.string(),
    /** Whom the code lets in. */
    name: z.string(),
    email: z.string().nullable(),
    issuedAt: instant,
    expiresAt: instant,
    by: madeBy,
    reason: z.string(),
    /** Null until it was used. */
    used: z.strictObject({ at: instant, source: z.string() }).nullable(),
  }),
  z.strictObject({
    kind: z.enum(kindsOf('reset.')),
    proposalId: z.string(),
    /** Whose second factor it is. */
    principalId: z.string(),
    name: z.string(),
    email: z.string().nullable(),
    at: instant,
    lapsesAt: instant,
    by: madeBy,
    reason: z.string(),
    /** Null while it waits for its answer. */
    outcome: z.strictObject({ at: instant, by: madeBy, reason: z.string() }).nullable(),
  }),
])

export type Notice = Readonly<z.infer<typeof noticeSchema>>
export type GrantNotice = Extract<Notice, { kind: GrantKind }>
export type ResetNotice = Extract<Notice, { kind: `reset.${string}` }>
export type AccessNotice = Extract<Notice, { kind: AccessKind }>

/**
 * One notice for one receiver by one way: what is queued, sent, and tried again. The id is the same however often it is sent,
 * so receivers can drop what they have had.
 */
export const deliverySchema = z.strictObject({
  id: z.string(),
  /** `mail`, or the name of a webhook (`channelOf`). */
  channel: z.string(),
  /** An e-mail address; empty for webhooks. */
  to: z.string(),
  notice: noticeSchema,
  madeAt: instant,
  /** When somebody last asked for it to be sent again; null for never. */
  retriedAt: instant.nullable(),
  attempts: z.int().nonnegative(),
  /** Why the last attempt failed; null before the first. */
  problem: z.string().nullable(),
})
export type Delivery = Readonly<z.infer<typeof deliverySchema>>

/** What became of one attempt. `refused` for good: trying again would change nothing. */
export type Outcome =
  { readonly kind: 'sent' } | { readonly kind: 'failed' | 'refused'; readonly problem: string }

/** One way out. Never throws; ends within its own limit of time, and at once when `signal` says so. */
export interface Channel {
  readonly name: string
  /** How many may be under way at a time. */
  readonly parallel: number
  send(delivery: Delivery, signal: AbortSignal): Promise<Outcome>
}

/** ISO 8601, to the second. */
export function isoInstant(at: EpochMs): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}
