const decoded = (path: string): string =>
  path.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString())
const joined = (path: string): string => path.replace(/\/+/g, '/')
const withoutParameters = (path: string): string => path.replace(/;[^/]*/g, '')
const parsed = (path: string): string => new URL(path, 'http://machine.invalid').pathname
const onWindows = (path: string): string =>
  path.replaceAll('\\', '/').replace(/[. ]+(?=\/|$)/g, (dots) => (dots.startsWith('..') ? '..' : ''))

/** RFC 3986 §5.2.4, slashes joined as file systems do. */
function resolved(path: string): string {
  const kept: string[] = []
  for (const segment of joined(path).split('/').slice(1)) {
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
  }
  return `/${kept.join('/')}`
}

/** How servers read a path, as people write them, each in its own order. */
export const naiveServers: Readonly<Record<string, (path: string) => string>> = {
  'takes it as it stands': (path) => path,
  'decodes and resolves': (path) => resolved(decoded(path)),
  'decodes twice and resolves': (path) => resolved(decoded(decoded(path))),
  'decodes three times and resolves': (path) => resolved(decoded(decoded(decoded(path)))),
  'joins slashes and decodes': (path) => decoded(joined(path)),
  'decodes and joins slashes': (path) => joined(decoded(path)),
  'drops parameters, decodes, resolves': (path) => resolved(decoded(withoutParameters(path))),
  'decodes, drops parameters, resolves': (path) => resolved(withoutParameters(decoded(path))),
  'decodes twice, drops parameters, resolves': (path) => resolved(withoutParameters(decoded(decoded(path)))),
  'cuts at the first parameter': (path) => decoded(path.replace(/;.*$/, '')),
  'parses a reference': parsed,
  'parses and decodes': (path) => resolved(decoded(parsed(path))),
  'decodes and parses': (path) => parsed(decoded(path)),
  'drops parameters and parses': (path) => parsed(withoutParameters(path)),
  'runs on Windows': (path) => resolved(onWindows(decoded(path))),
  'runs on Windows, and drops parameters': (path) => resolved(onWindows(withoutParameters(decoded(path)))),
}
