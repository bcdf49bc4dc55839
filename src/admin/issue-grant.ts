import type { GrantRequest, Grants } from '../grants/index.js'
import type { People, SecondFactor } from '../identity/index.js'
import { GatehouseError } from '../lib/index.js'
import type { Actor, Grant } from '../model.js'

export interface IssueOptions {
  readonly people: People
  readonly grants: Grants
  readonly secondFactor: SecondFactor
  readonly enrolment: 'invite' | 'first-login'
}

export interface IssuedGrant {
  readonly grant: Grant
  /** For someone without a second factor: what they need to set one up, shown this once. */
  readonly enrolmentCode: string | null
}

/**
 * What giving someone access takes, from the page and from the command line alike: find out who they
 * are, issue the grant, and invite them to set up a second factor if they have none.
 *
 * @throws GatehouseError `input-invalid` with its field, `person-ambiguous`
 */
export async function issueGrant(
  options: IssueOptions,
  request: GrantRequest,
  actor: Actor,
): Promise<IssuedGrant> {
  const { people, grants, secondFactor, enrolment } = options
  const email = typeof request.to === 'string' ? request.to.trim().toLowerCase() : ''
  const [known, ...others] = await people.byEmail(email)
  if (others.length > 0) {
    // To guess which of them is meant would be to give a stranger the access of a colleague.
    throw new GatehouseError(
      'person-ambiguous',
      'to: more than one account has signed in with this e-mail.',
      { field: 'to' },
    )
  }
  const principalId = known?.principal.id ?? null
  const grant = await grants.issue(request, actor, { principalId })
  const isEnrolled = principalId !== null && (await secondFactor.status(principalId)).isEnrolled
  if (isEnrolled || enrolment === 'first-login') return { grant, enrolmentCode: null }
  const { code } = await secondFactor.invite(grant.to.email, grant.reason, actor)
  return { grant, enrolmentCode: code }
}
