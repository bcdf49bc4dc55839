import type { Command } from 'commander'
import { createKeysFile, loadConfig, loadKeyring, warnings, type Config } from '../config/index.js'
import {
  connectStore,
  createInspection,
  createLogger,
  createSteadyClock,
  systemClock,
  type Finding,
  type Logger,
} from '../lib/index.js'
import { startGatehouse } from '../main.js'
import { inert } from './output.js'
import type { Common, Shell } from './shell.js'

/** How long a stop may take that was ordered twice. */
const hurriedMs = 3_000
/** Signals within this time are one order: npx passes on the Ctrl-C that the terminal sends anyway. */
const sameOrderMs = 1_000

const nodeMajor = Number(process.versions.node.split('.')[0])

const connectWithinMs = 2_000

/** Commands that run the gateway or get it ready to run. */
export function addServer(program: Command, { command, answer, fail }: Shell): void {
  command(program, 'serve', 'Run the gateway until it is told to stop.').action(async (options: Common) => {
    const config = loadConfig(options.config)
    const logger = createLogger(config.log.level)
    for (const warning of warnings(config, nodeMajor)) logger.warn(warning)
    const told = signals()
    // From the first signal on, also while starting: a frozen disk would keep the process for ever.
    void told.toStop.then(() => {
      endWithin(config.server.shutdownSeconds * 1_000, logger)
    })
    const gatehouse = await startGatehouse(config, { logger })
    await told.toStop
    logger.info('gateway stopping')
    void told.toHurry.then(() => {
      logger.warn('gateway told to stop again: cutting what is open')
      endWithin(hurriedMs, logger)
      gatehouse.hurry()
    })
    await gatehouse.close()
  })

  command(program, 'check', 'Check a configuration without starting anything.')
    .option('--redis', 'ask Redis too whether it is set up as Gatehouse needs it, and what time it is')
    .action(async (options: Common & { redis?: boolean }) => {
      const config = loadConfig(options.config)
      loadKeyring(config.keys.file)
      const found = warnings(config, nodeMajor)
      const findings = options.redis === true ? await inspectRedis(config) : []
      const ok = !findings.some(({ isBlocking }) => isBlocking)
      const lines = [
        `The configuration is valid. Endpoints: ${String(config.endpoints.length)}.`,
        ...found.map((text) => `Note: ${text}`),
        ...findings.map(({ isBlocking, text }) => `${isBlocking ? 'Problem' : 'Note'}: ${text}`),
      ]
      answer(
        options,
        {
          ok,
          endpoints: config.endpoints.map(({ id }) => id),
          warnings: found,
          ...(options.redis === true ? { redis: findings } : {}),
        },
        lines.map((line) => `${inert(line)}\n`).join(''),
      )
      if (!ok) fail()
    })

  const keys = program.command('keys').description('The keys that seal, sign and authenticate.')
  command(keys, 'init', 'Make the keys file named in the configuration. Never overwrites one.').action(
    (options: Common) => {
      const { file } = loadConfig(options.config).keys
      createKeysFile(file)
      answer(
        options,
        { file },
        `Made ${file}. Copy it to every instance, and keep a copy where only you can read it.\n`,
      )
    },
  )
}

/** Both for good, not once: without a listener, one more signal would end the process in the middle of its stop. */
function signals(): { readonly toStop: Promise<void>; readonly toHurry: Promise<void> } {
  let hurry: () => void
  const toHurry = new Promise<void>((resolve) => (hurry = resolve))
  const toStop = new Promise<void>((resolve) => {
    let firstAt: number | null = null
    const take = (): void => {
      const now = systemClock.monotonic()
      firstAt ??= now
      resolve()
      if (now - firstAt >= sameOrderMs) hurry()
    }
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, take)
  })
  return { toStop, toHurry }
}

function endWithin(ms: number, logger: Logger): void {
  systemClock.after(ms, () => {
    logger.error('gateway did not stop in time, the last records may be lost')
    process.exit(1)
  })
}

/** @throws GatehouseError `store-unavailable` */
async function inspectRedis({ redis }: Config): Promise<readonly Finding[]> {
  const logger = createLogger('silent')
  const store = connectStore(redis, logger)
  try {
    await store.untilReady(connectWithinMs)
    return await createInspection({ store, clock: createSteadyClock(systemClock), logger }).look()
  } finally {
    await store.close()
  }
}
