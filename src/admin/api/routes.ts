import { z } from 'zod'
import type { Config } from '../../config/index.js'
import { readReason, type Grants, type Lockdowns, type Releases, type Requests } from '../../grants/index.js'
import type { BreakGlass, People, Resets, SecondFactor } from '../../identity/index.js'
import { GatehouseError, type ChangeLog, type Clock, type Keyring } from '../../lib/index.js'
import type { AccessRequest, Grant } from '../../model.js'
import type { Sessions } from '../../sessions/index.js'
import { assertEnded, endCompany, findCompany, holdingsOf, type CompanyEvent } from '../companies.js'
import { issueGrant } from '../issue-grant.js'
import { lockDown } from '../lock-down.js'
import { atTheGate, release } from '../release.js'
import { portionOf, type Portion } from './cursor.js'
import { openApiOf } from './openapi.js'
import { route, type ApiRoute } from './route.js'
import {
  atTheGateSchema,
  describeAtTheGate,
  companyEndSchema,
  companySchema,
  declinedSchema,
  describeCompany,
  describeGrant,
  describeLockdown,
  describeRelease,
  describeRequest,
  describeResetProposal,
  describeSession,
  emptySchema,
  endedSchema,
  endpointSchema,
  extensionSchema,
  grantQuerySchema,
  grantRequestSchema,
  grantSchema,
  isoText,
  issuedSchema,
  liftedSchema,
  listOf,
  lockdownSchema,
  optionalReasonSchema,
  pageQuerySchema,
  personSchema,
  reasonQuerySchema,
  reasonSchema,
  releaseSchema,
  requestQuerySchema,
  requestSchema,
  resetProposalSchema,
  sessionSchema,
  withdrawnSchema,
} from './schemas.js'

export interface ApiServices {
  readonly config: Config
  readonly clock: Clock
  readonly changes: Pick<ChangeLog, 'settle'>
  readonly keyring: Keyring
  readonly sessions: Sessions
  readonly grants: Grants
  readonly lockdowns: Lockdowns
  readonly releases: Releases
  readonly people: People
  readonly secondFactor: SecondFactor
  readonly breakGlass: BreakGlass
  readonly requests: Requests
  readonly resets: Resets
  /** Resolves when the event is durable. */
  readonly record: (event: CompanyEvent) => Promise<void>
}

/** Where the API is. A change that breaks programs gets another number. */
export const apiPrefix = '/api/v1'

const usualLimit = 50

interface Paging {
  readonly limit?: string | undefined
  readonly cursor?: string | undefined
}

/** Every call of the JSON API, in the order of the reference. */
export function apiRoutes(services: ApiServices): readonly ApiRoute[] {
  const describeApi = (): Record<string, unknown> => openApiOf(routes, apiPrefix)
  const routes = [
    ...grantRoutes(services),
    ...requestRoutes(services),
    ...releaseRoutes(services),
    ...stopRoutes(services),
    ...companyRoutes(services),
    ...directoryRoutes(services, describeApi),
  ]
  return routes
}

function grantRoutes({ config, clock, keyring, grants, people, secondFactor }: ApiServices): ApiRoute[] {
  const describe = (grant: Grant) => describeGrant(grant, clock.now(), config.grants.endings)
  const keyOf = ({ until, id }: Grant): string => `${String(until).padStart(16, '0')} ${id}`
  return [
    route('POST /grants', {
      does: 'Give a person access to machines for a time.',
      details:
        'With `grants:invite`, someone without a second factor gets an enrolment code. Each call gives a grant, but for one with the `Idempotency-Key` of another: so a lost answer can be asked for again.',
      scope: 'grants:write',
      query: emptySchema,
      body: grantRequestSchema,
      answer: issuedSchema,
      status: 201,
      run: async ({ body, token, actor }) => {
        const mayInvite = token.scopes.includes('grants:invite')
        const enrolment = mayInvite ? config.totp.enrolment : 'first-login'
        const issued = await issueGrant({ people, grants, secondFactor, enrolment }, body, actor)
        return { grant: describe(issued.grant), enrolmentCode: issued.enrolmentCode }
      },
    }),
    route('GET /grants', {
      does: 'All grants, the one that ends last first.',
      scope: 'grants:read',
      query: grantQuerySchema,
      body: null,
      answer: listOf(grantSchema),
      run: async ({ query }) => {
        const { limit, cursor, state, endpoint, person, ticket } = query
        const found = (await grants.list()).filter(
          (grant) =>
            (state === undefined || describe(grant).state === state) &&
            (endpoint === undefined || grant.endpoints.includes(endpoint)) &&
            (person === undefined || grant.to.email === person.toLowerCase()) &&
            (ticket === undefined || grant.ticket === ticket),
        )
        const list = JSON.stringify(['grants', state, endpoint, person, ticket])
        const portion = portionOf(inOrder(found, keyOf), {
          keyring,
          list,
          keyOf,
          ...sizeOf({ limit, cursor }),
        })
        return { items: portion.items.map(describe), next: portion.next }
      },
    }),
    route('GET /grants/{id}', {
      does: 'One grant.',
      scope: 'grants:read',
      query: emptySchema,
      body: null,
      answer: grantSchema,
      run: async ({ params }) => {
        const grant = await grants.get(params.id ?? '')
        if (grant === null) throw new GatehouseError('grant-unknown', 'There is no such grant.')
        return describe(grant)
      },
    }),
    route('POST /grants/{id}/extend', {
      does: 'Let a grant end later.',
      scope: 'grants:write',
      query: emptySchema,
      body: extensionSchema,
      answer: grantSchema,
      run: async ({ params, body, actor }) =>
        describe(await grants.extend(params.id ?? '', body.until, body.reason, actor)),
    }),
    route('POST /grants/{id}/revoke', {
      does: 'End a grant now and for good, with everything open under it.',
      scope: 'grants:write',
      isStop: true,
      query: emptySchema,
      body: reasonSchema,
      answer: grantSchema,
      run: async ({ params, body, actor }) =>
        describe(await grants.revoke(params.id ?? '', body.reason, actor)),
    }),
  ]
}

function requestRoutes({ clock, keyring, requests }: ApiServices): ApiRoute[] {
  const describe = (request: AccessRequest) => describeRequest(request, clock.now())
  const keyOf = ({ askedAt, id }: AccessRequest): string => `${String(askedAt).padStart(16, '0')} ${id}`
  return [
    route('GET /requests', {
      does: 'Requests for access, the latest first.',
      details:
        'All that wait for an answer with `state=open`; else the latest 1,000, answered or not. They are answered by people with a one-time code, and by no program.',
      scope: 'requests:read',
      query: requestQuerySchema,
      body: null,
      answer: listOf(requestSchema),
      run: async ({ query }) => {
        const { limit, cursor, state, endpoint, person, ticket } = query
        const all = state === 'open' ? await requests.open() : await requests.list()
        const found = all.filter(
          (request) =>
            (state === undefined || describe(request).state === state) &&
            (endpoint === undefined || request.terms.endpoints.includes(endpoint)) &&
            (person === undefined || request.by.email === person.toLowerCase()) &&
            (ticket === undefined || request.ticket === ticket),
        )
        const list = JSON.stringify(['requests', state, endpoint, person, ticket])
        const { items, next } = portion(keyring, list, found, keyOf, { limit, cursor })
        return { items: items.map(describe), next }
      },
    }),
    route('GET /requests/{id}', {
      does: 'One request, with each answer to it.',
      scope: 'requests:read',
      query: emptySchema,
      body: null,
      answer: requestSchema,
      run: async ({ params }) => {
        const request = await requests.get(params.id ?? '')
        if (request === null) throw new GatehouseError('request-unknown', 'There is no such request.')
        return describe(request)
      },
    }),
  ]
}

function releaseRoutes(services: ApiServices): ApiRoute[] {
  const { keyring, releases } = services
  return [
    route('GET /releases', {
      does: 'Who is signed in with a grant that runs and that the control room releases, and whether it has.',
      details:
        'Also whoever was let in under one that is over, while what is open may finish: `drainsUntil` says until when, and such a release can be withdrawn, not given again.',
      scope: 'releases:read',
      query: pageQuerySchema,
      body: null,
      answer: listOf(atTheGateSchema),
      run: async ({ query }) => {
        const items = (await atTheGate({ ...services, endings: services.config.grants.endings })).map(
          describeAtTheGate,
        )
        const keyOf = (one: (typeof items)[number]): string =>
          `${one.signedInAt} ${one.sessionId} ${one.grantId}`
        return portion(keyring, 'releases', items, keyOf, query)
      },
    }),
    route('POST /releases/{grant}/{session}/release', {
      does: 'Let a session use its grant, until it ends or this is withdrawn.',
      details: 'Not a grant of whoever answers for the token.',
      scope: 'releases:write',
      query: emptySchema,
      body: optionalReasonSchema,
      answer: releaseSchema,
      run: async ({ params: { grant = '', session = '' }, body: { reason }, actor }) =>
        describeRelease(await release(services, { grantId: grant, sessionId: session, reason }, actor)),
    }),
    route('POST /releases/{grant}/{session}/withdraw', {
      does: 'Take a release back, and cut what the session has open under the grant.',
      scope: 'releases:write',
      isStop: true,
      query: emptySchema,
      body: optionalReasonSchema,
      answer: withdrawnSchema,
      run: async ({ params: { grant = '', session = '' }, body: { reason }, actor }) => {
        if (!(await releases.withdraw(grant, session, reason, actor)))
          throw new GatehouseError('release-unknown', 'Nothing is released for this grant and session.')
        return { grantId: grant, sessionId: session, withdrawn: true }
      },
    }),
  ]
}

function stopRoutes({ keyring, sessions, breakGlass, people, lockdowns }: ApiServices): ApiRoute[] {
  return [
    route('GET /sessions', {
      does: 'Everyone who is signed in, the latest sign-in first.',
      scope: 'sessions:read',
      query: pageQuerySchema,
      body: null,
      answer: listOf(sessionSchema),
      run: async ({ query }) => {
        const items = (await sessions.list()).map(describeSession)
        return portion(keyring, 'sessions', items, ({ startedAt, id }) => `${startedAt} ${id}`, query)
      },
    }),
    route('POST /sessions/{id}/end', {
      does: 'Sign someone out, with everything they have open.',
      scope: 'sessions:end',
      isStop: true,
      query: emptySchema,
      body: reasonSchema,
      answer: endedSchema,
      run: async ({ params: { id = '' }, body, actor }) => {
        const reason = readReason(body.reason)
        const isEnded =
          (await sessions.end(id, 'session-killed', actor, reason)) ||
          (await breakGlass.withdraw(id, actor, reason))
        if (!isEnded)
          throw new GatehouseError('session-unknown', 'There is no such session; it may have ended already.')
        return { id, ended: true }
      },
    }),
    route('GET /lockdowns', {
      does: 'The lockdowns in force.',
      scope: 'lockdowns:read',
      query: emptySchema,
      body: null,
      answer: listOf(lockdownSchema),
      run: async () => ({ items: (await lockdowns.inForce()).map(describeLockdown), next: null }),
    }),
    route('PUT /lockdowns/{scope}', {
      does: 'Close machines at once, to everybody or to one person, whatever they hold.',
      details: 'The scope is `all`, `endpoint:ID` or `principal:EMAIL`. Said again, it only says so anew.',
      scope: 'lockdowns:write',
      isStop: true,
      query: emptySchema,
      body: reasonSchema,
      answer: lockdownSchema,
      run: async ({ params: { scope = '' }, body: { reason }, actor }) =>
        describeLockdown(await lockDown({ people, lockdowns }, { scope, reason }, actor)),
    }),
    route('DELETE /lockdowns/{scope}', {
      does: 'Lift a lockdown. Whoever holds a grant may go on.',
      details: 'The reason is in the query, because a DELETE has no body here.',
      scope: 'lockdowns:lift',
      query: reasonQuerySchema,
      body: null,
      answer: liftedSchema,
      run: async ({ params: { scope = '' }, query: { reason }, actor }) => {
        if (!(await lockdowns.off(scope, reason, actor)))
          throw new GatehouseError('lockdown-unknown', 'There is no lockdown of this scope to be lifted.')
        return { scope, lifted: true }
      },
    }),
  ]
}

function companyRoutes(services: ApiServices): ApiRoute[] {
  const { config } = services
  const forCompanies = (): Parameters<typeof endCompany>[0] => ({
    ...services,
    endings: config.grants.endings,
  })
  return [
    route('GET /companies', {
      does: 'The companies that are configured, and how much their people hold.',
      scope: 'companies:read',
      query: emptySchema,
      body: null,
      answer: listOf(companySchema),
      run: async () => {
        const held = await holdingsOf(forCompanies(), config.companies)
        return {
          items: [...held].map(([company, holdings]) => describeCompany(company, holdings)),
          next: null,
        }
      },
    }),
    route('POST /companies/{id}/end', {
      does: 'End all that the people of a company hold: requests, grants, sessions.',
      details:
        'Where some of it cannot be ended, the answer is `ended-in-part` and names it; call again. What has ended stays so.',
      scope: 'companies:end',
      isStop: true,
      query: emptySchema,
      body: reasonSchema,
      answer: companyEndSchema,
      run: async ({ params: { id = '' }, body: { reason }, actor }) => {
        const end = await endCompany(forCompanies(), findCompany(id, config.companies), { reason, actor })
        assertEnded(end)
        return { id, ended: end.ended }
      },
    }),
  ]
}

function directoryRoutes(
  { config, keyring, people, resets }: ApiServices,
  describeApi: () => Record<string, unknown>,
): ApiRoute[] {
  return [
    route('GET /people', {
      does: 'Everyone who has ever signed in, the latest sign-in first.',
      scope: 'people:read',
      query: pageQuerySchema,
      body: null,
      answer: listOf(personSchema),
      run: async ({ query }) => {
        const items = (await people.list()).map(({ principal: { id, email, name }, roles, lastLoginAt }) => ({
          ...{ id, email, name },
          roles: [...roles],
          lastLoginAt: isoText(lastLoginAt),
        }))
        return portion(keyring, 'people', items, ({ lastLoginAt, id }) => `${lastLoginAt} ${id}`, query)
      },
    }),
    route('GET /second-factor-resets', {
      does: 'Resets of second factors that wait for a second administrator.',
      details:
        'Where `totp.secondAdministrator` asks for one. To propose and to confirm takes a one-time code, which no program enters.',
      scope: 'people:read',
      query: emptySchema,
      body: null,
      answer: listOf(resetProposalSchema),
      run: async () => ({ items: (await resets.waiting()).map(describeResetProposal), next: null }),
    }),
    route('POST /second-factor-resets/{id}/decline', {
      does: 'Say no to such a reset. The second factor stays as it is.',
      scope: 'resets:decline',
      isStop: true,
      query: emptySchema,
      body: reasonSchema,
      answer: declinedSchema,
      run: async ({ params: { id = '' }, body, actor }) => {
        await resets.decline(id, readReason(body.reason), actor)
        return { id, declined: true }
      },
    }),
    route('GET /openapi.json', {
      does: 'The description of this API (OpenAPI 3.1).',
      scope: null,
      query: emptySchema,
      body: null,
      answer: z.record(z.string(), z.unknown()),
      run: () => Promise.resolve(describeApi()),
    }),
    route('GET /endpoints', {
      does: 'The machines that are configured, without where they are.',
      scope: 'endpoints:read',
      query: emptySchema,
      body: null,
      answer: listOf(endpointSchema),
      run: () => {
        const items = config.endpoints.map(({ id, name, kind, zone }) => {
          const groups = config.groups.filter(({ endpoints }) => endpoints.includes(id))
          return { id, name, kind, zone, groups: groups.map((group) => group.id) }
        })
        return Promise.resolve({ items, next: null })
      },
    }),
  ]
}

function portion<T>(
  keyring: Keyring,
  list: string,
  all: readonly T[],
  keyOf: (item: T) => string,
  paging: Paging,
): { items: T[]; next: string | null } {
  const found: Portion<T> = portionOf(inOrder(all, keyOf), { keyring, list, keyOf, ...sizeOf(paging) })
  return { items: [...found.items], next: found.next }
}

function inOrder<T>(all: readonly T[], keyOf: (item: T) => string): T[] {
  return [...all].sort((a, b) => (keyOf(a) < keyOf(b) ? 1 : -1))
}

function sizeOf({ limit, cursor }: Paging): { limit: number; cursor: string | undefined } {
  return { limit: limit === undefined ? usualLimit : Number(limit), cursor }
}
