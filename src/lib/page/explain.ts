import type { Reason } from '../../model.js'
import type { ErrorCode } from '../errors.js'

/** What a person can do now; `pages.message` turns it into a button. */
export type NextKind = 'portal' | 'sign-in' | 'retry' | 'none'

/** Words for people: what happened, and what to do about it. */
export interface Explanation {
  readonly title: string
  readonly text: string
  readonly next: NextKind
}

const unavailable = 'Access cannot be checked right now, so nobody is let through. It comes back by itself.'
const machineSilent = 'Your access is fine; the machine behind it is not answering as it should.'
const expiredInput = 'Go back, check what was entered, and try again.'

const explanations: Readonly<Record<ErrorCode, Explanation>> = {
  'request-ambiguous': {
    title: 'Request refused',
    text: 'The address or the request could be read in more than one way.',
    next: 'portal',
  },
  'host-unknown': { title: 'Unknown address', text: 'Nothing is served under this host name.', next: 'none' },
  'method-not-allowed': {
    title: 'Request refused',
    text: 'This address does not take that kind of request.',
    next: 'portal',
  },
  'body-too-large': { title: 'Too much data', text: 'More was sent than this page takes.', next: 'portal' },
  'input-invalid': { title: 'Please check what was entered', text: expiredInput, next: 'portal' },
  'return-target-invalid': {
    title: 'Link refused',
    text: 'The link that brought you here leads to an address outside this plant. If somebody sent it to you, tell the plant.',
    next: 'portal',
  },
  'form-expired': {
    title: 'This page was out of date',
    text: 'It belonged to an earlier sign-in. Nothing was changed; open it again and repeat.',
    next: 'portal',
  },
  'not-found': { title: 'Page not found', text: 'There is no such page here.', next: 'portal' },

  'not-signed-in': {
    title: 'Please sign in',
    text: 'You are not signed in, or your session has ended.',
    next: 'sign-in',
  },
  'second-factor-required': {
    title: 'One more step',
    text: 'A one-time code is needed first.',
    next: 'portal',
  },
  denied: { title: 'No access', text: 'You may not open this.', next: 'portal' },
  'handover-invalid': {
    title: 'That link has been used',
    text: 'A link that opens a machine works once, for half a minute, in the browser that asked for it. Open the machine from the portal again.',
    next: 'portal',
  },

  'login-failed': {
    title: 'Sign-in did not succeed',
    text: 'Your identity provider did not confirm who you are.',
    next: 'sign-in',
  },
  'login-expired': {
    title: 'Sign-in took too long',
    text: 'This sign-in was started too long ago, in another browser, or was already used.',
    next: 'sign-in',
  },
  'logout-token-invalid': {
    title: 'Request refused',
    text: 'The logout request is not valid.',
    next: 'none',
  },
  'identity-provider-unavailable': {
    title: 'Sign-in is not available right now',
    text: 'The identity provider does not answer. People who are signed in keep working; try again in a minute.',
    next: 'sign-in',
  },
  'code-wrong': {
    title: 'That code is not right',
    text: 'Use the code your authenticator app shows now.',
    next: 'portal',
  },
  'code-replayed': {
    title: 'That code was already used',
    text: 'Wait for the next code in your authenticator app.',
    next: 'portal',
  },
  'code-locked': {
    title: 'Too many wrong codes',
    text: 'Codes are not taken for a while. Machines that are open stay open.',
    next: 'portal',
  },
  'invitation-invalid': {
    title: 'That enrolment code is not valid',
    text: 'It may be mistyped, used, or too old. Ask for a new one.',
    next: 'portal',
  },
  'already-enrolled': {
    title: 'Already set up',
    text: 'A second factor is already set up for you.',
    next: 'portal',
  },
  'not-enrolled': {
    title: 'Not set up yet',
    text: 'No second factor is set up for you yet.',
    next: 'portal',
  },

  'grant-unknown': { title: 'No such grant', text: 'There is no grant with this id.', next: 'portal' },
  'grant-conflict': { title: 'Not possible', text: 'The grant has changed meanwhile.', next: 'portal' },
  'session-unknown': { title: 'No such session', text: 'That session has already ended.', next: 'portal' },
  'person-unknown': {
    title: 'No such person',
    text: 'Nobody with that id has signed in here.',
    next: 'portal',
  },
  'person-ambiguous': {
    title: 'More than one person',
    text: 'More than one person has signed in with that e-mail address.',
    next: 'portal',
  },

  'store-unavailable': { title: 'Not available right now', text: unavailable, next: 'retry' },
  'store-corrupt': { title: 'Not available right now', text: unavailable, next: 'retry' },
  'ledger-unavailable': {
    title: 'Not available right now',
    text: 'What happens here cannot be recorded right now, so nothing new is let through.',
    next: 'retry',
  },
  stopping: { title: 'Restarting', text: 'The gateway is restarting. Try again in a moment.', next: 'retry' },

  'upstream-unreachable': { title: 'The machine does not answer', text: machineSilent, next: 'retry' },
  'upstream-invalid': { title: 'The machine answered wrongly', text: machineSilent, next: 'retry' },
  'upstream-timeout': { title: 'The machine takes too long', text: machineSilent, next: 'retry' },

  'config-invalid': { title: 'Something went wrong', text: 'The fault is on our side.', next: 'retry' },
  'keys-invalid': { title: 'Something went wrong', text: 'The fault is on our side.', next: 'retry' },
  'ledger-invalid': { title: 'Something went wrong', text: 'The fault is on our side.', next: 'retry' },
  internal: {
    title: 'Something went wrong',
    text: 'The fault is on our side. It has been logged under the request id below.',
    next: 'retry',
  },
}

/** Unknown and not granted read the same: nobody learns which machines exist by asking. */
const denials: Partial<Record<Reason, Explanation>> = {
  'origin-foreign': {
    title: 'Refused',
    text: 'Another website asked for this in your name. Nothing was changed.',
    next: 'portal',
  },
  'role-missing': {
    title: 'Not for you',
    text: 'This page is for people who run the plant’s access.',
    next: 'portal',
  },
  'view-only': {
    title: 'View only',
    text: 'Your access lets you watch this machine, not change anything on it.',
    next: 'portal',
  },
  'grant-revoked': {
    title: 'Your access was ended',
    text: 'The plant has ended your access to this machine. The portal shows the reason.',
    next: 'portal',
  },
  'grant-ended': {
    title: 'Your access has ended',
    text: 'The agreed time for this machine is over. If you need longer, ask your contact at the plant.',
    next: 'portal',
  },
  'grant-not-started': {
    title: 'Not yet',
    text: 'Your access to this machine starts later. The portal shows when.',
    next: 'portal',
  },
}

/**
 * Title, default text and next step for an error code; for `denied`, the reasons of the decision make
 * it precise.
 *
 * @example pages.message({ ...explain('denied', decision.reasons), code: 'denied', requestId })
 */
export function explain(code: ErrorCode, reasons: readonly Reason[] = []): Explanation {
  if (code === 'denied') {
    for (const reason of reasons) {
      const denial = denials[reason]
      if (denial) return denial
    }
    return {
      title: 'No access',
      text: 'There is no machine here that you may open. If you expected one, ask your contact at the plant whether your access has been issued.',
      next: 'portal',
    }
  }
  return explanations[code]
}
