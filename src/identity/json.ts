/** The value of a JSON text, or null when it is none; what it holds is for a schema to say. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
