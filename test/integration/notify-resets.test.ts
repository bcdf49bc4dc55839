import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { principalId, type Administrator } from '../../src/identity/index.js'
import { startMailServer, type MailServer } from '../support/mail-server.js'
import { accounts, startPlant, type AccountName, type Plant } from '../support/plant.js'
import { startReceiver, type Receiver } from '../support/receiver.js'
import { until } from '../support/until.js'

const why = 'lost the phone, known by voice'

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
    extra: `totp: { secondAdministrator: true }
notifications:
  smtp: { url: 'smtp://127.0.0.1:${mailServer.port}', from: gate@plant.example, administrators: [it@plant.example] }
  webhooks: [{ url: '${receiver.url}', secretFile: '${secretFile}' }]
`,
  })
  for (const name of ['vendor', 'stranger', 'approver', 'admin', 'secondAdmin'] as const)
    (await plant.signIn(name)).close()
  await until('the first look', async () => {
    await plant.clock.advance({ seconds: 1 })
    const { store } = plant.gatehouse.services
    return (await store.run((redis) => redis.exists(store.key('notifications', 'since')))) === 1
  })
}, 60_000)
afterAll(async () => {
  await plant.close()
  await receiver.close()
  await rm(folder, { recursive: true })
})

const idOf = (name: AccountName): string => principalId(plant.provider.issuer, accounts[name].subject)
const administrator = (name: AccountName): Administrator => ({
  actor: { kind: 'principal', principalId: idOf(name), email: accounts[name].email },
  ...{ roles: ['admin'], hasFreshCode: true },
})
const told = (): { type: string; data: Record<string, unknown> }[] =>
  receiver.received.map(({ body }) => JSON.parse(body) as ReturnType<typeof told>[number])
const comesTo = (type: string, proposalId: string): Promise<void> =>
  until(`${type} of ${proposalId}`, async () => {
    await plant.clock.advance({ seconds: 1 })
    return told().some((one) => one.type === type && one.data.proposalId === proposalId)
  })
const mails = (): string[] =>
  mailServer.mails.map(
    ({ to, source }) => `${to.join()}: ${/^Subject: (.*)$/m.exec(source)?.[1]?.trim() ?? ''}`,
  )
const mailsComeTo = (count: number): Promise<void> =>
  until('the mails', async () => {
    await plant.clock.advance({ seconds: 1 })
    return mailServer.mails.length >= count
  })

it('tells who may confirm a reset that it is proposed, and who proposed it the answer', async () => {
  const { resets } = plant.gatehouse.services
  const { id } = await resets.propose(idOf('vendor'), why, administrator('admin'))
  await comesTo('reset.proposed', id)
  await mailsComeTo(1)
  await resets.confirm(id, 'called back', administrator('secondAdmin'))
  await comesTo('reset.confirmed', id)
  const another = await resets.propose(idOf('stranger'), why, administrator('admin'))
  await comesTo('reset.proposed', another.id)
  await resets.decline(another.id, 'nobody rang me', administrator('secondAdmin').actor)
  await comesTo('reset.declined', another.id)
  await mailsComeTo(4)
  const subjects = mails().map((line) => line.replace(/\s+/g, ' ').replace(/: (\w+).*/, ' $1'))
  expect([...subjects].sort()).toEqual([
    'cara@plant.example Confirmed',
    'cara@plant.example Declined',
    'dora@plant.example A',
    'dora@plant.example A',
  ])
  expect(told().filter(({ data }) => data.proposalId === id)).toMatchObject([
    {
      type: 'reset.proposed',
      data: { email: accounts.vendor.email, by: accounts.admin.email, reason: why, outcome: null },
    },
    {
      type: 'reset.confirmed',
      data: { outcome: { by: accounts.secondAdmin.email, reason: 'called back' } },
    },
  ])
}, 60_000)

it('tells nobody but systems of a proposal that was taken back by who made it', async () => {
  const { resets } = plant.gatehouse.services
  const before = mailServer.mails.length
  const { id } = await resets.propose(idOf('stranger'), why, administrator('secondAdmin'))
  await comesTo('reset.proposed', id)
  await mailsComeTo(before + 1)
  await resets.decline(id, 'found the phone', administrator('secondAdmin').actor)
  await comesTo('reset.declined', id)
  // Another that comes later is sent later.
  const next = await resets.propose(idOf('stranger'), why, administrator('admin'))
  await comesTo('reset.proposed', next.id)
  await mailsComeTo(before + 2)
  const since = mails().slice(before)
  expect(since.map((line) => line.split(':', 1)[0])).toEqual(['cara@plant.example', 'dora@plant.example'])
}, 60_000)
