import { createPrivateKey, X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { Endpoint, UpstreamCredentials, UpstreamTls } from '../model.js'
import { pathText, type Path } from './document.js'
import type { EndpointDraft } from './endpoint-rules.js'
import { isPlainText } from './formats.js'
import type { Report, Surroundings } from './rules.js'
import type { Draft } from './schema.js'

/** What the files that a configuration names hold. */
export interface FileContents {
  readonly tls: { readonly certificate: string; readonly key: string } | null
  readonly clientSecret: string | null
  readonly redisPassword: string | undefined
  readonly sentinelPassword: string | undefined
  readonly smtpAuthorities: string | null
  readonly smtpPassword: string | undefined
  /** In the order of the configuration; those that cannot be used are empty, and reported. */
  readonly webhookSecrets: readonly Buffer[]
  /** In the order of the configuration. */
  readonly endpoints: readonly Pick<Endpoint, 'tls' | 'credentials'>[]
}

type Read = (path: Path, file: string | undefined, longestBytes: number) => string | undefined
type ReadSecret = (path: Path, file: string | undefined) => string | undefined

const longestPemBytes = 256 * 1024
const longestSecretBytes = 4 * 1024

/** Reads and checks the files that a configuration names, except the keys file: `gatehouse keys init` makes that later. */
export function readFiles(draft: Draft, { folder, readText }: Surroundings, report: Report): FileContents {
  const read: Read = (path, file, longestBytes) => {
    if (file === undefined) return undefined
    const content = readText(resolve(folder, file), longestBytes)
    if ('text' in content) return content.text
    report(path, `names ${resolve(folder, file)}, which ${content.problem}`)
    return undefined
  }
  const secret: ReadSecret = (path, file) => {
    const value = read(path, file, longestSecretBytes)?.replace(/\r?\n$/, '')
    // A line break inside is two secrets, or an HTML page that a download left there.
    if (value === undefined || (value !== '' && isPlainText(value))) return value
    report(path, 'names a file that must hold one line with the secret, and nothing else')
    return undefined
  }
  return {
    tls: readPair(['server', 'tls'], draft.server?.tls, read, report),
    clientSecret: secret(['oidc', 'clientSecretFile'], draft.oidc?.clientSecretFile) ?? null,
    redisPassword: secret(['redis', 'passwordFile'], draft.redis?.passwordFile),
    sentinelPassword: secret(['redis', 'sentinel', 'passwordFile'], draft.redis?.sentinel?.passwordFile),
    smtpAuthorities: readAuthorities(
      ['notifications', 'smtp', 'caFile'],
      draft.notifications?.smtp?.caFile,
      read,
      report,
    ),
    smtpPassword: secret(['notifications', 'smtp', 'passwordFile'], draft.notifications?.smtp?.passwordFile),
    webhookSecrets: (draft.notifications?.webhooks ?? []).map((webhook, index) =>
      readWebhookSecret(
        ['notifications', 'webhooks', index, 'secretFile'],
        webhook?.secretFile,
        secret,
        report,
      ),
    ),
    endpoints: (draft.endpoints ?? []).map((endpoint, index) => {
      const path = ['endpoints', index]
      return {
        tls:
          endpoint?.upstream?.protocol === 'https:'
            ? readUpstreamTls([...path, 'tls'], endpoint.tls, read, report)
            : null,
        credentials: readCredentials([...path, 'credentials'], endpoint?.credentials, secret, report),
      }
    }),
  }
}

/** A certificate and its key: what would otherwise be found out at the first connection. */
function readPair(
  path: Path,
  draft: { readonly certificateFile?: string | undefined; readonly keyFile?: string | undefined } = {},
  read: Read,
  report: Report,
  ciphers?: string,
): { readonly certificate: string; readonly key: string } | null {
  const certificatePath = [...path, 'certificateFile']
  const keyPath = [...path, 'keyFile']
  const certificate = read(certificatePath, draft.certificateFile, longestPemBytes)
  const key = read(keyPath, draft.keyFile, longestPemBytes)

  const x509 = certificate === undefined ? null : attempt(() => new X509Certificate(certificate))
  const privateKey = key === undefined ? null : attempt(() => createPrivateKey(key))
  if (certificate !== undefined && x509 === null)
    report(certificatePath, 'names a file that holds no PEM certificate')
  if (key !== undefined && privateKey === null) {
    report(keyPath, 'names a file that holds no PEM private key, or an encrypted one')
  }
  if (certificate === undefined || key === undefined || x509 === null || privateKey === null) return null

  if (!x509.checkPrivateKey(privateKey)) {
    report(keyPath, `does not belong to the certificate in ${pathText(certificatePath)}`)
  } else if (attempt(() => createSecureContext({ cert: certificate, key, ciphers })) === null) {
    report(
      certificatePath,
      'cannot be used for TLS: a certificate of its chain is damaged, or its key is too weak',
    )
  }
  return { certificate, key }
}

// OpenSSL refuses the short keys of old devices unless it is told that they will do.
const legacyCiphers = 'DEFAULT@SECLEVEL=0'

function readUpstreamTls(path: Path, draft: EndpointDraft['tls'], read: Read, report: Report): UpstreamTls {
  const isLegacy = draft?.legacy !== undefined
  return {
    authorities: readAuthorities([...path, 'caFile'], draft?.caFile, read, report),
    pins: draft?.pins?.filter((pin) => pin !== undefined) ?? [],
    client: readPair(path, draft, read, report, isLegacy ? legacyCiphers : undefined),
    serverName: draft?.serverName ?? null,
    isLegacy,
  }
}

function readAuthorities(path: Path, file: string | undefined, read: Read, report: Report): string | null {
  const text = read(path, file, longestPemBytes)
  if (text === undefined) return null
  // Node.js passes over what it cannot read, and would then trust fewer than the file says, or nobody.
  const certificates =
    text.match(/-----BEGIN [^-]*CERTIFICATE-----[^]*?-----END [^-]*CERTIFICATE-----/g) ?? []
  if (certificates.length === 0) report(path, 'names a file that holds no PEM certificate')
  else if (certificates.some((pem) => attempt(() => new X509Certificate(pem)) === null))
    report(path, 'names a file that holds a damaged certificate')
  return text
}

function readWebhookSecret(path: Path, file: string | undefined, secret: ReadSecret, report: Report): Buffer {
  const line = secret(path, file)
  if (line === undefined) return Buffer.alloc(0)
  const [, text = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? []
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length < 24 || bytes.length > 64 || bytes.toString('base64') !== text)
    report(path, 'names a file whose line must be whsec_ and 24 to 64 bytes in base64')
  return bytes
}

/** Null also where options are missing, which is a problem already reported. */
function readCredentials(
  path: Path,
  draft: EndpointDraft['credentials'],
  secret: ReadSecret,
  report: Report,
): UpstreamCredentials | null {
  const filePath = [...path, 'file']
  const line = secret(filePath, draft?.file)
  if (draft?.kind === undefined || line === undefined) return null
  if (draft.kind === 'header') {
    // RFC 9110 §5.5, without what servers read in more than one way.
    if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(line))
      report(filePath, 'names a file whose line must be ASCII, without a space at either end')
    return draft.name === undefined ? null : { kind: 'header', name: draft.name, value: line }
  }
  const colon = line.indexOf(':')
  if (colon === -1) report(filePath, 'names a file that must hold one line, user:password')
  const user = line.slice(0, Math.max(colon, 0))
  const password = line.slice(colon + 1)
  if (draft.kind === 'basic') return { kind: 'basic', user, password }
  const { path: formPath, userField, passwordField, fields } = draft
  if (formPath === undefined || userField === undefined || passwordField === undefined) return null
  return {
    kind: 'form',
    path: formPath,
    fields: { ...fields, [userField]: user, [passwordField]: password },
  }
}

/** The errors of OpenSSL name its own source lines; what they mean here is in the sentence that is reported. */
function attempt<T>(work: () => T): T | null {
  try {
    return work()
  } catch {
    return null
  }
}
