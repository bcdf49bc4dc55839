// Grants to be ended with a company were looked for among the 10,000 that end last. Whoever could write to Redis, or a plant
// with more of them, hid a running grant behind those, and the company was told to have ended.
import { startPlant, type Plant } from '../support/plant.js'

describe('a grant that ends before ten thousand others', () => {
  let plant: Plant
  beforeAll(async () => {
    plant = await startPlant()
  }, 30_000)
  afterAll(() => plant.close())

  it('is found where all are looked for that have not ended', async () => {
    const { grants, store } = plant.gatehouse.services
    const running = await plant.issue()
    const planted = Array.from({ length: 10_050 }, (_, index) => [
      running.until + 1 + index,
      `g-${String(index).padStart(16, '0')}`,
    ])
    await store.run((redis) => redis.zadd(store.key('grants', 'all'), ...planted.flat()))
    expect((await grants.endingAfter(plant.clock.now())).map(({ id }) => id)).toEqual([running.id])
  }, 60_000)
})
