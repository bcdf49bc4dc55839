// `npm test`: sets up what is missing, builds, runs every test, and ends with one line:
//   N passed, N failed[, N skipped]
// Arguments go to Jest: npm test -- --selectProjects unit. GATEHOUSE_TEST_MINUTES bounds the whole run.
// Without arguments, what measures for minutes in real time comes after all else, alone; and a few files that failed
// are run once more: many tests hold the gateway to bounds in real time, which a host that stalls breaks by itself.
// What passes only then is named at the end.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setUp, SetupFailed } from './setup-test.mjs'

const root = join(import.meta.dirname, '..')
const limitMinutes = Number(process.env.GATEHOUSE_TEST_MINUTES ?? 45)
const deadline = performance.now() + limitMinutes * 60_000

/** A failure outside any test counts as one failed test: nothing may look green that did not run. */
const tally = { passed: 0, failed: 0, skipped: 0 }
/** Minutes of real machines in real browsers, which a second worker on two cores starves. */
const runAlone = ['test/e2e/promises.test.ts', 'test/e2e/soak.test.ts']
const inBand = ['--runInBand', '--forceExit', '--runTestsByPath']
/** With more than these something is broken, not slow. */
const mostRunAgain = 4
/** Time is up, or someone pressed Ctrl-C: nothing more is started, and missing results are no news. */
let isOver = false

await main()
const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''
console.log(`${tally.passed} passed, ${tally.failed} failed${skipped}`)
process.exitCode ??= tally.failed > 0 ? 1 : 0

async function main() {
  try {
    await setUp()
  } catch (error) {
    console.error(error instanceof SetupFailed ? error.message : error)
    tally.failed += 1
    process.exitCode = 2
    return
  }
  const built = await run('npm', ['run', '--silent', 'build'])
  if (built !== 0) fail(`the build failed (${built})`)
  if (isOver) return

  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  try {
    const given = process.argv.slice(2)
    if (given.length > 0) {
      count(await jest(folder, given))
      return
    }
    const beside = await jest(folder, ['--testPathIgnorePatterns', ...runAlone])
    const alone = isOver ? null : await jest(folder, [...inBand, ...runAlone])
    const all = [beside, alone].filter((results) => results !== null)
    const failed = all.flatMap(({ testResults }) => testResults).filter(({ status }) => status === 'failed')
    const isFew = failed.length > 0 && failed.length <= mostRunAgain
    const again = isFew && !isOver ? await runAgain(folder, failed) : null
    for (const results of all) count(results, again === null ? [] : failed)
    count(again)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @returns null where there are no results, which is a failure by then */
async function jest(folder, given) {
  const file = join(folder, 'results.json')
  rmSync(file, { force: true })
  const status = await run(process.execPath, [
    join(root, 'scripts/jest.mjs'),
    '--json',
    `--outputFile=${file}`,
    ...given,
  ])
  try {
    return { ...JSON.parse(readFileSync(file, 'utf8')), status }
  } catch {
    if (!isOver) fail(`Jest ended without results (${status})`)
    return null
  }
}

async function runAgain(folder, failed) {
  const files = failed.map(({ name }) => name)
  const names = files.map((name) => relative(root, name))
  console.log(`test: once more: ${names.join(', ')}`)
  const again = await jest(folder, [...inBand, ...files])
  const passed = again?.testResults.filter(({ status }) => status === 'passed') ?? []
  const unsteady = new Set(passed.map(({ name }) => name))
  for (const { name, assertionResults } of failed.filter(({ name }) => unsteady.has(name)))
    for (const { fullName } of assertionResults.filter(({ status }) => status === 'failed'))
      console.log(`test: unsteady, passed the second time: ${relative(root, name)} › ${fullName}`)
  return again
}

/** Adds what a run found, but for the files that were run again. */
function count(results, without = []) {
  if (results === null) return
  const names = new Set(without.map(({ name }) => name))
  const counted = results.testResults.filter(({ name }) => !names.has(name))
  const tests = counted.flatMap(({ assertionResults }) => assertionResults)
  const of = (...states) => tests.filter(({ status }) => states.includes(status)).length
  // Test files that could not be loaded have no tests to count.
  const unloaded = counted.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length
  const failed = of('failed') + unloaded
  tally.passed += of('passed')
  tally.failed += failed
  tally.skipped += of('pending', 'todo', 'disabled')
  if (results.status !== 0 && failed === 0 && names.size === 0 && !isOver)
    fail(`Jest ended with status ${results.status} though no test failed`)
}

function fail(why) {
  console.error(`test: ${why}`)
  tally.failed += 1
}

/**
 * In a process group of its own, so that servers and workers end with it when time is up or someone
 * presses Ctrl-C.
 */
function run(file, args) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd: root, stdio: 'inherit', detached: true })
    const end = (signal) => {
      try {
        process.kill(-child.pid, signal)
      } catch {
        // already gone
      }
    }
    const interrupt = () => {
      isOver = true
      process.exitCode = 130
      end('SIGTERM')
      setTimeout(end, 3_000, 'SIGKILL').unref()
    }
    const timer = setTimeout(
      () => {
        isOver = true
        fail(`stopped: not done within ${limitMinutes} minutes`)
        end('SIGKILL')
      },
      Math.max(0, deadline - performance.now()),
    )
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
    child.on('error', (error) => {
      clearTimeout(timer)
      resolve(error.message)
    })
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
      // Whatever a crashed test file left running.
      end('SIGKILL')
      resolve(status ?? signal)
    })
  })
}
