import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { operator, startPlant, type Plant } from '../support/plant.js'
import { startReceiver, type Receiver } from '../support/receiver.js'
import { until } from '../support/until.js'

let folder: string
let receiver: Receiver
let plant: Plant

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-notify-'))
  const secretFile = join(folder, 'hook-secret')
  await writeFile(secretFile, `whsec_${Buffer.alloc(32, 7).toString('base64')}\n`)
  receiver = await startReceiver()
  plant = await startPlant({
    extra: `notifications:\n  webhooks: [{ url: '${receiver.url}', secretFile: '${secretFile}' }]\n`,
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
    expect(receiver.received.every(({ body }) => !body.includes('enrolmentCode'))).toBe(true)
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
    expect(receiver.received.every(({ body }) => !body.includes(code))).toBe(true)
  })
})
