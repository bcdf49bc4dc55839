import type { Command, Option } from 'commander'
import { systemClock } from '../lib/index.js'
import { createProgram, leavesOf, pathOf } from './program.js'
import { commonHeading, createShell } from './shell.js'

const heading = `<!-- Made by scripts/generate-reference.mjs from src/cli. Change it there. -->

# Command reference

\`npx gatehouse\`, on a host where Gatehouse is installed. \`--help\` after any part of a command says what it takes.`

const conduct = `## What all commands have in common

- Exit status: 0 on success, 1 when the command was refused or failed, 2 when it was not understood.
- Answers go to standard output; errors and the log of a running gateway go to standard error.
- With \`--json\`, standard output holds one JSON value, instants as ISO 8601. A refusal is \`{"error":{"code","field","message","cause","hint"}}\`, with \`problems\` for a configuration that is not valid.
- Instants are written \`2026-03-01T14:00+01:00\` (with \`Z\` or an offset), \`now\`, or \`+90m\`, \`+2h\`, \`+1d\` from now.
- What changes something is recorded in the ledger first, in the chain \`cli\`, in the name of the account that runs the command. Lists need no ledger.
- Run them with the account of the gateway itself: it alone can read the keys, and it cannot open a ledger file that another account, root included, has made.
- Redis must be reachable for all but \`serve\`, \`check\`, \`keys\` and \`audit\`.`

/** The content of `docs/reference/commands.md`. */
export function commandsPage(): string {
  const nowhere = { out: () => undefined, err: () => undefined }
  const commands = leavesOf(createProgram(createShell(nowhere, systemClock, () => undefined)))
  const common = commands[0]?.options.filter(isCommon) ?? []
  const parts = commands.map((command) => commandPart(command))
  return `${[heading, conduct, optionList(common), ...parts].join('\n\n')}\n`
}

function commandPart(command: Command): string {
  const own = command.options.filter((option) => !isCommon(option))
  const parts = [
    `## \`${pathOf(command)}\``,
    command.description(),
    `\`\`\`\n${pathOf(command)} ${command.usage()}\n\`\`\``,
    optionList(own),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function optionList(options: readonly Option[]): string {
  return options.map((option) => `- \`${option.flags}\`: ${aboutOption(option)}`).join('\n')
}

function aboutOption({ description, mandatory, argChoices, defaultValue, envVar }: Option): string {
  const facts = [
    description,
    argChoices === undefined ? '' : `one of ${argChoices.map((choice) => `\`${choice}\``).join(', ')}`,
    mandatory ? 'required' : '',
    defaultValue === undefined ? '' : `default \`${String(defaultValue)}\``,
    envVar === undefined ? '' : `or in the environment as \`${envVar}\``,
  ]
  return `${facts.filter((fact) => fact !== '').join('; ')}.`
}

function isCommon(option: Option): boolean {
  return option.helpGroupHeading === commonHeading
}
