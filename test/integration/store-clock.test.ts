import type { Client } from '../support/client.js'
import { readiness } from '../support/operations.js'
import { startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

const hour = 3_600_000

describe('when somebody sets the clock of the host', () => {
  let plant: Plant
  let client: Client
  /** What both hosts would have been set by together. */
  let redisStep: number

  beforeEach(async () => {
    redisStep = 0
    plant = await startPlant({
      enrolled: ['vendor'],
      storeTime: (clock) => clock.trueTime() + redisStep,
    })
    client = await plant.signIn('vendor')
  }, 30_000)
  afterEach(async () => {
    client.close()
    await plant.close()
  })

  const press = (path = '/'): string => plant.origin('press-3') + path
  const untilShown = (text: string): Promise<void> =>
    until(
      text,
      async () => {
        const { problems, warnings } = await readiness(plant)
        return [...problems, ...warnings].some((each) => each.includes(text))
      },
      2_500,
    )
  const untilAgreed = (): Promise<void> =>
    until(
      'the clocks agree',
      async () => {
        const { problems, warnings } = await readiness(plant)
        return ![...problems, ...warnings].some((each) => each.includes('clock'))
      },
      2_500,
    )

  it('gives nobody who asks anew an hour more by setting it back', async () => {
    await plant.issue({ until: '+1h' })
    expect((await client.navigate(press())).status).toBe(200)
    await plant.clock.advance({ minutes: 59 })
    plant.clock.step(-hour)
    // Before anybody has compared the clocks, and after.
    expect((await client.fetch(press())).status).toBe(200)
    await plant.clock.advance({ minutes: 1 })
    expect((await client.fetch(press())).status).toBe(403)
    await untilShown('behind that of Redis')
    expect((await client.fetch(press())).status).toBe(403)
    expect((await client.navigate(press())).text).toContain('Your access has ended')
  })

  it('lets nobody in an hour early by setting it forward, and takes nothing from those who are in', async () => {
    await plant.issue({ until: '+1h' })
    await plant.issue({ endpoints: ['press-4'], from: '+30m', until: '+2h' })
    expect((await client.navigate(press())).status).toBe(200)
    const live = await client.openWebSocket(press('/live'))
    plant.clock.step(hour)
    await untilShown('ahead of that of Redis')
    expect((await client.navigate(plant.origin('press-4'))).text).toContain('Your access has not started yet')
    expect((await client.fetch(press())).status).toBe(200)
    await plant.clock.advance({ minutes: 30 })
    expect((await client.navigate(plant.origin('press-4'))).status).toBe(200)
    await plant.clock.advance({ minutes: 29 })
    live.send('still here')
    await until('an echo', () => plant.machine.messages.includes('still here'))
    await plant.clock.advance({ minutes: 1 })
    expect(await live.closed).toEqual({ code: 1008, reason: 'grant-ended' })
  })

  it.each([
    ['back', -hour, 'behind'],
    ['forward', hour, 'ahead of'],
  ])(
    'gives nothing new while it is an hour off (%s), says so, and goes on by itself',
    async (_, step, where) => {
      const grant = await plant.issue({ until: '+1h' })
      plant.clock.step(step)
      await expect(plant.issue()).rejects.toMatchObject({ code: 'clock-untrusted', status: 503 })
      const { grants } = plant.gatehouse.services
      const longer = grants.extend(grant.id, '+2h', 'work goes on', { kind: 'gateway' })
      await expect(longer).rejects.toMatchObject({ code: 'clock-untrusted' })
      expect(await grants.list()).toEqual([grant])
      await untilShown(`${where} that of Redis`)
      expect((await readiness(plant)).http).toBe(200)
      plant.clock.step(-step)
      await untilAgreed()
      expect((await plant.issue({ until: '+1h' })).until).toBe(plant.clock.trueTime() + hour)
    },
  )

  it('gives nobody more when both clocks are set back, and says that it must be started anew', async () => {
    await plant.issue({ until: '+1h' })
    expect((await client.navigate(press())).status).toBe(200)
    const live = await client.openWebSocket(press('/live'))
    plant.clock.step(-hour)
    redisStep = -hour
    await untilShown('were both set back')
    await expect(plant.issue()).rejects.toMatchObject({ code: 'clock-untrusted' })
    await plant.clock.advance({ hours: 1 })
    expect(await live.closed).toEqual({ code: 1008, reason: 'grant-ended' })
    expect((await client.fetch(press())).status).toBe(403)
  })

  it('cuts at once what ended while the host was suspended', async () => {
    await plant.issue({ until: '+1h' })
    expect((await client.navigate(press())).status).toBe(200)
    const live = await client.openWebSocket(press('/live'))
    await live.next()
    // Neither the monotonic clock nor any timer of the host has noticed.
    plant.clock.step(hour)
    redisStep = hour
    await until('it is cut', async () => {
      await plant.clock.advance({ ms: 1 })
      return plant.gatehouse.streams().length === 0
    })
    expect(await live.closed).toEqual({ code: 1008, reason: 'grant-ended' })
    expect((await client.fetch(press())).status).toBe(403)
  })

  it('lets nobody in when it was wrong from the start, and begins when it has been set right', async () => {
    await plant.issue({ until: '+1h' })
    expect((await client.navigate(press())).status).toBe(200)
    await plant.clock.advance({ hours: 1 })
    // As a host that took local time for UTC, before its time server was asked.
    plant.clock.step(-hour)
    await plant.restart()
    await untilShown('behind that of Redis')
    expect((await readiness(plant)).http).toBe(503)
    const refused = await client.fetch(press())
    expect(refused.json()).toMatchObject({ status: 503, code: 'clock-untrusted' })
    plant.clock.step(hour)
    await until('it is ready', async () => (await readiness(plant)).http === 200, 2_500)
    expect((await client.fetch(press())).status).toBe(403)
    await plant.issue({ until: '+1h' })
    expect((await client.fetch(press())).status).toBe(200)
  })
})
