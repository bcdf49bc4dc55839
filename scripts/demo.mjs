// `npm run demo`: installs and builds what is missing or out of date, then runs the demo. Needs Node and
// nothing else. Arguments go to the demo: npm run demo -- --tls --port 9080. See --help.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname ?? '.', '..')
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `The demo needs Node.js 20.19 or later; this is ${process.versions.node}. See https://nodejs.org`,
  )
  process.exit(1)
}

let running = null
let isStopping = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    isStopping = true
    // A terminal has told the child already; it takes the second word for the first.
    running?.kill('SIGTERM')
  })
}

process.exitCode = await main()

async function main() {
  const args = process.argv.slice(2)
  if (isOlder('node_modules/.package-lock.json', newest(['package-lock.json']))) {
    console.log('Installing packages …')
    const status = await npm(
      'ci',
      '--ignore-scripts',
      '--include=dev',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    )
    if (status !== 0) return failed('npm ci', status)
  }
  if (
    isOlder(
      'dist/.complete',
      newest(['src', 'demo', 'scripts/copy-assets.mjs', 'tsconfig.json', 'tsconfig.build.json']),
    )
  ) {
    console.log('Building …')
    // Without the type check, which takes most of a build and tells a newcomer nothing: `npm run check` does it.
    const compiled = await node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--noCheck')
    const status = compiled === 0 ? await node('scripts/copy-assets.mjs') : compiled
    if (status !== 0) return failed('The build', status)
  }
  if (isStopping) return 0
  const status = await node('dist/demo/main.js', ...args)
  return typeof status === 'number' ? status : 1
}

function failed(what, status) {
  if (isStopping) return 0
  console.error(`${what} failed (${status}).`)
  return 1
}

/** npm as it was started, where it was: the `npm` on PATH may be another one, or none. */
function npm(...args) {
  const script = process.env.npm_execpath
  if (script?.endsWith('.js')) return node(script, ...args)
  return run('npm', args, { shell: process.platform === 'win32' })
}

function node(...args) {
  return run(process.execPath, args)
}

function run(file, args, options = {}) {
  return new Promise((resolve) => {
    running = spawn(file, args, { cwd: root, stdio: 'inherit', ...options })
    running.on('error', (error) => resolve(error.message))
    running.on('close', (status, signal) => {
      running = null
      resolve(status ?? signal)
    })
  })
}

function isOlder(file, than) {
  const path = join(root, file)
  return !existsSync(path) || statSync(path).mtimeMs < than
}

/** When the youngest file in these files and folders was changed; what the demo itself keeps is no source. */
function newest(paths) {
  let latest = 0
  for (const path of paths) {
    const full = join(root, path)
    const stat = statSync(full)
    if (stat.isDirectory()) {
      const names = readdirSync(full).filter((name) => name !== '.state')
      latest = Math.max(latest, newest(names.map((name) => join(path, name))))
    } else {
      latest = Math.max(latest, stat.mtimeMs)
    }
  }
  return latest
}
