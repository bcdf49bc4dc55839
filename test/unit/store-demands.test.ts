import { judgeStore } from '../../src/lib/index.js'

/** A Redis that is all it should be; a field can be changed, or left out with null. */
function seen(
  fields: Record<string, string | null> = {},
  settings: Record<string, string | null> = {},
): Parameters<typeof judgeStore>[0] {
  const all: Record<string, string | null> = {
    redis_version: '7.0.15',
    used_memory: '1000000',
    maxmemory: '0',
    maxmemory_policy: 'noeviction',
    rdb_last_bgsave_status: 'ok',
    aof_enabled: '1',
    aof_last_write_status: 'ok',
    role: 'master',
    ...fields,
  }
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}:${value}`]))
  return {
    info: ['# Server', ...lines, ''].join('\r\n'),
    settings: { save: '3600 1', appendfsync: 'always', 'stop-writes-on-bgsave-error': 'yes', ...settings },
  }
}

const mega = 2 ** 20

describe('what is demanded of Redis', () => {
  const fine: [string, ReturnType<typeof seen>][] = [
    ['Redis 7.0 as it should be', seen()],
    ['Redis 8', seen({ redis_version: '8.0.1' })],
    ['Redis 10, which no text sorts behind 7', seen({ redis_version: '10.0.0' })],
    [
      'Valkey, which calls itself 7.2',
      seen({ redis_version: '7.2.4', server_name: 'valkey', valkey_version: '8.1.0' }),
    ],
    ['a memory limit that is not reached', seen({ maxmemory: String(100 * mega) })],
    ['a policy of eviction without a limit', seen({ maxmemory_policy: 'allkeys-lru' })],
    ['a failed snapshot where no snapshots are made', seen({ rdb_last_bgsave_status: 'err' }, { save: '' })],
    [
      'a failed snapshot that stops nothing',
      seen({ rdb_last_bgsave_status: 'err' }, { 'stop-writes-on-bgsave-error': 'no' }),
    ],
    [
      'a memory that is full of what does not count',
      seen({ maxmemory: '900000', used_memory: '1000000', mem_not_counted_for_evict: '200000' }),
    ],
  ]
  it.each(fine)('is met by %s', (_, facts) => {
    expect(judgeStore(facts)).toEqual([])
  })

  const blocking: [string, ReturnType<typeof seen>, string, string][] = [
    ['Redis 6', seen({ redis_version: '6.2.14' }), 'redis-version', 'Redis 6.2.14'],
    ['a version that is not told', seen({ redis_version: null }), 'redis-version', 'unknown version'],
    ['a version that is none', seen({ redis_version: 'seven' }), 'redis-version', 'Redis seven'],
    ...['allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'volatile-lru', 'volatile-lfu', 'volatile-ttl'].map(
      (policy): [string, ReturnType<typeof seen>, string, string] => [
        `a limit and ${policy}`,
        seen({ maxmemory: String(100 * mega), maxmemory_policy: policy }),
        'redis-evicts',
        'maxmemory-policy noeviction',
      ],
    ),
    ['a replica', seen({ role: 'slave' }), 'redis-replica', 'REPLICAOF NO ONE'],
    [
      'a full memory',
      seen({ maxmemory: String(mega), used_memory: String(3 * mega) }),
      'redis-full',
      'maxmemory 6mb',
    ],
    ['a failed snapshot', seen({ rdb_last_bgsave_status: 'err' }), 'redis-disk', 'snapshot'],
    [
      'a failed snapshot, where CONFIG is not open',
      seen({ rdb_last_bgsave_status: 'err' }, { save: null, 'stop-writes-on-bgsave-error': null }),
      'redis-disk',
      'snapshot',
    ],
    [
      'a file that cannot be written',
      seen({ aof_last_write_status: 'err' }),
      'redis-disk',
      'append-only file',
    ],
  ]
  it.each(blocking)('is not met by %s: nothing new is given', (_, facts, code, names) => {
    expect(judgeStore(facts)).toEqual([{ code, isBlocking: true, text: expect.stringContaining(names) }])
  })

  const warned: [string, ReturnType<typeof seen>, string, string][] = [
    ['snapshots only', seen({ aof_enabled: '0' }), 'redis-snapshots', 'appendonly yes'],
    ['no files at all', seen({ aof_enabled: '0' }, { save: '' }), 'redis-forgets', 'appendonly yes'],
    [
      'no append-only file, where CONFIG is not open',
      seen({ aof_enabled: '0' }, { save: null, appendfsync: null }),
      'redis-snapshots',
      'appendonly yes',
    ],
    ['writing once a second', seen({}, { appendfsync: 'everysec' }), 'redis-fsync', 'appendfsync always'],
    ['writing whenever', seen({}, { appendfsync: 'no' }), 'redis-fsync', 'appendfsync is no'],
    [
      'CONFIG not being open',
      seen({}, { appendfsync: null }),
      'redis-fsync',
      'CONFIG is not open to Gatehouse',
    ],
    ['INFO not being open', { ...seen(), info: null }, 'redis-unseen', '+info'],
  ]
  it.each(warned)('is warned of %s', (_, facts, code, names) => {
    expect(judgeStore(facts)).toEqual([{ code, isBlocking: false, text: expect.stringContaining(names) }])
  })

  it('is told all at once', () => {
    const facts = seen({ redis_version: '6.0.0', aof_enabled: '0', role: 'slave' })
    expect(judgeStore(facts).map(({ code }) => code)).toEqual([
      'redis-version',
      'redis-replica',
      'redis-snapshots',
    ])
  })
})
