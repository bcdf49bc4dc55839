import type { Endpoint, UpstreamTls } from '../../src/model.js'

/** An endpoint that asks for nothing beyond the strict rules, but for `over`. */
export function endpointUnderTest(over: Partial<Endpoint> & Pick<Endpoint, 'upstream'>): Endpoint {
  return {
    id: 'press-3',
    name: 'Press 3',
    kind: 'hmi',
    zone: null,
    timeZone: 'UTC',
    maxLengthMs: null,
    requestable: 'invited',
    approval: { by: ['approver'], count: 1, lapsesAfterMs: 8 * 3_600_000 },
    landingPath: '/',
    methods: null,
    paths: null,
    lenientRequests: new Set(),
    lenientResponses: new Set(),
    hostHeader: 'upstream',
    tls: null,
    credentials: null,
    limits: { connections: null, bodyBytes: 2 ** 33, firstByteMs: 60_000, idleMs: 900_000 },
    probe: null,
    timeLeftNotice: false,
    ...over,
  }
}

/** TLS as Node speaks it by default, but for `over`. */
export function upstreamTls(over: Partial<UpstreamTls>): UpstreamTls {
  return { authorities: null, pins: [], client: null, serverName: null, isLegacy: false, ...over }
}
