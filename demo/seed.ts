import { principalId } from '../src/identity/index.js'
import type { Services } from '../src/main.js'
import type { Actor, Principal, Role } from '../src/model.js'
import { oneTimeCode, periodMs, type AuthenticatorEntry } from './authenticator.js'
import type { ProviderAccount } from './identity-provider.js'

/** Principal id → the secret of their second factor, Base32. */
export type KnownSecrets = Readonly<Record<string, string>>

const demo: Actor = { kind: 'operator', account: 'demo' }
const grantHours = 8
const roleOf: Readonly<Record<string, Role>> = {
  'plant-it': 'admin',
  'line-leads': 'approver',
  audit: 'auditor',
}

/**
 * Gives a newcomer something to look at, once: the accounts are known, each has a second factor, and the
 * first of them holds a running grant. What is there already is left as it is.
 *
 * @param known secrets of an earlier run
 * @returns the authenticator entries of the accounts, and the secrets to keep
 */
export async function seed(
  services: Services,
  issuer: string,
  accounts: readonly ProviderAccount[],
  grantedEndpoints: readonly string[],
  known: KnownSecrets,
): Promise<{ entries: AuthenticatorEntry[]; secrets: KnownSecrets }> {
  await services.store.untilReady(5_000)
  const secrets: Record<string, string> = { ...known }
  const entries: AuthenticatorEntry[] = []
  for (const account of accounts) {
    const { subject, email, name } = account
    const principal = { id: principalId(issuer, subject), issuer, subject, email, name }
    if ((await services.people.get(principal.id)) === null) {
      const roles = account.groups.flatMap((group) => roleOf[group] ?? [])
      await services.people.remember(principal, roles)
    }
    const secret = await secondFactorOf(services, principal, known[principal.id] ?? null)
    secrets[principal.id] = secret
    entries.push({ name, login: account.login, secret })
  }
  const [first] = accounts
  if (first !== undefined) await grantOnce(services, issuer, first, grantedEndpoints)
  return { entries, secrets }
}

async function secondFactorOf(
  services: Services,
  principal: Principal,
  known: string | null,
): Promise<string> {
  const { secondFactor, clock } = services
  const { isEnrolled } = await secondFactor.status(principal.id)
  if (isEnrolled && known !== null) return known
  if (isEnrolled) {
    await secondFactor.reset(principal.id, demo)
    await secondFactor.acknowledgeReset(principal.id)
  }
  const setup = { principal, sessionId: 's-demo-setup' }
  const { code: invitation } = await secondFactor.invite(
    principal.email ?? '',
    'first day at the plant',
    demo,
  )
  const { secret } = await secondFactor.beginEnrolment({ ...setup, invitation })
  // The code before this one: the one now shown stays good for the first sign-in, which may come at once.
  await secondFactor.confirmEnrolment({ ...setup, code: oneTimeCode(secret, clock.now() - periodMs) })
  return secret
}

async function grantOnce(
  { grants, clock }: Services,
  issuer: string,
  account: ProviderAccount,
  endpoints: readonly string[],
): Promise<void> {
  const holder = principalId(issuer, account.subject)
  const now = clock.now()
  const isRunning = (await grants.heldBy(holder)).some(
    ({ from, until, revocation }) => from <= now && now < until && revocation === null,
  )
  if (isRunning) return
  const request = {
    to: account.email,
    endpoints: [...endpoints],
    from: 'now',
    until: `+${String(grantHours)}h`,
    reason: 'Filler trips on low tank level since the last recipe change',
    ticket: 'DEMO-1042',
  }
  await grants.issue(request, demo, { principalId: holder })
}
