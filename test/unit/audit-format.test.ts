import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import {
  chainStart,
  fieldsText,
  isWriter,
  longestLineBytes,
  readHead,
  readRecord,
  sealRecord,
  signHead,
  type Head,
} from '../../src/audit/format.js'
import type { LedgerEvent } from '../../src/audit/index.js'

const at = '2026-11-23T06:00:00.000Z'
const refused = (detail: string): LedgerEvent => ({
  event: 'request.refused',
  requestId: 'r-1',
  source: '::1',
  detail,
})
const lineOf = (event: LedgerEvent): Buffer =>
  Buffer.from(sealRecord(chainStart, at, fieldsText(event)).text.trimEnd())

describe('a record', () => {
  it('reads back as it was written, whatever text it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (detail) => {
        const { text, link } = sealRecord({ seq: 41, hash: 'p'.repeat(43) }, at, fieldsText(refused(detail)))
        expect(text.indexOf('\n')).toBe(text.length - 1)
        const entry = readRecord(Buffer.from(text.slice(0, -1)))
        expect(entry).toMatchObject({
          at,
          event: 'request.refused',
          prev: 'p'.repeat(43),
          ...link,
          isIntact: true,
        })
        expect(entry?.fields).toMatchObject({ detail })
      }),
    )
  })

  it('has its fields in the order that the reference gives', () => {
    const { text } = sealRecord(chainStart, at, fieldsText({ version: '1', event: 'gateway.started' }))
    expect(text).toMatch(
      /^\{"seq":1,"at":"[^"]*","event":"gateway.started","version":"1","prev":"A{43}","hash":"[\w-]{43}"\}\n$/,
    )
    expect(sealRecord(chainStart, at, fieldsText({ event: 'gateway.stopped' })).text).toContain(
      '"gateway.stopped","prev"',
    )
  })

  it('is not intact after any byte of it was changed', () => {
    const line = lineOf(refused('dot segment'))
    fc.assert(
      fc.property(fc.nat({ max: line.length - 1 }), fc.integer({ min: 1, max: 255 }), (index, flip) => {
        const changed = Buffer.from(line)
        changed[index] = (changed[index] ?? 0) ^ flip
        expect(readRecord(changed)?.isIntact ?? false).toBe(false)
      }),
      { numRuns: 1_000 },
    )
  })

  it('is null for bytes that are none, and never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => readRecord(Buffer.from(bytes)) === null),
    )
    fc.assert(fc.property(fc.json(), (text) => readRecord(Buffer.from(text)) === null))
    for (const text of ['', '{}', 'null', '[]', '[1]', '1', '"x"', '{"seq":1}', '[['.repeat(50_000)]) {
      expect(readRecord(Buffer.from(text))).toBeNull()
    }
  })

  it('is null when it is longer than any reader would hold', () => {
    const line = lineOf(refused('x'.repeat(longestLineBytes)))
    expect(readRecord(line)).toBeNull()
  })

  it.each(['"seq":1.5', '"seq":"1"', '"seq":9007199254740993', '"seq":null'])('is null with %s', (seq) => {
    expect(readRecord(Buffer.from(lineOf(refused('')).toString().replace('"seq":1', seq)))).toBeNull()
  })

  it('holds instants as text, and leaves other numbers alone', () => {
    const instant = Date.UTC(2026, 0, 1)
    const text = fieldsText({ event: 'second-factor.locked', principalId: 'p', until: instant })
    expect(text).toBe('"event":"second-factor.locked","principalId":"p","until":"2026-01-01T00:00:00.000Z"')
    expect(fieldsText({ event: 'second-factor.recovery-used', principalId: 'p', left: instant })).toContain(
      `"left":${instant}`,
    )
    for (const until of [Infinity, NaN, 1e300]) {
      expect(() => fieldsText({ event: 'second-factor.locked', principalId: 'p', until })).not.toThrow()
    }
  })
})

describe('a head', () => {
  const key = { id: 'k-1', ...generateKeyPairSync('ed25519') }
  const head: Head = {
    format: 'gatehouse-ledger-head/1',
    writer: 'gateway',
    chain: 'chain-1',
    seq: 7,
    hash: 'h'.repeat(43),
    file: 'gateway-000001.jsonl',
    at,
    keyId: 'k-1',
  }
  const text = signHead(head, key)

  it('reads back what was signed', () => {
    expect(readHead(text, key.publicKey)).toEqual(head)
  })

  it('is refused after any byte of it was changed', () => {
    const line = Buffer.from(text.trimEnd())
    // The last character of the signature carries four bits that mean nothing; it ends before them.
    const meaningful = line.length - '?"}'.length
    fc.assert(
      fc.property(fc.nat({ max: meaningful - 1 }), fc.integer({ min: 1, max: 255 }), (index, flip) => {
        const changed = Buffer.from(line)
        changed[index] = (changed[index] ?? 0) ^ flip
        expect(typeof readHead(changed.toString(), key.publicKey)).toBe('string')
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    { what: 'no text', given: '' },
    { what: 'something else', given: '[]' },
    { what: 'no signature', given: `${JSON.stringify(head)}\n` },
    { what: 'a field more', given: text.replace('{', '{"extra":1,') },
    {
      what: 'a file outside the directory',
      given: signHead({ ...head, file: '../gateway-000001.jsonl' }, key),
    },
    { what: 'a writer outside the directory', given: signHead({ ...head, writer: '../gateway' }, key) },
    { what: 'a negative number', given: signHead({ ...head, seq: -1 }, key) },
  ])('is refused with $what', ({ given }) => {
    expect(typeof readHead(given, key.publicKey)).toBe('string')
  })

  it('is refused under another key, of whatever kind', () => {
    for (const { publicKey } of [
      generateKeyPairSync('ed25519'),
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ]) {
      expect(readHead(text, publicKey)).toMatch(/does not belong to the key/)
    }
  })
})

describe('a writer name', () => {
  it('can never leave the directory', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(isWriter(text)).toBe(/^[a-z0-9][a-z0-9-]{0,31}$/.test(text) && !text.includes('\n'))
      }),
    )
    for (const name of ['gateway', 'cli', 'a', '0', 'a'.repeat(32), 'gateway-2'])
      expect(isWriter(name)).toBe(true)
    for (const name of ['', '-a', '.', '..', 'a/b', 'A', 'a'.repeat(33), 'a\n'])
      expect(isWriter(name)).toBe(false)
  })
})
