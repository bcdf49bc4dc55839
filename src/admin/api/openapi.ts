import { z } from 'zod'
import type { ApiRoute } from './route.js'

/** RFC 9457, as every failure is answered. */
const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string().describe('Stable; docs/reference/answers.md lists them all'),
  requestId: z.string(),
})

/** The description of the API (OpenAPI 3.1), made of the very schemas that read what is sent. */
export function openApiOf(routes: readonly ApiRoute[], prefix: string): Readonly<Record<string, unknown>> {
  const schemas: Record<string, unknown> = {}
  const describe = (schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> => {
    const { $schema: _, $defs, ...rest } = z.toJSONSchema(schema, { io })
    Object.assign(schemas, $defs)
    return rest
  }
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = prefix + route.path
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, describe) }
  }
  schemas.Problem = describe(problemSchema, 'output')
  const document = {
    openapi: '3.1.1',
    info: {
      title: 'Gatehouse',
      version: '1',
      description:
        'For programs with a service token. What would break a program gets another number in the path.',
    },
    security: [{ token: [] }],
    paths,
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } }, schemas },
  }
  // What several operations share is named once, where OpenAPI looks for it.
  return JSON.parse(
    JSON.stringify(document).replaceAll('#/$defs/', '#/components/schemas/'),
  ) as typeof document
}

function operationOf(
  { method, path, scope, isStop, summary, details, query, body, answer, status }: ApiRoute,
  describe: (schema: z.ZodType, io: 'input' | 'output') => Record<string, unknown>,
): object {
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true, schema: { type: 'string' } },
  }))
  const fields = describe(query, 'input')
  const required = (fields.required ?? []) as readonly string[]
  const asked = Object.entries((fields.properties ?? {}) as Record<string, object>).map(([name, schema]) => ({
    ...{ name, in: 'query', required: required.includes(name), schema },
  }))
  return {
    summary,
    description: [
      ...(details === null ? [] : [details]),
      scope === null ? 'Any token.' : `Scope: \`${scope}\`.`,
    ].join(' '),
    parameters: [...named, ...asked, ...(method === 'POST' && !isStop ? [idempotencyKey] : [])],
    ...(body === null ? {} : { requestBody: { required: true, content: json(describe(body, 'input')) } }),
    responses: {
      [status]: { description: 'Done.', content: json(describe(answer, 'output')) },
      ...(isStop ? {} : { 429: tooMany }),
      default: {
        description: 'Why it was not done.',
        content: problem,
      },
    },
  }
}

const problem = {
  'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Of your choice, another for each thing that is to be done. For 24 hours, the same call with the same key by the same token is done once, and gets the same answer.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
}

const tooMany = {
  description: 'This token calls more often than it may (`rate-limited`).',
  headers: { 'Retry-After': { description: 'Seconds', schema: { type: 'integer' } } },
  content: problem,
}

const json = (schema: object): object => ({ 'application/json': { schema } })

/** The same for people. */
export function apiPage(routes: readonly ApiRoute[], prefix: string): string {
  const row = ({ method, path, scope, summary, details }: ApiRoute): string =>
    `| \`${method} ${prefix}${path}\` | ${scope === null ? 'any' : `\`${scope}\``} | ${summary}${details === null ? '' : ` ${details}`} |\n`
  return `<!-- Written by scripts/generate-reference.mjs from src/admin/api/routes.ts. -->

# The JSON API

For programs with a service token (\`gatehouse tokens create\`); [how to use it](../api.md) shows it with curl. Fields and answers
are in [openapi.json](openapi.json), which a gateway serves at \`${prefix}/openapi.json\` to whoever has a token.

| Call | Scope | What it does |
| ---- | ----- | ------------ |
${routes.map(row).join('')}`
}
