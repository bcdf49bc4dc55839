import { checkDay, type Evidence, type LedgerRecord, type Rule } from '../soak/check.js'
import type { Act, Answered, Arrival, Fault } from '../soak/evidence.js'
import { judgeMemory } from '../soak/memory.js'

const begin = Date.parse('2026-11-27T06:00:00Z')
const at = (ms: number): string => new Date(begin + ms).toISOString()
const person = { email: 'ana@machines.example', principalId: 'p-ana' }

const record = (ms: number, event: string, fields: object, writer = 'host-1'): LedgerRecord => ({
  ...{ writer, at: at(ms), event },
  fields: { ...fields },
})
const issued = (change: object = {}): LedgerRecord =>
  record(0, 'grant.issued', {
    grant: {
      ...{ id: 'g-1', to: person, endpoints: ['press-3'], access: 'operate', from: at(0), until: at(20_000) },
      ...change,
    },
  })
const decided = (ms: number, change: object = {}, number = 1): LedgerRecord =>
  record(ms, 'request.decided', {
    ...{
      requestId: `r-${number}`,
      path: `/n/${number}`,
      outcome: 'permit',
      grantId: 'g-1',
      sessionId: 's-1',
    },
    ...{ principalId: person.principalId, endpointId: 'press-3' },
    ...change,
  })
const completed = (ms: number, number = 1): LedgerRecord =>
  record(ms, 'request.completed', { requestId: `r-${number}`, end: 'complete' })
const expired = (ms: number): LedgerRecord =>
  record(ms, 'request.completed', { requestId: 'r-1', end: 'cut', cause: 'grant-ended' })
const extended = (ms: number, until: number): LedgerRecord =>
  record(ms, 'grant.extended', { grantId: 'g-1', until: at(until) }, 'soak')
const arrived = (ms: number, change: Partial<Arrival> = {}): Arrival => ({
  ...{ kind: 'request', number: 1, at: begin + ms, monotonicMs: ms, method: 'GET' },
  ...{ endpointId: 'press-3', user: person.email },
  ...change,
})
const answered = (ms: number, change: Partial<Answered> = {}): Answered => ({
  ...{ number: 1, status: 200, at: begin + ms, problem: '-' },
  ...change,
})
const act = (ms: number, kind: Act['kind'], id: string, change: Partial<Act> = {}): Act => ({
  ...{ kind, id, askedAt: begin + ms - 10, answeredAt: begin + ms, outcome: 'done' },
  ...{ instance: 'host-1', code: null },
  ...change,
})
const fault = (kind: Fault['kind'], from: number, until: number, instance = ''): Fault => ({
  ...{ kind, instance, from: begin + from, until: begin + until },
})

/** A request at 5 s under a grant of 20 s, and what it leaves behind. */
const sound: Evidence = {
  records: [issued(), decided(5_000), completed(5_010)],
  arrivals: [arrived(5_002)],
  answers: [answered(5_010)],
  acts: [act(5, 'grant.issued', 'g-1')],
  faults: [],
}
const found = async (change: Partial<Evidence>): Promise<Rule[]> =>
  (await checkDay({ ...sound, ...change })).violations.map(({ rule }) => rule)

const revoked = record(3_900, 'grant.revoked', { grantId: 'g-1' }, 'soak')
const ended = record(3_900, 'session.ended', { sessionId: 's-1' }, 'soak')
const lockedDown = (scope: string): LedgerRecord => record(3_900, 'lockdown.on', { scope }, 'soak')
const lifted = (ms: number, scope: string): LedgerRecord => record(ms, 'lockdown.off', { scope }, 'soak')
const rest = [decided(5_000), completed(5_010)]

describe('the check of a day', () => {
  it('finds nothing where a permitted request arrived while its grant ran', async () => {
    const verdict = await checkDay(sound)
    expect(verdict.violations).toEqual([])
    expect(verdict).toMatchObject({ permits: 1, grants: 1, arrived: { requests: 1, changing: 0 } })
  })

  it.each<[string, Rule, Partial<Evidence>]>([
    ['has no record', 'unrecorded', { records: [issued()], answers: [] }],
    ['was denied', 'unrecorded', { records: [issued(), decided(5_000, { outcome: 'deny' })], answers: [] }],
    [
      'changes something and has no record, though an instance was killed',
      'unrecorded',
      {
        ...{ records: [issued()], answers: [], arrivals: [arrived(5_002, { method: 'POST' })] },
        faults: [fault('instance-killed', 5_020, 6_000, 'host-1')],
      },
    ],
    [
      'only looks and lost its record to no kill that was near',
      'unrecorded',
      { records: [issued()], answers: [], faults: [fault('instance-killed', 7_000, 8_000, 'host-1')] },
    ],
    [
      'was answered without reaching the machine or the ledger',
      'unrecorded',
      { records: [issued()], arrivals: [] },
    ],
    [
      'changes something before its record',
      'recorded-late',
      { arrivals: [arrived(4_999, { method: 'POST' })] },
    ],
    [
      'is a WebSocket before its record',
      'recorded-late',
      { arrivals: [arrived(4_999, { kind: 'websocket' })] },
    ],
    ['is permitted by a grant nobody issued', 'grant-missing', { records: rest, acts: [] }],
    [
      'is of another person',
      'wrong-principal',
      { arrivals: [arrived(5_002, { user: 'eve@machines.example' })] },
    ],
    [
      'is recorded for another person',
      'wrong-principal',
      { records: [issued(), decided(5_000, { principalId: 'p-eve' }), completed(5_010)] },
    ],
    ['reached another machine', 'wrong-endpoint', { arrivals: [arrived(5_002, { endpointId: 'press-4' })] }],
    [
      'is recorded for another machine than it reached',
      'wrong-endpoint',
      { records: [issued(), decided(5_000, { endpointId: 'press-4' }), completed(5_010)] },
    ],
    [
      'changes something under a grant to look',
      'view-only',
      { records: [issued({ access: 'view' }), ...rest], arrivals: [arrived(5_002, { method: 'PUT' })] },
    ],
    [
      'changes something in the second half of a short grant that ends by looking',
      'read-only',
      {
        records: [issued({ ending: 'read-only', until: at(9_980) }), ...rest],
        arrivals: [arrived(5_002, { method: 'POST' })],
      },
    ],
    ['was cut before its grant ended', 'cut-early', { records: [issued(), decided(5_000), expired(19_980)] }],
    [
      'was cut as its grant ended, which lets it finish what had begun',
      'cut-early',
      { records: [issued({ ending: 'drain' }), decided(5_000), expired(20_001)] },
    ],
    [
      'was cut though its grant had been extended',
      'cut-early',
      { records: [issued(), decided(5_000), extended(18_900, 30_000), expired(20_001)] },
    ],
    [
      'was cut though its grant had been extended before the backup that Redis was put back to',
      'cut-early',
      {
        records: [issued(), decided(5_000), extended(8_900, 30_000), expired(20_001)],
        faults: [fault('redis-rolled-back', 10_000, 13_000)],
      },
    ],
    [
      'went on for longer than its grant lets it finish',
      'stream-outlived',
      {
        records: [issued({ ending: 'drain' }), ...rest],
        arrivals: [arrived(5_002), arrived(31_001, { kind: 'end' })],
      },
    ],
    [
      'was decided after the end of a grant that lets others finish',
      'grant-ended',
      { records: [issued({ ending: 'drain', until: at(4_990) }), ...rest] },
    ],
    ['came before its grant began', 'grant-not-started', { records: [issued({ from: at(5_001) }), ...rest] }],
    [
      'was decided after its grant had ended',
      'grant-ended',
      { records: [issued({ until: at(4_990) }), ...rest] },
    ],
    [
      'was decided in time and took more than a second to arrive',
      'grant-ended',
      { records: [issued({ until: at(5_001) }), ...rest], arrivals: [arrived(6_002)] },
    ],
    [
      'was decided in time, and arrived more than a second after the host had stalled',
      'grant-ended',
      {
        records: [issued({ until: at(5_001) }), ...rest],
        ...{ arrivals: [arrived(8_001)], faults: [fault('host-stalled', 5_010, 6_900)] },
      },
    ],
    [
      'relies on an extension that was made later',
      'grant-ended',
      {
        records: [issued({ until: at(4_990) }), extended(5_500, 30_000), ...rest],
      },
    ],
    [
      'was decided after the revocation was acknowledged',
      'grant-revoked',
      { records: [issued(), revoked, ...rest], acts: [act(4_999, 'grant.revoked', 'g-1')] },
    ],
    [
      'was decided before the revocation and arrived more than a second after it',
      'grant-revoked',
      {
        records: [issued(), revoked, ...rest],
        ...{ acts: [act(5_001, 'grant.revoked', 'g-1')], arrivals: [arrived(6_002)] },
      },
    ],
    [
      'was decided on a host that was told alone of the revocation, a second before',
      'grant-revoked',
      {
        records: [issued(), revoked, ...rest],
        acts: [act(3_990, 'grant.revoked', 'g-1', { outcome: 'here' })],
      },
    ],
    [
      'came after its session was ended',
      'session-ended',
      { records: [issued(), ended, ...rest], acts: [act(4_990, 'session.ended', 's-1')] },
    ],
    ...['all', 'endpoint:press-3', `principal:${person.email}`].map(
      (scope): [string, Rule, Partial<Evidence>] => [
        `came during a lockdown of ${scope}`,
        'lockdown',
        {
          records: [issued(), lockedDown(scope), lifted(5_500, scope), ...rest],
          acts: [act(4_900, 'lockdown.on', scope)],
        },
      ],
    ),
    [
      'changes something and reached the machine twice',
      'sent-twice',
      { arrivals: [arrived(5_002, { method: 'DELETE' }), arrived(5_004, { method: 'DELETE' })] },
    ],
    ['is permitted twice', 'decided-twice', { records: [issued(), ...rest, decided(5_001)] }],
    ['ran to its end without a word about it', 'completion-lost', { records: [issued(), decided(5_000)] }],
    [
      'was never answered, with no word about its end',
      'completion-lost',
      { records: [issued(), decided(5_000)], answers: [] },
    ],
    [
      'lost its end to the kill of another instance',
      'completion-lost',
      {
        ...{ records: [issued(), decided(5_000)], answers: [] },
        faults: [fault('instance-killed', 5_020, 6_000, 'host-2')],
      },
    ],
    [
      'was answered long before the kill',
      'completion-lost',
      { records: [issued(), decided(5_000)], faults: [fault('instance-killed', 7_020, 8_000, 'host-1')] },
    ],
    [
      'got the answer to another',
      'answer-mixed-up',
      { answers: [answered(5_010, { problem: 'mixed-up', status: 0 })] },
    ],
    ['waits in vain', 'answer-missing', { answers: [answered(35_010, { problem: 'stuck', status: 0 })] }],
  ])('finds a request that %s', async (_, rule, change) => {
    expect(await found(change)).toContain(rule)
  })

  it.each<[string, Partial<Evidence>]>([
    ['as it ends, and was recorded a moment after', { records: [issued({ until: at(4_997) }), ...rest] }],
    [
      'right before the end, and on its way for less than a second',
      {
        records: [issued({ until: at(5_001) }), ...rest],
        arrivals: [arrived(5_900)],
      },
    ],
    [
      'under an extension',
      {
        records: [issued({ until: at(4_000) }), extended(3_500, 30_000), ...rest],
      },
    ],
    [
      'in the last part of its grant, and only looks',
      { records: [issued({ ending: 'read-only', until: at(9_980) }), ...rest] },
    ],
    [
      'before the last part of its grant, to change something',
      {
        records: [issued({ ending: 'read-only', until: at(10_010) }), ...rest],
        arrivals: [arrived(5_900, { method: 'POST' })],
      },
    ],
    [
      'in time, and finished after the end as its grant lets it',
      {
        records: [issued({ ending: 'drain', until: at(5_001) }), decided(5_000), completed(15_000)],
        arrivals: [arrived(5_002), arrived(15_000, { kind: 'end' })],
      },
    ],
    [
      'in time to open a WebSocket, and no further before its grant was over, which lets requests finish',
      {
        records: [issued({ ending: 'drain' }), decided(19_990, { kind: 'websocket' }), expired(20_001)],
        ...{ arrivals: [], answers: [answered(20_002, { status: 403 })] },
      },
    ],
    [
      'in time, and was cut while an extension was being made known',
      { records: [issued(), decided(5_000), extended(19_100, 30_000), expired(20_001)] },
    ],
    [
      'in time, and was cut by an instance that Redis could not tell of the extension',
      {
        records: [issued(), decided(5_000), extended(16_500, 30_000), expired(20_001)],
        faults: [fault('redis-frozen', 17_000, 22_000)],
      },
    ],
    [
      'in time, and was cut at the end that a Redis put back to an earlier state knows',
      {
        records: [issued(), decided(5_000), extended(11_000, 30_000), expired(20_001)],
        faults: [fault('redis-rolled-back', 10_000, 13_000)],
      },
    ],
    [
      'before the revocation was acknowledged',
      {
        records: [issued(), revoked, ...rest],
        acts: [act(5_000, 'grant.revoked', 'g-1')],
      },
    ],
    [
      'while a revocation failed',
      {
        records: [issued(), revoked, ...rest],
        acts: [act(4_000, 'grant.revoked', 'g-1', { outcome: 'failed' })],
      },
    ],
    [
      'on the other host, while only one could be told',
      {
        records: [issued(), revoked, ...rest],
        acts: [act(1_000, 'grant.revoked', 'g-1', { outcome: 'here', instance: 'host-2' })],
      },
    ],
    [
      'during a lockdown of something else',
      {
        records: [issued(), lockedDown('endpoint:press-4'), ...rest],
        acts: [act(4_000, 'lockdown.on', 'endpoint:press-4')],
      },
    ],
    [
      'after a lockdown was lifted',
      {
        records: [issued(), lockedDown('all'), lifted(4_500, 'all'), ...rest],
        acts: [act(4_000, 'lockdown.on', 'all'), act(4_510, 'lockdown.off', 'all')],
      },
    ],
    [
      'right before a kill, which lost the record',
      {
        ...{ records: [issued()], faults: [fault('instance-killed', 5_050, 6_000, 'host-1')] },
      },
    ],
    [
      'right before a kill, which lost its end',
      {
        ...{
          records: [issued(), decided(5_000)],
          faults: [fault('instance-killed', 5_050, 6_000, 'host-1')],
        },
      },
    ],
    [
      'into the ledger and no further',
      { records: [issued(), decided(5_000)], arrivals: [], answers: [answered(5_010, { status: 503 })] },
    ],
    [
      'through an instance that was frozen in the middle of it',
      {
        records: [issued({ until: at(5_001) }), ...rest],
        ...{ arrivals: [arrived(8_010)], faults: [fault('instance-frozen', 5_000, 8_000, 'host-1')] },
      },
    ],
    [
      'on a host that had no time for anybody',
      {
        records: [issued({ until: at(5_001) }), ...rest],
        ...{ arrivals: [arrived(7_001)], faults: [fault('host-stalled', 5_010, 6_900)] },
      },
    ],
    [
      'to a machine that could not look for a while',
      {
        records: [issued({ until: at(5_001) }), ...rest],
        arrivals: [arrived(7_000, { kind: 'stall', number: 1_990 }), arrived(7_001)],
      },
    ],
  ])('lets pass a request that came %s', async (_, change) => {
    expect(await found(change)).toEqual([])
  })

  describe('of a WebSocket that was open when its grant ended', () => {
    const open = arrived(5_002, { kind: 'websocket' })
    const frame = (ms: number): Arrival => arrived(ms, { kind: 'frame' })
    const end = (ms: number): Arrival => arrived(ms, { kind: 'end' })
    const records = [issued({ until: at(8_000) }), ...rest]
    const beyond = [issued(), revoked, ...rest]
    const acts = [act(8_000, 'grant.revoked', 'g-1')]

    it('lets pass what came and closed within the second', async () => {
      expect(await found({ records, arrivals: [open, frame(7_900), frame(8_100), end(8_900)] })).toEqual([])
    })

    it('finds a message that passed later, and that it stayed open', async () => {
      expect(await found({ records, arrivals: [open, frame(9_001)] })).toEqual(['stream-outlived'])
      expect(await found({ records, arrivals: [open, end(9_001)] })).toEqual(['stream-outlived'])
    })

    it('finds a message to a machine that its grant only lets look at, from the start or by then', async () => {
      const view = [issued({ access: 'view' }), ...rest]
      expect(await found({ records: view, arrivals: [open, frame(5_100)] })).toEqual(['view-only'])
      const looking = [issued({ ending: 'read-only', until: at(16_000) }), ...rest]
      expect(await found({ records: looking, arrivals: [open, frame(8_900), end(16_100)] })).toEqual([])
      expect(await found({ records: looking, arrivals: [open, frame(9_001)] })).toEqual(['read-only'])
    })

    it('lets none of it go on under a grant that lets requests finish', async () => {
      const upgrade = decided(5_000, { kind: 'websocket' })
      const draining = [issued({ ending: 'drain', until: at(8_000) }), upgrade, completed(5_010)]
      expect(await found({ records: draining, arrivals: [open, end(9_001)] })).toEqual(['stream-outlived'])
    })

    it('gives a revocation five seconds while Redis is away, and an expiry no longer than ever', async () => {
      const faults = [fault('redis-killed', 8_500, 12_000)]
      expect(await found({ records: beyond, acts, faults, arrivals: [open, end(12_900)] })).toEqual([])
      expect(await found({ records: beyond, acts, faults, arrivals: [open, end(13_001)] })).toEqual([
        'stream-outlived',
      ])
      expect(await found({ records, faults, arrivals: [open, end(9_001)] })).toEqual(['stream-outlived'])
    })

    it('allows a second after the thaw of its instance, and none for that of another', async () => {
      const arrivals = [open, end(12_500)]
      const frozen = (instance: string): Fault[] => [fault('instance-frozen', 7_000, 12_000, instance)]
      expect(await found({ records, arrivals, faults: frozen('host-1') })).toEqual([])
      expect(await found({ records, arrivals, faults: frozen('host-2') })).toEqual(['stream-outlived'])
      expect(await found({ records, arrivals: [open, end(13_001)], faults: frozen('host-1') })).toEqual([
        'stream-outlived',
      ])
    })
  })

  it.each<[Act['kind'], string]>([
    ['grant.issued', 'g-2'],
    ['grant.extended', 'g-1'],
    ['grant.revoked', 'g-1'],
    ['session.ended', 's-2'],
    ['lockdown.on', 'all'],
    ['lockdown.off', 'all'],
  ])('finds that %s was acknowledged and is in no ledger', async (kind, id) => {
    expect(await found({ acts: [act(9_000, kind, id)] })).toEqual(['act-lost'])
    expect(await found({ acts: [act(9_000, kind, id, { outcome: 'failed' })] })).toEqual([])
  })

  it('finds the second of two lockdowns that is in no ledger', async () => {
    const acts = [act(6_000, 'lockdown.on', 'all'), act(9_000, 'lockdown.on', 'all')]
    const records = [issued(), ...rest, lockedDown('all'), lifted(4_000, 'all')]
    expect(await found({ records, acts })).toEqual(['act-lost'])
  })
})

describe('the look at memory', () => {
  const life = (processId: number, from: number, seconds: number, mebiBytes: (second: number) => number) =>
    Array.from({ length: seconds }, (_, second) => ({
      ...{ atMs: from + second * 1_000, instance: 'host-1', processId },
      residentBytes: mebiBytes(second) * 2 ** 20,
    }))

  it('calls flat what grows while it warms up, and goes up and down', () => {
    const samples = life(1, 0, 400, (second) => 100 + Math.min(second, 60) + (second % 7))
    expect(judgeMemory(samples)).toMatchObject([{ instance: 'host-1', isFlat: true }])
  })

  it('finds what goes on growing', () => {
    expect(judgeMemory(life(1, 0, 400, (second) => 150 + second / 4))).toMatchObject([{ isFlat: false }])
  })

  it('looks at the longest of several lives', () => {
    const samples = [...life(1, 0, 130, () => 900), ...life(2, 130_000, 400, () => 150)]
    expect(judgeMemory(samples)).toMatchObject([{ firstHalfMiB: 150, isFlat: true }])
  })

  it('says nothing of lives that are too short to tell', () => {
    expect(judgeMemory(life(1, 0, 100, (second) => 100 * second))).toEqual([])
  })
})
