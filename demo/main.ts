import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/lib/index.js'
import { demoAccounts } from './accounts.js'
import { oneTimeCode, remainingMs, spaced, type AuthenticatorEntry } from './authenticator.js'
import { startDemo, type Demo } from './demo.js'
import { PortBusy } from './http.js'

const usage = `Usage: npm run demo -- [options]

Starts a simulated plant, an identity provider, Redis, and Gatehouse in front of them.

  --port N   the portal's port; the others follow it (default 8080)
  --tls      HTTPS with a certificate of a development authority, made in certs/
  --fresh    forget the state of earlier runs (demo/.state)
  --help     this text

GATEHOUSE_DEMO_REDIS=embedded takes the Redis that keeps nothing, even where a real one is installed.
GATEHOUSE_DEMO_STATE=FOLDER keeps the state there.`

/** Somebody who waits at a terminal is not made to wait longer for a connection that does not end. */
const stopLimitMs = 5_000

await main()

async function main(): Promise<void> {
  const options = readArguments()
  if (options === null) return
  let demo: Demo
  try {
    demo = await startDemo({
      ...options,
      stateFolder: process.env.GATEHOUSE_DEMO_STATE ?? join(process.cwd(), 'demo', '.state'),
      certificateFolder: join(process.cwd(), 'certs'),
    })
  } catch (error) {
    process.exitCode = 1
    if (error instanceof PortBusy) {
      console.error(`${error.message} Stop what uses it, or move the demo: npm run demo -- --port 9080`)
    } else {
      console.error(`The demo could not start: ${error instanceof Error ? error.message : String(error)}`)
    }
    return
  }
  console.log(welcome(demo))
  const codes = showCodes(demo.entries)
  await stopRequested()
  codes.end()
  const hurry = setTimeout(() => process.exit(1), stopLimitMs)
  hurry.unref()
  await demo.close()
  clearTimeout(hurry)
  console.log(demo.redis.isKept ? 'Stopped. The state is kept for the next time.' : 'Stopped.')
}

function readArguments(): { port: number; hasTls: boolean; isFresh: boolean } | null {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '8080' },
        tls: { type: 'boolean', default: false },
        fresh: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      console.log(usage)
      return null
    }
    const port = Number(values.port)
    if (!/^\d{1,5}$/.test(values.port) || port < 1 || port > 65_529)
      throw new Error('--port must be 1 to 65529')
    return { port, hasTls: values.tls, isFresh: values.fresh }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    process.exitCode = 2
    return null
  }
}

function welcome(demo: Demo): string {
  const rows = demoAccounts.map(
    ({ title, login, password, email }) =>
      `    ${title.padEnd(17)}${login.padEnd(11)}${password.padEnd(16)}${email}`,
  )
  const state = relative(process.cwd(), join(demo.configFile, '..'))
  const kept = demo.redis.isKept
    ? `${state} (${demo.redis.kind}); --fresh starts over`
    : 'kept nowhere: the embedded Redis forgets. With redis-server or valkey-server on PATH it would be kept.'
  const trust =
    demo.authority === null
      ? []
      : [`  Trust first    ${relative(process.cwd(), demo.authority)} (see certs/README.md)`]
  return [
    '',
    '  Gatehouse is running in front of a simulated filling line.',
    '',
    `  Open           ${demo.portal}`,
    ...trust,
    `  Codes, live    ${demo.authenticator}`,
    '',
    '  Sign in as     user       password',
    ...rows,
    '',
    '  The vendor may open Filler 1 and the historian for 8 hours. Sign in as the administrator in another',
    '  browser, revoke the grant, and watch the panel close.',
    '',
    `  State          ${kept}`,
    `  Log            ${relative(process.cwd(), demo.logFile)}`,
    '  Ctrl-C stops everything.',
    '',
  ].join('\n')
}

/** The codes in one line, renewed in place on a terminal, printed once elsewhere. */
function showCodes(entries: readonly AuthenticatorEntry[]): { end(): void } {
  const line = (): string => {
    const now = systemClock.now()
    const codes = entries.map(
      ({ name, secret }) => `${name.split(' ')[0] ?? name} ${spaced(oneTimeCode(secret, now))}`,
    )
    return `  Codes now      ${codes.join('   ')}`
  }
  if (!process.stdout.isTTY) {
    console.log(line())
    return { end: () => undefined }
  }
  let timer: NodeJS.Timeout
  const renew = (): void => {
    process.stdout.write(`\r\u001b[2K${line()}`)
    timer = setTimeout(renew, remainingMs(systemClock.now()) + 5)
  }
  renew()
  return {
    end: () => {
      clearTimeout(timer)
      process.stdout.write('\n')
    },
  }
}

/** The first of them; npm and the terminal may both pass on the same Ctrl-C. */
function stopRequested(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        resolve()
      })
    }
  })
}
