import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startMailServer, type MailServer } from '../support/mail-server.js'
import { operator, startPlant, type Plant } from '../support/plant.js'
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
    extra: `notifications:
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
    await until('the mails', () => mailServer.mails.length === 6)
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
