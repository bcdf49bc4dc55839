import type { Address } from './config.js'
import type { Path } from './document.js'
import type { ReadText } from './files.js'
import { bare, isLoopback, isWithin, portOf } from './formats.js'
import type { Draft } from './schema.js'

/** What a configuration means depends on where it is read. */
export interface Surroundings {
  /** Where relative paths start. */
  readonly folder: string
  readonly readText: ReadText
  /** The addresses of this host's network interfaces. */
  readonly ownAddresses: readonly string[]
}

/** Takes down a problem of the value at `path`. */
export type Report = (path: Path, message: string) => void

/** Rules that join several options. They see the gaps that refused values leave, and stay silent about those. */
export function checkRules(draft: Draft, { ownAddresses }: Surroundings, report: Report): void {
  checkNames(draft, report)
  checkListeners(draft, ownAddresses, report)
  checkStop(draft, report)
  checkStore(draft, report)
  checkClientAuthentication(draft, report)
  checkApprovers(draft, report)
  checkIds('endpoints', draft.endpoints, report)
  checkIds('groups', draft.groups, report)
  checkGroups(draft, report)
  checkIds('companies', draft.companies, report)
  checkCompanies(draft, report)
  checkUpstreams(draft, ownAddresses, report)
  checkNotifications(draft, report)
}

function checkNames({ server }: Draft, report: Report): void {
  const { publicUrl, endpointDomain } = server ?? {}
  if (publicUrl === undefined || endpointDomain === undefined) return
  // An endpoint whose id is the portal's first label would answer in the portal's name.
  if (isWithin(publicUrl.hostname, endpointDomain)) {
    report(
      ['server', 'publicUrl'],
      `must not lie in server.endpointDomain (${endpointDomain}): an endpoint could take the portal's name`,
    )
  }
  if (publicUrl.protocol === 'http:' && !isLoopback(endpointDomain)) {
    report(
      ['server', 'endpointDomain'],
      'must be a name under localhost while server.publicUrl is http, or passes would cross the network in clear',
    )
  }
}

function checkListeners({ server }: Draft, ownAddresses: readonly string[], report: Report): void {
  const { publicUrl, listen, operations, tls, trustedProxies } = server ?? {}
  if (publicUrl?.protocol === 'https:' && tls === undefined && trustedProxies?.length === 0) {
    report(
      ['server', 'tls'],
      'is required, because server.publicUrl is https; where a load balancer ends TLS, name it in server.trustedProxies',
    )
  }
  if (publicUrl?.protocol === 'http:' && tls !== undefined) {
    report(['server', 'tls'], 'does not fit an http server.publicUrl; make that https, or take this out')
  }
  if (listen && operations && reaches(operations.host, operations.port, listen, ownAddresses)) {
    report(['server', 'operations'], 'must not be the address of server.listen')
  }
}

/** A group that makes nobody an approver could never answer, and nobody would know why. */
function checkApprovers({ oidc, grants, endpoints }: Draft, report: Report): void {
  const known = oidc?.roles?.approver
  if (known === undefined) return
  const check = (by: readonly (string | undefined)[] | undefined, path: Path): void => {
    by?.forEach((entry, position) => {
      if (entry?.startsWith('group:') === true && !known.includes(entry.slice('group:'.length)))
        report([...path, position], 'must be one of the groups in oidc.roles.approver')
    })
  }
  check(grants?.approval?.by, ['grants', 'approval', 'by'])
  endpoints?.forEach((endpoint, position) => {
    check(endpoint?.approval?.by, ['endpoints', position, 'approval', 'by'])
  })
}

function checkStop({ server }: Draft, report: Report): void {
  const { announceSeconds = 0, shutdownSeconds } = server ?? {}
  if (announceSeconds > 0 && shutdownSeconds !== undefined && announceSeconds > shutdownSeconds - 5)
    report(
      ['server', 'announceSeconds'],
      'must leave 5 seconds or more of server.shutdownSeconds for the stop itself',
    )
}

/** One place only: in two, a revocation in the one would not be known in the other. */
function checkStore({ redis }: Draft, report: Report): void {
  if (redis === undefined) return
  const [first, ...others] = (['url', 'sentinel', 'cluster'] as const).filter(
    (place) => redis[place] !== undefined,
  )
  if (first === undefined)
    report(['redis', 'url'], 'is required, unless redis.sentinel or redis.cluster says where Redis is')
  for (const other of others)
    report(['redis', other], `does not fit beside redis.${first}; take one of them out`)
}

function checkClientAuthentication({ oidc }: Draft, report: Report): void {
  if (oidc?.clientAuthentication === undefined) return
  const isPublic = oidc.clientAuthentication === 'none'
  if (isPublic && oidc.clientSecretFile !== undefined) {
    report(
      ['oidc', 'clientSecretFile'],
      'is not used when oidc.clientAuthentication is none; take one of them out',
    )
  }
  if (!isPublic && oidc.clientSecretFile === undefined) {
    report(['oidc', 'clientSecretFile'], 'is required, unless oidc.clientAuthentication is none')
  }
}

function checkIds(
  list: string,
  items: readonly ({ readonly id?: string | undefined } | undefined)[] = [],
  report: Report,
): void {
  const first = new Map<string, number>()
  items.forEach((item, index) => {
    const id = item?.id
    if (id === undefined) return
    const other = first.get(id)
    if (other === undefined) first.set(id, index)
    else report([list, index, 'id'], `must be unique; "${id}" is also the id of ${list}[${String(other)}]`)
  })
}

/** A name that stands for no machine is a slip of the pen, and a machine that somebody counts on is missing. */
function checkGroups({ groups = [], endpoints = [] }: Draft, report: Report): void {
  // With an id that could not be read, nobody can say which are known.
  if (endpoints.some((endpoint) => endpoint?.id === undefined)) return
  const known = new Set(endpoints.map((endpoint) => endpoint?.id))
  groups.forEach((group, index) => {
    group?.endpoints?.forEach((id, position, ids) => {
      const path = ['groups', index, 'endpoints', position]
      if (id === undefined) return
      if (!known.has(id)) report(path, 'must be the id of one of endpoints')
      else if (ids.indexOf(id) !== position) report(path, `is there twice; "${id}" once is enough`)
    })
  })
}

/** Before the id of a group, where machines are named too. */
export const groupPrefix = 'group:'

/** Whoever belonged to two companies would lose everything with either. */
function checkCompanies({ companies = [], groups = [], endpoints = [] }: Draft, report: Report): void {
  for (const list of ['emailDomains', 'claimValues'] as const) {
    const first = new Map<string, string>()
    companies.forEach((company, index) => {
      company?.[list]?.forEach((value, position) => {
        if (value === undefined) return
        const place = `companies[${String(index)}].${list}[${String(position)}]`
        const other = first.get(value)
        if (other === undefined) first.set(value, place)
        else report(['companies', index, list, position], `must be named once; ${other} is the same`)
      })
    })
  }
  companies.forEach((company, index) => {
    if (company !== undefined && !('emailDomains' in company || 'claimValues' in company))
      report(['companies', index, 'emailDomains'], 'is required, unless claimValues says who its people are')
  })
  // With an id that could not be read, nobody can say which are known.
  if ([...groups, ...endpoints].some((item) => item?.id === undefined)) return
  const known = new Set([
    ...endpoints.map((endpoint) => endpoint?.id),
    ...groups.map((group) => `${groupPrefix}${group?.id ?? ''}`),
  ])
  companies.forEach((company, index) => {
    company?.requestable?.forEach((choice, position) => {
      if (choice !== undefined && !known.has(choice))
        report(
          ['companies', index, 'requestable', position],
          'must be the id of one of endpoints, or group: and the id of one of groups',
        )
    })
  })
}

/** A request that comes back to Gatehouse runs in a circle, or reaches the operations listener from outside. */
function checkUpstreams(draft: Draft, ownAddresses: readonly string[], report: Report): void {
  const { publicUrl, endpointDomain, listen, operations } = draft.server ?? {}
  const listeners = [listen, operations].filter((address) => address !== undefined && address !== null)
  draft.endpoints?.forEach((endpoint, index) => {
    const upstream = endpoint?.upstream
    if (upstream === undefined) return
    const port = portOf(upstream)
    const isOwnName =
      publicUrl !== undefined &&
      port === portOf(publicUrl) &&
      (upstream.hostname === publicUrl.hostname ||
        (endpointDomain !== undefined && isWithin(upstream.hostname, endpointDomain)))
    if (isOwnName || listeners.some((address) => reaches(upstream.hostname, port, address, ownAddresses))) {
      report(
        ['endpoints', index, 'upstream'],
        'leads back to Gatehouse itself; it must be the address of the machine',
      )
    }
  })
}

function checkNotifications({ notifications }: Draft, report: Report): void {
  if (notifications === undefined) return
  const { smtp, webhooks = [] } = notifications
  if (smtp === undefined && notifications.webhooks?.length === 0)
    report(['notifications'], 'names nobody to tell; add smtp or webhooks, or take it out')
  if (smtp?.username !== undefined && smtp.passwordFile === undefined)
    report(['notifications', 'smtp', 'passwordFile'], 'is required, because there is a username')
  if (smtp?.passwordFile !== undefined && smtp.username === undefined)
    report(['notifications', 'smtp', 'username'], 'is required, because there is a passwordFile')
  const addresses = webhooks.map((webhook) => webhook?.url?.href)
  addresses.forEach((address, index) => {
    const first = addresses.indexOf(address)
    if (address !== undefined && first !== index)
      report(
        ['notifications', 'webhooks', index, 'url'],
        `must be unique; notifications.webhooks[${String(first)}] has the same`,
      )
  })
}

/** Whether a connection to `host` and `port` would arrive at a listener on this host. Asks no DNS. */
function reaches(host: string, port: number, listener: Address, ownAddresses: readonly string[]): boolean {
  const name = bare(host)
  if (port === 0 || port !== listener.port) return false
  if (name === listener.host) return true
  // Connecting to "any address" arrives at loopback.
  const isLocalName = isWithin(name, 'localhost') || isUnspecified(name)
  if (isUnspecified(listener.host)) return isLocalName || isLoopback(name) || ownAddresses.includes(name)
  return isLocalName && isLoopback(listener.host)
}

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}
