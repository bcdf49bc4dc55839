import type { Company } from '../model.js'

/** To which company an address belongs: by its whole domain, no part of it. */
export function companyOf(email: string | null, companies: readonly Company[]): Company | null {
  const domain = email?.slice(email.lastIndexOf('@') + 1).toLowerCase() ?? ''
  return companies.find(({ emailDomains }) => emailDomains.includes(domain)) ?? null
}
