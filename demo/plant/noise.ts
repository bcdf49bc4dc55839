/** A small seeded generator (mulberry32): the same plant behaves the same way in every test. */
export interface Noise {
  /** Uniform in [0, 1). */
  uniform(): number
  /** Normal distribution, mean 0, deviation 1. */
  normal(): number
}

export function createNoise(seed: number): Noise {
  let state = seed >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    uniform,
    // Box–Muller; 1 - u keeps the logarithm finite.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  }
}
