import type { Lockdowns } from '../grants/index.js'
import type { People } from '../identity/index.js'
import type { Actor, Lockdown } from '../model.js'

const ofPerson = 'principal:'

/**
 * What a lockdown takes, from the page and from the command line alike: find out which accounts a person has
 * had, so that it holds for all of them, and close.
 *
 * @param scope `all`, `endpoint:ID` or `principal:EMAIL`
 * @throws GatehouseError `input-invalid` with its field
 */
export async function lockDown(
  { people, lockdowns }: { people: People; lockdowns: Lockdowns },
  { scope, reason }: { scope: string; reason: string },
  actor: Actor,
): Promise<Lockdown> {
  if (!scope.startsWith(ofPerson)) return lockdowns.on(scope, reason, actor)
  const email = scope.slice(ofPerson.length)
  // Stopping must not wait for a directory that cannot be read; the e-mail holds by itself.
  const known = await people.byEmail(email).catch(() => [])
  const principalIds = known.map(({ principal }) => principal.id)
  return lockdowns.on({ kind: 'principal', email, principalIds }, reason, actor)
}
