import type { Company } from '../model.js'

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
