import { ResponseReader } from '../../src/dataplane/response-reader.js'
import type { ResponseHead } from '../../src/dataplane/response-headers.js'
import type { LenientResponse } from '../../src/model.js'

/** What a reader told of some bytes. */
export interface Reading {
  readonly head: ResponseHead | null
  /** Latin-1. */
  readonly body: string
  readonly outcome: 'complete' | 'switched' | 'incomplete' | 'refused'
  /** What was wrong. */
  readonly problem: string | null
  readonly mayReuse: boolean
}

export interface ReadOptions {
  readonly method?: string
  readonly lenient?: readonly LenientResponse[]
  /** Whether the machine closes its side behind the bytes. */
  readonly closes?: boolean
  /** Hears which of the pieces, counted from one, ended it; `Infinity` for the end of the connection. */
  readonly onEnd?: (piece: number) => void
}

/** Reads an answer that arrives in these pieces (text is Latin-1). */
export function readAnswer(pieces: readonly (string | Buffer)[], options: ReadOptions = {}): Reading {
  const reader = new ResponseReader(new Set(options.lenient ?? []))
  let head: ResponseHead | null = null
  let body = ''
  let outcome: Reading['outcome'] = 'incomplete'
  let problem: string | null = null
  let piecesTaken = 0
  reader.begin(options.method ?? 'GET', {
    onHead: (read) => (head = read),
    onData: (chunk) => (body += chunk.toString('latin1')),
    onEnd: () => {
      outcome = 'complete'
      options.onEnd?.(piecesTaken)
    },
    onSwitch: (read, early) => {
      head = read
      body = early.toString('latin1')
      outcome = 'switched'
      options.onEnd?.(piecesTaken)
    },
  })
  for (const piece of pieces) {
    piecesTaken += 1
    problem ??= reader.take(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
  }
  piecesTaken = Infinity
  if (problem === null && options.closes === true) problem = reader.close()
  return { head, body, outcome: problem === null ? outcome : 'refused', problem, mayReuse: reader.mayReuse }
}
