import { companiesOf, possibleCompaniesOf, type People, type Person } from '../identity/index.js'
import type { Company } from '../model.js'

/** Whom something belongs to, or is addressed to as long as nobody has it. */
export interface Holder {
  readonly email: string | null
  readonly principalId: string | null
}

/** Whether what somebody holds is of the company that is asked for. */
export type IsTheirs = (holder: Holder) => boolean

/** Which companies have what somebody holds. */
export interface Belonging {
  readonly theirs: readonly Company[]
  /**
   * Of the companies by claim, those that may have it: the directory has lost who holds it, or cannot be read there, or
   * what the provider said of them was not kept in full.
   */
  readonly perhaps: readonly Company[]
}

/**
 * Which of `companies` have what `holders` hold. A grant may be addressed to a private address, and be held by somebody who
 * signs in as one of the company; one that waits for its owner is the company's where somebody of it has its address.
 *
 * @returns of one of `holders`; each is looked up once: of ten thousand grants few are of different people
 */
export async function readMembership(
  people: Pick<People, 'list' | 'byIds'>,
  companies: readonly Company[],
  holders: readonly Holder[],
): Promise<(holder: Holder) => Belonging> {
  let isListWhole = true
  const directory = await people.list(() => {
    isListWhole = false
  })
  // The list of everyone only finds: who holds something is looked up, and not taken for a stranger where that fails.
  const { found, lost } = await lookUp(people, directory, holders)
  const { ofPrincipal, ofAddress } = membersOf(companies, [...directory, ...found])
  const byClaim = companies.filter(({ claimValues }) => claimValues.length > 0)
  const find = ({ email, principalId }: Holder): Belonging => {
    const person =
      principalId !== null ? ofPrincipal.get(principalId) : email === null ? null : ofAddress.get(email)
    const theirs = new Set([...companiesOf({ email }, companies), ...(person?.theirs ?? [])])
    // Who has an address is found by the list alone.
    const isUnknown = principalId === null ? !isListWhole : lost.has(principalId)
    const perhaps = isUnknown ? byClaim : (person?.perhaps ?? [])
    return { theirs: [...theirs], perhaps: perhaps.filter((company) => !theirs.has(company)) }
  }
  const known = new Map<Holder, Belonging>()
  return (holder) => {
    const before = known.get(holder)
    if (before !== undefined) return before
    const belonging = find(holder)
    known.set(holder, belonging)
    return belonging
  }
}

/** Those of `holders` that are missing from `directory`: with an entry all the same, or without one that can be read. */
async function lookUp(
  people: Pick<People, 'byIds'>,
  directory: readonly Person[],
  holders: readonly Holder[],
): Promise<{ found: Person[]; lost: ReadonlySet<string> }> {
  const listed = new Set(directory.map(({ principal }) => principal.id))
  const ids = new Set([...new Set(holders)].map(({ principalId }) => principalId))
  const missing = [...ids].filter((id) => id !== null).filter((id) => !listed.has(id))
  const persons = await people.byIds(missing)
  return {
    found: persons.filter((person) => person !== null),
    lost: new Set(missing.filter((_, position) => persons[position] === null)),
  }
}

function membersOf(companies: readonly Company[], persons: readonly Person[]) {
  const ofPrincipal = new Map<string, Belonging>()
  const ofAddress = new Map<string, Belonging>()
  for (const person of persons) {
    const { id, email } = person.principal
    const theirs = companiesOf({ email, companyClaims: person.companyClaims }, companies)
    const perhaps = possibleCompaniesOf(person, companies)
    if (theirs.length === 0 && perhaps.length === 0) continue
    ofPrincipal.set(id, { theirs, perhaps })
    if (email === null) continue
    // An address may have changed hands.
    const before = ofAddress.get(email) ?? { theirs: [], perhaps: [] }
    ofAddress.set(email, {
      theirs: [...before.theirs, ...theirs],
      perhaps: [...before.perhaps, ...perhaps],
    })
  }
  return { ofPrincipal, ofAddress }
}
