import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigInvalid, createKeysFile, loadConfig, loadKeyring } from '../../src/config/index.js'
import { createAuthority, type ServerCertificate } from '../support/certificates.js'

const examples = join(import.meta.dirname, '../../config')

const tlsConfig = `server:
  publicUrl: https://portal.plant.example
  endpointDomain: plant-access.example
  listen: 0.0.0.0:8443
  tls:
    certificateFile: portal.pem
    keyFile: portal.key
redis: { url: rediss://redis.dmz.example, passwordFile: redis-password }
oidc: { issuer: https://login.plant.example, clientId: gatehouse, clientSecretFile: oidc-secret }
keys: { file: keys.json }
audit: { directory: ledger }
`

let folder: string
let own: ServerCertificate
let other: ServerCertificate
let authorities: string

beforeAll(async () => {
  const authority = await createAuthority()
  authorities = authority.ca
  own = await authority.issue(['portal.plant.example', '*.plant-access.example'])
  other = await authority.issue(['other.example'])
})

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-config-'))
  write('portal.pem', own.certificate)
  write('portal.key', own.key)
  write('oidc-secret', 'not-a-secret\n')
  write('redis-password', 'also-not')
  write('sentinel-password', 'nor-this')
  write('plant-ca.pem', authorities)
  write('historian-log-in', 'gatehouse:not-a-secret\n')
  write('mixer-log-in', 'gatehouse:not-a-secret\n')
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function write(name: string, content: string | Buffer): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}

/** Each problem as `line path: message`. */
function problemsOf(file: string): string[] {
  try {
    loadConfig(file)
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error
    return error.problems.map(({ line, path, message }) => `${String(line)} ${path}: ${message}`)
  }
  return []
}

describe('the published examples', () => {
  const names = readdirSync(examples).filter((name) => name.endsWith('.yaml'))

  it('are there', () => {
    expect(names).toEqual(expect.arrayContaining(['gatehouse.example.yaml', 'development.example.yaml']))
  })

  it.each(names)('load as they are, given the files they name: %s', (name) => {
    const config = loadConfig(write(name, readFileSync(join(examples, name))))
    expect(config.file).toBe(join(folder, name))
    expect(config.endpoints.map((endpoint) => endpoint.id)).toContain('press-3')
  })
})

describe('a configuration file', () => {
  it('brings the files it names', () => {
    const config = loadConfig(write('gatehouse.yaml', tlsConfig))
    expect(config.server.tls).toEqual(own)
    expect(config.oidc.clientSecret).toBe('not-a-secret')
    expect(config.redis.password).toBe('also-not')
    expect(config.keys.file).toBe(join(folder, 'keys.json'))
    expect(config.audit.directory).toBe(join(folder, 'ledger'))
  })

  it('may begin with a byte order mark, and be reached over a link', () => {
    write('real.yaml', `\ufeff${tlsConfig.replaceAll('\n', '\r\n')}`)
    symlinkSync('real.yaml', join(folder, 'link.yaml'))
    expect(loadConfig(join(folder, 'link.yaml')).server.publicUrl.host).toBe('portal.plant.example')
  })

  it('may hold one megabyte and no more', () => {
    const filler = `# ${'x'.repeat(97)}\n`
    const most = tlsConfig + filler.repeat((1024 * 1024 - tlsConfig.length - 100) / filler.length)
    expect(problemsOf(write('big.yaml', most))).toEqual([])
    expect(problemsOf(write('bigger.yaml', most + filler.repeat(2)))).toEqual([
      'null : is larger than 1024 KiB',
    ])
  })

  it('must exist, be a file, and hold text', () => {
    mkdirSync(join(folder, 'directory'))
    execFileSync('mkfifo', [join(folder, 'pipe')])
    symlinkSync('loop', join(folder, 'loop'))
    write('latin1.yaml', Buffer.from('# caf\xe9', 'latin1'))
    expect(problemsOf(join(folder, 'none.yaml'))).toEqual([
      'null : cannot be read: there is no such file or folder',
    ])
    expect(problemsOf(join(folder, 'oidc-secret/a.yaml'))).toEqual([
      'null : cannot be read: there is no such file or folder',
    ])
    expect(problemsOf(join(folder, 'directory'))).toEqual(['null : is not a regular file'])
    expect(problemsOf(join(folder, 'pipe'))).toEqual(['null : is not a regular file'])
    expect(problemsOf(join(folder, 'latin1.yaml'))).toEqual(['null : is not UTF-8 text'])
    expect(problemsOf(join(folder, 'loop'))).toEqual([
      'null : cannot be read: its symbolic links go round in a circle',
    ])
  })

  it('may not send requests to an address of this machine, on the port it listens on', () => {
    const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
    for (const { address, family, scopeid } of addresses) {
      if (scopeid !== undefined && scopeid !== 0) continue // no URL can hold its zone
      const host = family === 'IPv6' ? `[${address}]` : address
      const endpoint = `endpoints: [{ id: a, name: A, kind: hmi, upstream: 'http://${host}:8443' }]`
      expect(problemsOf(write('loop.yaml', tlsConfig + endpoint))).toEqual([
        '12 endpoints[0].upstream: leads back to Gatehouse itself; it must be the address of the machine',
      ])
    }
  })
})

describe('a certificate', () => {
  const load = (files: Partial<ServerCertificate>): string[] => {
    if (files.certificate !== undefined) write('portal.pem', files.certificate)
    if (files.key !== undefined) write('portal.key', files.key)
    return problemsOf(write('gatehouse.yaml', tlsConfig))
  }
  const atCertificate = (message: string): string[] => [`6 server.tls.certificateFile: ${message}`]
  const atKey = (message: string): string[] => [`7 server.tls.keyFile: ${message}`]
  const noKey = 'names a file that holds no PEM private key, or an encrypted one'

  it('and its key are both looked for', () => {
    rmSync(join(folder, 'portal.pem'))
    rmSync(join(folder, 'portal.key'))
    expect(problemsOf(write('gatehouse.yaml', tlsConfig))).toEqual([
      ...atCertificate(
        `names ${join(folder, 'portal.pem')}, which cannot be read: there is no such file or folder`,
      ),
      ...atKey(`names ${join(folder, 'portal.key')}, which cannot be read: there is no such file or folder`),
    ])
  })

  it('may be followed by its chain', () => {
    expect(load({ certificate: own.certificate + '\n' + other.certificate })).toEqual([])
  })

  it('is refused with the key of another', () => {
    expect(load({ key: other.key })).toEqual(
      atKey('does not belong to the certificate in server.tls.certificateFile'),
    )
  })

  it('is refused when it is something else', () => {
    const message = 'names a file that holds no PEM certificate'
    expect(load({ certificate: '' })).toEqual(atCertificate(message))
    expect(load({ certificate: own.key })).toEqual(atCertificate(message))
    expect(load({ certificate: own.certificate.replace('MII', 'MIX') })).toEqual(atCertificate(message))
  })

  it('is refused when its chain is damaged', () => {
    const damaged = other.certificate.replace('MII', 'MIX')
    expect(load({ certificate: `${own.certificate}\n${damaged}` })).toEqual(
      atCertificate('cannot be used for TLS: a certificate of its chain is damaged, or its key is too weak'),
    )
  })

  it('is refused with something else for a key', () => {
    expect(load({ key: '' })).toEqual(atKey(noKey))
    expect(load({ key: own.certificate })).toEqual(atKey(noKey))
  })

  it('is refused with an encrypted key', () => {
    const encrypted = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    })
    expect(load({ key: encrypted.privateKey })).toEqual(atKey(noKey))
  })
})

describe('the keys file', () => {
  it('is made for this account alone, and opens', () => {
    const file = join(folder, 'keys.json')
    createKeysFile(file)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const keyring = loadKeyring(file)
    expect(loadKeyring(file).open('totp-secret', 'p-1', keyring.seal('totp-secret', 'p-1', 'text'))).toBe(
      'text',
    )
  })

  it('is made for this account alone whatever the umask', () => {
    const before = process.umask(0)
    try {
      createKeysFile(join(folder, 'keys.json'))
    } finally {
      process.umask(before)
    }
    expect(statSync(join(folder, 'keys.json')).mode & 0o777).toBe(0o600)
  })

  it('is never overwritten, not even through a link that leads nowhere', () => {
    const file = write('keys.json', 'precious')
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'link.json'))
    for (const target of [file, join(folder, 'link.json')]) {
      expect(() => {
        createKeysFile(target)
      }).toThrow(
        expect.objectContaining({ code: 'keys-invalid', message: expect.stringContaining('exists already') }),
      )
    }
    expect(readFileSync(file, 'utf8')).toBe('precious')
    expect(existsSync(join(folder, 'elsewhere'))).toBe(false)
  })

  it('is not made where there is no folder', () => {
    expect(() => {
      createKeysFile(join(folder, 'none/keys.json'))
    }).toThrow(/cannot be made: there is no such file or folder/)
  })

  it.each(['0640', '0604', '0660', '0644', '0620', '0610', '0666'])('is refused with mode %s', (mode) => {
    const file = join(folder, 'keys.json')
    createKeysFile(file)
    chmodSync(file, mode)
    expect(() => loadKeyring(file)).toThrow(
      expect.objectContaining({ code: 'keys-invalid', message: expect.stringContaining(`(mode ${mode})`) }),
    )
  })

  it('may be read-only', () => {
    const file = join(folder, 'keys.json')
    createKeysFile(file)
    chmodSync(file, 0o400)
    expect(loadKeyring(file).assertion.id).toMatch(/^k-/)
  })

  it.each([
    ['nothing', ''],
    ['no JSON', 'hunter2 {'],
    ['other JSON', '{"version":1,"master":{"id":"k","key":"hunter2"}}'],
    ['a list', '[]'],
    ['bytes', Buffer.from([0xff, 0xfe, 0x00])],
    ['far too much', ' '.repeat(65_537)],
  ])('is refused when it holds %s, without repeating it', (_, content) => {
    const file = write('keys.json', content)
    chmodSync(file, 0o600)
    let found: unknown
    try {
      loadKeyring(file)
    } catch (error) {
      found = error
    }
    expect(found).toMatchObject({ code: 'keys-invalid' })
    expect((found as Error).message + String((found as Error).cause)).not.toContain('hunter2')
  })

  it('is missed by name', () => {
    const file = join(folder, 'none.json')
    expect(() => loadKeyring(file)).toThrow(
      `The keys file ${file} cannot be read: there is no such file or folder.`,
    )
  })
})
