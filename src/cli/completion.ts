import { Argument, type Command, type Option } from 'commander'
import type { Shell } from './shell.js'

const shells = ['bash', 'zsh'] as const

/** Added when all other commands are there, for it tells what they are. Reads no configuration. */
export function addCompletion(program: Command, { output }: Pick<Shell, 'output'>): void {
  program
    .command('completion')
    .summary('Print a script that completes commands in a shell.')
    .description(
      `Print a script that completes commands in a shell.

It knows commands, options and the values that an option takes, and asks neither the configuration nor Redis:

    gatehouse completion bash > /etc/bash_completion.d/gatehouse
    gatehouse completion zsh > /usr/local/share/zsh/site-functions/_gatehouse`,
    )
    .addArgument(new Argument('<shell>', 'which').choices(shells))
    .usage('<shell>')
    .action((shell: (typeof shells)[number]) => {
      output.out(shell === 'bash' ? bashScript(program) : zshScript(program))
    })
}

/** What may stand where, by the commands before it: `' grants issue'`. */
interface Place {
  readonly path: string
  /** With what each means. */
  readonly words: readonly (readonly [word: string, about: string])[]
  readonly options: readonly Option[]
}

function placesOf(command: Command, path = ''): Place[] {
  const { commands, registeredArguments } = command
  const words = [
    ...commands.map((sub) => [sub.name(), sub.summary() || sub.description()] as const),
    ...registeredArguments.flatMap(({ argChoices }) => (argChoices ?? []).map((word) => [word, ''] as const)),
    ...command.options.flatMap(({ long, description }) =>
      long == null ? [] : [[long, description] as const],
    ),
    ['--help', 'what it takes'] as const,
  ]
  const own = { path, words, options: command.options }
  return [own, ...commands.flatMap((sub) => placesOf(sub, `${path} ${sub.name()}`))]
}

/** Values that follow an option: the words that it takes, files, or whatever somebody types. */
function valuesOf(places: readonly Place[]): { at: string; values: readonly string[] | 'files' | 'any' }[] {
  return places.flatMap(({ path, options }) =>
    options
      .filter(({ required, optional }) => required || optional)
      .map(({ long, short, flags, argChoices }) => ({
        at: [long, short].flatMap((name) => (name == null ? [] : quote(`${path} ${name}`))).join('|'),
        values: argChoices ?? (/<(file|directory)>/.test(flags) ? ('files' as const) : ('any' as const)),
      })),
  )
}

/** Commands that lead to others, each as the shell finds it after those before it. */
function stepsOf(places: readonly Place[]): string {
  return places
    .filter(({ path }) => path !== '')
    .map(({ path }) => quote(path))
    .join('|')
}

function bashScript(program: Command): string {
  const places = placesOf(program)
  const values = valuesOf(places).map(({ at, values: which }) => {
    if (which === 'files')
      return `    ${at}) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")); return ;;`
    if (which === 'any') return `    ${at}) return ;;`
    return `    ${at}) COMPREPLY=($(compgen -W ${quote(which.join(' '))} -- "$cur")); return ;;`
  })
  const words = places.map(
    ({ path, words: all }) =>
      `    ${quote(path)}) COMPREPLY=($(compgen -W ${quote(all.map(([word]) => word).join(' '))} -- "$cur")) ;;`,
  )
  return `# bash completion for gatehouse. Made by: gatehouse completion bash
_gatehouse() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}" path= i
  COMPREPLY=()
  # \`--access=view\` is three words to bash.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev="\${COMP_WORDS[COMP_CWORD - 2]}"; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
    ${stepsOf(places)}) path+=" \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path $prev" in
${values.join('\n')}
  esac
  case "$path" in
${words.join('\n')}
  esac
}
complete -F _gatehouse gatehouse
`
}

function zshScript(program: Command): string {
  const places = placesOf(program)
  const values = valuesOf(places).map(({ at, values: which }) => {
    if (which === 'files') return `    ${at}) _files; return ;;`
    if (which === 'any') return `    ${at}) return ;;`
    return `    ${at}) compadd -- ${which.map(quote).join(' ')}; return ;;`
  })
  const words = places.map(({ path, words: all }) => {
    const described = all.map(([word, about]) => quote(`${word}:${firstLine(about)}`))
    return `    ${quote(path)}) known=(${described.join(' ')}) ;;`
  })
  return `#compdef gatehouse
# zsh completion for gatehouse. Made by: gatehouse completion zsh
_gatehouse() {
  local at= i
  local -a known
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
    ${stepsOf(places)}) at+=" \${words[i]}" ;;
    esac
  done
  case "$at \${words[CURRENT - 1]}" in
${values.join('\n')}
  esac
  case "$at" in
${words.join('\n')}
  esac
  _describe gatehouse known
}
if [[ "\${funcstack[1]}" == _gatehouse ]]; then _gatehouse "$@"; else compdef _gatehouse gatehouse; fi
`
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? ''
}

/** As one word that no shell reads anything into. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
