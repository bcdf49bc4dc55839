import { createHash } from 'node:crypto'
import { GatehouseError } from '../lib/index.js'
import { roles, type Principal, type Role } from '../model.js'

/** Claims of an ID token or a UserInfo response: signed or fetched, but still written by someone else. */
export type Claims = Readonly<Record<string, unknown>>

export interface RoleSettings {
  readonly claim: string
  readonly admin: readonly string[]
  readonly approver: readonly string[]
  readonly auditor: readonly string[]
}

/**
 * The id under which Gatehouse knows one subject of one issuer: `p-` and 128 bits of SHA-256. The same
 * subject at another issuer is someone else (OpenID Connect Core §5.7).
 *
 * @example principalId('https://login.plant.example', 'ana') // 'p-3e0f…'
 */
export function principalId(issuer: string, subject: string): string {
  // As a JSON array, so that no pair can be written in two ways.
  const digest = createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest('hex')
  return `p-${digest.slice(0, 32)}`
}

/** What must come from the UserInfo endpoint because the ID token does not say it. */
export function needsUserInfo(idToken: Claims, ...claims: readonly string[]): boolean {
  return !saysEmail(idToken) || claims.some((claim) => own(idToken, claim) === undefined)
}

/** @throws GatehouseError `login-failed` when the subject is not one that OpenID Connect Core §2 allows. */
export function principalFrom(idToken: Claims, userInfo: Claims): Principal {
  const issuer = boundedText(own(idToken, 'iss'))
  const subject = boundedText(own(idToken, 'sub'))
  if (issuer === null || subject === null) {
    throw new GatehouseError('login-failed', 'The identity provider did not say who you are.')
  }
  // Address and proof must come from one source: a verified mark says nothing about another address.
  const email = verifiedEmail(saysEmail(idToken) ? idToken : userInfo)
  const said = [idToken, userInfo].flatMap((claims) => [
    own(claims, 'name'),
    own(claims, 'preferred_username'),
  ])
  const name = said.map(displayName).find((text) => text !== '') ?? email ?? displayName(subject)
  return { id: principalId(issuer, subject), issuer, subject, email, name }
}

/** The roles that the configured claim gives; what it holds beyond plain strings gives none. */
export function rolesFrom(idToken: Claims, userInfo: Claims, settings: RoleSettings): Role[] {
  const held = entriesOf(idToken, userInfo, settings.claim)
  return roles.filter((role) => settings[role].some((group) => held.has(group)))
}

/** Those of its entries that make an approver: some of them may answer for some machines only. */
export function groupsFrom(idToken: Claims, userInfo: Claims, settings: RoleSettings): string[] {
  const held = entriesOf(idToken, userInfo, settings.claim)
  return settings.approver.filter((group) => held.has(group))
}

/**
 * What a claim says of somebody's companies: its entries that are text. Those that name none today are kept too, for a
 * company may be configured after their sign-in and end before the next. Where there are too many it says what it looked for.
 *
 * @param known the values that name a company: kept however many entries there are, while others fall away beyond 100
 */
export function companyClaimsFrom(
  idToken: Claims,
  userInfo: Claims,
  { claim, known }: { readonly claim: string; readonly known: readonly string[] },
): CompanyClaims {
  const held = entriesOf(idToken, userInfo, claim)
  const named = [...new Set(known)].filter((value) => held.has(value))
  const others = [...held]
    .map(boundedText)
    .filter((value) => value !== null)
    .filter((value) => !known.includes(value))
  return {
    companyClaims: [...named, ...others.slice(0, othersKept)],
    soughtClaims: others.length > othersKept ? [...new Set(known)] : null,
  }
}

export interface CompanyClaims {
  readonly companyClaims: readonly string[]
  /** Where not all of them were kept, the values that were looked for among all: of any other nothing is known. Else null. */
  readonly soughtClaims: readonly string[] | null
}

const othersKept = 100

function entriesOf(idToken: Claims, userInfo: Claims, claim: string): ReadonlySet<unknown> {
  const value = own(idToken, claim) ?? own(userInfo, claim)
  return new Set<unknown>(Array.isArray(value) ? value : [value])
}

/** The provider's name for its session, if it gives a usable one. */
export function providerSessionIdFrom(claims: Claims): string | null {
  return boundedText(own(claims, 'sid'))
}

/**
 * ASCII only, and before lower-casing: `toLowerCase` turns the Kelvin sign into a `k`, which would make
 * two mailboxes look like one.
 *
 * @returns the address in lower case, or null when it is none that Gatehouse can use
 */
export function normaliseEmail(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > 254) return null
  const isAddress = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(
    value,
  )
  return isAddress ? value.toLowerCase() : null
}

/** A string of 1 to 255 characters without control characters; null for anything else. */
export function boundedText(value: unknown): string | null {
  return typeof value === 'string' && /^\P{C}{1,255}$/u.test(value) ? value : null
}

function verifiedEmail(claims: Claims): string | null {
  return own(claims, 'email_verified') === true ? normaliseEmail(own(claims, 'email')) : null
}

function saysEmail(claims: Claims): boolean {
  return own(claims, 'email') !== undefined && own(claims, 'email_verified') !== undefined
}

/** Own members only: a claim named `constructor` must not find what every object inherits. */
function own(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined
}

const nameLength = 100

/** For pages and logs: control, formatting and bidirectional characters could make one name look like another. */
function displayName(value: unknown): string {
  if (typeof value !== 'string') return ''
  const plain = value
    .slice(0, 10 * nameLength)
    .normalize('NFC')
    .replace(/\s+/gu, ' ')
    .replace(/\p{C}/gu, '')
  return Array.from(plain.trim()).slice(0, nameLength).join('')
}
