// `npm run bench:profile`: where a Gatehouse under full load spends its main thread. Ask this before making
// anything faster.
import { writeFile } from 'node:fs/promises'
import type { Profiler } from 'node:inspector'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runAndClose } from '../test/support/closing.js'
import { startChild } from './children.js'
import type { ClientAnswers } from './clients/main.js'
import { beginLoad, endLoad, measureLoad } from './load.js'
import { askAsEach, openSite } from './site.js'

const usage = `Usage: npm run bench:profile -- [options]

  --seconds N   how long to look, 1 to 300 (default 10)
  --warm-up N   seconds of load before that, 1 to 60 (default 8)
  --top N       functions shown, 1 to 1000 (default 40)
  --save FILE   also writes the profile, for Chromium's developer tools (name it *.cpuprofile)
  --help        this text
`

/** Of the sampler. Shorter is finer and disturbs more. */
const everyMicros = 500
const root = fileURLToPath(new URL('..', import.meta.url))

type Frame = Profiler.Profile['nodes'][number]['callFrame']

interface Spent {
  readonly name: string
  micros: number
  /** In code that is not JavaScript, called from here. */
  nativeMicros: number
}

interface Options {
  readonly seconds: number
  readonly warmUp: number
  readonly top: number
  readonly save: string | undefined
}

const options = readOptions(process.argv.slice(2))
if (options !== null) await runAndClose(() => profile(options))

function readOptions(argv: string[]): Options | null {
  const number = (name: string, text: string, most: number): number => {
    const value = Number(text)
    if (Number.isInteger(value) && value >= 1 && value <= most) return value
    throw new Error(`--${name} must be a whole number from 1 to ${most}`)
  }
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        seconds: { type: 'string', default: '10' },
        'warm-up': { type: 'string', default: '8' },
        top: { type: 'string', default: '40' },
        save: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      process.stdout.write(usage)
      return null
    }
    return {
      seconds: number('seconds', values.seconds, 300),
      warmUp: number('warm-up', values['warm-up'], 60),
      top: number('top', values.top, 1000),
      save: values.save,
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    process.exitCode = 2
    return null
  }
}

async function profile({ seconds, warmUp, top, save }: Options): Promise<void> {
  const site = await openSite()
  const gate = await site.startGatehouse()
  const clients = await startChild<ClientAnswers>('clients/main.ts')
  await beginLoad(clients, askAsEach(site, gate))
  await measureLoad(clients, warmUp)
  await gate.ask('beginProfile', { everyMicros })
  const { answered, cpuMicros } = await measureLoad(clients, seconds, [gate.id])
  const found = await gate.ask('endProfile', null, 60_000)
  await endLoad(clients)
  if (save !== undefined) await writeFile(save, JSON.stringify(found))

  const { functions, modules } = selfTimes(found)
  const total = functions.reduce((sum, { micros }) => sum + micros, 0)
  const figure = (micros: number): string => (micros / answered).toFixed(2).padStart(8)
  const share = (micros: number): string => `${((100 * micros) / total).toFixed(1).padStart(5)} %`
  const ofProcess = ((cpuMicros[0] ?? 0) / answered).toFixed(1)
  process.stdout.write(
    [
      `${(answered / seconds).toFixed(0)} requests/s. For each, the process took ${ofProcess} µs of CPU while it was watched, and its`,
      `main thread was busy for ${(total / answered).toFixed(1)} µs of time, which on a busy host includes waiting for a core.`,
      '',
      'Self time of each function, µs a request:',
      ...functions.slice(0, top).map(({ name, micros }) => `${figure(micros)} ${share(micros)}  ${name}`),
      '',
      'Sum of self times by module, µs a request, then how much of it in native functions that it called:',
      ...modules.map(
        ({ name, micros, nativeMicros }) =>
          `${figure(micros)} ${share(micros)} ${figure(nativeMicros)}  ${name}`,
      ),
      '',
    ].join('\n'),
  )
}

/** Most expensive first, without the time in which there was nothing to do. */
function selfTimes({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile) {
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((id) => [id, node] as const)))
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const functions = new Map<string, Spent>()
  const modules = new Map<string, Spent>()
  samples.forEach((id, position) => {
    const node = byId.get(id)
    if (node === undefined || node.callFrame.functionName === '(idle)') return
    // The time until the next sample is what this one stands for.
    const micros = timeDeltas[position + 1] ?? 0
    add(functions, describe(node.callFrame), micros, 0)
    let caller = node
    while (placeOf(caller.callFrame) === '') {
      const parent = parents.get(caller.id)
      if (parent === undefined || parent.callFrame.functionName === '(root)') break
      caller = parent
    }
    add(modules, moduleOf(caller.callFrame), micros, caller === node ? 0 : micros)
  })
  const sorted = (sums: Map<string, Spent>): Spent[] => [...sums.values()].sort((a, b) => b.micros - a.micros)
  return { functions: sorted(functions), modules: sorted(modules) }
}

function add(sums: Map<string, Spent>, name: string, micros: number, nativeMicros: number): void {
  const sum = sums.get(name) ?? { name, micros: 0, nativeMicros: 0 }
  sum.micros += micros
  sum.nativeMicros += nativeMicros
  sums.set(name, sum)
}

function describe(frame: Frame): string {
  const place = placeOf(frame)
  return `${frame.functionName || '(anonymous)'}${place === '' ? '' : `  ${place}:${frame.lineNumber + 1}`}`
}

function placeOf({ url }: Frame): string {
  return url.startsWith('file:') ? fileURLToPath(url).replace(root, '') : url
}

/** A folder of src, a package, a file of node itself, or what the engine does by itself. */
function moduleOf(frame: Frame): string {
  const place = placeOf(frame)
  if (place === '') return frame.functionName
  const [module] = /^(src\/[^/]+|node_modules\/(@[^/]+\/)?[^/]+|node:.+)/.exec(place) ?? [place]
  return module
}
