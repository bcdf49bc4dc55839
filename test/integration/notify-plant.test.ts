import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startMailServer, type MailServer } from '../support/mail-server.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'
import { startReceiver, type Receiver } from '../support/receiver.js'
import { until } from '../support/until.js'

let folder: string
let receiver: Receiver
let mailServer: MailServer
let plant: Plant

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-notify-'))
  const secretFile = join(folder, 'hook-secret')
  await writeFile(secretFile, `whsec_${Buffer.alloc(32, 7).toString('base64')}\n`)
  receiver = await startReceiver()
  mailServer = await startMailServer()
  plant = await startPlant({
    extra: `portal: { requestable: all }
notifications:
  smtp: { url: 'smtp://127.0.0.1:${mailServer.port}', from: gate@plant.example, administrators: [it@plant.example] }
  webhooks: [{ url: '${receiver.url}', secretFile: '${secretFile}' }]
`,
  })
}, 60_000)
afterAll(async () => {
  await plant.close()
  await receiver.close()
  await rm(folder, { recursive: true })
})

const types = (): string[] => receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type)
const comesTo = (type: string): Promise<void> =>
  until(type, async () => {
    await plant.clock.advance({ seconds: 1 })
    await new Promise((resolve) => setTimeout(resolve, 5))
    return types().includes(type)
  })

describe('a plant with notifications', () => {
  it('tells of what pages and commands do, while machines and people go on', async () => {
    await until('the first look', async () => {
      await plant.clock.advance({ seconds: 1 })
      const { store } = plant.gatehouse.services
      return (await store.run((redis) => redis.exists(store.key('notifications', 'since')))) === 1
    })
    const grant = await plant.issue()
    await comesTo('grant.issued')
    const revoked = await plant.command('grants', 'revoke', grant.id, '--reason', 'wrong machine')
    expect(revoked.status).toBe(0)
    await comesTo('grant.revoked')
    await plant.command('lockdown', 'on', '--scope', 'all', '--reason', 'drill of the plant')
    await comesTo('lockdown.on')
    await plant.gatehouse.services.lockdowns.off('all', 'drill is over', operator)
    await comesTo('lockdown.off')
    await until('the mails', () => mailServer.mails.length === 4)
    const told = mailServer.mails.map(
      ({ to, source }) => `${to.join()}: ${/^Subject: (.*)$/m.exec(source)?.[1] ?? ''}`,
    )
    expect(told.map((line) => line.trim())).toEqual([
      'ana@machines.example: Access to press-3 panel',
      'ana@machines.example: The plant has ended your access to press-3 panel',
      'it@plant.example: Locked down: all machines',
      'it@plant.example: Lockdown lifted: all machines',
    ])
  })

  it('tells who may answer that somebody asks, and who asked what came of it', async () => {
    const before = mailServer.mails.length
    const approver = await plant.signIn('approver')
    const vendor = await plant.signIn('vendor')
    const { requests } = plant.gatehouse.services
    const [ana, ben] = await Promise.all(
      (['vendor', 'approver'] as const).map(async (name) => {
        const [person] = await plant.gatehouse.services.people.byEmail(accounts[name].email)
        if (person === undefined) throw new Error(`${name} is not known`)
        return person.principal
      }),
    )
    const actor = { kind: 'principal', principalId: ben?.id ?? '', email: ben?.email ?? '' } as const
    const yes = { actor, roles: ['approver'], hasFreshCode: true } as const
    const asked = { endpoints: ['press-3'], from: null, lengthMs: 3_600_000, reason: 'worn belt' }
    if (ana === undefined) throw new Error('the vendor is not known')
    const first = await requests.ask(asked, ana)
    await comesTo('access.requested')
    const { outcome } = await requests.approve(first.id, yes, { lengthMs: 1_800_000 })
    await comesTo('access.approved')
    const second = await requests.ask({ ...asked, reason: 'another belt' }, ana)
    await requests.deny(second.id, yes, 'not tonight')
    await comesTo('access.denied')
    const taken = await requests.ask({ ...asked, reason: 'the wrong belt' }, ana)
    await requests.withdraw(taken.id, ana)
    await comesTo('access.withdrawn')
    await requests.ask({ ...asked, reason: 'a third belt' }, ana)
    await until('its mail', () => mailServer.mails.slice(before).length >= 5)
    await plant.clock.advance({ hours: 9 })
    await comesTo('access.lapsed')
    const told = (): string[] =>
      mailServer.mails
        .slice(before)
        .map(({ to, source }) => `${to.join()}: ${/^Subject: (.*)$/m.exec(source)?.[1]?.trim() ?? ''}`)
    const lapsed = 'ana@machines.example: Nobody answered: access to press-3 panel'
    await until('the last mail', () => told().includes(lapsed))
    // That the grant has ended comes at its own time.
    expect(new Set(told().filter((line) => !line.includes('has ended')))).toEqual(
      new Set([
        'ben@plant.example: ana@machines.example asks for access to press-3 panel',
        'ben@plant.example: ana@machines.example no longer asks for access to press-3 panel',
        'ana@machines.example: Approved: access to press-3 panel',
        'ana@machines.example: Denied: access to press-3 panel',
        lapsed,
      ]),
    )
    // One mail about what was given, and both for a system that has to tell the grant from the request.
    const grantId = outcome?.kind === 'approved' ? outcome.grantId : ''
    const issued = receiver.received.map(({ body }) => JSON.parse(body) as { type: string; data: object })
    expect(issued.filter(({ type }) => type === 'grant.issued').at(-1)?.data).toMatchObject({
      ...{ grantId, requestId: first.id },
    })
    approver.close()
    vendor.close()
  }, 60_000)

  it('tells administrators’ systems of break-glass, made and used', async () => {
    const client = await plant.signIn('admin')
    client.close()
    await plant.provider.close()
    const made = await plant.command(
      ...['users', 'break-glass', 'cara@plant.example', '--reason', 'provider is down', '--json'],
    )
    const { code } = JSON.parse(made.out) as { code: string }
    await comesTo('break-glass.issued')
    await plant.gatehouse.services.breakGlass.use(code, '127.0.0.1')
    await comesTo('break-glass.used')
    await until(
      'the mails',
      () => mailServer.mails.filter(({ to }) => to.includes('it@plant.example')).length === 4,
    )
    expect(receiver.received.some(({ body }) => body.includes(code))).toBe(false)
    expect(mailServer.mails.some(({ source }) => source.includes(code))).toBe(false)
  })

  it('shows what could not be sent, and sends it again when told to', async () => {
    receiver.answer = (res) => res.writeHead(410).end()
    await plant.issue({ reason: 'another valve' })
    await until('given up', async () => {
      await plant.clock.advance({ seconds: 1 })
      return (await plant.command('notifications', 'list')).out.includes('given-up')
    })
    const { out } = await plant.command('notifications', 'list', '--json')
    const listed = JSON.parse(out) as {
      notifications: { id: string; state: string; problem: string }[]
      givenUp: number
    }
    expect(listed.givenUp).toBe(1)
    const lost = listed.notifications.find(({ state }) => state === 'given-up')
    expect(lost?.problem).toBe('answered 410: nobody wants these any more')
    expect(out).not.toContain('/hooks/gate')
    receiver.answer = (res) => res.writeHead(204).end()
    const retried = await plant.command('notifications', 'retry', lost?.id ?? '', '--json')
    expect(retried.status).toBe(0)
    await until('nothing left', async () => {
      await plant.clock.advance({ seconds: 1 })
      return (await plant.command('notifications', 'list')).out.startsWith('Nothing waits')
    })
    const unknown = await plant.command('notifications', 'retry', 'n-unknown', '--json')
    expect([unknown.status, unknown.out]).toEqual([1, expect.stringContaining('"notification-unknown"')])
  })

  it('sends a test mail, and says what became of it', async () => {
    const tested = await plant.command('notifications', 'test', '--to', 'it@plant.example')
    expect([tested.status, tested.out]).toEqual([0, 'The mail server took it. Look into the mailbox.\n'])
    expect(mailServer.mails.at(-1)?.source).toContain('Nothing has happened.')
    const refused = await plant.command('notifications', 'test', '--to', 'nobody')
    expect(refused.status).toBe(1)
    await mailServer.close()
    const failed = await plant.command('notifications', 'test', '--to', 'it@plant.example', '--json')
    expect([failed.status, JSON.parse(failed.out)]).toEqual([1, expect.objectContaining({ isSent: false })])
  })
})
