import { Command, CommanderError, type Option } from 'commander'
import { systemClock, type Clock } from '../lib/index.js'
import { version } from '../main.js'
import { addAudit } from './audit.js'
import { addBreakGlass } from './break-glass.js'
import { addCompletion } from './completion.js'
import { addCompanies } from './companies.js'
import { addExplain } from './explain.js'
import { explainFailure, explainUsage } from './failure.js'
import { addGrants } from './grants.js'
import { addReleases } from './releases.js'
import { addRequests } from './requests.js'
import { addNotifications } from './notifications.js'
import { addSessions } from './sessions.js'
import { addLockdown } from './lockdown.js'
import { addServer } from './server.js'
import { commonOptions, createShell, type Output, type Shell } from './shell.js'
import { addTokens } from './tokens.js'
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
  const wantsJson = argv.includes('--json')
  try {
    await createProgram(shell).parseAsync([...argv], { from: 'user' })
    return status
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      explainFailure(error, wantsJson, output)
      return exit.failure
    }
    if (error.exitCode === 0) return exit.success
    explainUsage(error, wantsJson, output)
    return exit.usage
  }
}

/** Every command there is. */
export function createProgram(shell: Shell): Command {
  const { output } = shell
  const program = new Command('gatehouse')
    .description('Identity-aware reverse proxy for plant remote access.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => output.out(text), writeErr: (text) => output.err(text) })
    .showHelpAfterError('(add --help for what this command takes)')
  const group = (name: string, description: string): Command => program.command(name).description(description)

  addServer(program, shell)
  addGrants(group('grants', 'Who may open what, from when, until when.'), shell)
  addRequests(group('requests', 'Who asks for access, and the answers.'), shell)
  addReleases(group('releases', 'What the control room lets in, session by session.'), shell)
  addCompanies(group('companies', 'Vendor companies, and all that their people hold.'), shell)
  addExplain(program, shell)
  addSessions(group('sessions', 'Who is signed in.'), shell)
  addLockdown(group('lockdown', 'Stop everybody, one machine, or one person, until it is lifted.'), shell)
  const users = group('users', 'People and their second factors.')
  addUsers(users, shell)
  addBreakGlass(users, shell)
  addTokens(group('tokens', 'Programs that use the JSON API.'), shell)
  addNotifications(group('notifications', 'What people and systems are told.'), shell)
  addAudit(group('audit', 'The ledger.'), shell)
  for (const command of leavesOf(program)) finish(command)
  addCompletion(program, shell)
  return program
}

/** The commands that do something, in the order of the help. */
export function leavesOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf)
}

/** What all commands take, and a usage line that shows what a command cannot do without. */
function finish(command: Command): void {
  const needed = [
    ...command.registeredArguments.map((argument) => `<${argument.name()}>`),
    ...command.options.filter((option) => option.mandatory).map(formOf),
  ]
  for (const option of commonOptions()) command.addOption(option)
  const usage = [...needed, '--config <file>', '[options]'].join(' ')
  const [summary = ''] = command.description().split('\n')
  command
    .usage(usage)
    .summary(summary)
    .showHelpAfterError(`usage: ${pathOf(command)} ${usage}\n(add --help for what each of them means)`)
}

/** `gatehouse grants issue` */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

/** `--endpoint <id...>`, without the short form. */
function formOf({ flags }: Option): string {
  return flags.replace(/^-\w, /, '')
}
