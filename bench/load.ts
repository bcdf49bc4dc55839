// Keep-alive load on a server for a while.
import type { Child } from './children.js'
import type { ClientAnswers } from './clients/main.js'
import type { Asked, Measured } from './clients/requests.js'
import { bodyBytes } from './servers/machine.js'

export const connections = 32
/** For the connections to open and settle. */
const leadSeconds = 0.3

/** Node goes on optimising for about as long; before, its figures say little. */
export function warmUpSeconds(isQuick: boolean): number {
  return isQuick ? 1 : 6
}

export async function beginLoad(clients: Child<ClientAnswers>, asked: readonly Asked[]): Promise<void> {
  await clients.ask('start', { asked, bodyBytes, connections })
  await clients.ask('window', { seconds: leadSeconds, processIds: [] })
}

/** What happens in so many seconds of the load that was begun. */
export async function measureLoad(
  clients: Child<ClientAnswers>,
  seconds: number,
  processIds: readonly number[] = [],
): Promise<Measured> {
  const measured = await clients.ask('window', { seconds, processIds }, seconds * 1000)
  if (measured.failed > 0 || measured.answered === 0)
    throw new Error(`${measured.failed} connections were closed or answered wrongly`)
  return measured
}

export async function endLoad(clients: Child<ClientAnswers>): Promise<void> {
  await clients.ask('stop', null)
}
