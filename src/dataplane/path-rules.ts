/** Allow-lists of paths, safe against every way in which a server behind us may read a path. */

/**
 * What servers, their rewrite rules and frameworks do with a path that may make it climb. What else they do
 * leaves it where it is: an allowed path begins, as it stands, with one slash and plain folders, so joining
 * slashes, taking `//host` for an authority, or cutting at the first `;` only changes what is below those.
 */
const readers: readonly ((path: string) => string)[] = [
  // Byte by byte: what matters below is ASCII, and the rules for targets have seen to the rest.
  (path) => path.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
  (path) => path.replaceAll('\\', '/'),
  (path) => path.replace(/;[^/]*/g, ''),
]

// Windows drops trailing dots and spaces of a file name, which makes `.. ` and `...` climb as well.
const climbing = /(?:^|\/)[. ]+(?:\/|$)/

/** More than any path has that is meant to be understood; a bound on what one may cost. */
const mostReadings = 64

/**
 * Whether a path lies in an allow-list, whoever reads it: as it stands, decoded to any depth, its parameters
 * dropped, and all of these together. So a rule means the same with everything opened that `lenientRequests`
 * can open. The entries are plain paths, as the configuration makes sure. Null allows all.
 *
 * @example
 * isPathOpen(['/hmi/', '/api/values'], '/hmi/start.html') // true
 * isPathOpen(['/hmi/', '/api/values'], '/api/values/raw') // false
 */
export function isPathOpen(allowed: readonly string[] | null, path: string): boolean {
  if (allowed === null) return true
  const lies = (reading: string): boolean =>
    !climbing.test(reading) &&
    allowed.some((open) => (open.endsWith('/') ? reading.startsWith(open) : reading === open))
  const readings = new Set([path])
  // A set is walked to its end, and grows on the way.
  for (const reading of readings) {
    if (!lies(reading) || readings.size > mostReadings) return false
    for (const read of readers) readings.add(read(reading))
  }
  return true
}
