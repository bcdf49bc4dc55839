import type { Company } from '../model.js'
import type { CompanyClaims } from './claims.js'
import type { Person } from './people.js'

/**
 * The companies somebody belongs to: by the whole domain of their verified e-mail address, no part of it, or by what the
 * provider says of them. Several where those name several.
 */
export function companiesOf<T extends Pick<Company, 'emailDomains' | 'claimValues'>>(
  {
    email,
    companyClaims = [],
  }: { readonly email: string | null; readonly companyClaims?: readonly string[] },
  companies: readonly T[],
): T[] {
  const domain = email?.slice(email.lastIndexOf('@') + 1).toLowerCase() ?? ''
  return companies.filter(
    ({ emailDomains, claimValues }) =>
      emailDomains.includes(domain) || claimValues.some((value) => companyClaims.includes(value)),
  )
}

/**
 * The companies somebody may belong to besides: of what the provider says of them not all was kept, and nobody looked for the
 * values of these at their sign-in.
 */
export function possibleCompaniesOf<T extends Pick<Company, 'claimValues'>>(
  { companyClaims, soughtClaims }: CompanyClaims,
  companies: readonly T[],
): T[] {
  if (soughtClaims === null) return []
  const isOpen = (value: string): boolean => !soughtClaims.includes(value) && !companyClaims.includes(value)
  return companies.filter(({ claimValues }) => claimValues.some(isOpen))
}

/**
 * The machines that somebody's companies let them ask for: those that each company with such a list has in it. Null where
 * none has a list. Nothing of somebody unknown, where some company has: they could belong to it. A company they may belong to
 * counts as theirs.
 */
export function requestableBy(
  person: Pick<Person, 'principal' | 'companyClaims' | 'soughtClaims'> | null,
  companies: readonly Company[],
): ReadonlySet<string> | null {
  const restricting = companies.filter(({ requestable }) => requestable !== null)
  if (restricting.length === 0) return null
  if (person === null) return new Set()
  const { email } = person.principal
  const [first, ...others] = [
    ...companiesOf({ email, companyClaims: person.companyClaims }, restricting),
    ...possibleCompaniesOf(person, restricting),
  ]
  if (first === undefined) return null
  return new Set(first.requestable?.filter((id) => others.every((other) => other.requestable?.includes(id))))
}
