import type { Company } from '../model.js'
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
 * The machines that somebody's companies let them ask for: those that each company with such a list has in it. Null where
 * none has a list. Nothing of somebody unknown, where some company has: they could belong to it.
 */
export function requestableBy(
  person: Pick<Person, 'principal' | 'companyClaims'> | null,
  companies: readonly Company[],
): ReadonlySet<string> | null {
  const restricting = companies.filter(({ requestable }) => requestable !== null)
  if (restricting.length === 0) return null
  if (person === null) return new Set()
  const { email } = person.principal
  const [first, ...others] = companiesOf({ email, companyClaims: person.companyClaims }, restricting)
  if (first === undefined) return null
  return new Set(first.requestable?.filter((id) => others.every((other) => other.requestable?.includes(id))))
}
