import type { InEach } from '../../lib/index.js'
import type { Browser } from '../../model.js'

const names: Readonly<Record<Exclude<Browser['name'], 'other'>, string>> = {
  edge: 'Edge',
  opera: 'Opera',
  firefox: 'Firefox',
  chrome: 'Chrome',
  safari: 'Safari',
}
const systems: Readonly<Record<Exclude<Browser['system'], 'other'>, string>> = {
  windows: 'Windows',
  android: 'Android',
  ios: 'iOS',
  mac: 'macOS',
  linux: 'Linux',
}

/** A browser in words, so that two sign-ins of one person can be told apart. */
export interface BrowserWords {
  readonly says: (browser: Browser) => string
}

export const browserWords: InEach<BrowserWords> = {
  en: {
    says: ({ name, system }) => {
      const browser = name === 'other' ? 'another browser' : names[name]
      return system === 'other' ? browser : `${browser} on ${systems[system]}`
    },
  },
  de: {
    says: ({ name, system }) => {
      const browser = name === 'other' ? 'ein anderer Browser' : names[name]
      return system === 'other' ? browser : `${browser} unter ${systems[system]}`
    },
  },
}
