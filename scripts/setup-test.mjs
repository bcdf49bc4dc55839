// Gives this machine what the tests need beyond Node and git: packages, redis-server, Chromium, and plant
// software to put around Gatehouse: HAProxy, Prometheus, noVNC with TigerVNC, Node-RED. Silent when nothing is missing.
//
//   node scripts/setup-test.mjs      exit 0: ready · exit 2: something is missing, and this says what
import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '..')

const programs = [
  {
    name: 'redis-server',
    apt: 'redis-server',
    service: 'redis-server',
    isThere: () => isOnPath('redis-server'),
  },
  {
    name: 'chromium',
    apt: 'chromium',
    isThere: () => isExecutable(process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'),
  },
  { name: 'prometheus', apt: 'prometheus', service: 'prometheus', isThere: () => isOnPath('prometheus') },
  { name: 'HAProxy', apt: 'haproxy', service: 'haproxy', isThere: () => isOnPath('haproxy') },
  { name: 'noVNC', apt: 'novnc', isThere: () => existsSync('/usr/share/novnc/vnc.html') },
  { name: 'websockify', apt: 'websockify', isThere: () => isOnPath('websockify') },
  { name: 'TigerVNC', apt: 'tigervnc-standalone-server', isThere: () => isOnPath('Xtigervnc') },
  { name: 'xterm', apt: 'xterm', isThere: () => isOnPath('xterm') },
]

/** What could not be put right; `message` says what to do. */
export class SetupFailed extends Error {}

/** @throws SetupFailed */
export async function setUp() {
  const outcomes = await Promise.allSettled([ensurePackages(), ensurePrograms()])
  const failures = outcomes.flatMap(({ reason }) => (reason === undefined ? [] : [reason]))
  const bug = failures.find((failure) => !(failure instanceof SetupFailed))
  if (bug) throw bug
  if (failures.length > 0) throw new SetupFailed(failures.map(({ message }) => message).join('\n'))
}

async function ensurePackages() {
  await ensureInstalled(root, 'packages')
  await ensureInstalled(join(root, 'test/third-party/node-red'), 'Node-RED for the tests')
}

async function ensureInstalled(folder, what) {
  if (isInstalled(folder)) return
  await step(`installing ${what} (npm ci)`, async () => {
    const { status, output } = await run('npm', ['ci', '--ignore-scripts', '--no-progress'], { cwd: folder })
    if (status !== 0) throw new SetupFailed(`npm ci failed in ${folder}:\n${output}`)
  })
}

/**
 * Whether node_modules holds what the lock file says, by npm's own note of what it installed. Times of
 * files would not do: a fresh checkout gives every file a new one.
 */
function isInstalled(folder) {
  const installed = packagesOf(join(folder, 'node_modules/.package-lock.json'))
  const wanted = packagesOf(join(folder, 'package-lock.json'))
  if (!installed || !wanted) return false
  delete wanted['']
  // Optional ones are for other platforms, or may fail; those that are there have to be the right ones.
  return (
    Object.entries(wanted).every(([path, { version, optional }]) =>
      path in installed ? installed[path].version === version : optional === true,
    ) && Object.keys(installed).every((path) => path in wanted)
  )
}

function packagesOf(lockFile) {
  return existsSync(lockFile) ? JSON.parse(readFileSync(lockFile, 'utf8')).packages : null
}

async function ensurePrograms() {
  const missing = programs.filter((program) => !program.isThere())
  if (missing.length === 0) return
  const names = missing.map(({ name }) => name).join(', ')
  const asRoot = canUseApt() ? rootCommand() : null
  if (asRoot === null) {
    throw new SetupFailed(
      `The tests need ${names}, and this machine does not let me install programs.\n` +
        `On Debian: sudo apt-get install --no-install-recommends ${missing.map(({ apt }) => apt).join(' ')}\n` +
        'Elsewhere: put redis-server (7.0 or later), haproxy, prometheus, websockify, Xtigervnc and xterm on PATH, the\n' +
        "pages of noVNC into /usr/share/novnc, and a Chromium's path into CHROMIUM_PATH.",
    )
  }
  await step(`installing ${names} (apt-get)`, async () => {
    const services = missing.flatMap(({ service }) => service ?? [])
    const [file, ...args] = [
      ...asRoot,
      'sh',
      '-ec',
      installScript,
      services.join(' '),
      ...missing.map(({ apt }) => apt),
    ]
    const { status, output } = await run(file, args)
    const still = missing.filter((program) => !program.isThere()).map(({ name }) => name)
    if (status !== 0 || still.length > 0) {
      // Ubuntu's chromium package is a stub that asks for a snap, which no container can run.
      const hint = still.includes('chromium')
        ? '\nAny Chromium will do: put its path into CHROMIUM_PATH.'
        : ''
      throw new SetupFailed(`apt-get did not bring ${still.join(', ') || names}.${hint}\n${output}`)
    }
  })
}

/**
 * The tests start servers of their own on free ports. Debian starts one of each at installation and at every
 * boot; policy-rc.d keeps it from the first, and disabling from the second. Only for what is installed here.
 */
const installScript = `
  export DEBIAN_FRONTEND=noninteractive
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\\nexit 101\\n' > "$policy"
    chmod 755 "$policy"
  fi
  apt-get -q -o DPkg::Lock::Timeout=120 update
  apt-get -q -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 install --no-install-recommends "$@"
  if [ -d /run/systemd/system ]; then
    for service in $0; do systemctl disable --now "$service" || true; done
  fi
`

function canUseApt() {
  return isOnPath('apt-get') && existsSync('/etc/debian_version')
}

/** How to become root without being asked for a password; null when there is no way. */
function rootCommand() {
  if (process.getuid?.() === 0) return []
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : null
}

function isOnPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => isExecutable(join(folder, name)))
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function step(what, work) {
  const start = performance.now()
  console.log(`setup: ${what} …`)
  await work()
  console.log(`setup: ${what}: done in ${Math.round((performance.now() - start) / 1000)} s`)
}

/** Quiet while all goes well; the end of the output is for the message when it does not. */
function run(file, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk) => {
      output = (output + chunk).slice(-4_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => resolve({ status: -1, output: error.message }))
    child.on('close', (status) => resolve({ status, output }))
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    await setUp()
  } catch (error) {
    if (!(error instanceof SetupFailed)) throw error
    console.error(error.message)
    process.exitCode = 2
  }
}
