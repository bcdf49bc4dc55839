import { campaign, type Result } from '../../fuzz/campaign.js'
import { requests } from '../../fuzz/requests.js'

// The long run, of millions, is `npm run fuzz:requests` (docs/reference/fuzzing.md).
describe('among forty thousand requests, none', () => {
  let result: Result
  beforeAll(async () => {
    result = await campaign(requests, { seed: 2026, from: 0, count: 40_000 })
  })

  it('goes upstream otherwise than it was authorised', () => {
    expect(result.finding).toBeNull()
  })

  it('of the ways to end is left out', () => {
    const { refused, forwarded, 'forwarded through an opening': opened } = result.outcomes
    expect(refused).toBeGreaterThan(10_000)
    expect(forwarded).toBeGreaterThan(10_000)
    expect(opened).toBeGreaterThan(2_000)
  })
})
