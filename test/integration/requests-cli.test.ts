import { principalId } from '../../src/identity/index.js'
import { accounts, startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

const hour = 3_600_000

describe('requests at the command line', () => {
  let plant: Plant
  const ask = async (over = {}): Promise<string> => {
    const { email, subject, name } = accounts.vendor
    const { issuer } = plant.provider
    const principal = { id: principalId(issuer, subject), issuer, subject, email, name }
    const asked = { endpoints: ['press-3', 'press-4'], from: null, lengthMs: 2 * hour }
    return (
      await plant.gatehouse.services.requests.ask(
        { ...asked, reason: 'Replace the valve', ...over },
        principal,
      )
    ).id
  }
  beforeAll(async () => {
    plant = await startPlant({ extra: 'portal: { requestable: all }' })
  }, 30_000)
  afterAll(() => plant.close())

  it('are listed, shown, approved to less, and denied', async () => {
    expect((await plant.command('requests', 'list')).out).toBe('Nobody is asking for access.\n')
    const [first, second] = [await ask(), await ask()]
    const list = await plant.command('requests', 'list')
    expect(list.out).toContain(first)
    expect(list.out).toContain('when approved')

    const approved = await plant.command(
      'requests',
      'approve',
      first,
      '--endpoint',
      'press-4',
      '--view',
      '--json',
    )
    expect(approved.status).toBe(0)
    const { state, outcome } = JSON.parse(approved.out) as { state: string; outcome: { grantId: string } }
    expect(state).toBe('approved')
    const grant = await plant.gatehouse.services.grants.get(outcome.grantId)
    expect(grant).toMatchObject({ endpoints: ['press-4'], access: 'view', requestId: first })
    expect((await plant.command('requests', 'show', first)).out).toContain(`grant ${outcome.grantId}`)

    const denied = await plant.command('requests', 'deny', second, '--reason', 'The line runs')
    expect([denied.status, denied.out]).toEqual([0, `Request ${second} is denied.\n`])
    expect((await plant.command('requests', 'show', second)).out).toMatch(
      /denied by operator .*: The line runs/,
    )
    expect((await plant.command('requests', 'list')).out).toBe('Nobody is asking for access.\n')
    expect((await plant.command('requests', 'list', '--all')).out).toContain(second)
  })

  it('are approved for less time, from the first use, and once the control room has released it', async () => {
    const id = await ask()
    const less = ['--for', '90m', '--lasts', '30m', '--release']
    const { status, out } = await plant.command('requests', 'approve', id, ...less)
    expect(status).toBe(0)
    expect(out).toContain('for 30 min from its first use, once the control room has released it')
    const found = (await plant.gatehouse.services.grants.list()).find(({ requestId }) => requestId === id)
    expect((found?.until ?? 0) - (found?.from ?? 0)).toBe(1.5 * hour)
    expect(found?.conditions).toMatchObject({ needsRelease: true, lastsFromFirstUseMs: hour / 2 })
    const wider = await plant.command('requests', 'approve', await ask(), '--lasts', '3h')
    expect(wider.status).toBe(1)
  })

  it('are refused in words, with status 1', async () => {
    const id = await ask()
    await plant.command('requests', 'approve', id)
    for (const [words, code] of [
      [['approve', id], 'request-conflict'],
      [['deny', id, '--reason', 'too late now'], 'request-conflict'],
      [['show', 'q-0000000000000000'], 'request-unknown'],
    ] as const) {
      const { status, out } = await plant.command('requests', ...words, '--json')
      expect(status).toBe(1)
      expect(JSON.parse(out)).toMatchObject({ error: { code } })
    }
  })

  it('lapse by themselves, on record, while a gateway runs', async () => {
    const id = await ask()
    await plant.clock.advance({ hours: 8 })
    const { requests } = plant.gatehouse.services
    await until('it has lapsed', async () => {
      await plant.clock.advance({ seconds: 2 })
      return (await requests.get(id))?.outcome?.kind === 'lapsed'
    })
  })
})
