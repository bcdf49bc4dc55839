import { AlarmList, type Alarm, type AlarmEvent } from './alarms.js'
import { createNoise, type Noise } from './noise.js'
import { setpointNames, type MachineProfile, type ScaleName, type SetpointName } from './profiles.js'

/** PackML words (ISA-TR88.00.02): held waits for this machine, suspended for its neighbours. */
export type LineState = 'running' | 'starting' | 'stopped' | 'held' | 'suspended'

export interface LineSnapshot {
  /** Seconds since the simulation began. */
  readonly at: number
  readonly state: LineState
  /** As the transmitters report them, noise included. */
  readonly values: Readonly<Record<ScaleName, number>>
  readonly setpoints: Readonly<Record<SetpointName, number>>
  /** Positions in percent. */
  readonly actuators: { readonly valve: number; readonly pump: number; readonly tempering: number }
  /** Bottles waiting before and after the head. */
  readonly buffers: { readonly infeed: number; readonly outfeed: number }
  readonly counters: { readonly filled: number; readonly good: number; readonly rejected: number }
  /** Rejected among the last bottles, percent. */
  readonly rejectPercent: number
  readonly alarms: readonly Alarm[]
}

export interface JournalEntry {
  readonly at: number
  readonly kind: 'alarm' | 'setpoint'
  readonly text: string
  readonly by: string
}

/** What went in and out since the beginning, litres and whole bottles; for proving that nothing appears from nowhere. */
export interface Balance {
  readonly initialLitres: number
  readonly suppliedLitres: number
  readonly dosedLitres: number
  readonly vesselLitres: number
  readonly arrivedBottles: number
  readonly infeedBottles: number
  readonly filledBottles: number
  readonly outfeedBottles: number
  readonly departedBottles: number
  readonly rejectedBottles: number
}

export interface LineOptions {
  readonly profile: MachineProfile
  readonly seed?: number
  /** Random jams and upstream stops. Default: true. */
  readonly hasIncidents?: boolean
}

/** Steps longer than this would let controllers and valves overshoot by arithmetic alone. */
const longestStepSeconds = 0.1

const rejectWindow = 250
const journalLength = 200

const limit = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value))

/**
 * A filling line as its controller sees it. Pure: time passes only in `advance`, and the same seed and
 * calls give the same history.
 */
export class FillingLine {
  readonly profile: MachineProfile
  readonly #noise: Noise
  readonly #hasIncidents: boolean
  readonly #alarms: AlarmList
  readonly #journal: JournalEntry[] = []
  readonly #setpoints: Record<SetpointName, number>
  #at = 0

  #litres: number
  readonly #initialLitres: number
  #suppliedLitres = 0
  #dosedLitres = 0
  #temperature: number
  #pressure: number
  #valve = 0
  #pump = 0
  #pumpIntegral = 0
  /** Slow wandering of what comes from outside, about ±1: supply pressure, supply temperature. */
  #supplyDrift = 0
  #warmthDrift = 0
  #tempering = 0
  #temperingIntegral = 0

  #speed = 0
  #state: LineState = 'stopped'
  #headFraction = 0
  #arrivalFraction = 0
  #departureFraction = 0
  #infeed: number
  #outfeed = 0
  #arrived: number
  #departed = 0
  #filled = 0
  #rejected = 0
  #recentRejects: boolean[] = []

  #isJammed = false
  #jamEndsAt = 0
  #upstreamStopsUntil = 0
  #isStarved = false
  #isLevelHeld = false

  readonly #measured: Record<ScaleName, number>

  constructor(options: LineOptions) {
    const { profile } = options
    this.profile = profile
    this.#noise = createNoise(options.seed ?? 1)
    this.#hasIncidents = options.hasIncidents ?? true
    this.#alarms = new AlarmList(Object.values(profile.alarms), (event) => {
      this.#note(event)
    })
    this.#setpoints = {
      speed: profile.setpoints.speed.initial,
      level: profile.setpoints.level.initial,
      temperature: profile.setpoints.temperature.initial,
    }
    this.#initialLitres = this.#litres = (profile.physics.vesselLitres * this.#setpoints.level) / 100
    this.#temperature = this.#setpoints.temperature
    this.#pressure = profile.physics.pressureBar
    this.#infeed = this.#arrived = Math.round(profile.physics.infeedBottles * 0.7)
    this.#measured = {
      speed: 0,
      level: this.#setpoints.level,
      temperature: this.#temperature,
      pressure: this.#pressure,
      flow: 0,
    }
  }

  /** Lets process time pass, in small steps. */
  advance(seconds: number): void {
    for (let left = seconds; left > 1e-9; left -= longestStepSeconds)
      this.#step(Math.min(left, longestStepSeconds))
  }

  /** The range is the machine's own; whoever sends something else gets a sentence, and nothing changes. */
  set(name: SetpointName, value: number, by: string): { ok: true } | { ok: false; message: string } {
    const range = this.profile.setpoints[name]
    if (!Number.isFinite(value) || value < range.min || value > range.max) {
      const span = `${String(range.min)} to ${String(range.max)} ${range.unit}`
      return { ok: false, message: `${range.label} must be ${span}.` }
    }
    const before = this.#setpoints[name]
    if (value !== before) {
      this.#setpoints[name] = value
      const text = `${range.label} setpoint ${String(before)} → ${String(value)} ${range.unit}`
      this.#write({ at: this.#at, kind: 'setpoint', text, by })
    }
    return { ok: true }
  }

  /** False when there is nothing to acknowledge. */
  acknowledge(alarmId: string, by: string): boolean {
    return this.#alarms.acknowledge(alarmId, this.#at, by)
  }

  /** A bottle falls over at the outfeed; somebody clears it after so many seconds. */
  jam(seconds: number): void {
    this.#isJammed = true
    this.#jamEndsAt = this.#at + seconds
  }

  /** Newest first. */
  journal(): readonly JournalEntry[] {
    return [...this.#journal].reverse()
  }

  snapshot(): LineSnapshot {
    return {
      at: this.#at,
      state: this.#state,
      values: { ...this.#measured },
      setpoints: { ...this.#setpoints },
      actuators: { valve: this.#valve, pump: this.#pump, tempering: this.#tempering },
      buffers: { infeed: this.#infeed, outfeed: this.#outfeed },
      counters: { filled: this.#filled, good: this.#filled - this.#rejected, rejected: this.#rejected },
      rejectPercent: this.#rejectPercent(),
      alarms: this.#alarms.standing(),
    }
  }

  balance(): Balance {
    return {
      initialLitres: this.#initialLitres,
      suppliedLitres: this.#suppliedLitres,
      dosedLitres: this.#dosedLitres,
      vesselLitres: this.#litres,
      arrivedBottles: this.#arrived,
      infeedBottles: this.#infeed,
      filledBottles: this.#filled,
      outfeedBottles: this.#outfeed,
      departedBottles: this.#departed,
      rejectedBottles: this.#rejected,
    }
  }

  #step(dt: number): void {
    this.#at += dt
    this.#incidents(dt)
    const inflow = this.#supply(dt)
    const outflow = this.#run(dt)
    this.#temper(inflow, dt)
    this.#pressurise(inflow - outflow, dt)
    this.#measure(inflow, dt)
    this.#judge(dt)
  }

  #incidents(dt: number): void {
    const wander = (drift: number, seconds: number): number =>
      drift * (1 - dt / seconds) + Math.sqrt((2 * dt) / seconds) * this.#noise.normal()
    this.#supplyDrift = wander(this.#supplyDrift, 25)
    this.#warmthDrift = wander(this.#warmthDrift, 90)
    if (this.#isJammed && this.#at >= this.#jamEndsAt) this.#isJammed = false
    if (!this.#hasIncidents) return
    const happens = (everySeconds: number): boolean => this.#noise.uniform() < dt / everySeconds
    if (!this.#isJammed && this.#speed > 100 && happens(1_800)) this.jam(20 + 25 * this.#noise.uniform())
    if (this.#at >= this.#upstreamStopsUntil && happens(240)) {
      // Mostly short enough for the buffer to bridge.
      const isLong = this.#noise.uniform() < 0.1
      this.#upstreamStopsUntil = this.#at + (isLong ? 30 : 4 + 12 * this.#noise.uniform())
    }
  }

  /** Level controller → pump and valve → vessel. Returns the inflow in l/s. */
  #supply(dt: number): number {
    const { vesselLitres, supplyLitresPerSecond } = this.profile.physics
    const error = this.#setpoints.level - (100 * this.#litres) / vesselLitres
    const wanted = 9 * error + this.#pumpIntegral
    // Integrates only while the pump can answer, or the vessel would overfill after every long refill.
    if ((wanted > 0 && error < 0) || (wanted < 100 && error > 0)) this.#pumpIntegral += 0.12 * error * dt
    this.#pumpIntegral = limit(this.#pumpIntegral, 0, 100)
    const demand = limit(wanted, 0, 100)
    this.#pump += ((demand < 2 ? 0 : demand) - this.#pump) * Math.min(1, dt / 2)
    const valveWanted = demand < 2 ? 0 : limit(25 + demand, 0, 100)
    this.#valve += limit(valveWanted - this.#valve, -25 * dt, 25 * dt)
    const room = vesselLitres - this.#litres
    const inflow =
      supplyLitresPerSecond *
      (this.#pump / 100) *
      Math.sqrt(this.#valve / 100) *
      (1 + 0.06 * this.#supplyDrift)
    const litres = Math.min(inflow * dt, Math.max(0, room))
    this.#litres += litres
    this.#suppliedLitres += litres
    return litres / dt
  }

  /** Conveyors and head. Returns the outflow in l/s. */
  #run(dt: number): number {
    const { physics } = this.profile
    this.#receive(dt)
    const levelPercent = (100 * this.#litres) / physics.vesselLitres
    if (levelPercent < physics.lowLevelStop) this.#isLevelHeld = true
    else if (levelPercent > physics.lowLevelRestart) this.#isLevelHeld = false
    if (this.#infeed === 0) this.#isStarved = true
    else if (this.#infeed > physics.infeedBottles * 0.3) this.#isStarved = false
    const isOutfeedFull = this.#outfeed >= physics.outfeedBottles
    const mustStop = this.#isJammed || this.#isLevelHeld || this.#isStarved || isOutfeedFull

    const target = mustStop ? 0 : this.#setpoints.speed
    const slowest = -physics.slowDownPerSecond * (mustStop ? 4 : 1) * dt
    this.#speed += limit(target - this.#speed, slowest, physics.speedUpPerSecond * dt)
    this.#state = this.#stateFor(this.#isJammed || this.#isLevelHeld, this.#isStarved || isOutfeedFull)

    this.#headFraction += (this.#speed / 60) * dt
    let dosed = 0
    for (; this.#headFraction >= 1; this.#headFraction -= 1) {
      if (this.#infeed === 0 || this.#outfeed >= physics.outfeedBottles) continue
      dosed += this.#fillOne()
    }
    this.#dispatch(dt)
    return dosed / dt
  }

  #stateFor(isHeld: boolean, isSuspended: boolean): LineState {
    if (isHeld) return 'held'
    if (isSuspended) return 'suspended'
    if (this.#setpoints.speed === 0 && this.#speed < 1) return 'stopped'
    return this.#speed < this.#setpoints.speed - 5 ? 'starting' : 'running'
  }

  #receive(dt: number): void {
    const { infeedBottles } = this.profile.physics
    const isRunning = this.#at >= this.#upstreamStopsUntil
    // The neighbour upstream speeds up while the buffer is short and pauses when it is full.
    const filling = limit(1.85 - this.#infeed / (infeedBottles * 0.85), 0, 1.5)
    this.#arrivalFraction += isRunning
      ? ((this.#setpoints.speed * filling) / 60) * dt * (1 + 0.2 * this.#noise.normal())
      : 0
    while (this.#arrivalFraction >= 1) {
      this.#arrivalFraction -= 1
      if (this.#infeed >= infeedBottles) continue
      this.#infeed += 1
      this.#arrived += 1
    }
  }

  #fillOne(): number {
    const { doseLitres, pressureBar } = this.profile.physics
    const overPressure = (this.#pressure - pressureBar) / pressureBar
    const error = 0.03 * overPressure + 0.0045 * this.#noise.normal()
    const dose = Math.min(doseLitres * (1 + error), this.#litres)
    this.#litres -= dose
    this.#dosedLitres += dose
    this.#infeed -= 1
    this.#filled += 1
    // The checkweigher takes out what is off by more than 1.3 %, and bottles with a bad closure.
    const isRejected = Math.abs(dose / doseLitres - 1) > 0.013 || this.#noise.uniform() < 0.002
    if (isRejected) this.#rejected += 1
    else this.#outfeed += 1
    this.#recentRejects.push(isRejected)
    if (this.#recentRejects.length > rejectWindow) this.#recentRejects.shift()
    return dose
  }

  #dispatch(dt: number): void {
    if (this.#isJammed) return
    this.#departureFraction += (this.#outfeed / 4) * dt
    while (this.#departureFraction >= 1) {
      this.#departureFraction -= 1
      if (this.#outfeed === 0) continue
      this.#outfeed -= 1
      this.#departed += 1
    }
  }

  #temper(inflow: number, dt: number): void {
    const { supplyTemperature, ambientTemperature, lossPerSecond, temperingPerSecond } = this.profile.physics
    const direction = Math.sign(temperingPerSecond)
    const error = (this.#setpoints.temperature - this.#temperature) * direction
    const wanted = 30 * error + this.#temperingIntegral
    if ((wanted > 0 && error < 0) || (wanted < 100 && error > 0)) this.#temperingIntegral += 0.5 * error * dt
    this.#temperingIntegral = limit(this.#temperingIntegral, 0, 100)
    this.#tempering += (limit(wanted, 0, 100) - this.#tempering) * Math.min(1, dt / 4)
    const supply = supplyTemperature + 0.6 * this.#warmthDrift
    const mixing = (inflow / Math.max(this.#litres, 1e-3)) * (supply - this.#temperature)
    const loss = lossPerSecond * (ambientTemperature - this.#temperature)
    this.#temperature += (mixing + loss + (temperingPerSecond * this.#tempering) / 100) * dt
  }

  /** A cushion above the product: rising product compresses it, a regulator brings it back. */
  #pressurise(netInflow: number, dt: number): void {
    const { vesselLitres, pressureBar } = this.profile.physics
    const cushion = vesselLitres * 1.3 - this.#litres
    this.#pressure += ((pressureBar - this.#pressure) / 6) * dt
    this.#pressure += ((this.#pressure * netInflow) / cushion) * dt
    this.#pressure = limit(this.#pressure, 0, 2 * pressureBar)
  }

  #measure(inflow: number, dt: number): void {
    const { vesselLitres, flowFactor, pressureBar } = this.profile.physics
    const spread = this.profile.scales.temperature.high - this.profile.scales.temperature.low
    const follow = (name: ScaleName, truth: number, lagSeconds: number, noise: number): void => {
      const target = Math.max(0, truth + noise * this.#noise.normal())
      this.#measured[name] += (target - this.#measured[name]) * Math.min(1, dt / lagSeconds)
    }
    follow('speed', this.#speed, 0.3, this.#speed > 1 ? 1.6 : 0)
    follow('level', (100 * this.#litres) / vesselLitres, 0.8, 0.35)
    follow('temperature', this.#temperature, 3, 0.035 * spread)
    follow('pressure', this.#pressure, 0.5, 0.008 * pressureBar)
    follow('flow', inflow * flowFactor, 0.8, inflow > 0 ? 0.04 * inflow * flowFactor : 0)
  }

  #judge(dt: number): void {
    const { alarms, scales } = this.profile
    // A deadband of 2 % of the bar keeps a noisy value from chattering across its limit.
    const isBeyond = (name: ScaleName, id: string): boolean => {
      const { low, high, alarmLow, alarmHigh } = scales[name]
      const band = this.#alarms.isActive(id) ? (high - low) * 0.02 : 0
      const value = this.#measured[name]
      return value < (alarmLow ?? -Infinity) + band || value > (alarmHigh ?? Infinity) - band
    }
    const feed = (id: string, isAbnormal: boolean): void => {
      this.#alarms.feed(id, isAbnormal, this.#at, dt)
    }
    feed(alarms.temperature.id, isBeyond('temperature', alarms.temperature.id))
    feed(alarms.level.id, isBeyond('level', alarms.level.id))
    feed(alarms.levelStop.id, this.#isLevelHeld)
    feed(alarms.pressure.id, isBeyond('pressure', alarms.pressure.id))
    feed(alarms.jam.id, this.#isJammed)
    feed(alarms.starved.id, this.#isStarved && this.#setpoints.speed > 0)
    feed(alarms.rejects.id, this.#rejectPercent() > (this.#alarms.isActive(alarms.rejects.id) ? 2.5 : 4))
  }

  #rejectPercent(): number {
    if (this.#recentRejects.length < rejectWindow / 5) return 0
    return (100 * this.#recentRejects.filter(Boolean).length) / this.#recentRejects.length
  }

  #note(event: AlarmEvent): void {
    const words = { raised: '', returned: ' — back to normal', acknowledged: ' — acknowledged' }
    const text = `${event.alarm.id}  ${event.alarm.text}${words[event.kind]}`
    this.#write({ at: event.at, kind: 'alarm', text, by: event.by })
  }

  #write(entry: JournalEntry): void {
    this.#journal.push(entry)
    if (this.#journal.length > journalLength) this.#journal.shift()
  }
}

/** Whether `name` is something the panel may set. */
export function isSetpointName(name: string): name is SetpointName {
  return (setpointNames as readonly string[]).includes(name)
}
