import type { Config } from '../config/index.js'
import type { Decision, Facts, Session } from '../model.js'
import { decide } from '../policy/index.js'
import { machineOf, type Asked, type GatherFacts } from './facts.js'

/** What a request to a machine would be judged by, were it made now by the person themselves. */
export type FactsOfOpening = (
  session: NonNullable<Asked['session']>,
  endpointId: string,
  /** Null for the landing path: the configuration is refused when that is not open to GET. */
  wanted: { readonly method: string; readonly path: string; readonly isSafe: boolean } | null,
  /** The client's address. */
  source: string,
) => Promise<Facts>

/**
 * The decision on opening an endpoint now, from the same facts as a request to it would be judged by.
 *
 * @param source the client's address
 */
export type MayOpen = (session: Session, endpointId: string, source: string) => Promise<Decision>

export function createOpening(
  config: Pick<Config, 'endpoints'>,
  gather: GatherFacts,
): { readonly factsOfOpening: FactsOfOpening; readonly mayOpen: MayOpen } {
  const known = new Map(config.endpoints.map((endpoint) => [endpoint.id, endpoint]))
  const factsOfOpening: FactsOfOpening = async (session, endpointId, wanted, source) => {
    const { facts } = await gather({
      resource: machineOf(endpointId, known.get(endpointId) ?? null, wanted),
      request: { isSafe: wanted?.isSafe ?? true, isUpgrade: false, initiator: 'own' },
      session,
      source,
    })
    return facts
  }
  return {
    factsOfOpening,
    mayOpen: async (session, endpointId, source) =>
      decide(await factsOfOpening(session, endpointId, null, source)),
  }
}
