import { optionTexts, section, wholeNumber } from './fields.js'

/** What clients may ask of this instance at a time, and how slow they may be. */
export const serverLimits = section(
  'What clients may ask of one instance at a time, and how slow they may be. Whoever asks for more is answered with 503 `busy`.',
  {
    connections: wholeNumber('connections', 20, 1_000_000).prefault(10_000).register(optionTexts, {
      what: 'Connections of all clients together. The last twentieth of the requests is for administrators and approvers.',
      danger:
        'Each WebSocket takes two open files, one on either side. More than the process may open (`ulimit -n`), and nobody is served.',
    }),
    perAddress: wholeNumber('connections', 1, 1_000_000).prefault(1_000).register(optionTexts, {
      what: 'Connections, and requests and WebSockets, of one client address. Of the addresses in `trustedProxies` only requests and WebSockets are counted, by the address they stand for.',
      danger:
        'A vendor’s whole office may come from one address. Large values let one client take the place of all others.',
    }),
    perSession: wholeNumber('requests', 1, 1_000_000).prefault(1_000).register(optionTexts, {
      what: 'Requests and WebSockets under way of one signed-in person.',
      danger:
        'Browsers open six connections to a machine, and up to 255 WebSockets. Fewer than a page needs, and it stays half empty.',
    }),
    perEndpoint: wholeNumber('requests', 1, 1_000_000).prefault(2_000).register(optionTexts, {
      what: 'Requests and WebSockets under way to one machine, of all people together. What the machine itself can bear is `endpoints[].limits.connections`.',
      danger: 'Large values let one machine’s visitors take the place of all others.',
    }),
    stalledSeconds: wholeNumber('seconds', 1, 3_600).prefault(60).register(optionTexts, {
      what: 'How long a client may leave alone what waits for it to read, before its request or WebSocket is cut.',
      danger:
        'Short values cut people on bad lines and laptops that sleep for a moment; long ones let clients that read nothing hold a machine’s connections.',
    }),
    apiCallsPerMinute: wholeNumber('calls', 1, 100_000).prefault(600).register(optionTexts, {
      what: 'Calls of the JSON API with one service token, on this instance. More are answered with 429 `rate-limited` and `Retry-After`; what stops something (revoke, end, lock down) is never refused for it.',
      danger:
        'Large values let a program that has gone wild fill the ledger and keep Redis from everybody else.',
    }),
    bodyBytesPerSecond: wholeNumber('bytes', 1, 1_000_000).prefault(64).register(optionTexts, {
      what: 'The least that a client sends of a body each second, as a mean over half a minute. A slower one is answered with 408.',
      danger: 'Large values stop uploads over bad lines.',
    }),
  },
).prefault({})
