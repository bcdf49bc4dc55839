import { userInfo } from 'node:os'
import { Option, type Command } from 'commander'
import { loadConfig, type Config } from '../config/index.js'
import { parseInstant } from '../grants/index.js'
import { createLogger, GatehouseError, type Clock } from '../lib/index.js'
import { openServices, type Services } from '../main.js'
import type { Actor, EpochMs } from '../model.js'

/** Where a command's words go: answers to `out`, everything else to `err`. */
export interface Output {
  out(text: string): void
  err(text: string): void
}

/** What every command takes. */
export interface Common {
  readonly config: string
  readonly json?: boolean
}

/** What commands are made of. */
export interface Shell {
  readonly output: Output
  /** Who runs the command: an account of this host. */
  readonly operator: Actor
  /** A command below `parent` that takes a configuration and can answer in JSON. */
  readonly command: (parent: Command, name: string, description: string) => Command
  /** Prints `value` to a program, `text` to a person. */
  readonly answer: (options: Common, value: unknown, text: string) => void
  /** Opens state and ledger for one piece of work, and closes them whatever comes of it. */
  readonly withServices: (
    options: Common,
    work: (services: Services, config: Config) => Promise<void>,
  ) => Promise<void>
  /** @throws GatehouseError `input-invalid` naming `field` */
  readonly instant: (field: string, text: string) => EpochMs
  /** The command ran, and what it found is bad: exit status 1. */
  readonly fail: () => void
}

/** Commands write a chain of their own: a running gateway holds the lock of the other. */
const ledgerWriter = { writer: 'cli', lockWaitMs: 5_000 }
const connectWithinMs = 2_000

export function createShell(output: Output, clock: Clock, fail: () => void): Shell {
  return {
    output,
    operator: { kind: 'operator', account: userInfo().username },
    fail,
    command: (parent, name, description) =>
      parent
        .command(name)
        .description(description)
        .addOption(
          new Option('-c, --config <file>', 'the configuration file')
            .env('GATEHOUSE_CONFIG')
            .makeOptionMandatory(),
        )
        .option('--json', 'answer in JSON'),
    answer: (options, value, text) => {
      output.out(options.json === true ? `${JSON.stringify(value, null, 2)}\n` : text)
    },
    withServices: async (options, work) => {
      const config = loadConfig(options.config)
      const services = await openServices(config, { clock, logger: createLogger('silent'), ...ledgerWriter })
      try {
        await services.store.untilReady(connectWithinMs)
        await work(services, config)
      } finally {
        await services.close()
      }
    },
    instant: (field, text) => {
      const at = parseInstant(text, clock)
      if (at !== null) return at
      const message = `${field}: use ISO 8601 with a time zone (2026-03-01T14:00:00Z), now, or +2h.`
      throw new GatehouseError('input-invalid', message, { field })
    },
  }
}
