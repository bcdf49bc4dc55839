/**
 * Numbers that look random and are the same each time for the same seed and index (sfc32, by C. Doty-Humphrey),
 * so that any one sample of ten million can be made again by itself.
 */
export class Random {
  #a: number
  #b: number
  #c = 0x9e3779b9
  #counter = 1

  constructor(seed: number, index: number) {
    this.#a = seed | 0
    this.#b = index | 0
    for (let round = 0; round < 12; round += 1) this.#next()
  }

  /** From 0 up to, and without, `end`. */
  below(end: number): number {
    return Math.floor((this.#next() / 2 ** 32) * end)
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  /** Of the usual ones, and once in `times` of the odd ones. */
  oddly<T>(times: number, usual: readonly T[], odd: readonly T[]): T {
    return this.pick(this.once(times) ? odd : usual)
  }

  /** As many as it happens to be, `most` at the most. */
  many<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make)
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (this.#c << 21) | (this.#c >>> 11)
    this.#c = (this.#c + sum) | 0
    return sum >>> 0
  }
}

/** Bytes on which parsers differ. */
const nasty = Array.from('\r\n\t\0 :;,="+-_.x0159aF\x0b\x0c\x7f\x80\x85\xa0\xff').concat(
  '\r\n',
  '\r\n\r\n',
  '\n\n',
  '\r\n ',
)

/** The text with a few bytes gone, added, exchanged or repeated. */
export function mutated(random: Random, text: string): string {
  const at = random.below(text.length + 1)
  const upTo = Math.min(text.length, at + random.below(6))
  const replacements = [
    () => '',
    () => random.pick(nasty),
    () => String.fromCharCode(random.below(256)),
    () => text.slice(at, upTo).repeat(2),
    () => random.pick(nasty) + text.slice(at, upTo),
  ]
  const result = text.slice(0, at) + random.pick(replacements)() + text.slice(upTo)
  return random.once(3) ? mutated(random, result) : result
}
