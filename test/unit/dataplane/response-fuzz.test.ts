import { campaign } from '../../fuzz/campaign.js'
import { responses } from '../../fuzz/responses.js'

// The long run, of ten million, is `npm run fuzz:responses` (docs/reference/fuzzing.md).
describe('among forty thousand answers, none', () => {
  const { finding, outcomes } = campaign(responses, { seed: 2026, from: 0, count: 40_000 })

  it('is accepted that Node’s parser refuses, or reads in another way', () => {
    expect(finding).toBeNull()
  })

  it('of the ways to end is left out', () => {
    const kinds = ['complete', 'refused', 'incomplete', 'leniently read', 'switched']
    expect(Object.keys(outcomes).sort()).toEqual(kinds.sort())
    expect(outcomes.complete).toBeGreaterThan(10_000)
  })
})
