// While the ledger could not be written, the end of a request that was already running was refused like a new
// request, and forgotten: the ledger showed a download that began and never ended, nor how much of it passed.
import { appendFile, readdir, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { readLedger } from '../../src/audit/index.js'
import { startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

describe('a request that ends while the ledger cannot be written', () => {
  let plant: Plant

  beforeAll(async () => {
    plant = await startPlant()
    await plant.issue()
  }, 30_000)
  afterAll(() => plant.close())

  it('is completed in the ledger once it can', async () => {
    const { directory } = plant.config.audit
    const { ledger } = plant.gatehouse.services
    const client = await plant.signIn('vendor')
    const press = plant.origin('press-3')
    await client.navigate(press)
    const running = await client.stream(`${press}/endless`)
    const stream = plant.gatehouse.streams().find(({ path }) => path === '/endless')

    const name = (await readdir(directory)).find((file) => /^gateway.*\.jsonl?$/.test(file)) ?? ''
    const file = join(directory, name)
    const { size } = await stat(file)
    await appendFile(file, 'x')
    await expect(ledger.append({ event: 'gateway.started', version: 'test' })).rejects.toThrow()
    expect(ledger.isWritable()).toBe(false)
    expect(stream).toBeDefined()
    running.abort()
    await until('it has ended', () => plant.gatehouse.streams().length === 0)

    await truncate(file, size)
    await plant.clock.advance({ seconds: 2 })
    await until('the ledger works', () => ledger.isWritable())
    const completed = async (): Promise<boolean> => {
      for await (const record of readLedger({ directory, event: 'request.completed' })) {
        if (record.fields.requestId === stream?.id) return true
      }
      return false
    }
    await until('it is on record', completed)
    client.close()
  })
})
