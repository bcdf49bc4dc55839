import { unconditional } from '../../src/grants/index.js'
import type { Grant } from '../../src/model.js'
import { newsOfGrant, newsOfLockdown } from '../../src/notify/news.js'

const noon = Date.UTC(2026, 10, 23, 12)
const hour = 3_600_000
const day = 24 * hour

/** Valid for some days, and on two of them for two hours only. */
const weekly: Grant = {
  ...{ id: 'g-1', to: { email: 'ana@vendor.example', principalId: 'p-ana' }, endpoints: ['press-3'] },
  ...{ access: 'operate', from: noon, until: noon + 5 * day, reason: 'belt', ticket: null, ending: 'cut' },
  conditions: {
    ...unconditional,
    windows: [
      { from: noon + day, until: noon + day + 2 * hour },
      { from: noon + 2 * day, until: noon + 2 * day + 2 * hour },
    ],
  },
  ...{ requestId: null, issuedBy: { kind: 'gateway' }, issuedAt: noon, revocation: null },
}
const told = (at: number): string[] =>
  newsOfGrant(weekly, at, noon - day).flatMap(({ notice }) => (notice === null ? [] : [notice.kind]))

describe('the news of a grant with weekly hours', () => {
  it('are not that it has started before the first of them', () => {
    expect(told(noon + hour)).not.toContain('grant.started')
    expect(told(noon + day)).toContain('grant.started')
  })

  it('are that it ends with the last of them, and not days later', () => {
    const end = noon + 2 * day + 2 * hour
    expect(told(end - 10 * 60_000)).toContain('grant.ends-soon')
    expect(told(end)).toContain('grant.ended')
    expect(told(noon + 5 * day)).not.toContain('grant.ended')
  })
})

it('the news of a lockdown by a program name the program and who answers for it', () => {
  const by = { kind: 'service', tokenId: 't-1', name: 'Service desk', owner: 'cara@plant.example' } as const
  const [news] = newsOfLockdown({ scope: 'all', isOn: true, at: noon, by, reason: 'x' }, noon, noon - day)
  expect(news?.notice).toMatchObject({ by: 'Service desk (program of cara@plant.example)' })
})
