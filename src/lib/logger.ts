import winston from 'winston'

/**
 * The operational log: for the people who run Gatehouse. What must be provable goes to the ledger
 * instead. Secrets, codes, cookies and tokens never come here; identifiers do.
 */
export interface Logger {
  debug(message: string, details?: Record<string, unknown>): void
  info(message: string, details?: Record<string, unknown>): void
  warn(message: string, details?: Record<string, unknown>): void
  error(message: string, details?: Record<string, unknown>): void
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** JSON lines on standard error, so that standard output stays free for answers of commands. */
export function createLogger(level: LogLevel): Logger {
  return winston.createLogger({
    level: level === 'silent' ? 'error' : level,
    silent: level === 'silent',
    format: winston.format.combine(winston.format.timestamp(), describeErrors(), winston.format.json()),
    transports: [new winston.transports.Console({ stderrLevels: ['debug', 'info', 'warn', 'error'] })],
  })
}

/** Errors in details become text with their causes; JSON would show them as `{}`. */
const describeErrors = winston.format((info) => {
  for (const [key, value] of Object.entries(info))
    if (value instanceof Error) info[key] = describeError(value)
  return info
})

/** One line for an error and what caused it. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''
  return error.cause === undefined
    ? `${error.message}${code}`
    : `${error.message}${code}: ${describeError(error.cause)}`
}
