import { Command, CommanderError } from 'commander'
import { describeError, GatehouseError, systemClock, type Clock } from '../lib/index.js'
import { version } from '../main.js'
import { addAudit } from './audit.js'
import { addGrants } from './grants.js'
import { inert } from './output.js'
import { addSessions } from './sessions.js'
import { addServer } from './server.js'
import { createShell, type Output } from './shell.js'
import { addUsers } from './users.js'

/** Exit status of every command. */
const exit = { success: 0, failure: 1, usage: 2 } as const

/**
 * Runs one command line.
 *
 * @returns 0 on success, 1 when the command was refused or failed, 2 when it was not understood
 */
export async function run(
  argv: readonly string[],
  output: Output,
  clock: Clock = systemClock,
): Promise<number> {
  let status: number = exit.success
  const shell = createShell(output, clock, () => {
    status = exit.failure
  })
  const program = new Command('gatehouse')
    .description('Identity-aware reverse proxy for plant remote access.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: output.out, writeErr: output.err })
    .showHelpAfterError('(add --help for what this command takes)')
  const group = (name: string, description: string): Command => program.command(name).description(description)

  addServer(program, shell)
  addGrants(group('grants', 'Who may open what, from when, until when.'), shell)
  addSessions(group('sessions', 'Who is signed in.'), shell)
  addUsers(group('users', 'People and their second factors.'), shell)
  addAudit(group('audit', 'The ledger.'), shell)

  try {
    await program.parseAsync([...argv], { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.success : exit.usage
    explain(error, argv.includes('--json'), output)
    return exit.failure
  }
}

/** An operator on the host may know the cause; nobody else sees this. */
function explain(error: unknown, wantsJson: boolean, output: Output): void {
  if (!(error instanceof GatehouseError)) {
    output.err(`Unexpected failure: ${inert(describeError(error))}\n`)
    return
  }
  const { code, field, message, cause } = error
  if (wantsJson) output.out(`${JSON.stringify({ error: { code, field, message } })}\n`)
  output.err(`${message.split('\n').map(inert).join('\n')}\n`)
  if (cause !== undefined) output.err(`  because: ${inert(describeError(cause))}\n`)
}
