import { campaign } from '../fuzz/campaign.js'
import { openSockets } from '../fuzz/sockets.js'

// The long run, of many thousands, is `npm run fuzz:sockets` (docs/reference/fuzzing.md).
describe('among three thousand requests over real sockets', () => {
  it('a machine receives byte for byte what was authorised, and nothing of what was refused', async () => {
    const sockets = await openSockets()
    const { finding, outcomes } = await campaign(sockets, { seed: 2026, from: 0, count: 3_000 })
    await sockets.close?.()
    expect(finding).toBeNull()
    const { forwarded, refused, 'refused by the parser': unread } = outcomes
    expect(forwarded).toBeGreaterThan(800)
    expect(refused).toBeGreaterThan(800)
    expect(unread).toBeGreaterThan(300)
  })
})
