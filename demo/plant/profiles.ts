import type { AlarmDefinition } from './alarms.js'

/** How one measured value is shown and judged. */
export interface Scale {
  readonly tag: string
  readonly label: string
  readonly unit: string
  readonly decimals: number
  /** Ends of the indicator bar. */
  readonly low: number
  readonly high: number
  /** Where the value should be: fixed, or within so much of its setpoint. */
  readonly normal: readonly [number, number] | { readonly around: number }
  readonly alarmLow?: number
  readonly alarmHigh?: number
}

/** What may be set from the panel. */
export interface SetpointRange {
  readonly label: string
  readonly unit: string
  readonly min: number
  readonly max: number
  readonly step: number
  readonly initial: number
}

export const setpointNames = ['speed', 'level', 'temperature'] as const
export type SetpointName = (typeof setpointNames)[number]

export const scaleNames = ['speed', 'level', 'temperature', 'pressure', 'flow'] as const
export type ScaleName = (typeof scaleNames)[number]

/**
 * One machine of the line: a vessel that is kept filled, tempered and pressurised, and a head that
 * takes a dose from it for each bottle. A filler and a labeller differ only in figures and words.
 */
export interface MachineProfile {
  readonly machine: string
  readonly vessel: string
  readonly medium: string
  readonly head: string
  readonly tempering: string
  readonly inspection: string
  readonly tags: { readonly valve: string; readonly pump: string; readonly tempering: string }
  readonly scales: Readonly<Record<ScaleName, Scale>>
  readonly setpoints: Readonly<Record<SetpointName, SetpointRange>>
  readonly physics: {
    readonly vesselLitres: number
    readonly doseLitres: number
    readonly supplyLitresPerSecond: number
    readonly supplyTemperature: number
    readonly ambientTemperature: number
    /** Share of the distance to ambient lost each second. */
    readonly lossPerSecond: number
    /** Degrees each second at full duty; negative cools. */
    readonly temperingPerSecond: number
    readonly pressureBar: number
    readonly speedUpPerSecond: number
    readonly slowDownPerSecond: number
    readonly infeedBottles: number
    readonly outfeedBottles: number
    /** Litres each second × this = the unit in which flow is shown. */
    readonly flowFactor: number
    readonly lowLevelStop: number
    readonly lowLevelRestart: number
  }
  readonly alarms: {
    readonly temperature: AlarmDefinition
    readonly level: AlarmDefinition
    readonly levelStop: AlarmDefinition
    readonly pressure: AlarmDefinition
    readonly jam: AlarmDefinition
    readonly starved: AlarmDefinition
    readonly rejects: AlarmDefinition
  }
}

/** A beverage filler: 0.5 l bottles at up to 36 000 an hour from a chilled, CO₂-blanketed tank. */
export const filler: MachineProfile = {
  machine: 'Filler',
  vessel: 'Product tank T-201',
  medium: 'Product',
  head: 'Filler F-210',
  tempering: 'Cooling',
  inspection: 'Checkweigher',
  tags: { valve: 'FV-201', pump: 'P-201', tempering: 'TV-202' },
  scales: {
    speed: {
      tag: 'SC-210',
      label: 'Line speed',
      unit: 'bpm',
      decimals: 0,
      low: 0,
      high: 600,
      normal: { around: 25 },
    },
    level: {
      tag: 'LIC-201',
      label: 'Tank level',
      unit: '%',
      decimals: 1,
      low: 0,
      high: 100,
      normal: { around: 8 },
      alarmLow: 35,
      alarmHigh: 92,
    },
    temperature: {
      tag: 'TIC-202',
      label: 'Product temperature',
      unit: '°C',
      decimals: 1,
      low: 0,
      high: 12,
      normal: { around: 1 },
      alarmHigh: 7,
    },
    pressure: {
      tag: 'PIC-203',
      label: 'Tank pressure',
      unit: 'bar',
      decimals: 2,
      low: 1.5,
      high: 4,
      normal: [2.6, 3],
      alarmLow: 2.3,
      alarmHigh: 3.3,
    },
    flow: {
      tag: 'FI-201',
      label: 'Product flow',
      unit: 'l/min',
      decimals: 0,
      low: 0,
      high: 480,
      normal: [120, 320],
    },
  },
  setpoints: {
    speed: { label: 'Line speed', unit: 'bpm', min: 0, max: 600, step: 10, initial: 420 },
    level: { label: 'Tank level', unit: '%', min: 10, max: 90, step: 1, initial: 70 },
    temperature: { label: 'Product temperature', unit: '°C', min: 2, max: 12, step: 0.5, initial: 5 },
  },
  physics: {
    vesselLitres: 1_200,
    doseLitres: 0.5,
    supplyLitresPerSecond: 8,
    supplyTemperature: 9.5,
    ambientTemperature: 22,
    lossPerSecond: 0.00012,
    temperingPerSecond: -0.04,
    pressureBar: 2.8,
    speedUpPerSecond: 20,
    slowDownPerSecond: 60,
    infeedBottles: 180,
    outfeedBottles: 120,
    flowFactor: 60,
    lowLevelStop: 15,
    lowLevelRestart: 30,
  },
  alarms: {
    temperature: {
      id: 'TAH-202',
      text: 'Product temperature high',
      response: 'Check the glycol supply; hold the batch above 8 °C.',
      priority: 2,
      delaySeconds: 5,
    },
    level: {
      id: 'LAL-201',
      text: 'Tank level low',
      response: 'Check product supply and FV-201.',
      priority: 2,
      delaySeconds: 3,
    },
    levelStop: {
      id: 'LALL-201',
      text: 'Tank level very low, line held',
      response: 'Line restarts by itself above 30 %.',
      priority: 1,
      delaySeconds: 1,
    },
    pressure: {
      id: 'PA-203',
      text: 'Tank pressure out of range',
      response: 'Check the CO₂ supply regulator.',
      priority: 3,
      delaySeconds: 4,
    },
    jam: {
      id: 'XA-230',
      text: 'Bottle jam at outfeed, line held',
      response: 'Clear fallen bottles at the outfeed star wheel.',
      priority: 1,
      delaySeconds: 0.5,
    },
    starved: {
      id: 'XA-205',
      text: 'Infeed empty, line suspended',
      response: 'Check the depalletiser.',
      priority: 3,
      delaySeconds: 2,
    },
    rejects: {
      id: 'QA-220',
      text: 'Reject rate high',
      response: 'Inspect fill valves; see checkweigher report.',
      priority: 3,
      delaySeconds: 5,
    },
  },
}

/** A hot-melt labeller: a dab of glue for each bottle from a heated tank. */
export const labeller: MachineProfile = {
  machine: 'Labeller',
  vessel: 'Glue tank T-401',
  medium: 'Hot melt',
  head: 'Labeller L-410',
  tempering: 'Heating',
  inspection: 'Label camera',
  tags: { valve: 'FV-401', pump: 'P-401', tempering: 'EH-402' },
  scales: {
    speed: {
      tag: 'SC-410',
      label: 'Line speed',
      unit: 'bpm',
      decimals: 0,
      low: 0,
      high: 600,
      normal: { around: 25 },
    },
    level: {
      tag: 'LIC-401',
      label: 'Glue level',
      unit: '%',
      decimals: 1,
      low: 0,
      high: 100,
      normal: { around: 10 },
      alarmLow: 30,
      alarmHigh: 92,
    },
    temperature: {
      tag: 'TIC-402',
      label: 'Glue temperature',
      unit: '°C',
      decimals: 1,
      low: 130,
      high: 180,
      normal: { around: 5 },
      alarmHigh: 172,
    },
    pressure: {
      tag: 'PIC-403',
      label: 'Glue pressure',
      unit: 'bar',
      decimals: 2,
      low: 2,
      high: 6,
      normal: [3.7, 4.3],
      alarmLow: 3.2,
      alarmHigh: 4.9,
    },
    flow: { tag: 'FI-401', label: 'Glue feed', unit: 'l/h', decimals: 0, low: 0, high: 90, normal: [12, 40] },
  },
  setpoints: {
    speed: { label: 'Line speed', unit: 'bpm', min: 0, max: 600, step: 10, initial: 420 },
    level: { label: 'Glue level', unit: '%', min: 10, max: 90, step: 1, initial: 65 },
    temperature: { label: 'Glue temperature', unit: '°C', min: 140, max: 178, step: 1, initial: 160 },
  },
  physics: {
    vesselLitres: 25,
    doseLitres: 0.0009,
    supplyLitresPerSecond: 0.025,
    supplyTemperature: 148,
    ambientTemperature: 24,
    lossPerSecond: 0.0002,
    temperingPerSecond: 0.09,
    pressureBar: 4,
    speedUpPerSecond: 20,
    slowDownPerSecond: 60,
    infeedBottles: 180,
    outfeedBottles: 120,
    flowFactor: 3_600,
    lowLevelStop: 12,
    lowLevelRestart: 25,
  },
  alarms: {
    temperature: {
      id: 'TAH-402',
      text: 'Glue temperature high',
      response: 'Check heater EH-402; glue chars above 175 °C.',
      priority: 2,
      delaySeconds: 5,
    },
    level: {
      id: 'LAL-401',
      text: 'Glue level low',
      response: 'Check the granulate feeder.',
      priority: 2,
      delaySeconds: 3,
    },
    levelStop: {
      id: 'LALL-401',
      text: 'Glue level very low, line held',
      response: 'Line restarts by itself above 25 %.',
      priority: 1,
      delaySeconds: 1,
    },
    pressure: {
      id: 'PA-403',
      text: 'Glue pressure out of range',
      response: 'Check pump P-401.',
      priority: 3,
      delaySeconds: 4,
    },
    jam: {
      id: 'XA-430',
      text: 'Bottle jam at outfeed, line held',
      response: 'Clear fallen bottles at the outfeed.',
      priority: 1,
      delaySeconds: 0.5,
    },
    starved: {
      id: 'XA-405',
      text: 'Infeed empty, line suspended',
      response: 'Check the filler.',
      priority: 3,
      delaySeconds: 2,
    },
    rejects: {
      id: 'QA-420',
      text: 'Reject rate high',
      response: 'Inspect the label web and the glue rollers.',
      priority: 3,
      delaySeconds: 5,
    },
  },
}
