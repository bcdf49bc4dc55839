import type { ComponentChildren } from 'preact'
import type { EpochMs } from '../../model.js'
import type { Language } from '../language.js'

/** Who is signed in, for the head of the page. */
export interface Viewer {
  readonly name: string
  /** Sees the pages for grants and sessions. */
  readonly isApprover: boolean
  /** Reads about grants, requests and lockdowns, and changes nothing. Default: no. */
  readonly isAuditor?: boolean
  /** Sees the pages about people too. */
  readonly isAdmin: boolean
  readonly formToken: string
  readonly language: Language
  /** Asked for by a form: loading it again would not show the same. Default: no. */
  readonly isAnswerToForm?: boolean
  /** How many requests for access wait for an answer; for those who may give one. Default: none. */
  readonly waiting?: number
  /** Stands above whatever the page is about. */
  readonly notice?: ComponentChildren
}

/** Whether they act on what an auditor only reads: answer, let in, revoke, lock down. */
export function mayAct({ isApprover, isAdmin }: Viewer): boolean {
  return isApprover || isAdmin
}

export type Section =
  'home' | 'requests' | 'releases' | 'search' | 'grants' | 'sessions' | 'endpoints' | 'people' | 'lockdowns'

export interface Page {
  readonly title: string
  readonly body: ComponentChildren
  /** When the page was made: countdowns in the browser run from it, not from the viewer's clock. */
  readonly now: EpochMs | null
  readonly viewer?: Viewer | null
  /** What the page is written in. Default: English. */
  readonly language?: Language
  readonly section?: Section
  /** `form` is one narrow column, `wide` is for tables. Default: `list`. */
  readonly width?: 'form' | 'list' | 'wide'
  /** Loads again when the viewer comes back to it after a while. Not for pages with input. */
  readonly isLive?: boolean
  /** Says one thing, on any of our hosts. Default: no. */
  readonly isMessage?: boolean
}

/** A page that says one thing: denied, failed, ended. */
export interface Message {
  readonly title: string
  readonly text: string
  /** What to do now, in a sentence. */
  readonly next: string
  /** An error code, a reason or a cause; stable, for people to search for. */
  readonly code: string
  readonly requestId: string
  /** What it is written in. */
  readonly language: Language
  /** When it happened. */
  readonly at?: EpochMs
  /** A path is one of the portal. Default: to its front page. */
  readonly link?: { readonly label: string; readonly href: string } | undefined
  /** In place of the link: something that changes what the browser holds. */
  readonly button?: { readonly label: string; readonly action: string } | undefined
  /**
   * Only on the portal host. On an endpoint host the machine's own scripts can read our pages there,
   * and with them the form token.
   */
  readonly viewer?: Viewer | null
}
