import fc from 'fast-check'
import { addressedPath } from '../../src/config/fields.js'
import { readTarget } from '../../src/dataplane/target.js'
import { isLocalPath } from '../../src/lib/page/index.js'
import { createAuthority, type ServerCertificate } from '../support/certificates.js'
import { endpointUnderTest } from '../support/endpoint.js'
import { parseConfig } from '../../src/config/load.js'
import { ConfigInvalid, warnings, type Config } from '../../src/config/index.js'
import type { Endpoint } from '../../src/model.js'

const start = `
server: { publicUrl: https://portal.plant.example, endpointDomain: plant-access.example, trustedProxies: [10.10.0.2] }
redis: { url: rediss://redis.dmz.example }
oidc: { issuer: https://login.plant.example, clientId: gatehouse, clientSecretFile: secret }
keys: { file: keys.json }
audit: { directory: /var/lib/ledger }
endpoints:
  - id: press-3
    name: Press 3
    kind: hmi
`
const http = 'upstream: http://10.20.3.10:8080'
const https = 'upstream: https://10.20.3.10'

const pin = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='
const otherPin = 'HRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEAHx4='

let own: ServerCertificate
let files: Record<string, string>

beforeAll(async () => {
  const authority = await createAuthority()
  own = await authority.issue(['gatehouse.plant.example'])
  const other = await authority.issue(['other.example'])
  files = {
    secret: 'not-a-secret\n',
    'log-in': 'gatehouse:not:a:secret\r\n',
    'no-colon': 'gatehouse\n',
    umlaut: 'schlüssel\n',
    'two-lines': 'gatehouse:a\nb\n',
    'ca.pem': authority.ca,
    'damaged.pem': `${authority.ca}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
    'own.pem': own.certificate,
    'own.key': own.key,
    'other.key': other.key,
  }
})

function parse(...options: string[]): Config {
  const text = start + options.map((option) => `    ${option}\n`).join('')
  return parseConfig('/etc/gatehouse/gatehouse.yaml', text, {
    folder: '/etc/gatehouse',
    readText: (path) => {
      const content = files[path.replace('/etc/gatehouse/', '')]
      return content === undefined ? { problem: 'cannot be read: it is not there' } : { text: content }
    },
    ownAddresses: ['127.0.0.1'],
  })
}

function endpointOf(...options: string[]): Endpoint {
  const [endpoint] = parse(...options).endpoints
  if (endpoint === undefined) throw new Error('there is one endpoint')
  return endpoint
}

/** Each problem as `path: message`, the path from the endpoint on. */
function problemsOf(...options: string[]): string[] {
  try {
    parse(...options)
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error
    return error.problems.map(({ path, message }) => `${path.replace('endpoints[0].', '')}: ${message}`)
  }
  return []
}

const noTls = { authorities: null, pins: [], client: null, serverName: null, isLegacy: false }

describe('an endpoint that says only where it is', () => {
  it('asks for nothing beyond the strict rules', () => {
    expect(endpointOf(http)).toEqual(endpointUnderTest({ upstream: new URL('http://10.20.3.10:8080') }))
  })

  it('is trusted, over https, by what Node.js trusts', () => {
    expect(endpointOf(https).tls).toEqual(noTls)
    expect(endpointOf(https, 'tls: {}').tls).toEqual(noTls)
  })
})

describe('an endpoint with options', () => {
  it.each<[string, Partial<Endpoint>]>([
    ['landingPath: /hmi/start.html', { landingPath: '/hmi/start.html' }],
    ["landingPath: '/hmi/Startseite%20%C3%BC.html?view=a/b&c=%2F'", {}],
    ['methods: [GET, HEAD, POST]', { methods: ['GET', 'HEAD', 'POST'] }],
    ["paths: ['/', '/hmi/', '/api/values']", { paths: ['/', '/hmi/', '/api/values'] }],
    ['timeZone: America/New_York', { timeZone: 'America/New_York' }],
    ['maxLength: 90m', { maxLengthMs: 90 * 60_000 }],
    ['hostHeader: original', { hostHeader: 'original' }],
    ['timeLeftNotice: true', { timeLeftNotice: true }],
    ['timeLeftNotice: false', {}],
    ['probe: { path: /health }', { probe: { path: '/health', intervalMs: 300_000 } }],
    ['probe: { path: /health, intervalSeconds: 30 }', { probe: { path: '/health', intervalMs: 30_000 } }],
    [
      'limits: { connections: 4, bodyBytes: 10MiB, firstByteSeconds: 5, idleSeconds: 30 }',
      { limits: { connections: 4, bodyBytes: 10 * 2 ** 20, firstByteMs: 5_000, idleMs: 30_000 } },
    ],
    [
      'limits: { idleSeconds: 60 }',
      { limits: { connections: null, bodyBytes: 2 ** 33, firstByteMs: 60_000, idleMs: 60_000 } },
    ],
    [
      'lenientRequests: [{ name: double-slash, reason: a }, { name: delete-body, reason: b }]',
      { lenientRequests: new Set(['double-slash', 'delete-body'] as const) },
    ],
    [
      'lenientResponses: [{ name: bare-line-feed, reason: a }]',
      { lenientResponses: new Set(['bare-line-feed'] as const) },
    ],
    [
      'credentials: { kind: basic, file: log-in }',
      { credentials: { kind: 'basic', user: 'gatehouse', password: 'not:a:secret' } },
    ],
    [
      'credentials: { kind: header, name: X-Api-Key, file: secret }',
      { credentials: { kind: 'header', name: 'X-Api-Key', value: 'not-a-secret' } },
    ],
    [
      'credentials: { kind: form, path: /login.cgi, userField: u, passwordField: p, file: log-in, fields: { go: "" } }',
      {
        credentials: {
          kind: 'form',
          path: '/login.cgi',
          fields: { go: '', u: 'gatehouse', p: 'not:a:secret' },
        },
      },
    ],
  ])('%s', (option, expected) => {
    expect(endpointOf(http, option)).toMatchObject(expected)
  })

  it('has its TLS files read', () => {
    const files = 'caFile: ca.pem, certificateFile: own.pem, keyFile: own.key'
    expect(endpointOf(https, `tls: { ${files}, serverName: hmi.plant.example }`).tls).toEqual({
      ...noTls,
      authorities: expect.stringContaining('BEGIN CERTIFICATE') as string,
      client: own,
      serverName: 'hmi.plant.example',
    })
  })

  it('may be pinned, and be of another age', () => {
    const option = `tls: { pins: ['${pin}', '${otherPin}'], legacy: { reason: 'to be replaced' } }`
    expect(endpointOf(https, option).tls).toEqual({ ...noTls, pins: [pin, otherPin], isLegacy: true })
  })
})

const plainPath =
  'must be a plain path that begins with /: no escapes, no *, no //, no ; and no segment of dots alone'
const notAddressed =
  'must be a path that begins with /, perhaps with a query, as the strict rules let it through: no //, ;, # or encoded slash, and no segment of dots alone'
const ownPath = 'lies in /.gatehouse/, which belongs to Gatehouse itself'
const ownHeader = 'must not be a header that Gatehouse itself writes or reads'
const form = 'credentials: { kind: form, file: log-in, path: /in, userField: u, passwordField: p'

/** Which options are refused, where, and with which words. */
const refusals: readonly [options: string[], path: string, message: string][] = [
  ...["''", 'hmi', "'//hmi'", '/a/../b', '/a/%2e%2e/b', "'/a;b'", "'/a%2fb'", "'/a%5Cb'", "'/a#b'"].map(
    (value): [string[], string, string] => [[`landingPath: ${value}`], 'landingPath', notAddressed],
  ),
  ...["'/a%'", "'/%ff'", "'/%00'", "'/a b'", "'/a/.%20/b'", "'/...'", "'/a?b%0'", `/${'a'.repeat(512)}`].map(
    (value): [string[], string, string] => [[`landingPath: ${value}`], 'landingPath', notAddressed],
  ),
  [['landingPath: /.gatehouse/start'], 'landingPath', ownPath],
  [['landingPath: /.Gatehouse'], 'landingPath', ownPath],
  [["landingPath: '/%2Egatehouse/'"], 'landingPath', notAddressed],
  [["landingPath: '/.g%61tehouse/start'"], 'landingPath', ownPath],
  ...["['']", '[hmi/]', "['//']", "['/a//b']", '[/a/../b/]', '[/./]', "['/a%20b']", "['/a;b/']"].map(
    (value): [string[], string, string] => [[`paths: ${value}`], 'paths[0]', plainPath],
  ),
  ...["['/a?b']", "['/a\\b']", "['/a/*']", "['/ü/']"].map((value): [string[], string, string] => [
    [`paths: ${value.replace('\\', '\\\\')}`],
    'paths[0]',
    plainPath,
  ]),
  [['paths: [/.gatehouse/]'], 'paths[0]', ownPath],
  [['paths: []'], 'paths', 'must name at least one path; without the option all are open'],
  ...[
    ['paths: [/hmi/]'],
    ['paths: [/hmi/]', 'landingPath: /hmi'],
    ['paths: [/hmi]', 'landingPath: /hmi/'],
    ['paths: [/hmi/]', 'landingPath: /HMI/'],
  ].map((options): [string[], string, string] => [
    options,
    'landingPath',
    'must lie in paths, or the portal’s link leads nowhere',
  ]),
  [['methods: [HEAD]'], 'methods', 'must contain GET, or nobody can open a page'],
  [['methods: []'], 'methods', 'must contain GET, or nobody can open a page'],
  [['methods: [GET, TRACE]'], 'methods[1]', 'must be GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE'],
  [['methods: [GET, get]'], 'methods[1]', 'must be GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE'],
  [['hostHeader: browser'], 'hostHeader', 'must be upstream or original'],
  [
    ['lenientRequests: [{ name: dot-segment, reason: a }]'],
    'lenientRequests[0].name',
    'must be double-slash, matrix-params, encoded-slash, underscore-headers or delete-body',
  ],
  [['lenientRequests: [{ name: double-slash }]'], 'lenientRequests[0].reason', 'is required'],
  [
    ["lenientResponses: [{ name: bare-line-feed, reason: ' ' }]"],
    'lenientResponses[0].reason',
    'must have 1 to 200 characters',
  ],
  [['lenientRequests: [double-slash]'], 'lenientRequests[0]', 'must be a group of options'],
  [
    ['lenientResponses: [{ name: folded-header, reason: a }, { name: folded-header, reason: b }]'],
    'lenientResponses[1].name',
    'is opened twice; "folded-header" once is enough',
  ],
  [['tls: {}'], 'tls', 'does not fit an http upstream; make that https, or take this out'],
  [
    [`tls: { pins: ['${pin.slice(0, -1)}'] }`, https],
    'tls.pins[0]',
    'must be the SHA-256 of a public key (SPKI) in base64: 44 characters, the last of them =',
  ],
  [
    [`tls: { pins: ['${pin}'], caFile: ca.pem }`, https],
    'tls.caFile',
    'is not used while there are pins; take one of them out',
  ],
  [['tls: { caFile: secret }', https], 'tls.caFile', 'names a file that holds no PEM certificate'],
  [['tls: { caFile: damaged.pem }', https], 'tls.caFile', 'names a file that holds a damaged certificate'],
  [
    ['tls: { caFile: gone.pem }', https],
    'tls.caFile',
    'names /etc/gatehouse/gone.pem, which cannot be read: it is not there',
  ],
  [
    ['tls: { certificateFile: own.pem }', https],
    'tls.keyFile',
    'is required, because there is a certificateFile',
  ],
  [['tls: { keyFile: own.key }', https], 'tls.certificateFile', 'is required, because there is a keyFile'],
  [
    ['tls: { certificateFile: own.pem, keyFile: other.key }', https],
    'tls.keyFile',
    'does not belong to the certificate in endpoints[0].tls.certificateFile',
  ],
  [['tls: { legacy: {} }', https], 'tls.legacy.reason', 'is required'],
  [['tls: { legacy: true }', https], 'tls.legacy', 'must be a group of options'],
  [
    ['tls: { serverName: 10.0.0.1 }', https],
    'tls.serverName',
    'must be a domain name, such as hmi.plant.example',
  ],
  [['credentials: { kind: basic }'], 'credentials.file', 'is required'],
  [['credentials: { kind: ntlm, file: log-in }'], 'credentials.kind', 'must be basic, header or form'],
  [
    ['credentials: { kind: basic, file: no-colon }'],
    'credentials.file',
    'names a file that must hold one line, user:password',
  ],
  [
    ['credentials: { kind: basic, file: two-lines }'],
    'credentials.file',
    'names a file that must hold one line with the secret, and nothing else',
  ],
  [
    ['credentials: { kind: basic, file: log-in, name: X-Key }'],
    'credentials.name',
    'is used with kind header only; take it out',
  ],
  [['credentials: { kind: header, file: secret }'], 'credentials.name', 'is required with kind header'],
  [
    ['credentials: { kind: header, name: X-Key, file: umlaut }'],
    'credentials.file',
    'names a file whose line must be ASCII, without a space at either end',
  ],
  ...["'X Key'", "'X:'", "''", '"X\\r\\nY"', 'ä'].map((name): [string[], string, string] => [
    [`credentials: { kind: header, name: ${name}, file: secret }`],
    'credentials.name',
    'must be the name of a header',
  ]),
  ...['Host', 'content-length', 'Transfer-Encoding', 'connection', 'Cookie'].map(
    (name): [string[], string, string] => [
      [`credentials: { kind: header, name: ${name}, file: secret }`],
      'credentials.name',
      ownHeader,
    ],
  ),
  ...['X-Forwarded-For', 'x-forwarded', 'X-Gatehouse-User', 'Upgrade', 'Origin', 'TE'].map(
    (name): [string[], string, string] => [
      [`credentials: { kind: header, name: ${name}, file: secret }`],
      'credentials.name',
      ownHeader,
    ],
  ),
  [[`${form.replace('path: /in, ', '')} }`], 'credentials.path', 'is required with kind form'],
  [[`${form.replace('userField: u, ', '')} }`], 'credentials.userField', 'is required with kind form'],
  [[`${form.replace('/in', '//in')} }`], 'credentials.path', notAddressed],
  [
    [`${form.replace('passwordField: p', 'passwordField: u')} }`],
    'credentials.passwordField',
    'must not be userField',
  ],
  [[`${form}, fields: { p: x } }`], 'credentials.fields.p', 'is filled from the file; take it out'],
  [[`${form}, fields: { go: 1 } }`], 'credentials.fields.go', 'must be text; put it in quotes'],
  [
    [`${form}, password: x }`],
    'credentials.password',
    'is not an option: secrets and certificates do not stand in this file; write it into a file of its own and name that in file',
  ],
  [['limits: { bodyBytes: 10MB }'], 'limits.bodyBytes', 'must be a size, such as 10MiB or 2GiB'],
  [['limits: { bodyBytes: 1048576 }'], 'limits.bodyBytes', 'must be text; put it in quotes'],
  [['limits: { bodyBytes: 0KiB }'], 'limits.bodyBytes', 'must be between 1KiB and 65536GiB'],
  [
    ['limits: { connections: 0 }'],
    'limits.connections',
    'must be a whole number of connections from 1 to 10000',
  ],
  [
    ['limits: { idleSeconds: 29 }'],
    'limits.idleSeconds',
    'must be a whole number of seconds from 30 to 14400',
  ],
  [
    ['limits: { firstByteSeconds: 3601 }'],
    'limits.firstByteSeconds',
    'must be a whole number of seconds from 1 to 3600',
  ],
  [['timeLeftNotice: often'], 'timeLeftNotice', 'must be true or false'],
  [['timeZone: +02:00'], 'timeZone', 'must be an IANA time zone, such as Europe/Berlin or UTC'],
  [['timeZone: Europe/Atlantis'], 'timeZone', 'must be an IANA time zone, such as Europe/Berlin or UTC'],
  [['maxLength: 1m'], 'maxLength', 'must be between 5m and 31d'],
  [['probe: {}'], 'probe.path', 'is required'],
  [
    ['probe: { path: /, intervalSeconds: 29 }'],
    'probe.intervalSeconds',
    'must be a whole number of seconds from 30 to 86400',
  ],
]

describe('an endpoint is refused, with path and words, for', () => {
  it.each(refusals)('%j: %s %s', (options, path, message) => {
    const given = options.includes(https) ? options : [http, ...options]
    expect(problemsOf(...given)).toEqual([`${path}: ${message}`])
  })
})

describe('a landing path that is accepted', () => {
  const fragment = fc.oneof(
    fc.constantFrom('/', '//', '.', '..', '%20', '%2e', '%2F', '%C3%BC', '%c2%80', '%25', '%', '?', '#', ';'),
    fc.constantFrom(
      'a',
      'B',
      "'",
      '*',
      '\\\\',
      '|',
      '^',
      '[',
      '"',
      '<',
      '+',
      '&=',
      ':',
      '@',
      '%00',
      '%0a',
      '%27',
    ),
    fc.string({ unit: 'binary-ascii', maxLength: 2 }),
  )
  const anyPath = fc.array(fragment, { maxLength: 10 }).map((rest) => `/${rest.join('')}`)

  it('is one that the gate lets through, and the way through sign-in carries', () => {
    let accepted = 0
    fc.assert(
      fc.property(anyPath, (path) => {
        if (!addressedPath().safeParse(path).success) return
        accepted++
        expect(readTarget(path, new Set())).toMatchObject({ path: path.split('?', 1)[0] })
        expect(isLocalPath(path)).toBe(true)
      }),
      { numRuns: 50_000 },
    )
    expect(accepted).toBeGreaterThan(500)
  })
})

describe('the warnings at start', () => {
  it('name each strict rule that is lifted, and the reason given', () => {
    const config = parse(
      https,
      'lenientRequests: [{ name: double-slash, reason: asks for //images }]',
      'lenientResponses: [{ name: bare-line-feed, reason: firmware 2.1 }]',
      `tls: { pins: ['${pin}'], legacy: { reason: to be replaced } }`,
    )
    expect(warnings(config, 22)).toEqual([
      expect.stringMatching(/^press-3 has lenientRequests double-slash, .+ asks for \/\/images$/),
      expect.stringMatching(/^press-3 has lenientResponses bare-line-feed, .+ firmware 2\.1$/),
      expect.stringMatching(/^press-3 has tls legacy, .*TLS 1\.0 and 1\.1.* to be replaced$/),
    ])
  })

  it('name a password that crosses the network in clear, and only that', () => {
    const credentials = 'credentials: { kind: basic, file: log-in }'
    expect(warnings(parse(http, credentials), 22)).toEqual([
      expect.stringContaining('press-3 has credentials and an http upstream'),
    ])
    expect(warnings(parse('upstream: http://127.0.0.1:9001', credentials), 22)).toEqual([])
    expect(warnings(parse(https, credentials), 22)).toEqual([])
  })
})

describe('who answers requests for an endpoint', () => {
  it.each([
    ["by: ['group:line-3']", 'must be one of the groups in oidc.roles.approver'],
    ['by: [operator]', 'must be approver, admin, or group: and the name of a group, like group:line-3'],
    ["by: ['group:']", 'must be approver, admin, or group: and the name of a group, like group:line-3'],
  ])('is nobody by %s', (given, message) => {
    expect(problemsOf(http, `approval: { ${given} }`)).toEqual([`approval.by[0]: ${message}`])
  })

  it('is a group that makes an approver', () => {
    const named = start.replace(
      'clientSecretFile: secret }',
      'clientSecretFile: secret, roles: { approver: [line-3] } }',
    )
    const text = `${named}    ${http}\n    approval: { by: ['group:line-3'] }\n`
    const surroundings = { folder: '/etc/gatehouse', readText: () => ({ text: 'x\n' }), ownAddresses: [] }
    const [endpoint] = parseConfig('/etc/gatehouse/gatehouse.yaml', text, surroundings).endpoints
    expect(endpoint?.approval.by).toEqual(['group:line-3'])
  })
})
