import { userInfo } from 'node:os'
import { Option, type Command } from 'commander'
import { loadConfig, type Config } from '../config/index.js'
import { parseInstant } from '../grants/index.js'
import { createLogger, GatehouseError, type Clock } from '../lib/index.js'
import { openServices, type ServiceOptions, type Services } from '../main.js'
import type { Actor, EpochMs } from '../model.js'
import { json } from './output.js'

/** Where a command's words go: answers to `out`, everything else to `err`. */
export interface Output {
  out(text: string): void
  err(text: string): void
}

/**
 * Stands in the record where a command was not told why. Only for commands that scripts of before know without
 * `--reason`: such a script, beside a line that stands still, must go on working.
 */
export const unsaid = 'Not given on the command line.'

/** What every command takes. */
export interface Common {
  readonly config: string
  readonly json?: boolean
}

/** One piece of work with state and ledger open, which are closed whatever comes of it. */
type WithServices = (
  options: Common,
  work: (services: Services, config: Config) => Promise<void>,
) => Promise<void>

/** What commands are made of. */
export interface Shell {
  readonly output: Output
  /** Who runs the command: an account of this host. */
  readonly operator: Actor
  /** A command below `parent`; what all commands take is added once all are there. */
  readonly command: (parent: Command, name: string, description: string) => Command
  /** Prints `value` to a program, `text` to a person. */
  readonly answer: (options: Common, value: unknown, text: string) => void
  /** To look something up: works while the ledger does not, and waits for no other command. */
  readonly look: WithServices
  /** To change something, on record. */
  readonly change: WithServices
  /** To stop something, on record: tries also while Redis is away. */
  readonly stop: WithServices
  /**
   * As `parseInstant`, and `-2h` for two hours ago.
   * @throws GatehouseError `input-invalid` naming `field`
   */
  readonly instant: (field: string, text: string) => EpochMs
  /** The command ran, and what it found is bad: exit status 1. */
  readonly fail: () => void
}

/** Commands write a chain of their own, one after the other: a running gateway holds the lock of the other. */
const onRecord: ServiceOptions = { writer: 'cli', lockWaitMs: 10_000 }
const connectWithinMs = 2_000
/** Who wants something stopped does not wait for long. */
const connectToStopWithinMs = 500

export const commonHeading = 'Options of every command:'

export function commonOptions(): Option[] {
  return [
    new Option('-c, --config <file>', 'the configuration file').env('GATEHOUSE_CONFIG').makeOptionMandatory(),
    new Option('--json', 'answer in JSON, refusals included'),
  ].map((option) => option.helpGroup(commonHeading))
}

export function createShell(output: Output, clock: Clock, fail: () => void): Shell {
  const withServices =
    (how: ServiceOptions, isStop = false): WithServices =>
    async (options, work) => {
      const config = loadConfig(options.config)
      const services = await openServices(config, { clock, logger: createLogger('silent'), ...how })
      try {
        if (isStop) await services.store.untilReady(connectToStopWithinMs).catch(() => undefined)
        else await services.store.untilReady(connectWithinMs)
        await work(services, config)
        if (how.isReadOnly !== true) await sayWhoIsBehind(services)
      } finally {
        await services.close()
      }
    }
  /** Done it is; whether everywhere, an administrator in a hurry must not have to guess. */
  const sayWhoIsBehind = async ({ changes }: Services): Promise<void> => {
    for (const instance of await changes.unconfirmed())
      output.err(
        `warning: ${instance} has not confirmed this yet. Without news it lets nobody in after 3 s, and cuts what is open after 5 s.\n`,
      )
  }
  return {
    output,
    operator: { kind: 'operator', account: accountOfThisProcess() },
    fail,
    command: (parent, name, description) => parent.command(name).description(description),
    answer: (options, value, text) => {
      output.out(options.json === true ? json(value, 2) : text)
    },
    look: withServices({ isReadOnly: true }),
    change: withServices(onRecord),
    stop: withServices(onRecord, true),
    instant: (field, text) => {
      const now = clock.now()
      const isPast = text.startsWith('-')
      const at = parseInstant(isPast ? text.replace('-', '+') : text, { now: () => now })
      if (at !== null) return isPast ? 2 * now - at : at
      const message = `${field}: use ISO 8601 with a time zone (2026-03-01T14:00:00Z), now, or -2h.`
      throw new GatehouseError('input-invalid', message, { field })
    },
  }
}

/** Containers run under numbers that no account has; those have no name to give. */
function accountOfThisProcess(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${String(process.getuid?.() ?? 'unknown')}`
  }
}
