import { BlockList } from 'node:net'
import fc from 'fast-check'
import { canonicalSource, comesFrom } from '../../src/grants/sources.js'

describe('a source of a grant', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7/32', '192.0.2.7'],
    ['10.20.3.0/24', '10.20.3.0/24'],
    ['128.0.0.0/1', '128.0.0.0/1'],
    ['2001:DB8::0:1', '2001:db8::1'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['2001:db8:0:0:0:0:0:0/32', '2001:db8::/32'],
    ['::1', '::1'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['::ffff:10.20.3.0/120', '10.20.3.0/24'],
    ['0:0:0:0:0:ffff:a14:300/120', '10.20.3.0/24'],
    ['::192.0.2.7', '::c000:207'],
  ])('%s is kept as %s', (text, kept) => {
    expect(canonicalSource(text)).toBe(kept)
    expect(canonicalSource(kept)).toBe(kept)
  })

  it.each([
    '',
    ' 192.0.2.7',
    '192.0.2.7 ',
    '192.0.2.7\n',
    '192.0.2',
    '192.0.2.07',
    '0xC0.0.2.7',
    '3221225991',
    '192.0.2.256',
    '192.0.2.7/33',
    '10.20.3.7/24',
    '0.0.0.0/0',
    '0.0.0.0/00',
    '10.20.3.0/024',
    '10.20.3.0/+24',
    '10.20.3.0/24/24',
    '10.20.3.0/',
    '10.20.3.0/255.255.255.0',
    '10.20.3.*',
    '::/0',
    '::/1',
    '::ffff:0:0/96',
    '::ffff:0:0/95',
    '2001:db8::1/32',
    '2001:db8::/129',
    '[2001:db8::1]',
    'fe80::1%eth0',
    '2001:db8:::1',
    'vendor.example',
    'localhost',
  ])('%j is none', (text) => {
    expect(canonicalSource(text)).toBeNull()
  })

  it('is kept so that it matches what it matched as it was written', () => {
    const any = fc
      .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 128 }), fc.boolean())
      .map(([address, bits, isBlock]) => (isBlock ? `${address}/${bits}` : address))
    fc.assert(
      fc.property(any, fc.oneof(fc.ipV4(), fc.ipV6()), (text, client) => {
        const kept = canonicalSource(text)
        if (kept === null) return
        const [address = '', bits] = text.split('/')
        const family = address.includes(':') ? 'ipv6' : 'ipv4'
        const list = new BlockList()
        if (bits === undefined) list.addAddress(address, family)
        else list.addSubnet(address, Number(bits), family)
        expect(comesFrom([kept], client)).toBe(list.check(client, client.includes(':') ? 'ipv6' : 'ipv4'))
        expect(comesFrom([kept], address)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('where somebody comes from', () => {
  const sources = ['198.51.100.0/24', '192.0.2.7', '2001:db8:5::/48']

  it.each([
    ['198.51.100.0', true],
    ['198.51.100.255', true],
    ['198.51.101.0', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['::ffff:192.0.2.7', true],
    ['::ffff:c633:6401', true],
    ['::192.0.2.7', false],
    ['2001:db8:5:ffff::1', true],
    ['2001:db8:6::1', false],
    ['unknown', false],
    ['', false],
  ])('%s: %s', (address, isOne) => {
    expect(comesFrom(sources, address)).toBe(isOne)
  })
})
