import { spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeys, openKeyring } from '../../src/lib/index.js'
import { Chain, ledgerOptions, newDirectory, writeLedger } from '../support/ledger.js'

const page = await readFile(join(import.meta.dirname, '../../docs/reference/ledger.md'), 'utf8')
const [chainScript = '', keyScript = '', headScript = ''] = [...page.matchAll(/^```sh\n(.*?)^```/gms)].map(
  ([, text]) => text,
)

const canRun = ['bash', 'openssl', 'basenc', 'jq'].every((tool) => spawnSync('which', [tool]).status === 0)
const byHand = canRun ? it : it.skip

/** Runs commands of the page as a reader would. */
function shell(directory: string, script: string): { status: number | null; output: string } {
  const env = { ...process.env, keys: 'keys.json', writer: 'gateway' }
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
    cwd: directory,
    env,
    encoding: 'utf8',
  })
  return { status, output: stdout + stderr }
}

describe('the commands of the reference (they need openssl, basenc and jq)', () => {
  const prepare = async (): Promise<string> => {
    const directory = await newDirectory()
    const keys = generateKeys()
    await writeFile(join(directory, 'keys.json'), JSON.stringify(keys))
    await writeLedger(ledgerOptions(directory, openKeyring(keys).ledger, { maxFileBytes: 1_000 }), 9)
    return directory
  }

  byHand('confirm a ledger that nobody touched', async () => {
    const directory = await prepare()
    expect(shell(directory, chainScript)).toMatchObject({
      status: 0,
      output: expect.stringMatching(/^1\d records in order/),
    })
    expect(shell(directory, keyScript)).toEqual({ status: 0, output: '' })
    const { output } = shell(directory, headScript)
    expect(output).toContain('Signature Verified Successfully')
    expect(output.match(/:1$/gm)).toHaveLength(1)
  })

  byHand('name the record that was edited or removed', async () => {
    for (const tamper of [
      (chain: Chain) =>
        chain.lines[6] ? (chain.lines[6].text = chain.lines[6].text.replace('g-', 'x-')) : undefined,
      (chain: Chain) => chain.lines.splice(6, 1),
    ]) {
      const chain = await new Chain(await prepare()).load()
      tamper(chain)
      await chain.store()
      expect(shell(chain.directory, chainScript)).toMatchObject({
        status: 1,
        output: expect.stringContaining('record 7 does not follow'),
      })
    }
  })

  byHand('refuse a head that was edited', async () => {
    const directory = await prepare()
    const head = await readFile(join(directory, 'gateway.head'), 'utf8')
    await writeFile(join(directory, 'gateway.head'), head.replace(/"seq":\d+/, '"seq":3'))
    expect(shell(directory, keyScript).status).toBe(0)
    expect(shell(directory, headScript).output).toContain('Verification Failure')
  })
})
