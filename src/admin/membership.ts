import { companiesOf, type Person } from '../identity/index.js'
import type { Company } from '../model.js'

/** Whether what is addressed to `email`, and belongs to a principal where it already does, is a company's. */
export type IsTheirs = (email: string | null, principalId: string | null) => boolean

/**
 * @param directory everybody who has ever signed in. A grant may be addressed to a private address, and be held by somebody
 *   who signs in as one of the company; one that waits for its owner is the company's where somebody of it has its address
 */
export function membershipOf(company: Company, directory: readonly Person[]): IsTheirs {
  const members = directory
    .filter(
      ({ principal: { email }, companyClaims }) =>
        companiesOf({ email, companyClaims }, [company]).length > 0,
    )
    .map(({ principal }) => principal)
  const ids = new Set(members.map(({ id }) => id))
  const emails = new Set(members.map(({ email }) => email))
  return (email, principalId) =>
    companiesOf({ email }, [company]).length > 0 ||
    (principalId === null ? email !== null && emails.has(email) : ids.has(principalId))
}
