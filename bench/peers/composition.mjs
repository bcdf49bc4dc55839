// What a team would write from well-known parts: express, express-session in Redis, a grant in Redis,
// http-proxy with a keep-alive agent, and a line in winston's file for each request. It signs nothing, and
// what it lets through nobody can revoke while it runs.
import { Agent, createServer } from 'node:http'
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import httpProxy from 'http-proxy'
import { Redis } from 'ioredis'
import winston from 'winston'

/** @param {{ machineUrl: string, redisPath: string, logFile: string }} options */
export function create({ machineUrl, redisPath, logFile }) {
  const redis = new Redis(redisPath)
  const grantKey = (req, user) => `grant:${user}:${req.hostname}`
  const logger = winston.createLogger({
    format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
    transports: [new winston.transports.File({ filename: logFile })],
  })
  const proxy = httpProxy.createProxyServer({ target: machineUrl, agent: new Agent({ keepAlive: true }) })
  proxy.on('error', (_error, _req, res) => res.destroy())

  const app = express()
  app.use(
    session({
      store: new RedisStore({ client: redis }),
      secret: 'not-a-real-secret',
      resave: false,
      saveUninitialized: false,
    }),
  )
  app.get('/sign-in', async (req, res) => {
    const { user } = req.query
    req.session.user = user
    const grant = { user, endpoint: req.hostname, until: Date.now() + 8 * 3_600_000 }
    await redis.set(grantKey(req, user), JSON.stringify(grant))
    res.send('signed in')
  })
  app.use(async (req, res) => {
    const { user } = req.session
    if (user === undefined) return void res.status(401).send('Not signed in')
    const grant = JSON.parse(await redis.get(grantKey(req, user)))
    const isGranted = grant !== null && grant.until > Date.now()
    const { method, originalUrl, hostname } = req
    res.on('finish', () =>
      logger.info('request', { user, hostname, method, originalUrl, isGranted, status: res.statusCode }),
    )
    if (!isGranted) return void res.status(403).send('Not granted')
    req.headers['x-user'] = user
    proxy.web(req, res)
  })
  return createServer(app)
}
