/** Polls what no event tells of, within a bound. */
export async function until(
  what: string,
  holds: () => unknown,
  withinMs = 5_000,
  everyMs = 10,
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
