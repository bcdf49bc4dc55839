import { networkInterfaces } from 'node:os'
import { dirname, resolve } from 'node:path'
import { ConfigInvalid, type Config, type ConfigProblem } from './config.js'
import { pathText, readDocument } from './document.js'
import { explain, sentenceFor } from './explain.js'
import { readTextFile } from './files.js'
import { checkRules, readFiles, type FileContents, type Report, type Surroundings } from './rules.js'
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
  const { server, redis, oidc, totp, sessions, keys, audit, grants, log, endpoints } = settings
  const { clientSecretFile: _, ...provider } = oidc
  return {
    file,
    server: { ...server, tls: files.tls },
    redis: { url: absoluteSocket(redis.url, folder), password: files.redisPassword },
    oidc: { ...provider, name: oidc.name ?? oidc.issuer.host, clientSecret: files.clientSecret },
    totp: {
      enrolment: totp.enrolment,
      label: totp.label,
      invitationLifetimeMs: totp.invitationLifetime,
    },
    sessions: { maxLengthMs: sessions.maxLength },
    keys: { file: resolve(folder, keys.file) },
    audit: { ...audit, directory: resolve(folder, audit.directory) },
    grants: { maxLengthMs: grants.maxLength },
    log,
    endpoints: endpoints.map((endpoint) => ({
      ...plainEndpoint,
      ...endpoint,
      zone: endpoint.zone ?? null,
    })),
  }
}

/** An endpoint that asks for nothing beyond the strict rules. */
const plainEndpoint = {
  landingPath: '/',
  methods: null,
  paths: null,
  lenientRequests: new Set<never>(),
  lenientResponses: new Set<never>(),
  hostHeader: 'upstream',
  tls: null,
  credentials: null,
  limits: { connections: null, bodyBytes: 2 ** 33, firstByteMs: 60_000, idleMs: 900_000 },
  probe: null,
} as const

function absoluteSocket(url: string, folder: string): string {
  return url.startsWith('unix:') ? `unix:${resolve(folder, url.slice('unix:'.length))}` : url
}
