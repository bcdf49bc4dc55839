import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  ConfigInvalid,
  endpointIdPattern,
  endpointOrigin,
  jsonSchema,
  parseDuration,
  referencePage,
  warnings,
  type Config,
} from '../../src/config/index.js'
import { parseAddress } from '../../src/config/formats.js'
import { parseConfig } from '../../src/config/load.js'
import { endpointUnderTest } from '../support/endpoint.js'

/** Valid, and needs no certificate. */
const valid = `server:
  publicUrl: https://portal.plant.example
  endpointDomain: plant-access.example
  listen: 10.10.0.11:8443
  operations: 127.0.0.1:9464
  trustedProxies: [10.10.0.2]
  limits:
    connections: 500
    perSession: 40
    stalledSeconds: 30
  announceSeconds: 3
  shutdownSeconds: 20
redis:
  url: rediss://redis.dmz.example:6379
  passwordFile: redis-password
oidc:
  issuer: https://login.plant.example
  clientId: gatehouse
  clientSecretFile: oidc-secret
  clientAuthentication: client_secret_post
  scopes: [openid, email]
  clockToleranceSeconds: 10
  roles:
    admin: [plant-it]
totp:
  enrolment: invite
sessions:
  maxLength: 8h
keys:
  file: keys.json
audit:
  directory: ledger
  durability: every-request
  writer: gateway-1
grants:
  maxLength: 4h
  drainLimit: 5m
  readOnlyFor: 15m
log:
  level: warn
endpoints:
  - id: press-3
    name: Press 3 HMI
    kind: hmi
    upstream: http://10.20.3.10:8080
`
const validLines = valid.split('\n')

/** Where the option at `path` stands: `oidc.roles.admin`, `endpoints[0].id`, `server.trustedProxies[1]`. */
function indexOf(path: string): number {
  const [section = '', ...keys] = path.replaceAll(/\[\d+\]/g, '').split('.')
  const start = validLines.indexOf(`${section}:`)
  const option = new RegExp(`^[ -]+${keys.at(-1) ?? ''}:`)
  return keys.length === 0 ? start : validLines.findIndex((line, index) => index > start && option.test(line))
}

/** The valid file with other values, as they stand in YAML; null takes the line out. More lines may follow a value. */
function withValues(changes: Readonly<Record<string, string | null>>): string {
  const lines = [...validLines]
  for (const [path, value] of Object.entries(changes)) {
    const index = indexOf(path)
    const key = lines[index]?.split(':')[0] ?? ''
    lines[index] = value === null ? '' : `${key}: ${value}`
  }
  return lines.join('\n')
}

const files: Readonly<Record<string, string>> = {
  '/etc/gatehouse/oidc-secret': 'not-a-secret\n',
  '/etc/gatehouse/redis-password': 'also-not\r\n',
  '/etc/gatehouse/two-lines': 'one\ntwo\n',
  '/etc/gatehouse/empty': '\n',
}

function parse(text: string): Config {
  return parseConfig('/etc/gatehouse/gatehouse.yaml', text, {
    folder: '/etc/gatehouse',
    readText: (path) => {
      const content = files[path]
      return content === undefined
        ? { problem: 'cannot be read: there is no such file or folder' }
        : { text: content }
    },
    ownAddresses: ['127.0.0.1', '::1', '10.10.0.11', 'fd00::11'],
  })
}

/** Each problem as `line path: message`. */
function problemsOf(text: string): string[] {
  try {
    parse(text)
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error
    return error.problems.map(({ line, path, message }) => `${String(line)} ${path}: ${message}`)
  }
  return []
}

/** Where `withValues` puts a problem of the option at `path`. */
const at = (path: string, message: string, addedLines = 0): string =>
  `${String(indexOf(path) + 1 + addedLines)} ${path}: ${message}`

const development = {
  'server.publicUrl': 'http://portal.localhost:8080',
  'server.endpointDomain': 'plant.localhost',
}

describe('a configuration that says only what it must', () => {
  it('gets the documented defaults', () => {
    const config = parse(`
      server: { publicUrl: https://portal.plant.example, endpointDomain: plant-access.example, trustedProxies: [::1] }
      redis: { url: rediss://redis.dmz.example }
      oidc: { issuer: https://login.plant.example, clientId: gatehouse, clientSecretFile: oidc-secret }
      keys: { file: keys.json }
      audit: { directory: /var/lib/ledger }
    `)
    expect(config).toEqual({
      file: '/etc/gatehouse/gatehouse.yaml',
      server: {
        publicUrl: new URL('https://portal.plant.example'),
        endpointDomain: 'plant-access.example',
        listen: { host: '0.0.0.0', port: 443 },
        tls: null,
        operations: { host: '127.0.0.1', port: 9464 },
        trustedProxies: ['::1'],
        limits: {
          connections: 10_000,
          perAddress: 1_000,
          perSession: 1_000,
          perEndpoint: 2_000,
          stalledMs: 60_000,
          bodyBytesPerSecond: 64,
          apiCallsPerMinute: 600,
        },
        announceSeconds: 0,
        shutdownSeconds: 25,
      },
      redis: { url: 'rediss://redis.dmz.example', password: undefined },
      oidc: {
        issuer: new URL('https://login.plant.example'),
        name: 'login.plant.example',
        clientId: 'gatehouse',
        clientSecret: 'not-a-secret',
        clientAuthentication: 'client_secret_basic',
        scopes: ['openid', 'email', 'profile'],
        clockToleranceSeconds: 30,
        timeoutSeconds: 5,
        companyClaim: 'groups',
        roles: { claim: 'groups', admin: [], approver: [], auditor: [] },
      },
      totp: {
        ...{ enrolment: 'invite', label: 'Gatehouse', invitationLifetimeMs: 7 * 24 * 3_600_000 },
        ...{ secondAdministrator: false, resetLapsesAfterMs: 30 * 60_000 },
      },
      sessions: { maxLengthMs: 12 * 3_600_000 },
      plant: { timeZone: 'UTC' },
      keys: { file: '/etc/gatehouse/keys.json' },
      audit: { directory: '/var/lib/ledger', durability: 'state-changing', writer: 'gateway' },
      grants: {
        maxLengthMs: 12 * 3_600_000,
        maxRecurrenceMs: 92 * 86_400_000,
        endings: { drainMs: 2 * 60_000, readOnlyMs: 10 * 60_000 },
      },
      notifications: null,
      log: { level: 'info' },
      endpoints: [],
      groups: [],
      companies: [],
      exceptions: [],
    })
  })
})

describe('a configuration with every option', () => {
  it('is read as it is written', () => {
    const config = parse(valid)
    // Jest takes any two URLs for equal.
    expect(config.server.publicUrl.href).toBe('https://portal.plant.example/')
    expect(config.oidc.issuer.href).toBe('https://login.plant.example/')
    expect(config.endpoints.map(({ upstream, ...rest }) => ({ ...rest, upstream: upstream.href }))).toEqual([
      {
        ...endpointUnderTest({ upstream: new URL('http://10.20.3.10:8080') }),
        name: 'Press 3 HMI',
        upstream: 'http://10.20.3.10:8080/',
      },
    ])
    expect(config.server.shutdownSeconds).toBe(20)
    expect(config.oidc.roles.admin).toEqual(['plant-it'])
    expect(config.grants).toEqual({
      maxLengthMs: 4 * 3_600_000,
      maxRecurrenceMs: 92 * 86_400_000,
      endings: { drainMs: 5 * 60_000, readOnlyMs: 15 * 60_000 },
    })
    expect(config.audit).toEqual({
      directory: '/etc/gatehouse/ledger',
      durability: 'every-request',
      writer: 'gateway-1',
    })
  })

  it('finds its files beside it', () => {
    const config = parse(withValues({ 'redis.url': 'unix:run/redis.sock', 'keys.file': '../keys.json' }))
    expect(config.redis).toEqual({ url: 'unix:/etc/gatehouse/run/redis.sock', password: 'also-not' })
    expect(config.oidc.clientSecret).toBe('not-a-secret')
    expect(config.keys.file).toBe('/etc/keys.json')
  })

  it('may name its provider', () => {
    const named = withValues({ 'oidc.clientId': 'gatehouse\n  name: Plant account' })
    expect(parse(named).oidc.name).toBe('Plant account')
  })

  it('needs no client secret when the client has none', () => {
    const text = withValues({ 'oidc.clientAuthentication': 'none', 'oidc.clientSecretFile': null })
    expect(parse(text).oidc.clientSecret).toBeNull()
  })

  it('may switch the operations listener off', () => {
    expect(parse(withValues({ 'server.operations': 'off' })).server.operations).toBeNull()
  })

  it('has one spelling for each host', () => {
    const { server } = parse(
      withValues({
        'server.publicUrl': 'HTTPS://Portal.Plant.Example:443/',
        'server.endpointDomain': 'Plant-Access.Example',
        'server.listen': "'[FD00::12]:8443'",
      }),
    )
    expect(server.publicUrl.origin).toBe('https://portal.plant.example')
    expect(server.endpointDomain).toBe('plant-access.example')
    expect(server.listen).toEqual({ host: 'fd00::12', port: 8443 })
  })

  it.each(['http://portal.localhost:8080', 'http://localhost', 'http://127.9.9.9:1', 'http://[::1]:8080'])(
    'may have its portal at %s',
    (url) => {
      const { server } = parse(withValues({ ...development, 'server.publicUrl': url }))
      expect(server.publicUrl.origin).toBe(url)
    },
  )

  it.each(['10.0.0.1', '10.0.0.0/8', '192.168.1.0/24', 'fd00::/8', '::1', '::1/128'])(
    'may trust a proxy at %s',
    (network) => {
      const { server } = parse(withValues({ 'server.trustedProxies': `['${network}']` }))
      expect(server.trustedProxies).toEqual([network])
    },
  )

  it.each([
    'redis://127.0.0.1:6379',
    'redis://[::1]:6379/1',
    'rediss://redis.example',
    'unix:/run/redis.sock',
  ])('may have its store at %s', (url) => {
    expect(parse(withValues({ 'redis.url': `'${url}'` })).redis.url).toBe(url)
  })

  it('may have an issuer with a path', () => {
    const issuer = 'https://login.plant.example/realms/plant'
    expect(parse(withValues({ 'oidc.issuer': issuer })).oidc.issuer.href).toBe(issuer)
  })

  it.each([
    ['5m', 300_000],
    ['300s', 300_000],
    ['31d', 31 * 86_400_000],
  ])('may let grants run for %s', (text, ms) => {
    expect(parse(withValues({ 'grants.maxLength': text })).grants.maxLengthMs).toBe(ms)
  })

  it('may be of a plant with a time of its own', () => {
    const config = parse(`${withValues({})}\nplant: { timeZone: europe/berlin }\n`)
    expect(config.plant).toEqual({ timeZone: 'Europe/Berlin' })
    expect(config.endpoints.map(({ timeZone }) => timeZone)).toEqual(['Europe/Berlin'])
  })

  it.each([
    ['drainLimit', '10s', { drainMs: 10_000 }],
    ['drainLimit', '1h', { drainMs: 3_600_000 }],
    ['readOnlyFor', '1m', { readOnlyMs: 60_000 }],
    ['readOnlyFor', '4h', { readOnlyMs: 4 * 3_600_000 }],
  ])('may have grants.%s of %s', (option, text, endings) => {
    expect(parse(withValues({ [`grants.${option}`]: text })).grants.endings).toMatchObject(endings)
  })
})

const origin = 'must be an https origin without path, query or credentials'
const https = 'must be https; http is for development, on localhost, *.localhost, 127.0.0.0/8 and [::1] only'
const domain = 'must be a domain name, such as plant-access.example'
const hostAndPort = 'must be host:port or [IPv6]:port'
const network = 'must be an IP address or a CIDR block, and not one that holds every address'
const seconds = 'must be a whole number of seconds from 1 to 300'
const redisUrl = 'must be rediss://host:port, redis://host:port, or unix:/path/to.sock'
const redisPassword =
  'must not contain a user or a password; name the user in redis.username, write the password into a file and name that in redis.passwordFile'
const issuer = 'must be an https URL without query, fragment or credentials'
const scope = 'must be a scope: visible ASCII without spaces, quotes or backslashes'
const writer = 'must be 1 to 32 of a–z, 0–9 and hyphen, and not begin with a hyphen'
const durationForm = 'must be a duration, such as 30m or 12h'
const label = 'must be a DNS label: 1 to 63 of a–z, 0–9 and hyphen, with no hyphen at either end'
const encoded = 'must not have hyphens at its third and fourth place; DNS keeps those for encoded names'
const deceptive = 'must not contain control characters or marks that change the direction of writing'
const upstream = 'must be an http or https origin without path, query or credentials'
const quoted = 'must be text; put it in quotes'
const empty = 'is empty; give it a value, or take the line out'
const noFile = (name: string) =>
  `names /etc/gatehouse/${name}, which cannot be read: there is no such file or folder`
const oneLine = 'names a file that must hold one line with the secret, and nothing else'
const inFile = (option: string) =>
  `is not an option: secrets and certificates do not stand in this file; write it into a file of its own and name that in ${option}`
const reserved = (id: string) =>
  `"${id}" is reserved: people would take it for Gatehouse itself, or networks look that name up unasked`
const ownAddress = 'leads back to Gatehouse itself; it must be the address of the machine'
const shadowed =
  "must not lie in server.endpointDomain (plant-access.example): an endpoint could take the portal's name"

/** Option, what is said of it, and values (as they stand in the file) of which that is said, alone and in the right place. */
const refusals: readonly [path: string, message: string, values: readonly string[]][] = [
  [
    'server.publicUrl',
    https,
    ['http://portal.plant.example', 'http://127.0.0.1.evil.example', 'http://evil-localhost'],
  ],
  [
    'server.publicUrl',
    https,
    ['http://localhost.evil.example', 'http://10.0.0.1', 'http://[::2]', 'http://0.0.0.0'],
  ],
  ['server.publicUrl', origin, ['https://portal.plant.example/gate', "'https://portal.plant.example/?'"]],
  ['server.publicUrl', origin, ["'https://portal.plant.example#'", 'https://a:b@portal.plant.example']],
  [
    'server.publicUrl',
    origin,
    ['https:\\\\portal.plant.example', 'https:portal.plant.example', '//portal.plant.example'],
  ],
  [
    'server.publicUrl',
    origin,
    ['"https://por\\ttal.plant.example"', '"https://portal.plant.example\\x01"', "' https://a.example'"],
  ],
  [
    'server.publicUrl',
    origin,
    ['https://portal.plant.example.', 'https://portal.plant.example:0', 'https://a.example:99999'],
  ],
  [
    'server.publicUrl',
    origin,
    ['ftp://portal.plant.example', 'javascript:alert(1)', "''", 'https://', 'https://%61.example'],
  ],
  ['server.publicUrl', quoted, ['5', 'true', '1e3']],
  ['server.publicUrl', 'must be text', ['[a]', '{ a: b }']],
  ['server.publicUrl', empty, ['', '~']],
  [
    'server.publicUrl',
    shadowed,
    ['https://plant-access.example', 'https://Portal.Plant-Access.example:8443'],
  ],
  [
    'server.endpointDomain',
    domain,
    ['10.0.0.1', 'a.example:80', "'*.a.example'", 'a.example.', '.a.example', 'a..example'],
  ],
  [
    'server.endpointDomain',
    domain,
    ['abcdefghi.'.repeat(19) + 'example', 'plant_access.example', '-a.example'],
  ],
  [
    'server.listen',
    hostAndPort,
    ["':443'", '0.0.0.0', '0.0.0.0:65536', '10.0.0.256:443', "'::1:443'", "'[10.0.0.1]:443'"],
  ],
  ['server.listen', quoted, ['443']],
  ['server.operations', `${hostAndPort}, or off`, ['none', 'localhost']],
  ['server.operations', 'must not be the address of server.listen', ['10.10.0.11:8443']],
  [
    'server.trustedProxies[0]',
    network,
    ['[lb.example]', '[10.0.0.0/33]', "['::/129']", '[10.0.0.0/8/8]', '[10.0.0.0/x]', "['']"],
  ],
  [
    'server.trustedProxies[1]',
    network,
    ['[10.0.0.1, 0.0.0.0/0]', "[10.0.0.1, '::/0']", '[10.0.0.1, 0.0.0.0/00]'],
  ],
  ['server.trustedProxies', 'must be a list', ['10.0.0.1', '{}']],
  ['server.limits.connections', 'must be a whole number of connections from 20 to 1000000', ['19', '1e7']],
  ['server.limits.perSession', 'must be a whole number of requests from 1 to 1000000', ['0', '-1', 'all']],
  ['server.limits.stalledSeconds', 'must be a whole number of seconds from 1 to 3600', ['0', '60s']],
  ['server.announceSeconds', 'must be a whole number of seconds from 0 to 120', ['-1', '121', '5s']],
  [
    'server.announceSeconds',
    'must leave 5 seconds or more of server.shutdownSeconds for the stop itself',
    ['16'],
  ],
  ['server.shutdownSeconds', seconds, ['0', '301', '1.5', '-1', '.inf', '.nan', '25s', "'25'", '1e400']],
  [
    'redis.url',
    redisUrl,
    [
      'http://redis.example',
      'redis.example:6379',
      'redis://a?tls=off',
      'redis://a:99999',
      "'unix:'",
      'redis:///1',
    ],
  ],
  ['redis.url', redisPassword, ['redis://:hunter2@redis.example', 'rediss://user@redis.example']],
  ['redis.passwordFile', noFile('gone'), ['gone']],
  ['oidc.issuer', https, ['http://login.plant.example']],
  [
    'oidc.issuer',
    issuer,
    ['https://login.example/?a=b', 'https://a@login.example', "'https://login.example/#a'", 'login.example'],
  ],
  ['oidc.clientId', 'must have 1 to 200 characters', ["''", "' '", 'a'.repeat(201)]],
  ['oidc.clientSecretFile', oneLine, ['two-lines', 'empty']],
  ['oidc.clientSecretFile', 'must be a path', ["''", '"a\\0b"']],
  [
    'oidc.clientAuthentication',
    'must be client_secret_basic, client_secret_post or none',
    ['basic', '5', '[]'],
  ],
  ['oidc.scopes', 'must contain openid, or the provider returns no identity', ['[email]', '[]']],
  ['oidc.scopes[1]', scope, ["[openid, 'a b']", "[openid, '']", "[openid, 'a\"']", "[openid, 'é']"]],
  ['oidc.clockToleranceSeconds', 'must be a whole number of seconds from 0 to 300', ['-1', '3600', '30s']],
  ['oidc.roles.admin', 'must be a list', ['plant-it']],
  ['oidc.roles.admin[0]', quoted, ['[1]']],
  ['totp.enrolment', 'must be invite or first-login', ['anybody', 'Invite']],
  ['sessions.maxLength', 'must be between 5m and 24h', ['25h', '2d', '0s', '299s']],
  ['keys.file', 'must be a path', ["''"]],
  ['audit.directory', 'must be a path', ["''"]],
  ['audit.durability', 'must be state-changing or every-request', ['never']],
  ['audit.writer', writer, ['../etc', 'a/b', '-a', 'A', "''", 'a'.repeat(33), '"a\\n"']],
  ['grants.maxLength', 'must be between 5m and 31d', ['4m', '32d', '3650d', '0d']],
  ['grants.maxLength', durationForm, ['12 hours', '1h30m', '-1h', '1.5h', "''"]],
  ['grants.maxLength', quoted, ['12']],
  ['grants.drainLimit', 'must be between 10s and 1h', ['9s', '61m', '0s']],
  ['grants.readOnlyFor', 'must be between 1m and 4h', ['59s', '5h', '0m']],
  ['log.level', 'must be debug, info, warn, error or silent', ['verbose', 'INFO']],
  [
    'endpoints[0].id',
    label,
    ['Press-3', 'press.3', "'press:3'", '"press-3\\r\\n"', '"press-3\\n"', '__proto__', 'a'.repeat(64)],
  ],
  ['endpoints[0].id', label, ['press-', '-press', "''", 'prëss', 'press_3', '"press\\0"']],
  ['endpoints[0].id', encoded, ['xn--prss-3-cva']],
  ['endpoints[0].id', reserved('wpad'), ['wpad']],
  ['endpoints[0].id', reserved('portal'), ['portal']],
  ['endpoints[0].id', quoted, ['3']],
  [
    'endpoints[0].name',
    deceptive,
    ['"Press\\n3"', '"Press\\e[2J"', '"Press \\u202e3"', '"Press\\u2028"', '"Press\\x85"'],
  ],
  ['endpoints[0].name', 'must have 1 to 80 characters', ['a'.repeat(81), "''"]],
  ['endpoints[0].kind', 'must be hmi or historian', ['plc', 'HMI']],
  [
    'endpoints[0].upstream',
    upstream,
    ['10.20.3.10:8080', 'file:///etc/passwd', 'http://10.20.3.10/hmi', 'http://a:b@10.20.3.10'],
  ],
  [
    'endpoints[0].upstream',
    upstream,
    ['"http://10.20.3.10\\r\\n"', "'http://10.20.3.10?a'", 'ws://10.20.3.10', 'http://10.20.3.999'],
  ],
  [
    'endpoints[0].upstream',
    ownAddress,
    ['http://10.10.0.11:8443', 'https://portal.plant.example', 'https://press-4.plant-access.example'],
  ],
  [
    'endpoints[0].upstream',
    ownAddress,
    ['http://127.0.0.1:9464', 'http://localhost:9464', 'http://0x7f.1:9464', 'http://0.0.0.0:9464'],
  ],
]

describe('a configuration is refused, with path and line, when', () => {
  it.each(
    refusals.flatMap(([path, message, values]) => values.map((value) => [path, value, message] as const)),
  )('%s is %s', (path, value, message) => {
    expect(problemsOf(withValues({ [path]: value }))).toEqual([at(path, message)])
  })

  it.each(['http://127.0.0.1:8443', 'http://[::1]:8443', 'http://10.10.0.11:8443', 'http://[fd00::11]:8443'])(
    'an upstream is %s while Gatehouse listens on every address',
    (url) => {
      const text = withValues({ 'server.listen': "'[::]:8443'", 'endpoints[0].upstream': url })
      expect(problemsOf(text)).toEqual([at('endpoints[0].upstream', ownAddress)])
    },
  )

  it.each(['http://10.10.0.12:8443', 'http://10.10.0.11:8080', 'http://portal.plant.example:8080'])(
    'but not when an upstream is %s, another machine or another port',
    (url) => {
      const text = withValues({ 'server.listen': '0.0.0.0:8443', 'endpoints[0].upstream': url })
      expect(problemsOf(text)).toEqual([])
    },
  )

  it('the operations listener is inside a wildcard', () => {
    expect(problemsOf(withValues({ 'server.listen': '0.0.0.0:9464' }))).toEqual([
      at('server.operations', 'must not be the address of server.listen'),
    ])
  })

  it('the portal is https, and nobody ends TLS', () => {
    expect(problemsOf(withValues({ 'server.trustedProxies': '[]' }))).toEqual([
      '1 server.tls: is required, because server.publicUrl is https; where a load balancer ends TLS, name it in server.trustedProxies',
    ])
  })

  it('the portal is http, and there is a certificate', () => {
    const text = withValues({
      ...development,
      'server.trustedProxies': '[]\n  tls: { certificateFile: oidc-secret, keyFile: oidc-secret }',
    })
    expect(problemsOf(text)).toEqual([
      '7 server.tls: does not fit an http server.publicUrl; make that https, or take this out',
      '7 server.tls.certificateFile: names a file that holds no PEM certificate',
      '7 server.tls.keyFile: names a file that holds no PEM private key, or an encrypted one',
    ])
  })

  it('the portal is http, and endpoints are not on this machine', () => {
    const text = withValues({ ...development, 'server.endpointDomain': 'plant-access.example' })
    expect(problemsOf(text)).toEqual([
      at(
        'server.endpointDomain',
        'must be a name under localhost while server.publicUrl is http, or passes would cross the network in clear',
      ),
    ])
  })

  it('a client secret is missing, or not used', () => {
    expect(problemsOf(withValues({ 'oidc.clientSecretFile': null }))).toEqual([
      `${String(indexOf('oidc') + 1)} oidc.clientSecretFile: is required, unless oidc.clientAuthentication is none`,
    ])
    expect(problemsOf(withValues({ 'oidc.clientAuthentication': 'none' }))).toEqual([
      at('oidc.clientSecretFile', 'is not used when oidc.clientAuthentication is none; take one of them out'),
    ])
  })

  it('two endpoints have one id', () => {
    const second = '\n  - { id: press-3, name: Press, kind: hmi, upstream: "http://10.0.0.9" }'
    expect(problemsOf(valid.trimEnd() + second)).toEqual([
      `${String(validLines.length)} endpoints[1].id: must be unique; "press-3" is also the id of endpoints[0]`,
    ])
  })

  it('a group names a machine that is not there, or one twice, or has the id of another', () => {
    const groups = `
groups:
  - { id: line-4, name: Line 4, endpoints: [press-3, press-33] }
  - { id: line-4, name: Line 4 again, endpoints: [press-3, press-3] }
  - { id: Line_5, name: Line 5, endpoints: [] }`
    const line = validLines.length
    expect(problemsOf(valid.trimEnd() + groups)).toEqual([
      `${String(line + 1)} groups[0].endpoints[1]: must be the id of one of endpoints`,
      `${String(line + 2)} groups[1].id: must be unique; "line-4" is also the id of groups[0]`,
      `${String(line + 2)} groups[1].endpoints[1]: is there twice; "press-3" once is enough`,
      `${String(line + 3)} groups[2].id: must be 1 to 63 of a–z, 0–9 and hyphen, with no hyphen at either end`,
      `${String(line + 3)} groups[2].endpoints: must name one at least`,
    ])
  })

  it('a company has no domain, one that is none, or one of another company', () => {
    const companies = `
companies:
  - { id: huber, name: Huber, emailDomains: [Huber.example, '@huber.example'] }
  - { id: huber, name: Other, emailDomains: [huber.example] }
  - { id: third, name: Third, emailDomains: [] }`
    const line = validLines.length
    expect(problemsOf(valid.trimEnd() + companies)).toEqual([
      `${String(line + 1)} companies[0].emailDomains[1]: must be a domain name, such as vendor.example`,
      `${String(line + 2)} companies[1].id: must be unique; "huber" is also the id of companies[0]`,
      `${String(line + 2)} companies[1].emailDomains[0]: must be named once; companies[0].emailDomains[0] is the same`,
      `${String(line + 3)} companies[2].emailDomains: must name one at least`,
    ])
  })

  it('a company has neither domain nor claim, or a claim of another company', () => {
    const companies = `
companies:
  - { id: huber, name: Huber, claimValues: [huber, shared] }
  - { id: meier, name: Meier, emailDomains: [meier.example], claimValues: [shared] }
  - { id: third, name: Third }
  - { id: fourth, name: Fourth, claimValues: [] }`
    const line = validLines.length
    expect(problemsOf(valid.trimEnd() + companies)).toEqual([
      `${String(line + 2)} companies[1].claimValues[0]: must be named once; companies[0].claimValues[1] is the same`,
      `${String(line + 3)} companies[2].emailDomains: is required, unless claimValues says who its people are`,
      `${String(line + 4)} companies[3].claimValues: must name one at least`,
    ])
  })

  it('a company may ask for what is not there', () => {
    const companies = `
groups:
  - { id: line-4, name: Line 4, endpoints: [press-3] }
companies:
  - { id: huber, name: Huber, emailDomains: [huber.example], requestable: [press-3, 'group:line-4'] }
  - { id: meier, name: Meier, emailDomains: [meier.example], requestable: [line-4, 'group:press-3', '*'] }`
    const line = validLines.length
    const unknown = 'must be the id of one of endpoints, or group: and the id of one of groups'
    expect(problemsOf(valid.trimEnd() + companies)).toEqual([
      `${String(line + 4)} companies[1].requestable[2]: must be the id of an endpoint, or group: and the id of a group, like group:line-4`,
      `${String(line + 4)} companies[1].requestable[0]: ${unknown}`,
      `${String(line + 4)} companies[1].requestable[1]: ${unknown}`,
    ])
  })

  it.each([
    ['server.publicUrl', 'server'],
    ['server.endpointDomain', 'server'],
    ['oidc.issuer', 'oidc'],
    ['oidc.clientId', 'oidc'],
    ['endpoints[0].name', 'endpoints[0].id'],
    ['endpoints[0].kind', 'endpoints[0].id'],
    ['endpoints[0].upstream', 'endpoints[0].id'],
  ])('%s is missing', (path, around) => {
    expect(problemsOf(withValues({ [path]: null }))).toEqual([
      `${String(indexOf(around) + 1)} ${path}: is required`,
    ])
  })
})

describe('where Redis is', () => {
  const redisIs = (section: string): string => {
    const lines = valid.split('\n')
    const start = lines.findIndex((line) => line.startsWith('redis:'))
    const length = lines.slice(start + 1).findIndex((line) => !line.startsWith(' ')) + 1
    return lines.toSpliced(start, length, `redis: ${section}`).join('\n')
  }
  const line = indexOf('redis') + 1
  const sentinel = 'sentinel: { name: plant, nodes: [10.0.0.1:26379] }'
  const cluster = "cluster: { nodes: [10.0.0.1:6379, 'redis-2.dmz.example:6379', '[fd00::3]:6379'] }"

  it('may be said by sentinels, over TLS unless told otherwise, with a password of their own', () => {
    const more = 'username: gatehouse, passwordFile: redis-password'
    const own = sentinel.replace('}', ', passwordFile: oidc-secret }')
    expect(parse(redisIs(`{ ${own}, ${more} }`)).redis).toEqual({
      username: 'gatehouse',
      password: 'also-not',
      sentinel: {
        name: 'plant',
        nodes: [{ host: '10.0.0.1', port: 26_379 }],
        tls: true,
        password: 'not-a-secret',
      },
    })
  })

  it('may be said by the nodes of a Cluster', () => {
    expect(parse(redisIs(`{ ${cluster.replace(' }', ', tls: false }')} }`)).redis).toEqual({
      cluster: {
        nodes: [
          { host: '10.0.0.1', port: 6_379 },
          { host: 'redis-2.dmz.example', port: 6_379 },
          { host: 'fd00::3', port: 6_379 },
        ],
        tls: false,
      },
    })
  })

  it('must be said', () => {
    const required = 'is required, unless redis.sentinel or redis.cluster says where Redis is'
    expect(problemsOf(redisIs('{}'))).toEqual([`${String(line)} redis.url: ${required}`])
  })

  it.each([
    ['url: redis://localhost', sentinel, 'redis.sentinel: does not fit beside redis.url'],
    ['url: redis://localhost', cluster, 'redis.cluster: does not fit beside redis.url'],
    [sentinel, cluster, 'redis.cluster: does not fit beside redis.sentinel'],
  ])('must be said in one way only, not by %s and %s', (one, other, problem) => {
    expect(problemsOf(redisIs(`\n  ${one}\n  ${other}`))).toEqual([
      `${String(line + 2)} ${problem}; take one of them out`,
    ])
  })

  it.each([
    ['cluster: { nodes: [] }', 'redis.cluster.nodes: must name one at least'],
    ['cluster: { nodes: [redis] }', 'redis.cluster.nodes[0]: must be host:port or [IPv6]:port'],
    ['cluster: { nodes: [a:1, b:0] }', 'redis.cluster.nodes[1]: must be host:port or [IPv6]:port'],
    ['cluster: { nodes: [a:1], tls: 1 }', 'redis.cluster.tls: must be true or false'],
    ['sentinel: { nodes: [a:1] }', 'redis.sentinel.name: is required'],
    ['sentinel: { name: plant }', 'redis.sentinel.nodes: is required'],
    [
      'sentinel: { name: plant, nodes: [a:1], passwordFile: gone }',
      `redis.sentinel.passwordFile: ${noFile('gone')}`,
    ],
    ['url: redis://localhost, username: ""', 'redis.username: must have 1 to 200 characters'],
  ])('is not said by { %s }', (section, problem) => {
    expect(problemsOf(redisIs(`{ ${section} }`))).toEqual([`${String(line)} ${problem}`])
  })

  it.each<[string, string[]]>([
    [sentinel.replace(' }', ', tls: false }'), ['redis.sentinel.tls is false: passwords and content']],
    [cluster.replace(' }', ', tls: false }'), ['redis.cluster.tls is false: passwords and content']],
    [cluster, []],
    ['cluster: { nodes: [127.0.0.1:7000], tls: false }', []],
  ])('by { %s } gets the warnings it deserves', (section, expected) => {
    expect(warnings(parse(redisIs(`{ ${section} }`)), 24)).toEqual(
      expected.map((text): unknown => expect.stringContaining(text)),
    )
  })
})

describe('a key that is not an option', () => {
  it.each([
    ['server.shutdownSeconds', 'publicURL', 'is not an option; did you mean publicUrl?'],
    ['server.shutdownSeconds', 'public_url', 'is not an option; did you mean publicUrl?'],
    ['server.shutdownSeconds', 'lisetn', 'is not an option; did you mean listen?'],
    ['server.shutdownSeconds', 'maxLength', 'is not an option here; did you mean sessions.maxLength?'],
    ['server.shutdownSeconds', 'compression', 'is not an option'],
    ['server.shutdownSeconds', 'constructor', 'is not an option'],
    ['oidc.roles.admin', 'approvers', 'is not an option; did you mean approver?'],
    ['oidc.clientId', 'clientSecret', inFile('clientSecretFile')],
    ['oidc.clientId', 'client_secret', inFile('clientSecretFile')],
    ['redis.url', 'password', inFile('passwordFile')],
    ['totp.enrolment', 'clientSecret', inFile('oidc.clientSecretFile')],
    ['endpoints[0].kind', 'host', 'is not an option'],
    ['endpoints[0].kind', 'upstreams', 'is not an option; did you mean upstream?'],
    ['endpoints[0].kind', 'publicUrl', 'is not an option here; did you mean server.publicUrl?'],
  ])('after %s, %s, is refused with a hint', (after, key, message) => {
    const line = validLines[indexOf(after)] ?? ''
    const [start = '', current = ''] = line.split(/: (.*)/)
    const indent = ' '.repeat(start.length - start.replace(/^[ -]+/, '').length)
    const text = withValues({ [after]: `${current}\n${indent}${key}: hunter2` })
    const section = after.slice(0, after.lastIndexOf('.'))
    expect(problemsOf(text)).toEqual([`${String(indexOf(after) + 2)} ${section}.${key}: ${message}`])
  })

  it.each([
    ['grnats', 'is not an option; did you mean grants?'],
    ['endpoint', 'is not an option; did you mean endpoints?'],
    ['endpointDomain', 'is not an option here; did you mean server.endpointDomain?'],
    ['metrics', 'is not an option'],
    ['toString', 'is not an option'],
  ])('%s, at the top, is refused with a hint', (key, message) => {
    expect(problemsOf(`${valid}${key}: 1`)).toEqual([`${String(validLines.length)} ${key}: ${message}`])
  })

  it('is shown in quotes and cut short when it is not a name', () => {
    const last = String(validLines.length)
    expect(problemsOf(`${valid}"a b\\n": 1`)).toEqual([`${last} "a b\\n": is not an option`])
    expect(problemsOf(`${valid}${'a'.repeat(500)}: 1`)).toEqual([
      `${last} "${'a'.repeat(60)}…": is not an option`,
    ])
  })
})

describe('a configuration with many problems', () => {
  const text = [
    'server:',
    '  publicUrI: https://portal.plant.example',
    '  endpointDomain: plant-access.example',
    '  listen: 443',
    'oidc:',
    '  issuer: http://login.plant.example',
    '  clientId: gatehouse',
    '  clientSecretFile: gone',
    '  clientSecret: hunter2',
    'keys: { file: keys.json }',
    'audit: []',
    'grants: { maxLength: 10y }',
    'log: { level: hunter2 }',
    'endpoints:',
    '  - { id: a, name: A, kind: plc }',
    '  - { id: a, name: B, kind: hmi, upstream: "http://localhost:9464" }',
  ].join('\n')
  const expected = [
    [1, 'server.publicUrl', 'is required'],
    [1, 'redis', 'is required'],
    [2, 'server.publicUrI', 'is not an option; did you mean publicUrl?'],
    [4, 'server.listen', quoted],
    [6, 'oidc.issuer', https],
    [8, 'oidc.clientSecretFile', noFile('gone')],
    [9, 'oidc.clientSecret', inFile('clientSecretFile')],
    [11, 'audit', 'must be a group of options'],
    [12, 'grants.maxLength', durationForm],
    [13, 'log.level', 'must be debug, info, warn, error or silent'],
    [15, 'endpoints[0].kind', 'must be hmi or historian'],
    [15, 'endpoints[0].upstream', 'is required'],
    [16, 'endpoints[1].id', 'must be unique; "a" is also the id of endpoints[0]'],
    [16, 'endpoints[1].upstream', ownAddress],
  ] as const

  it('gets all of them listed, in the order of the file', () => {
    expect(problemsOf(text)).toEqual(
      expected.map(([line, path, message]) => `${String(line)} ${path}: ${message}`),
    )
  })

  it('gets them in one message, without any value that could be a secret', () => {
    const lines = expected.map(([line, path, message]) => `  line ${String(line)}, ${path}: ${message}`)
    const message = ['/etc/gatehouse/gatehouse.yaml: 14 problems', ...lines].join('\n')
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ name: 'ConfigInvalid', code: 'config-invalid', message }),
    )
    expect(message).not.toContain('hunter2')
  })

  it('hears nothing of what only follows from another problem', () => {
    expect(problemsOf(withValues({ 'server.trustedProxies': '[lb]\n  tls: 5' }))).toEqual([
      at('server.trustedProxies[0]', network),
      '7 server.tls: must be a group of options',
    ])
  })

  it.each(['', '# nothing yet\n', 'null'])('lacks all that is required when it says %j', (nothing) => {
    const required = ['server', 'redis', 'oidc', 'keys', 'audit'].map((name) => `1 ${name}: is required`)
    expect(problemsOf(nothing)).toEqual(required)
  })

  it.each(['[]', 'text', '5'])('is not a configuration at all when it says %s', (other) => {
    expect(problemsOf(other)).toEqual(['1 : must be a group of options'])
  })
})

describe('YAML that is more than a configuration needs is refused:', () => {
  const noAlias = 'YAML aliases are not accepted; write the value out'
  const noAnchor = 'YAML anchors are not accepted; write the value out where it is needed'
  const noTextKey = 'has a key that is not text; keys are the names of options'

  it.each<[string, string, string[]]>([
    ['anchors and aliases', 'a: &x 1\nb: *x', [`1 a: ${noAnchor}`, `2 b: ${noAlias}`]],
    ['an alias to nothing', 'a: *x', [`1 a: ${noAlias}`]],
    ['merge keys', 'base: &b { c: 1 }\nd:\n  <<: *b', [`1 base: ${noAnchor}`, `3 d."<<": ${noAlias}`]],
    ['a duplicate key', 'redis: { url: a }\nredis: { url: b }', ['2 redis: is set twice; first on line 1']],
    [
      'a duplicate key in quotes',
      'redis: { url: a, "url": b }',
      ['1 redis.url: is set twice; first on line 1'],
    ],
    ['the prototype', '__proto__: { server: {} }', ['1 __proto__: is not an option']],
    ['the prototype, inside', 'server:\n  __proto__: { tls: {} }', ['2 server.__proto__: is not an option']],
    ['a number for a key', '1: a', [`1 : ${noTextKey}`]],
    ['nothing for a key', '? \n: a', [`1 : ${noTextKey}`]],
    ['a list for a key', 'a:\n  ? [b]\n  : c', [`2 a: ${noTextKey}`]],
    ['an alias for a key', 'a: &x b\n*x : c', [`1 a: ${noAnchor}`, `2 : ${noTextKey}`]],
    ['a tag', 'a: !!binary aGk=', ['1 a: YAML tags are not accepted']],
    ['an unknown tag', 'a: !!js/function x', ['1 a: YAML tags are not accepted']],
    [
      'deep nesting',
      `a: ${'['.repeat(40)}${']'.repeat(40)}`,
      [`1 a${'[0]'.repeat(15)}: is nested too deeply`],
    ],
  ])('%s', (_, text, expected) => {
    expect(problemsOf(text)).toEqual(expect.arrayContaining(expected))
  })

  it.each<[string, string, number]>([
    ['an open bracket', 'a: 1\nb: [1,\nc: 2', 3],
    ['a tab for indentation', 'a:\n\tb: 1', 2],
    ['a second document', 'a: 1\n---\nb: 2', 2],
    ['a brace never closed', 'a: { b: 1', 1],
  ])('%s is no YAML at all', (_, text, line) => {
    const found = problemsOf(text)
    expect(found[0]).toMatch(new RegExp(`^${String(line)} : not valid YAML: `))
  })

  it('and quotes nothing of what is not YAML', () => {
    const found = problemsOf('redis: { password: hunter2\noidc: [hunter2')
    expect(found[0]).toMatch(/^\d :/)
    expect(found.join('\n')).not.toContain('hunter2')
  })

  it('an alias bomb, without expanding it', () => {
    const levels = Array.from({ length: 30 }, (_, level) => {
      const previous = `*l${String(level)}`
      return `l${String(level + 1)}: &l${String(level + 1)} [${Array(10).fill(previous).join(', ')}]`
    })
    const found = problemsOf(['l0: &l0 x', ...levels].join('\n'))
    expect(found).toContain(`2 l1[9]: ${noAlias}`)
    expect(found.length).toBeLessThan(500)
  })

  it.each([
    ['brackets', '['.repeat(100_000)],
    ['maps', Array.from({ length: 1_200 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ])('%s, a thousand deep and more, without running out of stack', (_, text) => {
    const found = problemsOf(text)
    expect(found.length).toBeGreaterThan(0)
    expect(found.length).toBeLessThan(10)
  })

  it('a document of nothing but unknown keys, each of them listed', () => {
    const text = Array.from({ length: 5_000 }, (_, index) => `serve${String(index)}: 1`).join('\n')
    const found = problemsOf(text)
    expect(found).toHaveLength(5_005)
    expect(found.at(-1)).toBe('5000 serve4999: is not an option')
  })
})

describe('the origin of an endpoint', () => {
  it.each([
    ['https://portal.plant.example', 'https://press-3.plant-access.example'],
    ['https://portal.plant.example:8443', 'https://press-3.plant-access.example:8443'],
  ])('has scheme and port of the portal %s', (url, expected) => {
    expect(endpointOrigin(parse(withValues({ 'server.publicUrl': url })), 'press-3')).toBe(expected)
  })
})

describe('a duration', () => {
  it.each([
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['12h', 43_200_000],
    ['7d', 604_800_000],
    ['0s', 0],
    ['', null],
    ['h', null],
    ['12', null],
    ['-1h', null],
    ['+1h', null],
    ['1.5h', null],
    ['1e3s', null],
    ['1h30m', null],
    [' 1h', null],
    ['1h\n', null],
    ['1H', null],
    ['1234567890s', null],
    ['1constructor', null],
  ])('%j is %p ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })
})

describe('an address', () => {
  it.each([
    ['localhost:80', { host: 'localhost', port: 80 }],
    ['[::]:443', { host: '::', port: 443 }],
    ['HMI-1.plant.example:0', { host: 'hmi-1.plant.example', port: 0 }],
    ['1.2.3:80', null],
    ['a..b:80', null],
    ['-a:80', null],
    ['[fe80::1%eth0]:80', null],
    ['http://a:80', null],
    ['a:80\n', null],
  ])('%j is %j', (text, expected) => {
    expect(parseAddress(text)).toEqual(expected)
  })
})

describe('the pattern of endpoint ids', () => {
  it('takes whole labels only', () => {
    const accepted = ['a', 'press-3', '3', 'a'.repeat(63)]
    const refused = ['', '-a', 'a-', 'A', 'a_b', 'a.b', 'a\n', 'ä', 'a'.repeat(64)]
    expect([...accepted, ...refused].filter((id) => endpointIdPattern.test(id))).toEqual(accepted)
  })
})

describe('the warnings at start', () => {
  it('are none for a sound set-up', () => {
    expect(warnings(parse(valid), 22)).toEqual([])
  })

  it.each<[string, Record<string, string>, string]>([
    [
      'portal and endpoints on one site',
      { 'server.endpointDomain': 'access.plant.example' },
      'share the domain plant.example',
    ],
    ['development over http', development, 'development set-up'],
    [
      'open operations',
      { 'server.operations': '10.10.0.11:9464' },
      'server.operations listens on 10.10.0.11',
    ],
    ['Redis in clear', { 'redis.url': 'redis://redis.dmz.example' }, 'redis.url has no TLS'],
    ['enrolment by anybody', { 'totp.enrolment': 'first-login' }, 'totp.enrolment is first-login'],
  ])('name %s', (_, changes, expected) => {
    expect(warnings(parse(withValues(changes)), 22)).toEqual([expect.stringContaining(expected)])
  })

  it('name a Node.js past its end of life', () => {
    expect(warnings(parse(valid), 20)).toEqual([
      expect.stringContaining('Node.js 20 is past its end of life'),
    ])
  })

  it.each(['redis://127.0.0.1:6379', 'redis://[::1]:6379', 'redis://localhost', 'unix:/run/redis.sock'])(
    'do not name a store on this machine, %s',
    (url) => {
      expect(warnings(parse(withValues({ 'redis.url': `'${url}'` })), 24)).toEqual([])
    },
  )
})

describe('what is published about the configuration', () => {
  const committed = (path: string): string => readFileSync(join(import.meta.dirname, '../..', path), 'utf8')
  const howTo = 'run: npm run build && node scripts/generate-reference.mjs'

  it(`is the reference that the schema makes (otherwise ${howTo})`, () => {
    expect(committed('docs/reference/config.md')).toBe(referencePage())
  })

  it(`is the JSON schema that the schema makes (otherwise ${howTo})`, () => {
    expect(JSON.parse(committed('config/gatehouse.schema.json'))).toEqual(jsonSchema())
  })

  it('says of every option what it takes, whether it must be set, and the danger', () => {
    const options = referencePage()
      .split(/^### /m)
      .slice(1)
      .filter((part) => part.includes('- Value: '))
    expect(options.length).toBeGreaterThan(35)
    for (const option of options) {
      expect(option).toMatch(/^`[\w.[\]]+`\n\n\S.+\n\n- Value: .+\.\n/)
      expect(option).toMatch(/- (?:Default: .+|Required)\.\n/)
      expect(option).toMatch(/- Danger: .+\./)
    }
  })

  it('refuses unknown keys in editors too', () => {
    expect(jsonSchema()).toMatchObject({
      additionalProperties: false,
      required: ['server', 'redis', 'oidc', 'keys', 'audit'],
      properties: {
        grants: {
          properties: { maxLength: { default: '12h', type: 'string', pattern: '^\\d{1,9}[smhd]$' } },
        },
        endpoints: { items: { additionalProperties: false } },
      },
    })
  })
})
