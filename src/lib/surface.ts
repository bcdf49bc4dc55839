import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Browser, OwnAccess, Reason, ServiceToken, Session } from '../model.js'
import type { Language } from './language.js'

/**
 * Pages and calls of Gatehouse itself on the portal host. The gateway asks `accessOf` what a path
 * demands, decides, and only then calls `handle`: a surface never admits anyone by itself.
 */
export interface OwnSurface {
  /**
   * What the route demands of the visitor; null when this surface has no such route. Matches exactly
   * the routes that `handle` serves, so that no spelling of a path is served under another's access.
   *
   * @param path without query, as it was normalised
   */
  accessOf(method: string, path: string): OwnAccess | null
  /** Answers an admitted request. Never throws; failures go through `answerError`. */
  handle(visit: Visit, req: IncomingMessage, res: ServerResponse): void
}

/** What admission found out about one request to an own surface. */
export interface Visit {
  readonly requestId: string
  /** Client address, as text. */
  readonly source: string
  /** What the browser says it is. */
  readonly browser: Browser
  /** Present also on public routes, when the browser has one. */
  readonly session: Session | null
  /** Of the program that calls; only on routes of the JSON API, and always there. */
  readonly token: ServiceToken | null
  readonly cookies: ReadonlyMap<string, string>
  /**
   * Asks once more, for whatever changes something and has waited for its body: who sends it may take their time, and their
   * right may have ended since.
   *
   * @returns why it is no longer permitted, which is on record; null where it is
   * @throws GatehouseError as admission does
   */
  readonly confirm: () => Promise<readonly Reason[] | null>
  /** What they are to be spoken to in. */
  readonly language: Language
  /** Path and query of the page that asked, where it is one of ours that can be asked for again; else `/`. */
  readonly cameFrom: string
  /**
   * Bound to the session. Forms carry it in the hidden field `form`, and every unsafe request of a
   * signed-in person is refused without it: a machine's page is same-site with the portal, so cookies
   * alone do not tell who wrote a form.
   */
  readonly formToken: string | null
}

/** The one place that turns a failure into an answer; given by the gateway. */
export type AnswerError = (visit: Visit, req: IncomingMessage, res: ServerResponse, error: unknown) => void

/** Likewise for a denial. */
export type AnswerDenied = (
  visit: Visit,
  req: IncomingMessage,
  res: ServerResponse,
  reasons: readonly Reason[],
) => void
