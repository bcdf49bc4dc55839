export {
  isSafeMethod,
  normaliseRequest,
  type NormalisedRequest,
  type RawRequest,
  type Refusal,
} from './normalise.js'
export {
  createStreams,
  type LiveStream,
  type PendingStream,
  type StreamInfo,
  type Streams,
} from './streams.js'
export { createPace, type Pace, type PaceLimits } from './pace.js'
export { withPageTail } from './page-tail.js'
export { readTarget } from './target.js'
export { isPathOpen } from './path-rules.js'
export { createUpstreams, type Upstreams } from './pools.js'
export { startProbes, type Health, type Probes } from './probe.js'
export type { Upstream, UpstreamTimeouts } from './upstream.js'
export type { Forwarding, ForwardOutcome, Switched } from './exchange.js'
export { forwardRequest, inviteBody } from './forward.js'
export { forwardUpgrade } from './websocket.js'
