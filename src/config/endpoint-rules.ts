import { type Path } from './document.js'
import { decodedPath } from './formats.js'
import type { Report } from './rules.js'
import type { Draft } from './schema.js'

export type EndpointDraft = NonNullable<NonNullable<Draft['endpoints']>[number]>

/** Rules that join several options of one endpoint. */
export function checkEndpoints({ endpoints = [] }: Draft, report: Report): void {
  endpoints.forEach((endpoint, index) => {
    if (endpoint === undefined) return
    const path = ['endpoints', index]
    checkLandingPath(endpoint, path, report)
    checkOpenings(endpoint.lenientRequests, [...path, 'lenientRequests'], report)
    checkOpenings(endpoint.lenientResponses, [...path, 'lenientResponses'], report)
    checkTls(endpoint, [...path, 'tls'], report)
    checkCredentials(endpoint.credentials, [...path, 'credentials'], report)
  })
}

function checkLandingPath({ landingPath, paths }: EndpointDraft, path: Path, report: Report): void {
  if (landingPath === undefined || paths === undefined || paths.includes(undefined) || paths.length === 0)
    return
  const isOpen = (asked: string): boolean =>
    paths.some((open = '') => (open.endsWith('/') ? asked.startsWith(open) : asked === open))
  const readings = [landingPath.split('?', 1)[0] ?? '', decodedPath(landingPath) ?? '']
  if (!readings.every(isOpen))
    report([...path, 'landingPath'], 'must lie in paths, or the portal’s link leads nowhere')
}

type Openings = EndpointDraft['lenientRequests'] | EndpointDraft['lenientResponses']

function checkOpenings(openings: Openings = [], path: Path, report: Report): void {
  const names = openings.map((opening) => opening?.name)
  names.forEach((name, index) => {
    if (name !== undefined && names.indexOf(name) !== index)
      report([...path, index, 'name'], `is opened twice; "${name}" once is enough`)
  })
}

function checkTls({ upstream, tls }: EndpointDraft, path: Path, report: Report): void {
  if (tls === undefined) return
  if (upstream?.protocol === 'http:')
    report(path, 'does not fit an http upstream; make that https, or take this out')
  if (tls.caFile !== undefined && tls.pins !== undefined && tls.pins.length > 0)
    report([...path, 'caFile'], 'is not used while there are pins; take one of them out')
  if (tls.certificateFile === undefined && tls.keyFile !== undefined)
    report([...path, 'certificateFile'], 'is required, because there is a keyFile')
  if (tls.keyFile === undefined && tls.certificateFile !== undefined)
    report([...path, 'keyFile'], 'is required, because there is a certificateFile')
}

const usedBy = {
  name: 'header',
  path: 'form',
  userField: 'form',
  passwordField: 'form',
  fields: 'form',
} as const

// What requests are framed, routed and identified by is written by the data plane alone.
const ownHeaders =
  /^(?:host|content-.*|transfer-encoding|te|trailer|expect|connection|keep-alive|upgrade|http2-settings|sec-.*|cookie|origin|referer|forwarded|proxy-.*|x-forwarded.*|x-gatehouse.*)$/i

function checkCredentials(credentials: EndpointDraft['credentials'], path: Path, report: Report): void {
  const kind = credentials?.kind
  if (credentials === undefined || kind === undefined) return
  for (const [option, user] of Object.entries(usedBy) as [keyof typeof usedBy, string][]) {
    const isSet = credentials[option] !== undefined
    if (isSet && user !== kind) report([...path, option], `is used with kind ${user} only; take it out`)
    if (!isSet && user === kind && option !== 'fields')
      report([...path, option], `is required with kind ${kind}`)
  }
  if (credentials.name !== undefined && ownHeaders.test(credentials.name))
    report([...path, 'name'], 'must not be a header that Gatehouse itself writes or reads')
  const { userField, passwordField, fields = {} } = credentials
  if (userField !== undefined && userField === passwordField)
    report([...path, 'passwordField'], 'must not be userField')
  for (const field of [userField, passwordField]) {
    if (field !== undefined && Object.hasOwn(fields, field))
      report([...path, 'fields', field], 'is filled from the file; take it out')
  }
}
