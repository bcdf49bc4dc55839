import { GatehouseError } from '../lib/index.js'
import type { Ledger } from './ledger.js'

/** The ledger of who only reads: what would have to be recorded is refused. */
export const closedLedger: Ledger = {
  append: refuse,
  note: () => {
    throw refusal()
  },
  request: refuse,
  isWritable: () => false,
  close: () => Promise.resolve(),
}

function refuse(): Promise<never> {
  return Promise.reject(refusal())
}

function refusal(): GatehouseError {
  return new GatehouseError('ledger-unavailable', 'Access cannot be recorded right now.')
}
