import { readLedger } from '../../src/audit/index.js'
import { accounts, startPlant, type Plant } from '../support/plant.js'

/*
 * A break-glass code that was taken back stood in the list like one that waits. So the end of a company whose people had
 * one took it back three times over, put that on record each time, and then answered that not all had ended: whoever ends
 * a company in a hurry was sent looking for what was done already, and administrators read of a code that still lets
 * somebody in.
 */

let plant: Plant
beforeAll(async () => {
  plant = await startPlant({
    enrolled: ['vendor'],
    extra: 'companies: [{ id: machines, name: Machines GmbH, emailDomains: [machines.example] }]',
  })
}, 60_000)
afterAll(async () => {
  await plant.close()
})

it('ends with a waiting break-glass code, once', async () => {
  ;(await plant.signIn('vendor')).close()
  const { email } = accounts.vendor
  const made = await plant.command(
    ...['users', 'break-glass', email, '--reason', 'provider is down', '--anyway', '--json'],
  )
  const { sessionId } = JSON.parse(made.out) as { sessionId: string }
  const end = () => plant.command('companies', 'end', 'machines', '--reason', 'Contract ended')
  const done = await end()
  expect([done.status, done.err, done.out]).toEqual([
    0,
    '',
    'Ended of machines: 0 grants, 0 requests, 1 sessions, 1 break-glass codes.\n',
  ])
  const withdrawn: unknown[] = []
  for await (const { fields } of readLedger({
    ...{ directory: plant.config.audit.directory, event: 'break-glass.withdrawn' },
  }))
    withdrawn.push(fields.sessionId)
  expect(withdrawn).toEqual([sessionId])
  expect((await end()).out).toContain('0 break-glass codes')
  const again = await plant.command('sessions', 'kill', sessionId)
  expect([again.status, again.err]).toEqual([1, expect.stringContaining('ended already')])
})
