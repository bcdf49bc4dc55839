import 'reflect-metadata' // @peculiar/x509 needs it, before anything else
import { createPrivateKey, webcrypto, X509Certificate as ReadCertificate } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { systemClock } from '../src/lib/index.js'
import { writePrivate } from './private-files.js'

/** Files with PEM text. */
export interface DevelopmentCertificates {
  /** The authority, to be trusted by a browser; its private key is not kept. */
  readonly authority: string
  readonly certificate: string
  readonly key: string
  /** False when those of an earlier run were still good. */
  readonly isNew: boolean
}

const dayMs = 86_400_000
const lifetimeMs = 90 * dayMs
/** Replaced this long before they end, so that a demo of some days never meets an expired one. */
const marginMs = 7 * dayMs
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/**
 * A development authority and a server certificate for `hosts`, kept in `folder` while they are good.
 *
 * The authority may speak for names under `localhost` only (RFC 5280 §4.2.1.10), and its key is thrown away
 * once it has signed: whoever trusts it in a browser for the demo opens no other door.
 */
export async function developmentCertificates(
  folder: string,
  hosts: readonly string[],
): Promise<DevelopmentCertificates> {
  const files = {
    authority: join(folder, 'development-ca.pem'),
    certificate: join(folder, 'server.pem'),
    key: join(folder, 'server.key'),
  }
  if (isGood(files, hosts)) return { ...files, isNew: false }
  const made = await generate(hosts)
  mkdirSync(folder, { recursive: true })
  writeFileSync(files.authority, made.authority)
  writeFileSync(files.certificate, made.certificate)
  writePrivate(files.key, made.key)
  return { ...files, isNew: true }
}

function isGood(
  files: { authority: string; certificate: string; key: string },
  hosts: readonly string[],
): boolean {
  try {
    const authority = new ReadCertificate(readFileSync(files.authority))
    const certificate = new ReadCertificate(readFileSync(files.certificate))
    const names = (certificate.subjectAltName ?? '').split(', ')
    return (
      certificate.checkPrivateKey(createPrivateKey(readFileSync(files.key))) &&
      certificate.verify(authority.publicKey) &&
      Date.parse(certificate.validTo) - systemClock.now() > marginMs &&
      hosts.every((host) => names.includes(`DNS:${host}`))
    )
  } catch {
    return false
  }
}

async function generate(
  hosts: readonly string[],
): Promise<{ authority: string; certificate: string; key: string }> {
  const crypto = webcrypto as Crypto
  const notBefore = new Date(systemClock.now() - dayMs)
  const notAfter = new Date(systemClock.now() + lifetimeMs)
  const newKeys = (): Promise<CryptoKeyPair> => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const [authorityKeys, serverKeys] = await Promise.all([newKeys(), newKeys()])
  const issuer = 'CN=Gatehouse development CA, O=Not for production'
  const authority = await X509CertificateGenerator.createSelfSigned(
    {
      name: issuer,
      keys: authorityKeys,
      signingAlgorithm: algorithm,
      notBefore,
      notAfter,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        new Extension(nameConstraintsId, true, nameConstraints('localhost')),
        await SubjectKeyIdentifierExtension.create(authorityKeys.publicKey, false, crypto),
      ],
    },
    crypto,
  )
  const certificate = await X509CertificateGenerator.create(
    {
      subject: `CN=${hosts[0] ?? 'localhost'}`,
      issuer,
      publicKey: serverKeys.publicKey,
      signingKey: authorityKeys.privateKey,
      signingAlgorithm: algorithm,
      notBefore,
      notAfter,
      extensions: [
        new BasicConstraintsExtension(false),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(hosts.map((value) => ({ type: 'dns' as const, value }))),
        await AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey, false, crypto),
        await SubjectKeyIdentifierExtension.create(serverKeys.publicKey, false, crypto),
      ],
    },
    crypto,
  )
  const key = await crypto.subtle.exportKey('pkcs8', serverKeys.privateKey)
  return {
    authority: `${authority.toString('pem')}\n`,
    certificate: `${certificate.toString('pem')}\n`,
    key: `${PemConverter.encode(key, 'PRIVATE KEY')}\n`,
  }
}

const nameConstraintsId = '2.5.29.30'

/**
 * DER of NameConstraints: DNS names under `domain` permitted, every IP address excluded.
 * All lengths stay under 128, so each takes one byte.
 */
function nameConstraints(domain: string): Uint8Array<ArrayBuffer> {
  const tagged = (tag: number, content: Uint8Array): Uint8Array<ArrayBuffer> =>
    Uint8Array.from([tag, content.length, ...content])
  const joined = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))
  const subtree = (name: Uint8Array): Uint8Array => tagged(0x30, name)
  const permitted = tagged(0xa0, subtree(tagged(0x82, Buffer.from(domain, 'ascii'))))
  const anyAddress = (bytes: number): Uint8Array => subtree(tagged(0x87, new Uint8Array(2 * bytes)))
  const excluded = tagged(0xa1, joined(anyAddress(4), anyAddress(16)))
  return tagged(0x30, joined(permitted, excluded))
}
