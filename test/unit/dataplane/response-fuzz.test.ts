import { campaign, type Result } from '../../fuzz/campaign.js'
import { responses } from '../../fuzz/responses.js'

// The long run, of ten million, is `npm run fuzz:responses` (docs/reference/fuzzing.md).
describe('among forty thousand answers, none', () => {
  let result: Result
  beforeAll(async () => {
    result = await campaign(responses, { seed: 2026, from: 0, count: 40_000 })
  })

  it('is accepted that Node’s parser refuses, or reads in another way', () => {
    expect(result.finding).toBeNull()
  })

  it('of the ways to end is left out', () => {
    const { complete, ...others } = result.outcomes
    expect(complete).toBeGreaterThan(10_000)
    expect(Object.keys(others).sort()).toEqual(['incomplete', 'leniently read', 'refused', 'switched'])
  })
})
