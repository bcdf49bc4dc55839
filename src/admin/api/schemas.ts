import { z } from 'zod'
import { requestState, scopeText } from '../../grants/index.js'
import type { ResetProposal } from '../../identity/index.js'
import {
  accessLevels,
  endings,
  roles,
  sessionOrigins,
  type AccessRequest,
  type Actor,
  type Company,
  type EndingLimits,
  type EpochMs,
  type Grant,
  type Lockdown,
  type Release,
  type RequestTerms,
  type Session,
} from '../../model.js'
import { grantState, isDraining } from '../../policy/index.js'
import type { AtTheGate } from '../release.js'
import type { Holdings } from '../companies.js'
import { actorName } from '../words.js'

/** An instant as it leaves us. */
const instant = z.iso.datetime().describe('ISO 8601, UTC')
/** One as it may be sent; what it means is read where grants are. */
const when = z.string().min(1).max(40)
const reason = z.string().max(500).describe('Why, in words: one line. It stays on record.')

const actor = z.strictObject({
  kind: z.enum(['principal', 'operator', 'service', 'gateway']),
  name: z.string().describe('For people to read'),
  tokenId: z.string().nullable().describe('Of a program; null for all others'),
})

export const grantStates = [
  'not-started',
  'active',
  'outside-window',
  'draining',
  'ended',
  'revoked',
] as const

export const grantSchema = z
  .strictObject({
    id: z.string(),
    state: z.enum(grantStates),
    to: z.string().describe('E-mail address'),
    isBound: z.boolean().describe('Whether its owner has signed in since'),
    endpoints: z.array(z.string()),
    access: z.enum(accessLevels),
    from: instant,
    until: instant,
    reason: z.string(),
    ticket: z.string().nullable(),
    ending: z.enum(endings),
    windows: z
      .array(z.strictObject({ from: instant, until: instant }))
      .describe('The only parts of its time in which it is valid; empty for all of it'),
    sources: z.array(z.string()).describe('From where it may be used; empty for anywhere'),
    needsRelease: z.boolean().describe('Whether the control room must release it for each session'),
    maxSessions: z.int().nullable().describe('Sign-ins that may use it at a time; null for any number'),
    lastsFromFirstUseMs: z
      .int()
      .nullable()
      .describe('For how long it is valid from its first use; null for all of its time'),
    firstUsedAt: instant.nullable().describe('When its first use began its time, and set `until`'),
    requestId: z.string().nullable().describe('The request for access that it answers'),
    issuedBy: actor,
    issuedAt: instant,
    revocation: z.strictObject({ at: instant, by: actor, reason: z.string() }).nullable(),
  })
  .meta({ id: 'Grant' })

export const issuedSchema = z
  .strictObject({
    grant: grantSchema,
    enrolmentCode: z
      .string()
      .nullable()
      .describe(
        'For someone without a second factor, to be given to them by phone or in person. Null for all others, and where the token lacks the scope `grants:invite`: then an administrator must invite them.',
      ),
  })
  .meta({ id: 'IssuedGrant' })

export const grantRequestSchema = z
  .strictObject({
    to: z.string().max(254).describe('E-mail address of whom it is for'),
    endpoints: z.array(z.string()).min(1).max(50).optional().describe('Ids of machines; these or `groups`'),
    groups: z
      .array(z.string().max(63))
      .min(1)
      .max(50)
      .optional()
      .describe('Ids of groups, each for the machines it has now; the grant names those'),
    from: when.describe('ISO 8601 with `Z` or an offset, `now`, or `+2h`'),
    until: when.describe('Likewise; `+8h` counts from now'),
    reason,
    ticket: z.string().max(64).optional().describe('The ticket or change this belongs to'),
    access: z.enum(accessLevels).optional().describe('`operate` when left out'),
    ending: z
      .enum(endings)
      .optional()
      .describe('What happens to running work at the end; `cut` when left out'),
    sources: z
      .array(z.string().max(64))
      .max(20)
      .optional()
      .describe('Addresses and CIDR blocks; anywhere when left out'),
    maxSessions: z
      .int()
      .min(1)
      .max(50)
      .optional()
      .describe('Sign-ins that may use it at a time; any number when left out'),
    needsRelease: z
      .boolean()
      .optional()
      .describe('Whether the control room must release it for each session; not when left out'),
    lasts: z
      .string()
      .max(10)
      .optional()
      .describe(
        'For how long it is valid from its first use on, at any time before `until`, such as `2h` or `90m`',
      ),
    weekly: z
      .array(z.string().max(100))
      .min(1)
      .max(14)
      .optional()
      .describe('The only hours in which it is valid, in plant time, such as `mon-fri 06:00-14:00`'),
  })
  .meta({ id: 'GrantRequest' })

export const extensionSchema = z.strictObject({
  until: when.describe('The new end: later than the one it has'),
  reason,
})
export const reasonSchema = z.strictObject({ reason })
export const reasonQuerySchema = z.strictObject({ reason })

const paging = {
  limit: z
    .string()
    .regex(/^(?:[1-9]\d?|1\d\d|200)$/)
    .optional()
    .describe('How many at most: 1 to 200, 50 when left out'),
  cursor: z.string().max(500).optional().describe('The `next` of the answer before, with the same filters'),
}
export const pageQuerySchema = z.strictObject(paging)
export const grantQuerySchema = z.strictObject({
  state: z.enum(grantStates).optional(),
  endpoint: z.string().max(63).optional().describe('Id of a machine'),
  person: z.string().max(254).optional().describe('E-mail address'),
  ticket: z.string().max(64).optional(),
  ...paging,
})
export const requestStates = ['open', 'approved', 'denied', 'lapsed', 'withdrawn', 'closed'] as const
const stateOfRequest = z
  .enum(requestStates)
  .describe('`closed`: answered, and what the answer was is in the ledger alone')
const termsSchema = z.strictObject({
  endpoints: z.array(z.string()),
  access: z.enum(accessLevels),
  from: instant.nullable().describe('Null: from when the last of those who have to agree does'),
  lengthMs: z.int(),
  lastsFromFirstUseMs: z.int().nullable().describe('As of a grant'),
  needsRelease: z.boolean().describe('As of a grant'),
})
export const requestSchema = z
  .strictObject({
    id: z.string(),
    state: stateOfRequest,
    by: z.strictObject({ email: z.string(), name: z.string() }),
    asked: termsSchema,
    reason: z.string(),
    ticket: z.string().nullable(),
    askedAt: instant,
    lapsesAt: instant.describe('Unanswered until then, it is over'),
    approvals: z
      .array(z.strictObject({ at: instant, by: actor, terms: termsSchema }))
      .describe('Each yes, with what it agrees to: as asked, or less'),
    outcome: z
      .strictObject({
        at: instant,
        by: actor.nullable().describe('Who agreed last, or said no'),
        reason: z.string().nullable().describe('Of a no'),
        grantId: z.string().nullable().describe('The grant that follows a yes'),
        terms: termsSchema.nullable().describe('What was agreed to'),
      })
      .nullable()
      .describe('Null while it waits, and for a moment after it has lapsed'),
  })
  .meta({ id: 'Request' })
export const requestQuerySchema = z.strictObject({
  state: stateOfRequest.optional(),
  endpoint: z.string().max(63).optional().describe('Id of a machine'),
  person: z.string().max(254).optional().describe('E-mail address of who asked'),
  ticket: z.string().max(64).optional(),
  ...paging,
})
export const emptySchema = z.strictObject({})

export const sessionSchema = z
  .strictObject({
    id: z.string(),
    principalId: z.string(),
    email: z.string().nullable(),
    name: z.string(),
    roles: z.array(z.enum(roles)),
    origin: z.enum(sessionOrigins),
    hasSecondFactor: z.boolean().describe('Whether it was proved in this session'),
    startedAt: instant,
    endsAt: instant,
    source: z.string().describe('Client address at sign-in'),
  })
  .meta({ id: 'Session' })
export const endedSchema = z.strictObject({ id: z.string(), ended: z.boolean() })

const releaseShape = {
  grantId: z.string(),
  sessionId: z.string(),
}
const givenSchema = z.strictObject({
  at: instant,
  by: actor,
  reason: z.string().nullable(),
})
export const releaseSchema = z.strictObject({ ...releaseShape, ...givenSchema.shape }).meta({ id: 'Release' })
export const atTheGateSchema = z
  .strictObject({
    ...releaseShape,
    email: z.string().describe('Of whom the grant is for'),
    endpoints: z.array(z.string()),
    access: z.enum(accessLevels),
    until: instant.describe('When the grant ends'),
    drainsUntil: instant
      .nullable()
      .describe('Over, or outside its hours: until when what is open may finish. Null while it runs'),
    signedInAt: instant,
    release: givenSchema.nullable().describe('Null while they wait'),
  })
  .meta({ id: 'AtTheGate' })
export const optionalReasonSchema = z.strictObject({ reason: reason.optional() })
export const withdrawnSchema = z.strictObject({ ...releaseShape, withdrawn: z.boolean() })

export const lockdownSchema = z
  .strictObject({
    scope: z.string().describe('`all`, `endpoint:ID` or `principal:EMAIL`'),
    at: instant,
    by: actor,
    reason: z.string(),
  })
  .meta({ id: 'Lockdown' })
export const liftedSchema = z.strictObject({ scope: z.string(), lifted: z.boolean() })

export const personSchema = z
  .strictObject({
    id: z.string(),
    email: z.string().nullable(),
    name: z.string(),
    roles: z.array(z.enum(roles)).describe('At the last sign-in'),
    lastLoginAt: instant,
  })
  .meta({ id: 'Person' })

export const resetProposalSchema = z
  .strictObject({
    id: z.string(),
    principalId: z.string().describe('Whose second factor it is'),
    by: actor,
    reason: z.string(),
    at: instant,
    lapsesAt: instant,
  })
  .meta({ id: 'ResetProposal' })
export const declinedSchema = z.strictObject({ id: z.string(), declined: z.boolean() })

export const endpointSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    kind: z.enum(['hmi', 'historian']),
    zone: z.string().nullable(),
    groups: z.array(z.string()).describe('Ids of the groups it is in'),
  })
  .meta({ id: 'Endpoint' })

const count = z.int().nonnegative()
export const companySchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    emailDomains: z.array(z.string()),
    claimValues: z.array(z.string()).describe('By which the identity provider names its people'),
    requestable: z
      .array(z.string())
      .nullable()
      .describe('Ids of the machines its people may ask for; null where that is as for everybody'),
    grants: count.describe('That run or are to come'),
    requests: count.describe('That wait for an answer'),
    sessions: count,
    codes: count.describe('Break-glass codes that wait to be used'),
  })
  .meta({ id: 'Company' })
export const companyEndSchema = z.strictObject({
  id: z.string(),
  ended: z
    .strictObject({ requests: count, grants: count, sessions: count, codes: count })
    .describe('How many by this call'),
})

/** A portion of a list. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.strictObject({
    items: z.array(item),
    next: z.string().nullable().describe('The cursor of the next portion; null at the end'),
  })
}

export function isoText(at: EpochMs): string {
  return new Date(at).toISOString()
}

function describeActor(by: Actor): z.input<typeof actor> {
  return { kind: by.kind, name: actorName(by), tokenId: by.kind === 'service' ? by.tokenId : null }
}

export function describeGrant(grant: Grant, now: EpochMs, limits: EndingLimits): z.input<typeof grantSchema> {
  const state = grantStates.find((each) => grantState(grant, now) === `grant-${each}`)
  const { id, to, endpoints, access, ticket, ending, revocation } = grant
  return {
    id,
    state: isDraining(grant, now, limits) ? 'draining' : (state ?? 'ended'),
    to: to.email,
    isBound: to.principalId !== null,
    endpoints: [...endpoints],
    access,
    from: isoText(grant.from),
    until: isoText(grant.until),
    reason: grant.reason,
    ticket,
    ending,
    windows: grant.conditions.windows.map(({ from, until }) => ({
      from: isoText(from),
      until: isoText(until),
    })),
    sources: [...grant.conditions.sources],
    needsRelease: grant.conditions.needsRelease,
    maxSessions: grant.conditions.maxSessions,
    lastsFromFirstUseMs: grant.conditions.lastsFromFirstUseMs,
    firstUsedAt: grant.firstUsedAt === undefined ? null : isoText(grant.firstUsedAt),
    requestId: grant.requestId,
    issuedBy: describeActor(grant.issuedBy),
    issuedAt: isoText(grant.issuedAt),
    revocation: revocation && {
      at: isoText(revocation.at),
      by: describeActor(revocation.by),
      reason: revocation.reason,
    },
  }
}

function describeTerms(terms: RequestTerms): z.input<typeof termsSchema> {
  const { endpoints, access, from, lengthMs, lastsFromFirstUseMs, needsRelease } = terms
  return {
    ...{ endpoints: [...endpoints], access, from: from === null ? null : isoText(from) },
    ...{ lengthMs, lastsFromFirstUseMs, needsRelease },
  }
}

export function describeRequest(request: AccessRequest, now: EpochMs): z.input<typeof requestSchema> {
  const { id, by, terms, ticket, askedAt, lapsesAt, approvals, outcome } = request
  return {
    ...{ id, state: requestState(request, now), by: { email: by.email, name: by.name } },
    ...{ asked: describeTerms(terms), reason: request.reason, ticket },
    ...{ askedAt: isoText(askedAt), lapsesAt: isoText(lapsesAt) },
    approvals: approvals.map((approval) => ({
      at: isoText(approval.at),
      by: describeActor(approval.by),
      terms: describeTerms(approval.terms),
    })),
    outcome: outcome && {
      at: isoText(outcome.at),
      by: 'by' in outcome ? describeActor(outcome.by) : null,
      reason: outcome.kind === 'denied' ? outcome.reason : null,
      grantId: outcome.kind === 'approved' ? outcome.grantId : null,
      terms: outcome.kind === 'approved' ? describeTerms(outcome.terms) : null,
    },
  }
}

export function describeSession(session: Session): z.input<typeof sessionSchema> {
  const { id, principal, origin, assurance, source } = session
  return {
    id,
    principalId: principal.id,
    email: principal.email,
    name: principal.name,
    roles: [...session.roles],
    origin,
    hasSecondFactor: assurance.secondFactorAt !== null,
    startedAt: isoText(session.startedAt),
    endsAt: isoText(session.endsAt),
    source,
  }
}

export function describeRelease({
  grantId,
  sessionId,
  at,
  by,
  reason: why,
}: Release): z.input<typeof releaseSchema> {
  return { grantId, sessionId, at: isoText(at), by: describeActor(by), reason: why }
}

export function describeAtTheGate({
  grant,
  session,
  release,
  drainsUntil,
}: AtTheGate): z.input<typeof atTheGateSchema> {
  return {
    grantId: grant.id,
    sessionId: session.id,
    email: grant.to.email,
    endpoints: [...grant.endpoints],
    access: grant.access,
    until: isoText(grant.until),
    drainsUntil: drainsUntil === null ? null : isoText(drainsUntil),
    signedInAt: isoText(session.startedAt),
    release: release && {
      at: isoText(release.at),
      by: describeActor(release.by),
      reason: release.reason,
    },
  }
}

export function describeResetProposal(proposal: ResetProposal): z.input<typeof resetProposalSchema> {
  const { id, principalId, by, reason: why, at, lapsesAt } = proposal
  return {
    ...{ id, principalId, by: describeActor(by), reason: why },
    at: isoText(at),
    lapsesAt: isoText(lapsesAt),
  }
}

export function describeCompany(
  { id, name, emailDomains, claimValues, requestable }: Company,
  { grants, requests, sessions, codes }: Holdings,
): z.input<typeof companySchema> {
  return {
    ...{ id, name, emailDomains: [...emailDomains], claimValues: [...claimValues] },
    requestable: requestable && [...requestable],
    grants: grants.length,
    requests: requests.length,
    sessions: sessions.length,
    codes: codes.length,
  }
}

export function describeLockdown({ scope, at, by, reason: why }: Lockdown): z.input<typeof lockdownSchema> {
  return { scope: scopeText(scope), at: isoText(at), by: describeActor(by), reason: why }
}
