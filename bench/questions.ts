// How the benchmark talks to its own processes: it asks by name, and one answer comes back for each.

/** What a process answers, by name. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each question has an argument of its own type
export type Answers = Record<string, (argument: any) => unknown>

export interface Question {
  readonly number: number
  readonly name: string
  readonly argument: unknown
}

export interface Reply {
  readonly number: number
  readonly result?: unknown
  readonly problem?: string
}

/** In a child: answers the parent, and ends when it is gone. */
export function answerParent(answers: Answers, close: () => Promise<void> = async () => {}): void {
  const reply = async ({ number, name, argument }: Question): Promise<Reply> => {
    try {
      return { number, result: await answers[name]?.(argument) }
    } catch (error) {
      return { number, problem: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
  }
  process.on('disconnect', () => void close().finally(() => process.exit()))
  process.on('message', (question: Question) => {
    void reply(question).then((answer) => process.connected && process.send?.(answer))
  })
}
