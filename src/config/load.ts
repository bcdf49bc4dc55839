import { networkInterfaces } from 'node:os'
import { dirname, resolve } from 'node:path'
import { assert, type StorePlace } from '../lib/index.js'
import type { Endpoint } from '../model.js'
import {
  ConfigInvalid,
  type Config,
  type ConfigProblem,
  type Exception,
  type NotificationSettings,
  type ServerLimits,
} from './config.js'
import { readFiles, type FileContents } from './contents.js'
import { pathText, readDocument } from './document.js'
import { checkEndpoints } from './endpoint-rules.js'
import { explain, sentenceFor } from './explain.js'
import { readTextFile } from './files.js'
import { bare, isLoopback } from './formats.js'
import { checkRules, groupPrefix, type Report, type Surroundings } from './rules.js'
import { fileSchema, type Draft, type Settings } from './schema.js'
import { salvage } from './tree.js'

const longestFileBytes = 1024 * 1024

/**
 * Reads, checks and completes a configuration file, the files it names included (but not the keys file:
 * see `loadKeyring`).
 *
 * @throws ConfigInvalid `config-invalid`, with every problem of the file
 */
export function loadConfig(file: string): Config {
  const path = resolve(file)
  const content = readTextFile(path, longestFileBytes)
  if ('problem' in content)
    throw new ConfigInvalid(path, [{ path: '', line: null, message: content.problem }])
  const ownAddresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
  return parseConfig(path, content.text, {
    folder: dirname(path),
    readText: readTextFile,
    ownAddresses: ownAddresses.map((entry) => entry.address),
  })
}

/** `loadConfig` without the file system: everything outside the text comes from `surroundings`. */
export function parseConfig(file: string, text: string, surroundings: Surroundings): Config {
  const source = readDocument(text)
  if (!source.isReadable) throw new ConfigInvalid(file, source.problems)

  const problems: ConfigProblem[] = [...source.problems]
  const reported = new Set(problems.map((problem) => problem.path))
  const report: Report = (path, message) => {
    const name = pathText(path)
    // The first problem of a value is the one to mend; what follows from it would only distract.
    if (reported.has(name)) return
    reported.add(name)
    problems.push({ path: name, line: source.lineOf(path), message })
  }

  const value = source.value ?? {} // an empty file lacks every required option
  const checked = fileSchema.safeParse(value, { error: sentenceFor })
  for (const issue of checked.error?.issues ?? []) {
    for (const { path, message } of explain(issue)) report(path, message)
  }
  const draft = checked.success ? checked.data : ((salvage(fileSchema, value) ?? {}) as Draft)
  checkRules(draft, surroundings, report)
  checkEndpoints(draft, report)
  const files = readFiles(draft, surroundings, report)

  if (!checked.success || problems.length > 0) {
    throw new ConfigInvalid(
      file,
      problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)),
    )
  }
  return complete(file, checked.data, files, surroundings.folder)
}

function complete(file: string, settings: Settings, files: FileContents, folder: string): Config {
  const {
    server,
    redis,
    oidc,
    totp,
    sessions,
    plant,
    keys,
    audit,
    grants,
    log,
    endpoints,
    groups,
    companies,
  } = settings
  const { clientSecretFile: _, ...provider } = oidc
  return {
    file,
    server: { ...server, limits: completeLimits(server.limits), tls: files.tls },
    redis: {
      ...storePlace(redis, files.sentinelPassword, folder),
      username: redis.username,
      password: files.redisPassword,
    },
    oidc: {
      ...provider,
      name: oidc.name ?? oidc.issuer.host,
      companyClaim: oidc.companyClaim ?? oidc.roles.claim,
      clientSecret: files.clientSecret,
    },
    totp: {
      enrolment: totp.enrolment,
      label: totp.label,
      invitationLifetimeMs: totp.invitationLifetime,
      secondAdministrator: totp.secondAdministrator,
      resetLapsesAfterMs: totp.resetLapsesAfter,
    },
    sessions: { maxLengthMs: sessions.maxLength },
    plant,
    keys: { file: resolve(folder, keys.file) },
    audit: { ...audit, directory: resolve(folder, audit.directory) },
    grants: {
      maxLengthMs: grants.maxLength,
      maxRecurrenceMs: grants.maxRecurrence,
      endings: { drainMs: grants.drainLimit, readOnlyMs: grants.readOnlyFor },
    },
    notifications: completeNotifications(settings.notifications, files),
    log,
    endpoints: endpoints.map((endpoint, index) =>
      completeEndpoint(endpoint, settings, files.endpoints[index] ?? noFiles),
    ),
    groups,
    companies: companies.map(({ emailDomains = [], claimValues = [], requestable, ...company }) => ({
      ...{ ...company, emailDomains, claimValues },
      requestable: requestable === undefined ? null : machinesOf(requestable, groups),
    })),
    exceptions: endpoints.flatMap(exceptionsOf),
  }
}

/** Of the ids of endpoints and, behind `group:`, of groups. */
function machinesOf(choices: readonly string[], groups: Settings['groups']): string[] {
  const found = choices.flatMap((choice) =>
    choice.startsWith(groupPrefix)
      ? (groups.find(({ id }) => id === choice.slice(groupPrefix.length))?.endpoints ?? [])
      : [choice],
  )
  return [...new Set(found)]
}

function completeLimits({ stalledSeconds, ...limits }: Settings['server']['limits']): ServerLimits {
  return { ...limits, stalledMs: stalledSeconds * 1_000 }
}

function completeNotifications(
  settings: Settings['notifications'],
  files: FileContents,
): NotificationSettings | null {
  if (settings === undefined) return null
  return {
    language: settings.language,
    timeoutMs: settings.timeoutSeconds * 1_000,
    smtp: settings.smtp === undefined ? null : completeSmtp(settings.smtp, files),
    webhooks: settings.webhooks.map(({ url, events }, index) => ({
      url,
      events,
      secret: files.webhookSecrets[index] ?? Buffer.alloc(0),
    })),
  }
}

type SmtpSettings = NonNullable<NonNullable<Settings['notifications']>['smtp']>

function completeSmtp(
  { url, from, username, administrators, approvers }: SmtpSettings,
  { smtpAuthorities, smtpPassword }: FileContents,
): NotificationSettings['smtp'] {
  const isImplicit = url.protocol === 'smtps:'
  return {
    host: bare(url.hostname),
    port: url.port === '' ? (isImplicit ? 465 : 587) : Number(url.port),
    tls: isImplicit ? 'implicit' : isLoopback(url.hostname) ? 'none' : 'starttls',
    authorities: smtpAuthorities,
    from,
    credentials:
      username === undefined || smtpPassword === undefined
        ? null
        : { user: username, password: smtpPassword },
    administrators,
    approvers,
  }
}

type EndpointSettings = Settings['endpoints'][number]

const noFiles = { tls: null, credentials: null }

function completeEndpoint(
  settings: EndpointSettings,
  { plant, portal, grants }: Settings,
  files: FileContents['endpoints'][number],
): Endpoint {
  const { lenientRequests, lenientResponses, limits, probe } = settings
  return {
    id: settings.id,
    name: settings.name,
    kind: settings.kind,
    zone: settings.zone ?? null,
    timeZone: settings.timeZone ?? plant.timeZone,
    maxLengthMs: settings.maxLength ?? null,
    requestable: settings.requestable ?? portal.requestable,
    approval: {
      by: settings.approval?.by ?? grants.approval.by,
      count: settings.approval?.count ?? grants.approval.count,
      lapsesAfterMs: settings.approval?.lapsesAfter ?? grants.approval.lapsesAfter,
    },
    upstream: settings.upstream,
    landingPath: settings.landingPath,
    methods: settings.methods ?? null,
    paths: settings.paths ?? null,
    lenientRequests: new Set(lenientRequests.map(({ name }) => name)),
    lenientResponses: new Set(lenientResponses.map(({ name }) => name)),
    hostHeader: settings.hostHeader,
    ...files,
    limits: {
      connections: limits.connections ?? null,
      bodyBytes: limits.bodyBytes,
      firstByteMs: limits.firstByteSeconds * 1_000,
      idleMs: limits.idleSeconds * 1_000,
    },
    probe: probe === undefined ? null : { path: probe.path, intervalMs: probe.intervalSeconds * 1_000 },
    timeLeftNotice: settings.timeLeftNotice,
  }
}

function exceptionsOf({ id, lenientRequests, lenientResponses, tls }: EndpointSettings): Exception[] {
  return [
    ...lenientRequests.map((opening) => ({ ...opening, option: 'lenientRequests' as const })),
    ...lenientResponses.map((opening) => ({ ...opening, option: 'lenientResponses' as const })),
    ...(tls?.legacy === undefined
      ? []
      : [{ option: 'tls' as const, name: 'legacy', reason: tls.legacy.reason }]),
  ].map((exception) => ({ ...exception, endpointId: id }))
}

function storePlace(
  { url, sentinel, cluster }: Settings['redis'],
  sentinelPassword: string | undefined,
  folder: string,
): StorePlace {
  if (url !== undefined) return { url: absoluteSocket(url, folder) }
  if (cluster !== undefined) return { cluster }
  assert(sentinel, 'the rules leave no configuration without a place for its state')
  const { name, nodes, tls } = sentinel
  return { sentinel: { name, nodes, tls, password: sentinelPassword } }
}

function absoluteSocket(url: string, folder: string): string {
  return url.startsWith('unix:') ? `unix:${resolve(folder, url.slice('unix:'.length))}` : url
}
