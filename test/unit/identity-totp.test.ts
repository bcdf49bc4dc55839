import { createHmac } from 'node:crypto'
import { newestStep, newSecret, otpauthUri, qrSvg, stepOf } from '../../src/identity/totp.js'

/** RFC 6238 appendix B: the key is the ASCII text 12345678901234567890. */
const rfcSecret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const rfcKey = Buffer.from('12345678901234567890')

/** RFC 4226 §5.3 and RFC 6238 §4, written again here so that the library is checked against the text. */
function referenceCode(key: Buffer, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const digest = createHmac('sha1', key).update(counter).digest()
  const offset = (digest[19] ?? 0) & 15
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

describe('a one-time code', () => {
  // The RFC prints eight digits; the last six are the code of six digits.
  it.each([
    [59, '287082'],
    [1111111109, '081804'],
    [1111111111, '050471'],
    [1234567890, '005924'],
    [2000000000, '279037'],
    [20000000000, '353130'],
  ])('at %d s is that of RFC 6238 appendix B', (seconds, code) => {
    expect(referenceCode(rfcKey, Math.floor(seconds / 30))).toBe(code)
    expect(stepOf(rfcSecret, code, seconds * 1000)).toBe(Math.floor(seconds / 30))
  })

  const atMs = 1_800_000_015_000
  const step = atMs / 30_000 - 0.5

  it.each([-1, 0, 1])('is known %d steps away, and its own step is told', (offset) => {
    const code = referenceCode(rfcKey, step + offset)
    expect(stepOf(rfcSecret, code, atMs - 14_999)).toBe(step + offset)
    expect(stepOf(rfcSecret, code, atMs)).toBe(step + offset)
    expect(stepOf(rfcSecret, code, atMs + 14_999)).toBe(step + offset)
  })

  it.each([-20, -3, -2, 2, 3, 20])('is unknown %d steps away', (offset) => {
    const code = referenceCode(rfcKey, step + offset)
    for (const shift of [-14_999, 0, 14_999]) expect(stepOf(rfcSecret, code, atMs + shift)).toBeNull()
  })

  it('of the newest step is the last that is accepted', () => {
    expect(newestStep(atMs)).toBe(step + 1)
  })

  it.each(['', 'abcdef', '12345', {}, null, undefined, ['123456']])(
    'is never found in %j, and nothing is thrown',
    (entered) => {
      expect(stepOf(rfcSecret, entered, atMs)).toBeNull()
    },
  )
})

describe('a secret', () => {
  it('has 160 random bits', () => {
    const secrets = Array.from({ length: 50 }, newSecret)
    for (const secret of secrets) expect(secret).toMatch(/^[A-Z2-7]{32}$/)
    expect(new Set(secrets).size).toBe(50)
  })

  it('is read by authenticator apps from the URI', () => {
    const uri = new URL(
      otpauthUri({ issuer: 'Plant & Co', account: 'ana+x@vendor.example', secret: rfcSecret }),
    )
    expect(uri.protocol).toBe('otpauth:')
    expect(uri.host).toBe('totp')
    expect(decodeURIComponent(uri.pathname)).toBe('/Plant & Co:ana+x@vendor.example')
    expect(uri.searchParams.get('secret')).toBe(rfcSecret)
    expect(uri.searchParams.get('issuer')).toBe('Plant & Co')
  })

  it('is drawn as an SVG that needs neither script nor style', async () => {
    const svg = await qrSvg(
      otpauthUri({ issuer: 'Gatehouse', account: 'ana@vendor.example', secret: rfcSecret }),
    )
    expect(svg).toMatch(/^<svg [^>]*>.*<\/svg>\s*$/s)
    expect(svg).not.toMatch(/<script|<style|style=|\bon\w+=|href/i)
  })
})
