import { equalSecrets, GatehouseError, type Keyring } from '../../lib/index.js'

export interface Portion<T> {
  readonly items: readonly T[]
  /** To ask for the next portion with; null at the end. */
  readonly next: string | null
}

/**
 * A portion of a list. A cursor names the entry at which the last portion ended, so that what is added or taken away
 * meanwhile neither repeats an entry nor leaves one out. It carries a MAC over that and over `list`, the list with
 * its filters: nobody can make one up, or use it for another list.
 *
 * @param all in their order, which follows from `keyOf`: the greatest first
 * @throws GatehouseError `input-invalid` about `cursor`
 */
export function portionOf<T>(
  all: readonly T[],
  options: {
    readonly keyring: Keyring
    readonly list: string
    readonly keyOf: (item: T) => string
    readonly cursor: string | undefined
    readonly limit: number
  },
): Portion<T> {
  const { keyring, list, keyOf, cursor, limit } = options
  const macOf = (key: string): string => keyring.mac('cursor', JSON.stringify([list, key]))
  const after = cursor === undefined ? null : readCursor(cursor, macOf)
  const rest = after === null ? all : all.filter((item) => keyOf(item) < after)
  const items = rest.slice(0, limit)
  const last = items.at(-1)
  if (last === undefined || rest.length <= limit) return { items, next: null }
  const key = keyOf(last)
  return { items, next: `${Buffer.from(key).toString('base64url')}.${macOf(key)}` }
}

function readCursor(cursor: string, macOf: (key: string) => string): string {
  const [encoded = '', mac = ''] = cursor.split('.')
  const key = Buffer.from(encoded, 'base64url').toString()
  if (equalSecrets(mac, macOf(key))) return key
  const message = 'cursor: must be the `next` of an answer to the same question'
  throw new GatehouseError('input-invalid', message, { field: 'cursor' })
}
