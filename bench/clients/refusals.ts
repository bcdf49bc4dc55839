// Somebody who asks without a pause until the answer is no.
import { monotonicMs } from '../kernel.js'
import { dial, type Asked } from './requests.js'

export interface Refusal {
  /** When the first no arrived, on the clock of {@link monotonicMs}. */
  readonly firstRefusedAt: number
  /** When the last request was sent that was still let through. */
  readonly lastPermittedSentAt: number
}

interface Asking {
  readonly permitted: Promise<unknown>
  readonly refused: Promise<Refusal>
}

const permittedEvent = 'permitted'
let asking: readonly Asking[] = []

export const refusalAnswers = {
  /** Resolves when each connection has been let through. */
  async askOn({ asked, connections }: { asked: Asked; connections: number }): Promise<void> {
    asking = Array.from({ length: connections }, () => ask(asked))
    await Promise.all(asking.map(({ permitted }) => permitted))
  },

  /** Resolves when each connection has been refused. */
  async refusal(_: null): Promise<Refusal> {
    const refusals = await Promise.all(asking.map(({ refused }) => refused))
    return {
      firstRefusedAt: Math.min(...refusals.map(({ firstRefusedAt }) => firstRefusedAt)),
      lastPermittedSentAt: Math.max(...refusals.map(({ lastPermittedSentAt }) => lastPermittedSentAt)),
    }
  },
}

/** On one connection. */
function ask(asked: Asked): Asking {
  const socket = dial(asked)
  let answer = ''
  const permitted = new Promise((resolve, reject) => {
    socket.on(permittedEvent, resolve)
    socket.on('close', () => {
      reject(new Error(`not let through: ${answer.slice(0, 300)}`))
    })
  })
  const refused = new Promise<Refusal>((resolve, reject) => {
    let sentAt = 0
    let lastPermittedSentAt = 0
    const send = (): void => {
      answer = ''
      sentAt = monotonicMs()
      socket.write(asked.request)
    }
    socket.on('connect', send)
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      const [head = '', status] = /^HTTP\/1\.1 (\d{3}) [^]*?\r\n\r\n/.exec(answer) ?? []
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1])
      if (status === '200' && answer.length === head.length + length) {
        lastPermittedSentAt = sentAt
        socket.emit(permittedEvent)
        send()
      } else if (status === '403') {
        resolve({ firstRefusedAt: monotonicMs(), lastPermittedSentAt })
        socket.destroy()
      }
    })
    socket.on('close', () => {
      reject(new Error(`closed and not refused: ${answer.slice(0, 300)}`))
    })
  })
  socket.on('error', () => undefined) // told by the close that follows
  refused.catch(() => undefined) // told to whoever asks for it
  return { permitted, refused }
}
