// What nginx asks before each request (`auth_request`): no framework, one round trip to Redis for session and
// grant together, nothing recorded and nothing signed. About the least that such a service can do.
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { Redis } from 'ioredis'

const cookieName = 'session='

/** @param {{ redisPath: string }} options */
export function create({ redisPath }) {
  const redis = new Redis(redisPath)
  return createServer((req, res) => {
    const answer = req.url.startsWith('/sign-in?') ? signIn(redis, req) : check(redis, req)
    answer.then(
      ({ status, headers }) => res.writeHead(status, headers).end(),
      () => res.writeHead(500).end(),
    )
  })
}

async function check(redis, { headers }) {
  // The cookie names user and token, so that neither key waits for the other's value.
  const cookie = headers.cookie?.split('; ').find((one) => one.startsWith(cookieName))
  const [user, token] = cookie?.slice(cookieName.length).split('.') ?? []
  if (token === undefined) return { status: 401 }
  const [[, sessionText], [, grantText]] = await redis
    .pipeline()
    .get(`session:${token}`)
    .get(`grant:${user}:${headers.host}`)
    .exec()
  const session = JSON.parse(sessionText)
  const grant = JSON.parse(grantText)
  const now = Date.now()
  if (session === null || session.user !== user || session.until < now) return { status: 401 }
  if (grant === null || grant.until < now) return { status: 403 }
  return { status: 204, headers: { 'x-user': user } }
}

async function signIn(redis, { url, headers }) {
  const user = new URL(url, 'http://checks').searchParams.get('user')
  const token = randomBytes(32).toString('hex')
  const until = Date.now() + 8 * 3_600_000
  await redis
    .pipeline()
    .set(`session:${token}`, JSON.stringify({ user, until }))
    .set(`grant:${user}:${headers.host}`, JSON.stringify({ user, endpoint: headers.host, until }))
    .exec()
  return { status: 200, headers: { 'set-cookie': `${cookieName}${user}.${token}` } }
}
