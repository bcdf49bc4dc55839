import { companiesOf, type Person } from '../identity/index.js'
import type { Company } from '../model.js'

/** Whom something belongs to, or is addressed to as long as nobody has it. */
export interface Holder {
  readonly email: string | null
  readonly principalId: string | null
}

/** Whether what somebody holds is a company's. */
export type IsTheirs = (holder: Holder) => boolean

/**
 * Which of `companies` have what somebody holds, each holder looked up once: of ten thousand grants few are of different people.
 *
 * @param directory everybody who has ever signed in. A grant may be addressed to a private address, and be held by somebody
 *   who signs in as one of the company; one that waits for its owner is the company's where somebody of it has its address
 */
export function membershipIn<C extends Company>(
  companies: readonly C[],
  directory: readonly Person[],
): (holder: Holder) => readonly C[] {
  const ofPrincipal = new Map<string, readonly C[]>()
  const ofAddress = new Map<string, Set<C>>()
  for (const { principal, companyClaims } of directory) {
    const { id, email } = principal
    const theirs = companiesOf({ email, companyClaims }, companies)
    if (theirs.length === 0) continue
    ofPrincipal.set(id, [...(ofPrincipal.get(id) ?? []), ...theirs])
    if (email === null) continue
    const before = ofAddress.get(email) ?? new Set()
    ofAddress.set(email, before)
    for (const company of theirs) before.add(company)
  }
  const find = ({ email, principalId }: Holder): readonly C[] => {
    const byPerson =
      principalId !== null ? ofPrincipal.get(principalId) : email === null ? null : ofAddress.get(email)
    return [...new Set([...companiesOf({ email }, companies), ...(byPerson ?? [])])]
  }
  const known = new Map<Holder, readonly C[]>()
  return (holder) => {
    const before = known.get(holder)
    if (before !== undefined) return before
    const found = find(holder)
    known.set(holder, found)
    return found
  }
}

export function membershipOf(company: Company, directory: readonly Person[]): IsTheirs {
  const companiesWith = membershipIn([company], directory)
  return (holder) => companiesWith(holder).length > 0
}
