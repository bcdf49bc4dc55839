import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { createAdmin } from './admin/index.js'
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
  createMayOpen,
  isNavigation,
  startOperations,
  watchChanges,
} from './gateway/index.js'
import { createGrants, createLockdowns, type Grants, type Lockdowns } from './grants/index.js'
import {
  createAssertions,
  createIdentityProvider,
  createPeople,
  createSecondFactor,
  type People,
  type SecondFactor,
} from './identity/index.js'
import {
  connectStore,
  createLogger,
  createPages,
  createView,
  createVouching,
  describeError,
  GatehouseError,
  neverBack,
  oncePerPlace,
  openChangeLog,
  openJournal,
  systemClock,
  type ChangeLog,
  type Clock,
  type Journal,
  type Keyring,
  type Logger,
  type Store,
  type Visit,
} from './lib/index.js'
import type { Reason } from './model.js'
import { oldestViewMs } from './policy/index.js'
import { createPortal } from './portal/index.js'
import { cookieNames, createSessions, type Sessions } from './sessions/index.js'

/** The version this build reports. */
export const version = '0.1.0'

/** The longest that a configuration may set; it may have been longer when a session began. */
const longestSessionMs = 24 * 3_600_000
/** How long a stopping instance waits for answers on their way out. */
const closingMs = 2_000

export interface ServiceOptions {
  readonly clock?: Clock
  readonly logger?: Logger
  /** Which ledger chain to write: one writer a chain, so commands have one of their own. */
  readonly writer?: string
  /** How long to wait for another writer of that chain to finish. */
  readonly lockWaitMs?: number
  /** How long a command to Redis may take. Default: the product's 300 ms. */
  readonly storeLimitMs?: number
  /** For who only looks: no ledger is opened, so nothing waits for it, and what must be recorded fails. */
  readonly isReadOnly?: boolean
}

/** State and records without any listener: what commands and the gateway have in common. */
export interface Services {
  readonly clock: Clock
  readonly logger: Logger
  readonly keyring: Keyring
  readonly store: Store
  readonly changes: ChangeLog
  readonly journal: Journal
  readonly ledger: Ledger
  readonly sessions: Sessions
  readonly grants: Grants
  readonly lockdowns: Lockdowns
  readonly people: People
  readonly secondFactor: SecondFactor
  close(): Promise<void>
}

/** @throws GatehouseError `keys-invalid`, `ledger-invalid`, `ledger-unavailable` */
export async function openServices(config: Config, options: ServiceOptions = {}): Promise<Services> {
  const hostClock = options.clock ?? systemClock
  const logger = options.logger ?? createLogger(config.log.level)
  const clock = neverBack(hostClock, (byMs) => {
    logger.error(
      'the clock of this host was set back: going on by the time before; restart when it is right',
      {
        byMs,
      },
    )
  })
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
          // What the host believed is evidence too.
          clock: hostClock,
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
    keptMs: { grant: Infinity, session: longestSessionMs, lockdown: Infinity },
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
  const changes = openChangeLog(store, vouching, logger)
  const record: Ledger['append'] = (event) => ledger.append(event)
  const view = createView(changes.proof)
  const shared = { store, clock, changes, view, record, keyring, journal, vouching, logger }
  const endpointIds = new Set(config.endpoints.map((endpoint) => endpoint.id))
  return {
    clock,
    logger,
    keyring,
    store,
    changes,
    journal,
    ledger,
    sessions: createSessions({ ...shared, maxLengthMs: config.sessions.maxLengthMs }),
    grants: createGrants({ ...shared, maxLengthMs: config.grants.maxLengthMs, endpointIds }),
    lockdowns: createLockdowns({ ...shared, endpointIds }),
    people: createPeople(shared),
    secondFactor: createSecondFactor({ ...shared, ...config.totp }),
    close: async () => {
      await journal.close()
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
  /** Stops taking requests, ends what is open, and leaves nothing unwritten. */
  close(): Promise<void>
}

/**
 * Builds one instance and serves. A provider or a Redis that is down does not stop it: then nobody is let
 * in, and people are told so.
 *
 * @throws GatehouseError `keys-invalid`, `ledger-invalid`, `ledger-unavailable`; `config-invalid` when it
 *   cannot listen. Nothing stays open then.
 */
export async function startGatehouse(config: Config, options: ServiceOptions = {}): Promise<Gatehouse> {
  const services = await openServices(config, options)
  const { clock, logger, keyring, ledger, store, changes, journal } = services
  const { sessions, grants, lockdowns, people, secondFactor } = services
  const { publicUrl } = config.server
  const streams = createStreams({ clock })
  const upstreams = createUpstreams({ clock, logger })
  const pages = createPages(config)
  const identityProvider = createIdentityProvider({
    oidc: config.oidc,
    publicUrl,
    keyring,
    store,
    clock,
    logger,
    cookiePrefix: cookieNames.loginPrefix,
  })
  const assertions = createAssertions({ key: keyring.assertion, clock, issuer: publicUrl.origin })
  const answers = createAnswers(pages, logger)
  const mayOpen = createMayOpen({ config, grants, lockdowns, changes, clock })
  const forSurfaces = {
    ...{ config, clock, logger, pages, sessions, grants, lockdowns, people, secondFactor, mayOpen },
    answerError: (visit: Visit, req: IncomingMessage, res: ServerResponse, error: unknown) => {
      answers.failed({ id: visit.requestId, isNavigation: isNavigation(req.headers) }, res, error)
    },
    answerDenied: (visit: Visit, req: IncomingMessage, res: ServerResponse, reasons: readonly Reason[]) => {
      answers.denied({ id: visit.requestId, isNavigation: isNavigation(req.headers) }, res, reasons)
    },
  }
  const portal = createPortal({
    ...forSurfaces,
    identityProvider,
    assertions,
    record: (event) => ledger.append(event),
  })
  const admin = createAdmin({ ...forSurfaces, streams: () => streams.list() })
  const gateway = createGateway({
    ...{ config, answers, mayOpen, clock, logger, keyring, ledger, sessions, grants, lockdowns },
    changes,
    ...{ streams, upstreams, assertions, pages },
    surfaces: [portal, admin],
  })
  const watch = await watchChanges({ clock, logger, changes, journal, streams, sessions, grants, lockdowns })
  const server = gateway.listen()
  let operations: Server | null = null
  let probes: Probes | null = null
  let isStopping = false
  const problems = (): string[] => [
    ...(isStopping ? ['this instance is stopping'] : []),
    ...(store.isReady() ? [] : ['Redis is not reachable']),
    ...(changes.proof.ageMs <= oldestViewMs ? [] : ['changes in Redis cannot be followed']),
    ...(ledger.isWritable() ? [] : ['the ledger cannot be written']),
  ]
  const close = async (): Promise<void> => {
    if (isStopping) return
    isStopping = true
    const closed = once(server, 'close')
    server.close()
    streams.cut(() => true, 'gateway-stopping')
    // Whoever was answered a moment ago may still be reading; a client that never does must not hold us.
    const force = systemClock.after(closingMs, () => {
      server.closeAllConnections()
    })
    server.closeIdleConnections()
    await closed
    force.cancel()
    operations?.close()
    await watch.close()
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
        startOperations({ ...operationsAt, problems }),
      )
  } catch (error) {
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
    streams: () => streams.list(),
    health: () => running.list(),
    close,
  }
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
