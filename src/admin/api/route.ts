import type { z } from 'zod'
import type { Actor, Scope, ServiceToken } from '../../model.js'

/** One call of the API. The same schemas read what is sent and make the reference. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below `/api/v1`; `{name}` for a segment of any value. */
  readonly path: string
  /** Null where any token will do. */
  readonly scope: Scope | null
  /** Whether it stops something, and so must work while Redis is away. */
  readonly isStop: boolean
  /** What it does, in a sentence. */
  readonly summary: string
  readonly details: string | null
  readonly query: z.ZodObject
  /** Null where there is none. */
  readonly body: z.ZodObject | null
  readonly answer: z.ZodType
  readonly status: 200 | 201
  readonly run: (call: ApiCall<unknown, unknown>) => Promise<unknown>
}

export interface ApiCall<Query, Body> {
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
  readonly token: ServiceToken
  readonly actor: Actor
}

interface Defined<Query extends z.ZodObject, Body extends z.ZodObject | null, Answer extends z.ZodType> {
  readonly does: string
  readonly scope: Scope | null
  readonly isStop?: boolean
  readonly details?: string
  readonly query: Query
  readonly body: Body
  readonly answer: Answer
  readonly status?: 201
  readonly run: (
    call: ApiCall<z.output<Query>, Body extends z.ZodType ? z.output<Body> : null>,
  ) => Promise<z.input<Answer>>
}

/** @param place method and path: `POST /grants/{id}/revoke` */
export function route<Query extends z.ZodObject, Body extends z.ZodObject | null, Answer extends z.ZodType>(
  place: `${ApiRoute['method']} /${string}`,
  defined: Defined<Query, Body, Answer>,
): ApiRoute {
  const [method, path] = place.split(' ') as [ApiRoute['method'], string]
  const { does, scope, isStop = false, details = null, query, body, answer, status = 200 } = defined
  // What is passed in has been read by the very schemas that are in `defined`.
  const run = defined.run as ApiRoute['run']
  return { method, path, scope, isStop, summary: does, details, query, body, answer, status, run }
}
