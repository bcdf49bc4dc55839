import 'reflect-metadata' // @peculiar/x509 needs it, before anything else
import { webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** PEM texts. */
export interface ServerCertificate {
  readonly certificate: string
  readonly key: string
}

export interface TestAuthority {
  /** PEM of the authority's own certificate, for `ca` options. */
  readonly ca: string
  /** For these host names or addresses; valid from an hour ago for a day unless told otherwise. */
  issue(
    hosts: readonly string[],
    validity?: { notBefore?: Date; notAfter?: Date },
  ): Promise<ServerCertificate>
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const hourMs = 3_600_000

/** A certificate authority of the test's own. Its keys live in memory and sign nothing else. */
export async function createAuthority(name = 'Gatehouse test authority'): Promise<TestAuthority> {
  const crypto = webcrypto as Crypto
  const newKeys = (): Promise<CryptoKeyPair> => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const keys = await newKeys()
  const subject = `CN=${name}`
  const authority = await X509CertificateGenerator.createSelfSigned(
    {
      name: subject,
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date(Date.now() - hourMs),
      notAfter: new Date(Date.now() + 48 * hourMs),
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto),
      ],
    },
    crypto,
  )
  return {
    ca: authority.toString('pem'),
    async issue(
      hosts,
      { notBefore = new Date(Date.now() - hourMs), notAfter = new Date(Date.now() + 24 * hourMs) } = {},
    ) {
      const own = await newKeys()
      const certificate = await X509CertificateGenerator.create(
        {
          subject: `CN=${hosts[0] ?? 'nobody'}`,
          issuer: subject,
          publicKey: own.publicKey,
          signingKey: keys.privateKey,
          signingAlgorithm: algorithm,
          notBefore,
          notAfter,
          extensions: [
            new BasicConstraintsExtension(false),
            new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
            new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
            new SubjectAlternativeNameExtension(
              hosts.map((host) => ({
                type: /^[\d.]+$|:/.test(host) ? ('ip' as const) : ('dns' as const),
                value: host,
              })),
            ),
          ],
        },
        crypto,
      )
      return {
        certificate: certificate.toString('pem'),
        key: PemConverter.encode(await crypto.subtle.exportKey('pkcs8', own.privateKey), 'PRIVATE KEY'),
      }
    },
  }
}
