import fc from 'fast-check'
import { closeFrame, FrameTracker, isControlOpcode } from '../../../src/dataplane/frames.js'

interface Frame {
  readonly opcode: number
  readonly isFinal: boolean
  readonly payload: Buffer
}

function encode({ opcode, isFinal, payload }: Frame, isMasked: boolean): Buffer {
  const first = (isFinal ? 0x80 : 0) | opcode
  const bit = isMasked ? 0x80 : 0
  const size = payload.length
  const head =
    size < 126
      ? Buffer.from([first, bit | size])
      : size < 65_536
        ? Buffer.from([first, bit | 126, size >> 8, size & 0xff])
        : Buffer.concat([Buffer.from([first, bit | 127, 0, 0, 0, 0]), uint32(size)])
  return Buffer.concat([head, isMasked ? Buffer.from([1, 2, 3, 4]) : Buffer.alloc(0), payload])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const data = fc.record({
  opcode: fc.constantFrom(0, 1, 2),
  isFinal: fc.boolean(),
  payload: fc
    .oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(125, 126, 127, 65_535, 65_536).map((n) => new Uint8Array(n)),
    )
    .map((bytes) => Buffer.from(bytes)),
})
const control = fc.record({
  opcode: fc.constantFrom(8, 9, 10),
  isFinal: fc.constant(true),
  payload: fc.uint8Array({ maxLength: 125 }).map((bytes) => Buffer.from(bytes)),
})
const frames = fc.array(fc.oneof(data, control), { minLength: 1, maxLength: 5 })

function split(bytes: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [0, ...[...at].map((n) => n % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return cuts.slice(1).map((to, i) => bytes.subarray(cuts[i], to))
}

function feed(tracker: FrameTracker, chunks: readonly Buffer[]): Buffer {
  return Buffer.concat(
    chunks.flatMap((chunk) => {
      const parts = tracker.take(chunk)
      if (parts === null) throw new Error('refused')
      return parts
    }),
  )
}

describe('a tracker of frames', () => {
  it('passes everything on unchanged, and knows each boundary, however the bytes are cut', () => {
    fc.assert(
      fc.property(frames, fc.boolean(), fc.array(fc.nat(), { maxLength: 8 }), (list, isMasked, cuts) => {
        const encoded = list.map((frame) => encode(frame, isMasked))
        const bytes = Buffer.concat(encoded)
        const boundaries = new Set([0])
        let end = 0
        for (const frame of encoded) boundaries.add((end += frame.length))
        const tracker = new FrameTracker(isMasked ? 'client' : 'server')
        let at = 0
        for (const chunk of split(bytes, cuts)) {
          expect(Buffer.concat(tracker.take(chunk) ?? []).equals(chunk)).toBe(true)
          at += chunk.length
          expect(tracker.isAtBoundary).toBe(boundaries.has(at))
        }
      }),
      { numRuns: 200 },
    )
  })

  it('is right at every single byte', () => {
    const sizes = [0, 1, 125, 126, 65_536]
    const list = sizes.map((size) => encode({ opcode: 2, isFinal: true, payload: Buffer.alloc(size) }, true))
    const tracker = new FrameTracker('client')
    const ends = new Set(
      list.map((_, i) => list.slice(0, i + 1).reduce((sum, frame) => sum + frame.length, 0)),
    )
    const wrong: number[] = []
    Buffer.concat(list).forEach((byte, i) => {
      tracker.take(Buffer.from([byte]))
      if (tracker.isAtBoundary !== ends.has(i + 1)) wrong.push(i)
    })
    expect(wrong).toEqual([])
  })

  it('drops all data and only data when told to, however the bytes are cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 8 }), (list, cuts) => {
        const bytes = Buffer.concat(list.map((frame) => encode(frame, true)))
        const expected = Buffer.concat(
          list.filter(({ opcode }) => opcode >= 8).map((frame) => encode(frame, true)),
        )
        const passed = feed(new FrameTracker('client', isControlOpcode), split(bytes, cuts))
        expect(passed.equals(expected)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('passes each message whole or not at all, whenever it is told otherwise', () => {
    const message = fc
      .array(fc.tuple(data, fc.option(control)), { minLength: 1, maxLength: 4 })
      .map((parts) =>
        parts.flatMap(([frame, between], i) => [
          { ...frame, opcode: i === 0 ? 1 : 0, isFinal: i === parts.length - 1 },
          ...(between === null ? [] : [between]),
        ]),
      )
    const messages = fc.array(message, { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(messages, fc.infiniteStream(fc.boolean()), (list, verdicts) => {
        const bytesOf = (some: Frame[]): Buffer => Buffer.concat(some.map((frame) => encode(frame, true)))
        const isPassed = list.map(() => verdicts.next().value === true)
        let begun = -1
        const tracker = new FrameTracker('client', (opcode) => {
          if (isControlOpcode(opcode)) return true
          begun += 1
          return isPassed[begun] ?? false
        })
        const passed = feed(
          tracker,
          list.flat().map((frame) => encode(frame, true)),
        )
        const expected = list.map((some, i) =>
          bytesOf(isPassed[i] ? some : some.filter(({ opcode }) => opcode >= 8)),
        )
        expect(passed.equals(Buffer.concat(expected))).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('asks anew for a message that breaks into another, or continues none', () => {
    const asked: number[] = []
    const tracker = new FrameTracker('client', (opcode) => asked.push(opcode) > 3)
    for (const [opcode, isFinal] of [
      [0, true],
      [1, false],
      [2, false],
      [0, false],
      [0, true],
      [0, true],
    ] as const)
      tracker.take(encode({ opcode, isFinal, payload: Buffer.from('x') }, true))
    expect(asked).toEqual([0, 1, 2, 0])
  })

  it('lets no reserved opcode pass for control', () => {
    expect([...Array(16).keys()].filter(isControlOpcode)).toEqual([8, 9, 10])
  })

  it('notices a close frame, whole or begun, unless it was dropped', () => {
    const close = closeFrame('client', 1000, 'bye')
    const tracker = new FrameTracker('client')
    expect(tracker.hasClosed).toBe(false)
    tracker.take(close.subarray(0, 1))
    expect(tracker.hasClosed).toBe(true)
    const deaf = new FrameTracker('client', () => false)
    deaf.take(close)
    expect(deaf.hasClosed).toBe(false)
  })

  it.each([
    ['an unmasked frame of a client', 'client', [0x81, 0x01, 0x61]],
    ['a masked frame of a server', 'server', [0x81, 0x81, 1, 2, 3, 4, 0x61]],
    ['a fragmented control frame', 'server', [0x09, 0x00]],
    ['a long control frame', 'server', [0x89, 126, 0, 200]],
    ['a length longer than needed', 'server', [0x82, 126, 0, 125]],
    ['an eight-byte length longer than needed', 'server', [0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]],
    ['a negative length', 'server', [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]],
    ['a length beyond counting', 'server', [0x82, 127, 0, 0x40, 0, 0, 0, 0, 0, 0]],
  ] as const)('refuses %s, at once or byte by byte', (_, sender, bytes) => {
    expect(new FrameTracker(sender).take(Buffer.from(bytes))).toBeNull()
    const slow = new FrameTracker(sender)
    expect(bytes.some((byte) => slow.take(Buffer.from([byte])) === null)).toBe(true)
  })
})

describe('a close frame of ours', () => {
  it('is unmasked towards a client', () => {
    expect(closeFrame('server', 1008, 'grant-revoked')).toEqual(
      Buffer.concat([Buffer.from([0x88, 15, 0x03, 0xf0]), Buffer.from('grant-revoked')]),
    )
  })

  it('is masked towards a machine', () => {
    const frame = closeFrame('client', 1001, 'x')
    const mask = frame.subarray(2, 6)
    const payload = frame.subarray(6).map((byte, i) => byte ^ (mask[i % 4] ?? 0))
    expect([...frame.subarray(0, 2)]).toEqual([0x88, 0x83])
    expect([...payload]).toEqual([0x03, 0xe9, 0x78])
    expect(new FrameTracker('client').take(frame)).toEqual([frame])
  })
})
