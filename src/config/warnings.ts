import type { Config, Exception } from './config.js'
import { isLoopback } from './formats.js'

/** Lines older than this get no security fixes any more: Node 20 ended on 2026-04-30. */
const oldestSupportedNode = 22

/**
 * What is accepted and still deserves a loud line at start: sentences for the operator.
 *
 * @param nodeMajor the major version of the running Node.js
 */
export function warnings(config: Config, nodeMajor: number): string[] {
  const { server, redis, totp } = config
  const found: string[] = []
  if (nodeMajor < oldestSupportedNode) {
    found.push(
      `Node.js ${String(nodeMajor)} is past its end of life and gets no security fixes. Run Gatehouse on Node.js ${String(oldestSupportedNode)} or later.`,
    )
  }
  if (server.publicUrl.protocol === 'http:') {
    found.push(
      'server.publicUrl is http: this is a development set-up, and must not be reachable from other machines.',
    )
  } else if (siteOf(server.publicUrl.hostname) === siteOf(server.endpointDomain)) {
    found.push(
      `The portal and the endpoints share the domain ${siteOf(server.endpointDomain)}. Browsers treat them as one site, so a hostile HMI page can send requests to the portal with the visitor's cookies. Give server.endpointDomain a registrable domain of its own.`,
    )
  }
  if (server.operations !== null && !isLoopback(server.operations.host)) {
    found.push(
      `server.operations listens on ${server.operations.host}, and asks nobody who they are. Keep other networks away from it.`,
    )
  }
  if (redis.url?.startsWith('redis://') && !isLoopback(new URL(redis.url).hostname)) {
    found.push(
      'redis.url has no TLS: its password and its content cross the network in clear. Use rediss://.',
    )
  }
  const several = redis.sentinel ?? redis.cluster
  if (several?.tls === false && !several.nodes.every(({ host }) => isLoopback(host))) {
    found.push(
      `redis.${redis.sentinel ? 'sentinel' : 'cluster'}.tls is false: passwords and content cross the network in clear.`,
    )
  }
  if (totp.enrolment === 'first-login') {
    found.push('totp.enrolment is first-login: a stolen password is enough to enrol a second factor.')
  }
  for (const { endpointId, option, name, reason } of config.exceptions)
    found.push(`${endpointId} has ${option} ${name}, which ${risks[option]} Reason given: ${reason}`)
  for (const { id, upstream, credentials } of config.endpoints) {
    if (credentials !== null && upstream.protocol === 'http:' && !isLoopback(upstream.hostname))
      found.push(
        `${id} has credentials and an http upstream: its password crosses the network in clear. Use https where the machine offers it.`,
      )
  }
  return found
}

const risks: Readonly<Record<Exception['option'], string>> = {
  lenientRequests: 'lets requests through that servers read in more than one way.',
  lenientResponses: 'lets answers through that break the rules of the web.',
  tls: 'accepts TLS 1.0 and 1.1: whoever is on the way to the machine may read and change what is sent.',
}

/** Close to the registrable domain without the public suffix list: under `co.uk` it warns too often, never too seldom. */
function siteOf(host: string): string {
  return host.split('.').slice(-2).join('.')
}
