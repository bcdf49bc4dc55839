import { type browserNames, type browserSystems, type Browser } from '../model.js'

/** What is longer says nothing that those at its head have not said. */
const readAtMost = 500

/** In this order: most call themselves by the names of those below as well. */
const names: readonly (readonly [(typeof browserNames)[number], RegExp])[] = [
  ['edge', /\bEdg(?:A|iOS)?\//],
  ['opera', /\bOPR\//],
  ['firefox', /\b(?:Firefox|FxiOS)\//],
  ['chrome', /(?:Chrome|CriOS|Chromium)\//],
  ['safari', /\bSafari\//],
]
const systems: readonly (readonly [(typeof browserSystems)[number], RegExp])[] = [
  ['windows', /\bWindows\b/],
  ['android', /\bAndroid\b/],
  ['ios', /\b(?:iPhone|iPad)\b/],
  ['mac', /\bMac OS X\b/],
  ['linux', /\b(?:Linux|CrOS)\b/],
]

/**
 * What a browser says it is (`User-Agent`, RFC 9110 §10.1.5), as one of a few: so that people tell two sign-ins of one
 * person apart, and nothing that somebody wrote there is shown. It proves nothing.
 */
export function browserOf(userAgent: string | null): Browser {
  const text = (userAgent ?? '').slice(0, readAtMost)
  return {
    name: names.find(([, pattern]) => pattern.test(text))?.[0] ?? 'other',
    system: systems.find(([, pattern]) => pattern.test(text))?.[0] ?? 'other',
  }
}
