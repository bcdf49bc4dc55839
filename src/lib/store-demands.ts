/** Something about Redis, or about the clock, that is not as Gatehouse needs it. */
export interface Finding {
  readonly code:
    | 'redis-unseen'
    | 'redis-version'
    | 'redis-evicts'
    | 'redis-replica'
    | 'redis-full'
    | 'redis-disk'
    | 'redis-forgets'
    | 'redis-snapshots'
    | 'redis-fsync'
    | 'clock-unseen'
    | 'clock-skewed'
    | 'clock-set-back'
  /** Whether nothing new is given while it lasts, and no instance begins to serve. The others are warnings. */
  readonly isBlocking: boolean
  /** What is wrong, why it matters, and what to change, for whoever runs Redis. */
  readonly text: string
}

/** What was seen of a Redis; null for what it did not tell. */
export interface StoreFacts {
  /** The reply to INFO. */
  readonly info: string | null
  /** `CONFIG GET`, by name. */
  readonly settings: Readonly<Record<(typeof settingNames)[number], string | null>>
}

export const settingNames = ['save', 'appendfsync', 'stop-writes-on-bgsave-error'] as const

const oldestMajor = 7

/**
 * What Gatehouse demands of its Redis. Only what would lose or twist state unseen is blocking; what loses it in a
 * crash is a warning, for the journal beside the ledger keeps what has ended (docs/decisions/0009).
 */
export function judgeStore({ info, settings }: StoreFacts): Finding[] {
  if (info === null) return [unseen]
  const fields = readInfo(info)
  return [
    version(fields),
    evicts(fields),
    replica(fields),
    full(fields),
    disk(fields, settings),
    ...kept(fields, settings),
  ].filter((finding) => finding !== null)
}

type Fields = ReadonlyMap<string, string>

/** `name:value` lines; the rest are headings. */
function readInfo(info: string): Fields {
  const lines = info.split(/\r?\n/).map((line) => /^(\w+):(.*)$/.exec(line))
  return new Map(lines.flatMap((match) => (match ? [[match[1] ?? '', match[2] ?? '']] : [])))
}

const unseen: Finding = {
  code: 'redis-unseen',
  isBlocking: false,
  text: 'INFO is not open to Gatehouse, so neither the version of Redis nor its memory and files can be seen. Allow it: ACL SETUSER <user> +info',
}

function version(fields: Fields): Finding | null {
  const compatible = fields.get('redis_version') ?? ''
  if (Number(compatible.split('.')[0]) >= oldestMajor) return null
  const valkey = fields.get('valkey_version')
  const name = valkey === undefined ? `Redis ${compatible || 'of an unknown version'}` : `Valkey ${valkey}`
  return blocking(
    'redis-version',
    `This is ${name}. Gatehouse needs Redis 7.0 or Valkey 7.2, or later: with older ones it has never been tried. Update it.`,
  )
}

function evicts(fields: Fields): Finding | null {
  const policy = fields.get('maxmemory_policy') ?? 'noeviction'
  if (policy === 'noeviction' || memoryLimit(fields) === 0) return null
  return blocking(
    'redis-evicts',
    `When its memory is full, Redis throws away what it holds (maxmemory-policy is ${policy}): second factors, lockdowns, grants and sessions would vanish without a word. In redis.conf: maxmemory-policy noeviction`,
  )
}

function replica(fields: Fields): Finding | null {
  if (!['slave', 'replica'].includes(fields.get('role') ?? '')) return null
  return blocking(
    'redis-replica',
    'Redis is a replica: it takes no changes, and what it holds may be out of date. Name the primary in redis.url; or, if this one is to be it, send it REPLICAOF NO ONE and take the line replicaof out of redis.conf',
  )
}

function full(fields: Fields): Finding | null {
  const limit = memoryLimit(fields)
  // As Redis itself counts when it decides whether a command still fits.
  const used = Number(fields.get('used_memory') ?? 0) - Number(fields.get('mem_not_counted_for_evict') ?? 0)
  const policy = fields.get('maxmemory_policy') ?? 'noeviction'
  if (limit === 0 || used < limit || policy !== 'noeviction') return null
  return blocking(
    'redis-full',
    `Redis takes no changes, because its memory is full (${inMegabytes(used)} used of ${inMegabytes(limit)}). In redis.conf: maxmemory ${Math.ceil((2 * used) / 2 ** 20)}mb`,
  )
}

function disk(fields: Fields, settings: StoreFacts['settings']): Finding | null {
  const file = fields.get('aof_last_write_status') === 'err' ? 'append-only file' : 'snapshot'
  const stops = settings.save !== '' && settings['stop-writes-on-bgsave-error'] !== 'no'
  if (file === 'snapshot' && !(stops && fields.get('rdb_last_bgsave_status') === 'err')) return null
  return blocking(
    'redis-disk',
    `Redis could not write its last ${file} to disk, and takes no changes then. Its log says why: free the disk, or correct the rights of the folder. In redis.conf, where the folder is another: dir <folder>`,
  )
}

function kept(fields: Fields, { save, appendfsync }: StoreFacts['settings']): (Finding | null)[] {
  if (fields.get('aof_enabled') !== '1') return [save === '' ? forgets : snapshots]
  if (appendfsync === 'always') return []
  const why = 'When the host loses power, changes of the last seconds are lost, revocations among them.'
  const what =
    appendfsync === null
      ? 'CONFIG is not open to Gatehouse, so it cannot be seen how soon Redis writes to disk; see to it yourself.'
      : `Redis does not write each change to disk (appendfsync is ${appendfsync}).`
  return [warning('redis-fsync', `${what} ${why} In redis.conf: appendfsync always`)]
}

const asItShouldBe = 'In redis.conf: appendonly yes, and: appendfsync always'
const forgets = warning(
  'redis-forgets',
  `Redis keeps nothing on disk: when it restarts, all grants, sessions and second factors are gone. ${asItShouldBe}`,
)
const snapshots = warning(
  'redis-snapshots',
  `Redis keeps snapshots at most (appendonly is no): when it crashes, the last minutes are lost. What was revoked or locked down stays so, by the journal beside the ledger; new grants are gone, and a second factor that was reset is back. ${asItShouldBe}`,
)

function memoryLimit(fields: Fields): number {
  return Number(fields.get('maxmemory') ?? 0)
}

function inMegabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`
}

export function blocking(code: Finding['code'], text: string): Finding {
  return { code, isBlocking: true, text }
}

export function warning(code: Finding['code'], text: string): Finding {
  return { code, isBlocking: false, text }
}
