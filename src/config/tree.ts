import { z } from 'zod'

/** Ways through a schema. */

/** The schema inside defaults and `optional`. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional ? unwrap(schema.unwrap()) : schema
}

/** What can be understood of a value that is not valid as a whole. */
export function salvage(schema: z.core.$ZodType, value: unknown): unknown {
  const whole = z.safeParse(schema, value)
  if (whole.success) return whole.data
  const inner = unwrap(schema)
  if (inner instanceof z.ZodArray && Array.isArray(value))
    return value.map((item) => salvage(inner.element, item))
  if (!(inner instanceof z.ZodObject) || typeof value !== 'object' || value === null) return undefined
  const given = new Map(Object.entries(value))
  return Object.fromEntries(
    Object.entries(inner.shape as z.core.$ZodShape).map(([key, part]) => [
      key,
      salvage(part, given.get(key)),
    ]),
  )
}

/** One option, or one section of options, of the schema. */
export interface Entry {
  /** `endpoints[].upstream`. */
  readonly path: string
  /** With its default, if it has one. */
  readonly schema: z.core.$ZodType
  readonly isSection: boolean
}

/** All sections and options, in the order of the schema. */
export function* entriesOf(schema: z.core.$ZodType, path = ''): Generator<Entry> {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodArray && inner.element instanceof z.ZodObject) {
    yield* entriesOf(inner.element, `${path}[]`)
    return
  }
  const isSection = inner instanceof z.ZodObject
  if (path !== '') yield { path, schema, isSection }
  if (!isSection) return
  const shape: z.core.$ZodShape = inner.shape
  for (const [key, part] of Object.entries(shape))
    yield* entriesOf(part, path === '' ? key : `${path}.${key}`)
}
