/** One recorded point of the plant. */
export interface HistoryTag {
  readonly tag: string
  readonly description: string
  readonly unit: string
  readonly decimals: number
  /** Ends of the usual scale. */
  readonly low: number
  readonly high: number
}

export const historyTags: readonly HistoryTag[] = [
  { tag: 'L2.SC-210', description: 'Line speed', unit: 'bpm', decimals: 0, low: 0, high: 600 },
  { tag: 'L2.LIC-201', description: 'Product tank level', unit: '%', decimals: 1, low: 0, high: 100 },
  { tag: 'L2.TIC-202', description: 'Product temperature', unit: '°C', decimals: 2, low: 0, high: 12 },
  { tag: 'L2.PIC-203', description: 'Product tank pressure', unit: 'bar', decimals: 2, low: 1.5, high: 4 },
  { tag: 'L2.FI-201', description: 'Product flow', unit: 'l/min', decimals: 0, low: 0, high: 480 },
  { tag: 'L2.QI-220', description: 'Reject rate', unit: '%', decimals: 2, low: 0, high: 5 },
  { tag: 'L2.JI-001', description: 'Electrical power', unit: 'kW', decimals: 1, low: 0, high: 120 },
  { tag: 'U.TI-900', description: 'Glycol supply temperature', unit: '°C', decimals: 2, low: -8, high: 4 },
]

/** The first recorded instant. */
export const historyBeganAt = Date.UTC(2024, 0, 1)

const hourMs = 3_600_000
const speeds = [380, 420, 420, 450, 480]

/** Uniform in [0, 1) from two integers: the same past for everyone who asks, with nothing stored. */
function hash(a: number, b: number): number {
  let mixed = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39)
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
}

/** Smooth noise in [-1, 1] that wanders once in `periodMs`. */
function wave(at: number, periodMs: number, seed: number): number {
  const position = at / periodMs
  const cell = Math.floor(position)
  const share = position - cell
  const eased = share * share * (3 - 2 * share)
  return 2 * (hash(cell, seed) * (1 - eased) + hash(cell + 1, seed) * eased) - 1
}

const grain = (at: number, seed: number): number => 2 * hash(Math.floor(at / 1_000), seed) - 1

/** Two shifts a day, a batch every four hours, now and then a stop of some minutes. */
function speedAt(at: number): number {
  const hour = (at / hourMs) % 24
  if (hour < 5.9 || hour >= 22.1) return 0
  const batch = speeds[Math.floor(hash(Math.floor(at / (4 * hourMs)), 11) * speeds.length)] ?? 420
  const ramp = Math.min(1, (hour - 5.9) * 10, (22.1 - hour) * 10)
  return batch * ramp * (1 - stopAt(at))
}

/** 1 while stopped, between 0 and 1 while slowing down and starting. */
function stopAt(at: number): number {
  const slotMs = 40 * 60_000
  const slot = Math.floor(at / slotMs)
  if (hash(slot, 21) > 0.45) return 0
  const begins = hash(slot, 22) * (slotMs - 10 * 60_000)
  const lasts = 40_000 + hash(slot, 23) ** 3 * 420_000
  const into = at - slot * slotMs - begins
  if (into < 0 || into > lasts + 24_000) return 0
  return Math.min(1, into / 7_000, (lasts + 24_000 - into) / 24_000)
}

/** 0 during the shifts, rising to 1 through the night: a tank that nobody draws from warms up slowly. */
function idleAt(at: number): number {
  const hour = (at / hourMs) % 24
  const sinceStop = hour >= 22.1 ? hour - 22.1 : hour + 1.9
  const asleep = hour >= 22.1 || hour < 5.9 ? 1 - Math.exp(-sinceStop / 2.5) : 0
  const waking = hour >= 5.9 && hour < 22.1 ? Math.exp(-(hour - 5.9) / 0.25) * 0.95 : 0
  return asleep + waking
}

/** What was recorded at that instant. Pure: same tag and time, same value. */
export function historyValue(tag: HistoryTag, at: number): number {
  const value = rawValue(tag.tag, at)
  return Math.max(tag.low, value)
}

function rawValue(tag: string, at: number): number {
  switch (tag) {
    case 'L2.SC-210': {
      const speed = speedAt(at)
      return speed > 5 ? speed + 1.2 * grain(at, 1) : 0
    }
    case 'L2.LIC-201':
      return 70 + 3.2 * stopAt(at) + 1.4 * wave(at, 95_000, 2) + 0.25 * grain(at, 3)
    case 'L2.TIC-202':
      return (
        5 +
        1.1 * idleAt(at) +
        0.3 * wave(at, 5_400_000, 4) +
        0.06 * wave(at, 420_000, 5) +
        0.02 * grain(at, 6)
      )
    case 'L2.PIC-203':
      return 2.8 + 0.05 * stopAt(at) + 0.03 * wave(at, 60_000, 7) + 0.012 * grain(at, 8)
    case 'L2.FI-201':
      return speedAt(at) * 0.5 * (1 + 0.05 * wave(at, 70_000, 9)) + (speedAt(at) > 5 ? 2 * grain(at, 10) : 0)
    case 'L2.QI-220':
      return speedAt(at) > 5 ? 0.7 + 0.5 * wave(at, 900_000, 12) + 0.2 * wave(at, 60_000, 13) : 0
    case 'L2.JI-001':
      return 18 + 0.13 * speedAt(at) + 2 * wave(at, 1_500_000, 14) + 0.6 * grain(at, 15)
    default:
      return -3.5 + 0.7 * wave(at, 9_000_000, 16) + 0.2 * wave(at, 1_200_000, 17) + 0.03 * grain(at, 18)
  }
}

export interface HistoryPoint {
  readonly at: number
  readonly minimum: number
  readonly average: number
  readonly maximum: number
}

/** One point for each step in `from <= at < to`, from up to eight readings inside it. */
export function aggregate(tag: HistoryTag, from: number, to: number, stepMs: number): HistoryPoint[] {
  const points: HistoryPoint[] = []
  const readings = Math.min(8, Math.max(1, Math.floor(stepMs / 1_000)))
  for (let at = from; at < to; at += stepMs) {
    let minimum = Infinity
    let maximum = -Infinity
    let sum = 0
    for (let index = 0; index < readings; index += 1) {
      const value = historyValue(tag, at + (index * stepMs) / readings)
      minimum = Math.min(minimum, value)
      maximum = Math.max(maximum, value)
      sum += value
    }
    points.push({ at, minimum, average: sum / readings, maximum })
  }
  return points
}

const chunkCharacters = 65_536

/**
 * CSV in pieces of about 64 KB, made only as fast as somebody takes them: nothing is ever held whole.
 *
 * @param stop ends the table after the row with which this many bytes are reached, or at this instant
 */
export function* csvRows(
  tags: readonly HistoryTag[],
  from: number,
  stepMs: number,
  stop: { bytes: number } | { at: number },
): Generator<Buffer> {
  let text = 'time,tag,value,unit,quality\r\n'
  let sentBytes = 0
  const tails = tags.map((tag) => `,${tag.unit},good\r\n`)
  // '°C' takes one byte more than it has characters.
  const extraBytes = tags.map((tag) => Buffer.byteLength(tag.unit) - tag.unit.length)
  let extra = 0
  const isOver = (at: number): boolean =>
    'bytes' in stop ? sentBytes + text.length + extra >= stop.bytes : at >= stop.at
  for (let at = from; !isOver(at); at += stepMs) {
    const time = new Date(at).toISOString()
    for (const [index, tag] of tags.entries()) {
      text += `${time},${tag.tag},${historyValue(tag, at).toFixed(tag.decimals)}${tails[index] ?? ''}`
      extra += extraBytes[index] ?? 0
      if ('bytes' in stop && isOver(at)) break
    }
    if (text.length >= chunkCharacters) {
      const chunk = Buffer.from(text)
      sentBytes += chunk.length
      text = ''
      extra = 0
      yield chunk
    }
  }
  if (text !== '') yield Buffer.from(text)
}
