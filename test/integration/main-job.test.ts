import { createClient, type Client, type ClientSocket } from '../support/client.js'
import { readLedger } from '../../src/audit/index.js'
import { startPlant, type AccountName, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

/** What R1 promises, in real time, because sockets are real. */
const boundMs = 1_000

describe('a vendor', () => {
  let plant: Plant
  let clients: Client[] = []

  beforeAll(async () => {
    plant = await startPlant()
  }, 30_000)
  afterEach(async () => {
    for (const client of clients) client.close()
    clients = []
    for (const grant of await plant.gatehouse.services.grants.list()) {
      const isOver = grant.revocation !== null || grant.until <= plant.clock.now()
      if (!isOver) await plant.revoke(grant)
    }
  })
  afterAll(() => plant.close())

  const signedIn = async (name: AccountName = 'vendor'): Promise<Client> => {
    const client = await plant.signIn(name)
    clients.push(client)
    return client
  }
  const stranger = (): Client => {
    const client = createClient({ clock: plant.clock })
    clients.push(client)
    return client
  }
  const press = (path = '/'): string => plant.origin('press-3') + path
  const openLive = async (client: Client): Promise<ClientSocket> => {
    await client.navigate(press())
    const live = await client.openWebSocket(press('/live'))
    expect(await live.next()).toMatch(/^\d+$/)
    return live
  }
  const lastReceived = () => plant.machine.received.at(-1)
  const refusalOf = (client: Client, url: string): Promise<unknown> =>
    client.openWebSocket(url).then(
      () => 'opened',
      (error: unknown) => (error as { answer: { status: number } }).answer.status,
    )

  describe('with a running grant', () => {
    beforeEach(() => plant.issue())

    it('goes from the portal to the machine', async () => {
      const client = await signedIn()
      const home = await client.navigate(plant.portal)
      expect(home.text).toContain('press-3 panel')
      expect(home.text).not.toContain('press-4 panel')
      const page = await client.click(home, 'Open')
      expect(page.status).toBe(200)
      expect(page.url.href).toBe(press())
      expect(page.text).toContain('<h1>Machine</h1>')
    })

    it('arrives at the very path they came for, through sign-in and second factor', async () => {
      const client = stranger()
      const wanted = press('/recipes/17?tab=history&q=a%20b')
      const form = await plant.signInWithPassword(client, 'vendor', wanted)
      const page = await client.submit(form, { code: await plant.code('vendor') })
      expect(page.url.href).toBe(wanted)
      expect(page.status).toBe(200)
      expect(lastReceived()?.target).toBe('/recipes/17?tab=history&q=a%20b')
    })

    it('sends changes and sees live values', async () => {
      const client = await signedIn()
      const live = await openLive(client)
      const answer = await client.fetch(press('/setpoint'), { method: 'POST', body: 'speed=40' })
      expect(answer.text).toBe('taken: speed=40')
      live.send('speed=41')
      await until('the machine hears', () => plant.machine.messages.includes('speed=41'))
    })

    it('shows the machine who they are, and none of our cookies', async () => {
      const client = await signedIn()
      await client.navigate(press('/cookie'))
      await client.navigate(press('/'), {
        headers: { 'X-Gatehouse-User': 'root', 'X-Forwarded-For': '6.6.6.6' },
      })
      const received = lastReceived()
      expect(received?.header('cookie')).toBe('HMISESSION=abc')
      expect(received?.header('x-gatehouse-user')).toBe('ana@machines.example')
      expect(received?.header('x-forwarded-for')).toBe('127.0.0.1')
      expect(received?.header('x-forwarded-host')).toBe(new URL(press()).host)
      expect(received?.header('x-gatehouse-assertion')).toMatch(/^ey[\w-]+\.[\w-]+\.[\w-]+$/)
      expect(JSON.stringify(received?.rawHeaders)).not.toMatch(/__Host|root|6\.6\.6\.6/)
    })

    it('is sent on by the machine to another of ours, and nowhere else', async () => {
      const client = await signedIn()
      await client.navigate(press())
      const sentTo = async (to: string): Promise<[number, string | null]> => {
        const url = press(`/redirect?${new URLSearchParams({ to }).toString()}`)
        const answer = await client.navigate(url, { follow: false })
        return [answer.status, answer.header('location')]
      }
      const sibling = `${plant.origin('press-4')}/trend`
      expect(await sentTo(sibling)).toEqual([302, sibling])
      expect(await sentTo(`${plant.machine.url}/here`)).toEqual([302, press('/here')])
      expect(await sentTo('https://evil.example/')).toEqual([502, null])
      expect(await sentTo(`${plant.origin('press-99')}/`)).toEqual([502, null])
    })

    it('gets in nowhere else', async () => {
      const client = await signedIn()
      await client.navigate(press())
      const other = await client.navigate(plant.origin('press-4'))
      const unknown = await client.navigate(plant.origin('press-99'))
      expect([other.status, unknown.status]).toEqual([403, 403])
      const strip = (text: string): string =>
        text.replaceAll(/r-[0-9a-z]{16}|press-\d+|20\d\d-[\d:T.Z-]+/g, '')
      expect(strip(unknown.text)).toBe(strip(other.text))
      expect(await refusalOf(client, `${plant.origin('press-4')}/live`)).toBe(401)
    })

    it('is seen by nobody else who takes the address, and a pass works at one machine only', async () => {
      const client = await signedIn()
      await client.navigate(press())
      expect((await stranger().fetch(press())).status).toBe(401)
      const pass = client.cookies.header(new URL(press()), { isForeign: false, navigation: 'safe' })
      const elsewhere = await stranger().fetch(plant.origin('press-4'), { headers: { Cookie: pass } })
      expect(elsewhere.status).toBe(401)
    })

    it('is given no pass when the grant is lost on the way from the portal to the machine', async () => {
      const client = await signedIn()
      const asked = await client.navigate(press(), { follow: false })
      const handedOver = await client.navigate(asked.header('location') ?? '', { follow: false })
      const [grant] = await plant.gatehouse.services.grants.list()
      if (grant) await plant.revoke(grant)
      const entered = await client.navigate(handedOver.header('location') ?? '', { follow: false })
      expect(entered.status).toBe(403)
      expect(entered.header('set-cookie')).toBeNull()
    })

    it('cannot be driven by the page of another machine', async () => {
      const client = await signedIn()
      await client.navigate(press())
      const pass = client.cookies.header(new URL(press()), { isForeign: false, navigation: 'safe' })
      const before = plant.machine.received.length
      const from = plant.origin('press-4')
      const posted = await client.fetch(press('/setpoint'), {
        method: 'POST',
        body: 'x',
        from,
        headers: { Cookie: pass },
      })
      const read = await client.fetch(press('/setpoint?speed=0'), { from, headers: { Cookie: pass } })
      expect([posted.status, read.status]).toEqual([403, 403])
      await expect(client.openWebSocket(press('/live'), { origin: from })).rejects.toThrow('403')
      expect(plant.machine.received).toHaveLength(before)
    })

    it('has every request on record before the machine has it', async () => {
      const client = await signedIn()
      await client.navigate(press())
      await client.fetch(press('/setpoint?secret=1'), { method: 'POST', body: 'speed=42' })
      const found = []
      for await (const record of readLedger({
        directory: plant.config.audit.directory,
        event: 'request.decided',
      })) {
        if (record.fields.path === '/setpoint' && record.fields.method === 'POST') found.push(record.fields)
      }
      expect(found.at(-1)).toMatchObject({
        outcome: 'permit',
        reasons: ['grant-active'],
        endpointId: 'press-3',
      })
      expect(JSON.stringify(found)).not.toContain('secret')
    })
  })

  describe('is out within a second', () => {
    it('when the grant is revoked, with the reason on the socket and on the page', async () => {
      const grant = await plant.issue()
      const client = await signedIn()
      const live = await openLive(client)
      const began = performance.now()
      const { status } = await plant.command('grants', 'revoke', grant.id, '--reason', 'work is done')
      expect(status).toBe(0)
      const acknowledged = performance.now()
      expect(await live.closed).toEqual({ code: 1008, reason: 'grant-revoked' })
      expect(performance.now() - Math.min(acknowledged, began + boundMs)).toBeLessThan(boundMs)
      const page = await client.navigate(press())
      expect(page.status).toBe(403)
      expect(page.text).toContain('Your access was withdrawn')
      await until('the machine is free', () => plant.machine.openWebSockets() === 0)
    })

    it('when the grant ends, to the millisecond of its clock', async () => {
      await plant.issue({ until: '+2h' })
      const client = await signedIn()
      const live = await openLive(client)
      const [grant] = (await plant.gatehouse.services.grants.list()).filter((one) => one.revocation === null)
      await plant.clock.advance({ ms: (grant?.until ?? 0) - plant.clock.now() - 1 })
      expect((await client.fetch(press())).status).toBe(200)
      live.send('still here')
      await until('an echo', () => plant.machine.messages.includes('still here'))
      await plant.clock.advance({ ms: 1 })
      expect(await live.closed).toEqual({ code: 1008, reason: 'grant-ended' })
      expect((await client.navigate(press())).text).toContain('Your access has ended')
    })

    it('when the session is killed, and when the person signs out', async () => {
      const ways: [string, (client: Client) => Promise<unknown>][] = [
        [
          'session-killed',
          async () => {
            const [session] = await plant.gatehouse.services.sessions.list()
            return plant.command('sessions', 'kill', session?.id ?? '')
          },
        ],
        [
          'signed-out',
          async (client) => client.submit(await client.navigate(plant.portal), {}, { action: '/sign-out' }),
        ],
      ]
      for (const [cause, end] of ways) {
        await plant.issue()
        const client = await signedIn()
        const live = await openLive(client)
        await end(client)
        expect(await live.closed).toEqual({ code: 1008, reason: cause })
        expect((await client.fetch(press())).status).toBe(401)
      }
    })

    it('in the middle of a download, an event stream and an upload', async () => {
      const grant = await plant.issue()
      const client = await signedIn()
      await client.navigate(press())
      const download = await client.stream(press('/megabytes/2000'))
      download.pause()
      const events = await client.stream(press('/events'))
      await events.until((text) => text.includes('data: 1'))
      await plant.revoke(grant)
      download.resume()
      expect(await Promise.all([download.ended, events.ended])).toEqual(['broken', 'broken'])
    })

    it('but stays in when the grant is extended', async () => {
      const grant = await plant.issue({ until: '+1h' })
      const client = await signedIn()
      const live = await openLive(client)
      await plant.command('grants', 'extend', grant.id, '--until', '+3h', '--reason', 'work goes on')
      await until('the new deadline is known', () =>
        plant.gatehouse.streams().some((stream) => stream.closeAt > grant.until),
      )
      await plant.clock.advance({ hours: 2 })
      live.send('after two hours')
      await until('an echo', () => plant.machine.messages.includes('after two hours'))
    })
  })

  describe('without a running grant', () => {
    it('is told when it starts, and let in from that moment on', async () => {
      await plant.issue({ from: '+2h', until: '+4h' })
      const client = await signedIn()
      const page = await client.navigate(press())
      expect(page.status).toBe(403)
      expect(page.text).toContain('has not started yet')
      await plant.clock.advance({ hours: 2 })
      expect((await client.navigate(press())).status).toBe(200)
    })

    it('is told that there is none, and what to do', async () => {
      const client = await signedIn('stranger')
      expect((await client.navigate(plant.portal)).text).toMatch(/ask|call/i)
      expect((await client.navigate(press())).status).toBe(403)
    })

    it('may look but not touch with a grant to view', async () => {
      await plant.issue({ access: 'view' })
      const client = await signedIn()
      const live = await openLive(client)
      const answer = await client.fetch(press('/setpoint'), { method: 'POST', body: 'speed=0' })
      expect([answer.status, (answer.json() as { code: string }).code]).toEqual([403, 'view-only'])
      live.send('speed=0')
      await live.next()
      await live.next()
      expect(plant.machine.messages).not.toContain('speed=0')
    })
  })

  describe('who is not who they say', () => {
    it('gets no grant of an address that the provider does not vouch for', async () => {
      await plant.issue()
      const client = await signedIn('unverified')
      expect((await client.navigate(press())).status).toBe(403)
    })

    it('gets nowhere with the password alone', async () => {
      await plant.issue()
      const client = stranger()
      const page = await plant.signInWithPassword(client, 'vendor')
      expect(page.text).toContain('one-time-code')
      expect((await client.navigate(plant.portal)).url.pathname).toBe('/second-factor')
      expect((await client.navigate(press())).url.pathname).toBe('/second-factor')
    })

    it('cannot use a code twice, not even in another browser', async () => {
      const code = await plant.code('vendor')
      const first = stranger()
      await first.submit(await plant.signInWithPassword(first, 'vendor'), { code })
      expect((await first.navigate(plant.portal)).status).toBe(200)
      const second = stranger()
      const page = await second.submit(await plant.signInWithPassword(second, 'vendor'), { code })
      expect(page.status).toBe(422)
      expect(page.text).toContain('has been used')
    })
  })

  it.each([
    ['https://evil.example/'],
    ['//evil.example'],
    ['/\\evil.example'],
    ['javascript:alert(1)'],
    ['http://portal.localhost@evil.example/'],
  ])('is not sent to %s after sign-in', async (to) => {
    const answer = await stranger().navigate(
      `${plant.portal}/sign-in?${new URLSearchParams({ to }).toString()}`,
    )
    expect(answer.status).toBe(400)
    expect(answer.text).toContain('return-target-invalid')
  })

  it('finds nothing under a name that is not ours', async () => {
    const { port } = new URL(plant.portal)
    const names = [
      'evil.example',
      `evil.example:${port}`,
      'portal.localhost',
      'portal.localhost:1',
      `plant.localhost:${port}`,
      `a.b.plant.localhost:${port}`,
      `press-3.plant.localhost.evil.example:${port}`,
    ]
    for (const name of names) {
      const answer = await stranger().fetch(plant.portal, { headers: { Host: name } })
      expect([name, answer.status]).toEqual([name, 421])
      expect(answer.json()).toMatchObject({ code: 'host-unknown', status: 421 })
    }
  })
})
