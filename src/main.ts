import { once } from 'node:events'
import { hostname } from 'node:os'
import type { AddressInfo } from 'node:net'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { join } from 'node:path'
import {
  createAdmin,
  createApi,
  createExplain,
  createNotice,
  createSavedFilters,
  createWaiting,
} from './admin/index.js'
import { closedLedger, openLedger, type Ledger, type StoreEvent } from './audit/index.js'
import { loadKeyring, type Config } from './config/index.js'
import {
  createStreams,
  createUpstreams,
  startProbes,
  type Health,
  type Probes,
  type StreamInfo,
} from './dataplane/index.js'
import {
  createAnswers,
  createGateway,
  createFacts,
  createOpening,
  isNavigation,
  startOperations,
  watchChanges,
  type Asker,
  type StopTimes,
} from './gateway/index.js'
import {
  createGrants,
  createLockdowns,
  createReleases,
  createSeats,
  createRequests,
  type Grants,
  type Lockdowns,
  type Releases,
  type Requests,
  type Seats,
} from './grants/index.js'
import {
  createAssertions,
  createBreakGlass,
  createIdentityProvider,
  createPeople,
  createResets,
  createSecondFactor,
  createServiceTokens,
  requestableBy,
  type BreakGlass,
  type People,
  type Person,
  type Resets,
  type SecondFactor,
  type ServiceTokens,
} from './identity/index.js'
import {
  connectStore,
  createInspection,
  createLogger,
  createPages,
  createSteadyClock,
  createView,
  createVouching,
  describeError,
  forgetfulMark,
  GatehouseError,
  oncePerPlace,
  openChangeLog,
  openHighWaterMark,
  openJournal,
  systemClock,
  type ChangeLog,
  type Clock,
  type Finding,
  type Inspection,
  type Journal,
  type Keyring,
  type Logger,
  type SteadyClock,
  type Store,
  type Visit,
  type Vouching,
} from './lib/index.js'
import type { AccessRequest, Actor, Reason } from './model.js'
import { noticePlant, startNotifications, type Notifications } from './notify/index.js'
import { oldestViewMs } from './policy/index.js'
import { createPortal } from './portal/index.js'
import { cookieNames, createSessions, type Sessions } from './sessions/index.js'

/** The version this build reports. */
export const version = '0.1.0'

/** The longest that a configuration may set; it may have been longer when a session began. */
const longestSessionMs = 24 * 3_600_000
/** Of a stop: what is left of it when everything has been cut, to write and let go of what is open. */
const closingMs = 5_000

export interface ServiceOptions {
  readonly clock?: Clock
  /** What Redis says the time is. Default: its TIME; with a clock of a test's own nothing, for Redis keeps another time. */
  readonly storeTime?: () => number
  readonly logger?: Logger
  /** Which ledger chain to write: one writer a chain, so commands have one of their own. */
  readonly writer?: string
  /** How long to wait for another writer of that chain to finish. */
  readonly lockWaitMs?: number
  /** How long a command to Redis may take. Default: the product's 300 ms. */
  readonly storeLimitMs?: number
  /** For who only looks: no ledger is opened, so nothing waits for it, and what must be recorded fails. */
  readonly isReadOnly?: boolean
  /** Whether this process follows the log of changes, as a gateway does and a command does not. */
  readonly follows?: boolean
}

/** State and records without any listener: what commands and the gateway have in common. */
export interface Services {
  readonly clock: SteadyClock
  readonly logger: Logger
  readonly keyring: Keyring
  readonly store: Store
  readonly inspection: Inspection
  readonly changes: ChangeLog
  readonly journal: Journal
  readonly vouching: Vouching
  readonly ledger: Ledger
  readonly sessions: Sessions
  readonly grants: Grants
  readonly lockdowns: Lockdowns
  readonly releases: Releases
  readonly seats: Seats
  readonly requests: Requests
  readonly people: People
  readonly secondFactor: SecondFactor
  readonly resets: Resets
  readonly breakGlass: BreakGlass
  readonly tokens: ServiceTokens
  close(): Promise<void>
}

/** @throws GatehouseError `keys-invalid`, `ledger-invalid`, `ledger-unavailable` */
export async function openServices(config: Config, options: ServiceOptions = {}): Promise<Services> {
  const outside = options.clock ?? systemClock
  const clock = createSteadyClock(outside)
  const logger = options.logger ?? createLogger(config.log.level)
  const keyring = loadKeyring(config.keys.file)
  const ledger =
    options.isReadOnly === true
      ? closedLedger
      : await openLedger({
          directory: config.audit.directory,
          writer: options.writer ?? config.audit.writer,
          durability: config.audit.durability,
          lockWaitMs: options.lockWaitMs ?? 0,
          key: keyring.ledger,
          clock,
          logger,
        })
  const alarm = (event: StoreEvent): void => {
    logger.error('redis holds what it should not', { ...event })
    if (options.isReadOnly !== true) ledger.note(event)
  }
  const journal = await openJournal({
    file: join(config.audit.directory, 'ended.jsonl'),
    isReadOnly: options.isReadOnly === true,
    clock,
    logger,
    sessionsKeptMs: longestSessionMs,
    onRevived: (kind, id) => {
      alarm({ event: 'store.rolled-back', kind, id })
    },
  }).catch(async (error: unknown) => {
    await ledger.close()
    throw error
  })
  const vouching = createVouching(
    keyring,
    oncePerPlace((place) => {
      alarm({ event: 'store.altered', place })
    }),
  )
  const store = connectStore({ ...config.redis, limitMs: options.storeLimitMs }, logger)
  const storeTime = options.storeTime ?? (outside === systemClock ? undefined : null)
  const inspection = createInspection({ store, clock, logger, storeTime })
  const mark =
    options.follows === true
      ? await openHighWaterMark(join(config.audit.directory, `followed-${config.audit.writer}.json`), logger)
      : forgetfulMark()
  const changes = openChangeLog({
    ...{ store, vouching, mark, logger },
    name: `${hostname()}/${config.audit.writer}`,
    onRolledBack: (position) => {
      alarm({ event: 'store.rolled-back', kind: 'changes', id: position })
    },
  })
  const record: Ledger['append'] = (event) => ledger.append(event)
  const view = createView(changes.proof)
  const assertFit = (): Promise<void> => inspection.assertFit()
  const shared = { store, clock, changes, view, record, keyring, journal, vouching, logger }
  const endpointIds = new Set(config.endpoints.map((endpoint) => endpoint.id))
  const people = createPeople(shared)
  const sessions = createSessions({ ...shared, maxLengthMs: config.sessions.maxLengthMs })
  const secondFactor = createSecondFactor({
    ...{ ...shared, ...config.totp, people },
    sessionsOf: (principalId) => sessions.openedBy(principalId),
  })
  const note: Ledger['note'] = (event) => ledger.note(event)
  const breakGlass = createBreakGlass({ ...shared, note, people, secondFactor })
  const forGrants = {
    ...config.grants,
    assertFit,
    endpointTerms: new Map(config.endpoints.map((endpoint) => [endpoint.id, endpoint])),
    endpointGroups: config.groups,
  }
  const grants = createGrants({ ...shared, ...forGrants, endpointIds })
  const alive = async (ids: readonly string[]): Promise<ReadonlySet<string>> =>
    new Set((await sessions.byIds(ids)).flatMap((session) => session?.id ?? []))
  const tokens = createServiceTokens({ ...shared, note, assertFit, people })
  return {
    clock,
    logger,
    keyring,
    store,
    inspection,
    changes,
    journal,
    vouching,
    ledger,
    sessions,
    seats: createSeats({ ...shared, alive }),
    grants,
    requests: createRequests({
      ...{ ...shared, ...forGrants, grants, endpoints: config.endpoints },
      standingOf: async (principalId) => (await people.get(principalId)) ?? { roles: [] },
      requestableBy: async (principalId) =>
        config.companies.some(({ requestable }) => requestable !== null)
          ? requestableBy(await people.get(principalId), config.companies)
          : null,
    }),
    lockdowns: createLockdowns({ ...shared, endpointIds }),
    releases: createReleases({ ...shared, assertFit }),
    people,
    secondFactor,
    resets: createResets({
      ...{ ...shared, assertFit, people, secondFactor },
      lapsesAfterMs: config.totp.resetLapsesAfterMs,
    }),
    breakGlass,
    tokens,
    close: async () => {
      breakGlass.close()
      tokens.close()
      await journal.close()
      await mark.close()
      await ledger.close()
      await store.close()
    },
  }
}

export interface Gatehouse {
  readonly services: Services
  readonly address: AddressInfo
  readonly operationsAddress: AddressInfo | null
  /** What is open through this instance now. */
  streams(): readonly StreamInfo[]
  /** How the machines are that are asked, as far as this instance knows. */
  health(): readonly Health[]
  /** Stops taking requests, lets those finish that run, ends the rest, and leaves nothing unwritten. */
  close(): Promise<void>
  /** A stop, under way or to come, waits for nobody who is still at it. */
  hurry(): void
}

/**
 * Builds one instance and serves. A provider or a Redis that is down does not stop it: then nobody is let
 * in, and people are told so.
 *
 * @throws GatehouseError `keys-invalid`, `ledger-invalid`, `ledger-unavailable`; `config-invalid` when it
 *   cannot listen. Nothing stays open then.
 */
export async function startGatehouse(config: Config, options: ServiceOptions = {}): Promise<Gatehouse> {
  const services = await openServices(config, { ...options, follows: true })
  const { clock, logger, keyring, ledger, store, changes, journal } = services
  const { sessions, grants, lockdowns, releases, people, secondFactor, breakGlass, inspection } = services
  const { seats } = services
  const { publicUrl } = config.server
  const streams = createStreams({ clock })
  clock.onLeap(() => {
    streams.reviewDeadlines()
  })
  const upstreams = createUpstreams({ clock, logger })
  const pages = createPages(config)
  const identityProvider = createIdentityProvider({
    oidc: config.oidc,
    companies: config.companies,
    publicUrl,
    keyring,
    store,
    clock,
    logger,
    cookiePrefix: cookieNames.loginPrefix,
  })
  const assertions = createAssertions({ key: keyring.assertion, clock, issuer: publicUrl.origin })
  const answers = createAnswers(pages, logger)
  const { endings } = config.grants
  const gather = createFacts({ grants, lockdowns, releases, seats, changes, clock, endings })
  const { factsOfOpening, mayOpen } = createOpening(config, gather)
  const forSurfaces = {
    ...{ config, clock, logger, pages, sessions, grants, lockdowns, releases, people, secondFactor, mayOpen },
    ...{ breakGlass, requests: services.requests, resets: services.resets },
    noticeFor: createNotice({
      ...{ breakGlass, changes, clock },
      resets: config.totp.secondAdministrator ? services.resets : null,
    }),
    waitingFor: createWaiting(services.requests),
    answerError: (visit: Visit, req: IncomingMessage, res: ServerResponse, error: unknown) => {
      answers.failed(askerOf(visit, req), res, error)
    },
    answerDenied: (visit: Visit, req: IncomingMessage, res: ServerResponse, reasons: readonly Reason[]) => {
      answers.denied(askerOf(visit, req), res, reasons)
    },
  }
  const record: Ledger['append'] = (event) => ledger.append(event)
  const portal = createPortal({
    ...forSurfaces,
    identityProvider,
    assertions,
    record,
  })
  let probes: Probes | null = null
  const admin = createAdmin({
    ...forSurfaces,
    changes,
    tokens: services.tokens,
    savedFilters: createSavedFilters({ store, vouching: services.vouching }),
    explain: createExplain({ ...forSurfaces, factsOfOpening, isOnlooker: false }),
    streams: () => streams.list().filter(({ kind }) => kind !== 'hints'),
    health: () => probes?.list() ?? [],
    record,
  })
  const api = createApi({
    ...{
      config,
      clock,
      changes,
      keyring,
      pages,
      sessions,
      grants,
      lockdowns,
      people,
      secondFactor,
      breakGlass,
    },
    releases,
    ...{ requests: services.requests, resets: services.resets, record },
    ...{ store, logger },
    // Programs call here, whatever they say they would like to read.
    answerError: (visit, _req, res, error) => {
      answers.failed({ id: visit.requestId, isNavigation: false, language: visit.language }, res, error)
    },
    answerDenied: (visit, _req, res, reasons) => {
      answers.denied({ id: visit.requestId, isNavigation: false, language: visit.language }, res, reasons)
    },
  })
  const gateway = createGateway({
    seats,
    beginUse: (grant) => grants.beginUse(grant),
    ...{ grants, requests: services.requests },
    ...{ config, answers, gather, changes, mayOpen, clock, logger, keyring, ledger, sessions },
    ...{ streams, upstreams, assertions, pages },
    tokens: services.tokens,
    surfaces: [portal, admin, api],
  })
  const notifications = openNotifications(config, services)
  const watch = await watchChanges({
    ...{ clock, logger, changes, journal, streams, sessions, grants, lockdowns, secondFactor },
    ...{ releases, seats, endings },
    tokens: services.tokens,
    ...{ requests: services.requests, resets: services.resets, breakGlass: services.breakGlass },
    onChange: (change) => {
      notifications?.noteChange(change)
      gateway.hint(change)
    },
  })
  const stopInspecting = await inspection.begin()
  const stopTidying = services.requests.begin()
  const server = gateway.listen()
  let operations: Server | null = null
  let isStopping = false
  const hurried = new AbortController()
  const problems = (): string[] => [
    ...(isStopping ? ['this instance is stopping'] : []),
    ...(store.isReady() ? [] : ['Redis is not reachable']),
    ...(changes.proof.ageMs <= oldestViewMs ? [] : ['changes in Redis cannot be followed']),
    ...(ledger.isWritable() ? [] : ['the ledger cannot be written']),
    // Once it has served, what a finding says takes nobody off a machine; only nothing new is given.
    ...(inspection.wasFit() ? [] : unfitFor(inspection.found())),
  ]
  const warnings = (): string[] =>
    inspection
      .found()
      .filter(({ isBlocking }) => !isBlocking || inspection.wasFit())
      .map(({ text }) => text)
  const close = async (): Promise<void> => {
    if (isStopping) return
    isStopping = true
    await gateway.stop(server, stopTimes(config.server), hurried.signal)
    operations?.close()
    // A connection on which nothing was asked yet would keep the process for a minute.
    operations?.closeAllConnections()
    stopInspecting()
    stopTidying()
    await watch.close()
    await notifications?.close()
    probes?.close()
    upstreams.close()
    gateway.close()
    await ledger.append({ event: 'gateway.stopped' }).catch((error: unknown) => {
      // A full disk must not keep a gateway from stopping.
      logger.error('the stop could not be recorded', { problem: describeError(error) })
    })
    await services.close()
  }
  const { listen, operations: operationsAt } = config.server
  try {
    await ledger.append({ event: 'gateway.started', version })
    await bind('server.listen', listen, async () => {
      server.listen(listen.port, listen.host)
      await once(server, 'listening')
    })
    if (operationsAt !== null)
      operations = await bind('server.operations', operationsAt, () =>
        startOperations({ ...operationsAt, problems, warnings }),
      )
  } catch (error) {
    hurried.abort()
    await close()
    throw error
  }
  const running = startProbes({ clock, logger, upstreams, endpoints: config.endpoints })
  probes = running
  logger.info('gateway serving', { portal: publicUrl.href, ...listen, endpoints: config.endpoints.length })

  return {
    services,
    address: server.address() as AddressInfo,
    operationsAddress: operations && (operations.address() as AddressInfo),
    streams: () => streams.list().filter(({ kind }) => kind !== 'hints'),
    health: () => running.list(),
    close,
    hurry: () => {
      hurried.abort()
    },
  }
}

/** Who has left the plant signs in no more. They could not read the request, but the mail about it. */
const approverKnownMs = 30 * 24 * 3_600_000
const approversToldAtMost = 50

function openNotifications(
  config: Config,
  { store, clock, logger, vouching, grants, requests, people, lockdowns, breakGlass, resets }: Services,
): Notifications | null {
  const settings = config.notifications
  if (settings === null) return null
  const configured = new Set(config.endpoints.map(({ id }) => id))
  const mayAnswer = (
    { principal: { id, email }, roles, groups }: Person,
    request: AccessRequest,
  ): boolean => {
    // One for a machine that has gone is answered by nobody.
    if (!request.terms.endpoints.every((endpointId) => configured.has(endpointId))) return false
    const actor: Actor = { kind: 'principal', principalId: id, email }
    return requests.mayAnswer(request, { actor, roles, groups, hasFreshCode: false })
  }
  return startNotifications({
    ...{ store, clock, logger, vouching, grants, ...settings },
    plant: noticePlant(config),
    requests: {
      get: (id) => requests.get(id),
      list: async () => {
        const all = [...(await requests.open()), ...(await requests.list())]
        return [...new Map(all.map((request) => [request.id, request])).values()]
      },
      standingOf: async (request) => ({
        agreed: await requests.counted(request),
        needed: requests.needed(request),
      }),
      approversOf: async (request) => {
        const known = (await people.list()).filter(
          (person) => clock.now() < person.lastLoginAt + approverKnownMs && mayAnswer(person, request),
        )
        return known.flatMap(({ principal }) => principal.email ?? []).slice(0, approversToldAtMost)
      },
    },
    resets: {
      list: async () =>
        Promise.all(
          (await resets.lately()).map(async (reset) => {
            const principal = (await people.get(reset.principalId))?.principal
            return { ...reset, name: principal?.name ?? reset.principalId, email: principal?.email ?? null }
          }),
        ),
      confirmersOf: async (reset) => {
        const known = (await people.list()).filter(
          ({ lastLoginAt }) => clock.now() < lastLoginAt + approverKnownMs,
        )
        const may = await Promise.all(known.map((person) => resets.mayConfirm(reset, person)))
        return known
          .filter((_, index) => may[index])
          .flatMap(({ principal }) => principal.email ?? [])
          .slice(0, approversToldAtMost)
      },
    },
    lastWords: () => lockdowns.lastWords(),
    // What somebody has confirmed to have seen is no matter here.
    breakGlass: () => breakGlass.list(''),
  })
}

function stopTimes({ announceSeconds, shutdownSeconds }: Config['server']): StopTimes {
  const announceMs = announceSeconds * 1_000
  const shutdownMs = shutdownSeconds * 1_000
  return { announceMs, finishMs: Math.max(0, shutdownMs - announceMs - Math.min(closingMs, shutdownMs / 2)) }
}

/** Why an instance cannot begin to serve that has not been fit to yet. */
function unfitFor(found: readonly Finding[]): string[] {
  const blocking = found.filter(({ isBlocking }) => isBlocking).map(({ text }) => text)
  return blocking.length > 0 ? blocking : ['Redis and the clock could not be checked yet']
}

const bindProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this host does not have that address',
  EACCES: 'this account may not listen there',
}

/** Begins to listen where `option` says, or tells the operator why that cannot be. */
async function bind<T>(
  option: string,
  { host, port }: { host: string; port: number },
  begin: () => Promise<T>,
): Promise<T> {
  try {
    return await begin()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const problem = bindProblems[code] ?? describeError(cause)
    const message = `${option}: cannot listen on ${host}, port ${port}: ${problem}.`
    throw new GatehouseError('config-invalid', message, { field: option, cause })
  }
}

function askerOf({ requestId, language }: Visit, req: IncomingMessage): Asker {
  return { id: requestId, isNavigation: isNavigation(req.headers), language }
}
