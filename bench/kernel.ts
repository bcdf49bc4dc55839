// What Linux says a process has used (proc(5)).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** CPU time with all threads, user and system, in steps of 10 ms (`stat`, fields 14 and 15). */
export function cpuMicrosOf(processId: number): number {
  const stat = readFileSync(`/proc/${processId}/stat`, 'latin1')
  // The second field is a name that may hold blanks; it ends with the last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** Resident memory now. */
export function residentBytesOf(processId: number): number {
  return statusBytes(processId, 'VmRSS')
}

/** The most resident memory since {@link forgetPeakOf}. */
export function peakBytesOf(processId: number): number {
  return statusBytes(processId, 'VmHWM')
}

export function forgetPeakOf(processId: number): void {
  writeFileSync(`/proc/${processId}/clear_refs`, '5')
}

export function childrenOf(processId: number): number[] {
  const list = (text: string): number[] => text.split(' ').filter(Boolean).map(Number)
  return readdirSync(`/proc/${processId}/task`).flatMap((thread) =>
    list(readFileSync(`/proc/${processId}/task/${thread}/children`, 'latin1').trim()),
  )
}

/** How many files and sockets this process and its children may have open. */
export function openFilesLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1')
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity)
}

function statusBytes(processId: number, field: string): number {
  const status = readFileSync(`/proc/${processId}/status`, 'latin1')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
}

/** A clock that all processes share (CLOCK_MONOTONIC), in milliseconds; `performance.now()` is each one's own. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1_000_000
}
