import { AlarmList, type AlarmEvent } from '../../demo/plant/alarms.js'
import { FillingLine, filler, labeller, type MachineProfile } from '../../demo/plant/index.js'

const calm = (profile: MachineProfile = filler): FillingLine =>
  new FillingLine({ profile, hasIncidents: false })
const alarmIds = (line: FillingLine): string[] => line.snapshot().alarms.map((alarm) => alarm.id)

describe.each([filler, labeller])('the simulated $machine', (profile) => {
  it('loses and gains neither product nor bottles', () => {
    const line = new FillingLine({ profile, seed: 7 })
    for (let minute = 0; minute < 60; minute += 1) {
      if (minute === 20) line.set('level', 20, 'test')
      if (minute === 40) line.set('speed', 600, 'test')
      line.advance(60)
      const balance = line.balance()
      const litresIn = balance.initialLitres + balance.suppliedLitres
      expect(balance.vesselLitres + balance.dosedLitres).toBeCloseTo(litresIn, 6)
      expect(balance.infeedBottles + balance.filledBottles).toBe(balance.arrivedBottles)
      expect(balance.outfeedBottles + balance.departedBottles + balance.rejectedBottles).toBe(
        balance.filledBottles,
      )
      expect(balance.vesselLitres).toBeGreaterThanOrEqual(0)
      expect(balance.vesselLitres).toBeLessThanOrEqual(profile.physics.vesselLitres)
    }
    expect(line.balance().filledBottles).toBeGreaterThan(15_000)
  })

  it('comes to rest at its setpoints', () => {
    const line = calm(profile)
    line.advance(900)
    const { state, values, setpoints, alarms } = line.snapshot()
    expect(state).toBe('running')
    expect(alarms).toEqual([])
    expect(Math.abs(values.speed - setpoints.speed)).toBeLessThan(6)
    expect(Math.abs(values.level - setpoints.level)).toBeLessThan(2.5)
    const span = profile.scales.temperature.high - profile.scales.temperature.low
    expect(Math.abs(values.temperature - setpoints.temperature)).toBeLessThan(span * 0.04)
    expect(Math.abs(values.pressure - profile.physics.pressureBar)).toBeLessThan(0.15)
  })

  it('repeats itself for the same seed and differs for another', () => {
    const after = (seed: number): string => {
      const line = new FillingLine({ profile, seed })
      line.advance(300)
      return JSON.stringify([line.snapshot(), line.journal()])
    }
    expect(after(3)).toBe(after(3))
    expect(after(3)).not.toBe(after(4))
  })
})

describe('a speed setpoint', () => {
  it('is reached by a ramp and not by a jump', () => {
    const line = calm()
    line.advance(120)
    expect(line.set('speed', 500, 'ana')).toEqual({ ok: true })
    line.advance(2)
    expect(line.snapshot().values.speed).toBeGreaterThan(430)
    expect(line.snapshot().values.speed).toBeLessThan(475)
    expect(line.snapshot().state).toBe('starting')
    line.advance(10)
    expect(Math.abs(line.snapshot().values.speed - 500)).toBeLessThan(8)
    expect(line.snapshot().state).toBe('running')
  })

  it('of zero stops the line, and bottles with it', () => {
    const line = calm()
    line.advance(60)
    line.set('speed', 0, 'ana')
    line.advance(15)
    const { filled } = line.snapshot().counters
    line.advance(30)
    expect(line.snapshot().state).toBe('stopped')
    expect(line.snapshot().counters.filled).toBe(filled)
    expect(alarmIds(line)).toEqual([])
  })

  it.each([-1, 601, NaN, Infinity])('of %p is refused and changes nothing', (value) => {
    const line = calm()
    const answer = line.set('speed', value, 'ana')
    expect(answer).toEqual({ ok: false, message: 'Line speed must be 0 to 600 bpm.' })
    expect(line.snapshot().setpoints.speed).toBe(420)
    expect(line.journal()).toEqual([])
  })

  it('enters the journal with who made it', () => {
    const line = calm()
    line.advance(5)
    line.set('speed', 450, 'ana@machines.example')
    line.set('speed', 450, 'ana@machines.example')
    expect(line.journal()).toEqual([
      {
        at: expect.closeTo(5),
        kind: 'setpoint',
        text: 'Line speed setpoint 420 → 450 bpm',
        by: 'ana@machines.example',
      },
    ])
  })
})

describe('an alarm of the line', () => {
  it('comes when the product gets too warm, and goes when it is cool again', () => {
    const line = calm()
    line.advance(60)
    expect(alarmIds(line)).toEqual([])
    line.set('temperature', 10, 'test')
    line.advance(600)
    expect(line.snapshot().values.temperature).toBeGreaterThan(7)
    expect(line.snapshot().alarms).toMatchObject([{ id: 'TAH-202', state: 'unacknowledged', priority: 2 }])
    line.set('temperature', 5, 'test')
    line.advance(600)
    expect(line.snapshot().alarms).toMatchObject([{ id: 'TAH-202', state: 'returned' }])
  })

  it('holds the line when the tank runs low, and lets it go on by itself', () => {
    const line = calm()
    line.set('level', 10, 'test')
    line.advance(400)
    expect(alarmIds(line)).toEqual(expect.arrayContaining(['LAL-201', 'LALL-201']))
    expect(line.snapshot().state).toBe('held')
    expect(line.snapshot().values.speed).toBeLessThan(1)
    line.set('level', 70, 'test')
    line.advance(300)
    expect(line.snapshot().state).toBe('running')
  })

  it('reports a jam, which holds the line until it is cleared', () => {
    const line = calm()
    line.advance(60)
    line.jam(30)
    line.advance(5)
    expect(line.snapshot().state).toBe('held')
    expect(line.snapshot().alarms).toMatchObject([{ id: 'XA-230', state: 'unacknowledged', priority: 1 }])
    expect(line.acknowledge('XA-230', 'ben')).toBe(true)
    line.advance(60)
    expect(line.snapshot().state).toBe('running')
    expect(alarmIds(line)).toEqual([])
  })
})

describe('the alarm states of ISA-18.2', () => {
  const definition = { id: 'A', text: 'a', response: 'b', priority: 1, delaySeconds: 2 } as const
  const start = (): { list: AlarmList; events: string[] } => {
    const events: string[] = []
    const list = new AlarmList([definition], (event: AlarmEvent) =>
      events.push(`${event.kind} ${event.by}`.trim()),
    )
    return { list, events }
  }
  const state = (list: AlarmList): string => list.standing()[0]?.state ?? 'normal'

  it('wait out the delay, so that a flicker is no alarm', () => {
    const { list, events } = start()
    list.feed('A', true, 1, 1)
    list.feed('A', false, 2, 1)
    list.feed('A', true, 3, 1)
    expect(state(list)).toBe('normal')
    list.feed('A', true, 4, 1)
    expect(state(list)).toBe('unacknowledged')
    expect(events).toEqual(['raised'])
  })

  it('keep an alarm that went away unseen until somebody has seen it', () => {
    const { list, events } = start()
    list.feed('A', true, 2, 2)
    list.feed('A', false, 4, 2)
    expect(state(list)).toBe('returned')
    expect(list.acknowledge('A', 5, 'ben')).toBe(true)
    expect(state(list)).toBe('normal')
    expect(events).toEqual(['raised', 'returned', 'acknowledged ben'])
  })

  it('close an acknowledged alarm when its cause is gone', () => {
    const { list } = start()
    list.feed('A', true, 2, 2)
    expect(list.acknowledge('A', 3, 'ben')).toBe(true)
    expect(state(list)).toBe('acknowledged')
    expect(list.acknowledge('A', 3, 'ben')).toBe(false)
    list.feed('A', false, 5, 2)
    expect(state(list)).toBe('normal')
  })

  it('know nothing of other alarms', () => {
    const { list } = start()
    expect(list.acknowledge('B', 1, 'ben')).toBe(false)
    expect(() => {
      list.feed('B', true, 1, 1)
    }).toThrow('no such alarm: B')
  })
})
