import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { run } from '../../src/cli/program.js'
import { scopes } from '../../src/model.js'

const execute = promisify(execFile)
const isThere = (shell: string): Promise<boolean> =>
  execute(shell, ['-c', 'true']).then(
    () => true,
    () => false,
  )

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-completion-'))
  for (const shell of ['bash', 'zsh']) {
    let script = ''
    const status = await run(['completion', shell], { out: (text) => (script += text), err: () => undefined })
    expect(status).toBe(0)
    await writeFile(join(folder, shell), script)
  }
  await writeFile(join(folder, 'gatehouse.yml'), '')
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

/** What a real bash offers for the last of these words. */
async function bash(...words: string[]): Promise<string[]> {
  const script = `. ./bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gatehouse; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout } = await execute('bash', ['--norc', '-c', script, 'bash', ...words], { cwd: folder })
  return stdout.split('\n').filter((word) => word !== '')
}

const cases: [string[], string[]][] = [
  [['gatehouse', 'gra'], ['grants']],
  [['gatehouse', 'grants', 'ext'], ['extend']],
  [['gatehouse', 'grants', 'issue', '--acc'], ['--access']],
  [
    ['gatehouse', 'grants', 'issue', '--access', ''],
    ['view', 'operate'],
  ],
  [['gatehouse', 'grants', 'issue', '--access', 'o'], ['operate']],
  [['gatehouse', 'tokens', 'create', '--scope', 'lockdowns:r'], ['lockdowns:read']],
  [
    ['gatehouse', 'completion', ''],
    ['bash', 'zsh', '--help'],
  ],
  [['gatehouse', 'serve', '--config', 'gateh'], ['gatehouse.yml']],
  [['gatehouse', 'serve', '-c', 'gateh'], ['gatehouse.yml']],
  // A value is no command, and whatever somebody types is not guessed.
  [['gatehouse', 'grants', 'issue', '--reason', ''], []],
  [['gatehouse', 'grants', 'issue', '--reason', 'list', '--tick'], ['--ticket']],
]

describe('completion in bash', () => {
  it.each(cases)('of %j offers %j', async (words, offered) => {
    expect(await bash(...words)).toEqual(offered)
  })

  it('knows an option with its value behind an equals sign, which bash reads as three words', async () => {
    expect(await bash('gatehouse', 'grants', 'issue', '--access', '=')).toEqual(['view', 'operate'])
    expect(await bash('gatehouse', 'grants', 'issue', '--access', '=', 'v')).toEqual(['view'])
  })

  it('offers every scope of a token', async () => {
    expect(await bash('gatehouse', 'tokens', 'create', '--scope', '')).toEqual([...scopes])
  })
})

describe('completion in zsh', () => {
  it.each(cases.filter(([, offered]) => offered.length > 0 && offered[0] !== 'gatehouse.yml'))(
    'of %j offers %j',
    async (words, offered) => {
      if (!(await isThere('zsh'))) {
        console.warn('zsh is not installed here: its completion was not tried')
        return
      }
      // Its own functions for completion work under its line editor alone: these take what they would be given.
      const script = `compdef() { }
compadd() { shift; print -l -- "$@" }
_describe() { print -l -- "\${known[@]%%:*}" }
. ./zsh
words=("$@"); CURRENT=$#
_gatehouse`
      const { stdout } = await execute('zsh', ['-f', '-c', script, 'zsh', ...words], { cwd: folder })
      const last = words.at(-1) ?? ''
      const shown = stdout.split('\n').filter((word) => word !== '' && word.startsWith(last))
      expect(shown).toEqual(offered)
    },
  )
})

it('completion for another shell is refused', async () => {
  let said = ''
  const output = { out: () => undefined, err: (text: string) => (said += text) }
  expect(await run(['completion', 'fish'], output)).toBe(2)
  expect(said).toContain('bash, zsh')
})
