// A process to be killed: appends numbered records for ever, ten at a time, and prints each number once
// it is acknowledged. Arguments: directory, file with the signing key, first number.
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync, writeSync } from 'node:fs'
import { openLedger } from '../../src/audit/index.js'
import { createLogger, systemClock } from '../../src/lib/index.js'

const [directory = '', keyFile = '', first = '0'] = process.argv.slice(2)
const privateKey = createPrivateKey(readFileSync(keyFile))
const ledger = await openLedger({
  directory,
  writer: 'gateway',
  clock: systemClock,
  key: { id: 'k-test', privateKey, publicKey: createPublicKey(privateKey) },
  logger: createLogger('silent'),
  durability: 'state-changing',
  maxFileBytes: 20_000,
})
let number = Number(first)
const work = async (): Promise<never> => {
  for (;;) {
    const mine = number++
    await ledger.append({ event: 'grant.bound', grantId: `g-${mine}`, principalId: 'p-ana' })
    writeSync(1, `${mine}\n`)
  }
}
await Promise.all(Array.from({ length: 10 }, work))
