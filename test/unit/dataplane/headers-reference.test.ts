import { readFileSync } from 'node:fs'
import {
  hopByHop,
  ownCookiePrefixes,
  reservedCookiePrefixes,
  reservedInRequests,
  reservedInResponses,
} from '../../../src/dataplane/names.js'
import { refusals } from '../../../src/dataplane/normalise.js'

const page = readFileSync(new URL('../../../docs/reference/headers.md', import.meta.url), 'utf8')

/** The names in code marks of each list item that begins with `beginning`, in lower case. */
function listed(beginning: string): string[][] {
  return page
    .split('\n')
    .filter((line) => line.startsWith(`- ${beginning}`))
    .map((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name.toLowerCase()))
}

describe('the reference of headers', () => {
  it('lists each refusal once, in the order of the code, and no other', () => {
    expect([...page.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, name]) => name)).toEqual([...refusals])
  })

  it('lists what is removed in each direction', () => {
    const [requestNames, responseNames] = listed('by name')
    const [requestPrefixes, responsePrefixes] = listed('by beginning')
    expect(requestNames).toEqual([...reservedInRequests.names])
    expect(requestPrefixes).toEqual([...reservedInRequests.prefixes])
    expect(responseNames).toEqual([...reservedInResponses.names])
    expect(responsePrefixes).toEqual([...reservedInResponses.prefixes])
  })

  it('names each connection header and each reserved cookie', () => {
    const text = page.toLowerCase()
    for (const name of [...hopByHop, ...ownCookiePrefixes, ...reservedCookiePrefixes]) {
      expect(text).toContain(`\`${name}\``)
    }
  })
})
