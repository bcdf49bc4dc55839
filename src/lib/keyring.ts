import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { z } from 'zod'
import { GatehouseError } from './errors.js'
import { newId } from './ids.js'

/** The content of the keys file. Made by `gatehouse keys init`, shared by all instances, never in Redis. */
const keysFileSchema = z.strictObject({
  version: z.literal(1),
  /** 256 bits from which every symmetric key is derived, one a purpose. */
  master: z.strictObject({ id: z.string().min(1), key: z.base64url().length(43) }),
  /** P-256, signs the assertions that upstreams verify. */
  assertion: z.strictObject({ id: z.string().min(1), jwk: z.record(z.string(), z.unknown()) }),
  /** Ed25519, signs the heads of the ledger. */
  ledger: z.strictObject({ id: z.string().min(1), jwk: z.record(z.string(), z.unknown()) }),
})
export type KeysFile = z.infer<typeof keysFileSchema>

export interface SigningKey {
  readonly id: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** One derived key for each: a value sealed for one purpose opens for no other. */
export type SealPurpose = 'totp-secret' | 'login-transaction' | 'id-token' | 'answer'
export type MacPurpose =
  'recovery-code' | 'invitation' | 'break-glass' | 'form' | 'stored' | 'cursor' | 'grant-id'

/**
 * Seals, authenticates and signs. Owns every long-lived key of the process.
 */
export interface Keyring {
  /** AES-256-GCM (NIST SP 800-38D). `binding` is authenticated with it: opening needs the same one. */
  seal(purpose: SealPurpose, binding: string, plaintext: string): string
  /** The plaintext, or null when `sealed` is not ours, was altered, or is bound to something else. */
  open(purpose: SealPurpose, binding: string, sealed: string): string | null
  /** HMAC-SHA-256, base64url. */
  mac(purpose: MacPurpose, text: string): string
  readonly assertion: SigningKey
  readonly ledger: SigningKey
}

/** New random keys, as they are written to the keys file. */
export function generateKeys(): KeysFile {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ed = generateKeyPairSync('ed25519')
  return {
    version: 1,
    master: { id: newId('k'), key: randomBytes(32).toString('base64url') },
    assertion: { id: newId('k'), jwk: { ...ec.privateKey.export({ format: 'jwk' }) } },
    ledger: { id: newId('k'), jwk: { ...ed.privateKey.export({ format: 'jwk' }) } },
  }
}

/**
 * @param content the parsed keys file
 * @throws GatehouseError `keys-invalid`
 */
export function openKeyring(content: unknown): Keyring {
  const parsed = keysFileSchema.safeParse(content)
  // Never the cause: zod repeats the value it was given, and that is a key.
  if (!parsed.success)
    throw new GatehouseError('keys-invalid', 'The keys file is not one made by `gatehouse keys init`.')
  const { master, assertion, ledger } = parsed.data
  const secret = Buffer.from(master.key, 'base64url')
  const derive = cached((info) => Buffer.from(hkdfSync('sha256', secret, '', `gatehouse ${info}`, 32)))

  return {
    seal(purpose, binding, plaintext) {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', derive(`seal ${purpose}`), iv)
      cipher.setAAD(Buffer.from(binding))
      const body = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()])
      return `${master.id}.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`
    },
    open(purpose, binding, sealed) {
      const [keyId, payload, ...rest] = sealed.split('.')
      if (keyId !== master.id || payload === undefined || rest.length > 0) return null
      const bytes = Buffer.from(payload, 'base64url')
      if (bytes.length < 28) return null
      const decipher = createDecipheriv('aes-256-gcm', derive(`seal ${purpose}`), bytes.subarray(0, 12))
      decipher.setAAD(Buffer.from(binding))
      decipher.setAuthTag(bytes.subarray(12, 28))
      try {
        return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8')
      } catch {
        return null
      }
    },
    mac: (purpose, text) =>
      createHmac('sha256', derive(`mac ${purpose}`))
        .update(text)
        .digest('base64url'),
    assertion: signingKey(assertion),
    ledger: signingKey(ledger),
  }
}

function signingKey(entry: { id: string; jwk: Record<string, unknown> }): SigningKey {
  try {
    const privateKey = createPrivateKey({ key: entry.jwk as JsonWebKey, format: 'jwk' })
    return { id: entry.id, privateKey, publicKey: createPublicKey(privateKey) }
  } catch {
    throw new GatehouseError(
      'keys-invalid',
      `The keys file holds a signing key ${entry.id} that cannot be read.`,
    )
  }
}

function cached(derive: (info: string) => Buffer): (info: string) => Buffer {
  const known = new Map<string, Buffer>()
  return (info) => {
    const key = known.get(info) ?? derive(info)
    known.set(info, key)
    return key
  }
}
