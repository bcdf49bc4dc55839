// `npm test`: sets up what is missing, builds, runs every test, and ends with one line:
//   N passed, N failed[, N skipped]
// Arguments go to Jest: npm test -- --selectProjects unit. GATEHOUSE_TEST_MINUTES bounds the whole run.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setUp, SetupFailed } from './setup-test.mjs'

const root = join(import.meta.dirname, '..')
const limitMinutes = Number(process.env.GATEHOUSE_TEST_MINUTES ?? 30)
const deadline = performance.now() + limitMinutes * 60_000

/** A failure outside any test counts as one failed test: nothing may look green that did not run. */
const tally = { passed: 0, failed: 0, skipped: 0 }
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
    const file = join(folder, 'results.json')
    const jest = [join(root, 'scripts/jest.mjs'), '--json', `--outputFile=${file}`, ...process.argv.slice(2)]
    const status = await run(process.execPath, jest)
    count(file, status)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function count(file, status) {
  let results
  try {
    results = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    if (!isOver) fail(`Jest ended without results (${status})`)
    return
  }
  tally.passed += results.numPassedTests
  // Test files that could not be loaded have no tests to count.
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites
  tally.failed += failed
  tally.skipped += results.numPendingTests + results.numTodoTests
  if (status !== 0 && failed === 0 && !isOver) fail(`Jest ended with status ${status} though no test failed`)
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
