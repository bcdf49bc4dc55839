import type { ServerResponse } from 'node:http'
import { endWarnings, GatehouseError, type Clock, type Pages } from '../lib/index.js'
import type { Admission } from './admission.js'
import { spanAt } from '../policy/index.js'
import { permitted } from './endpoint.js'

/**
 * Tells the notice in a machine's page how long its access lasts. It runs among the machine's own scripts, so
 * whatever it is told, they are told: how long, what this machine is called here, and where the portal is.
 */
export function answerTimeLeft(
  admission: Admission,
  res: ServerResponse,
  { clock, pages, portal }: { readonly clock: Clock; readonly pages: Pages; readonly portal: URL },
): void {
  const permit = permitted(admission)
  const site = admission.request.header('sec-fetch-site')
  const isOwnScript = site === null || site === 'same-origin'
  if (permit?.endpoint.timeLeftNotice !== true || !isOwnScript) throw new GatehouseError('not-found', '')
  const grant = admission.grants.find(({ id }) => id === permit.grantId)
  if (grant === undefined) throw new GatehouseError('not-found', '')
  // Not when a request would be cut: one that runs may be let finish beyond the end.
  const now = clock.now()
  const { until } = spanAt(grant, now)
  const endsAt = Math.min(until, permit.session.endsAt)
  const body = JSON.stringify({
    endsInMs: endsAt - now,
    name: permit.endpoint.name,
    portal: portal.origin,
    warnings: endWarnings({
      grant: { until, ending: grant.ending },
      at: endsAt,
      language: admission.language,
    }),
  })
  pages.applyHeaders(res)
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  res.end(body)
}
