import { unconditional } from '../../src/grants/index.js'
import type { AccessRequest, Grant } from '../../src/model.js'
import { newsOfGrant, newsOfLockdown, newsOfRequest } from '../../src/notify/news.js'

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

describe('the news of a request that several have to agree to', () => {
  const actor = { kind: 'operator', account: 'root' } as const
  const terms: AccessRequest['terms'] = {
    ...{ endpoints: ['press-3'], access: 'operate', from: null, lengthMs: hour },
    ...{ lastsFromFirstUseMs: null, needsRelease: false },
  }
  const request: AccessRequest = {
    ...{ id: 'q-1', by: { principalId: 'p-ana', email: 'ana@vendor.example', name: 'Ana' }, terms },
    ...{ reason: 'belt', ticket: null, askedAt: noon, lapsesAt: noon + 8 * hour, outcome: null },
    approvals: [{ by: actor, at: noon + hour, terms }],
  }
  const kindsOf = (of: AccessRequest, agreed: number, needed = 2): string[] =>
    newsOfRequest(of, { agreed, needed }, noon + 2 * hour, noon - day).flatMap(
      ({ notice }) => notice?.kind ?? [],
    )

  it('are that some have agreed, once for each yes, and no more than count', () => {
    expect(kindsOf(request, 1)).toEqual(['access.requested', 'access.agreed'])
    const [, agreed] = newsOfRequest(request, { agreed: 1, needed: 2 }, noon + 2 * hour, noon - day)
    expect(agreed).toMatchObject({ mark: 'agreed 1', notice: { standing: { agreed: 1, needed: 2 } } })
    // Whoever agreed may count no longer, and the last yes is told as what came of it.
    for (const [counted, needed] of [
      [0, 2],
      [2, 2],
      [1, 1],
    ] as const)
      expect(kindsOf(request, counted, needed)).toEqual(['access.requested'])
  })

  it('are that it was taken back, and nothing of who had agreed', () => {
    const outcome = { kind: 'withdrawn', at: noon + hour } as const
    expect(kindsOf({ ...request, outcome }, 1)).toEqual(['access.withdrawn'])
  })
})

it('the news of a lockdown by a program name the program and who answers for it', () => {
  const by = { kind: 'service', tokenId: 't-1', name: 'Service desk', owner: 'cara@plant.example' } as const
  const [news] = newsOfLockdown({ scope: 'all', isOn: true, at: noon, by, reason: 'x' }, noon, noon - day)
  expect(news?.notice).toMatchObject({ by: 'Service desk (program of cara@plant.example)' })
})
