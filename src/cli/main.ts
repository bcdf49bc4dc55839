#!/usr/bin/env -S node --max-semi-space-size=32
import { run } from './program.js'

// `gatehouse audit export | head`: whoever reads stops when they have seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  process.stderr.write(`The answer cannot be written: ${error.message}\n`)
  process.exit(1)
})
// A log that nobody reads any more must not stop a running gateway: what counts is in the ledger.
process.stderr.on('error', () => undefined)

// Not process.exit(): it would cut off what a pipe has not taken yet.
process.exitCode = await run(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
})
