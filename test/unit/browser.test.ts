import { browserOf } from '../../src/lib/index.js'

const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)'

describe('what a browser says it is', () => {
  it.each([
    [`Mozilla/5.0 (X11; Linux x86_64) ${webkit} HeadlessChrome/156.0.0.0 Safari/537.36`, 'chrome', 'linux'],
    [`Mozilla/5.0 (X11; Linux x86_64) ${webkit} Chrome/156.0.0.0 Safari/537.36`, 'chrome', 'linux'],
    [
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/156.0.0.0 Safari/537.36 Edg/156.0`,
      'edge',
      'windows',
    ],
    [
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/156.0.0.0 Safari/537.36 OPR/120.0`,
      'opera',
      'windows',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0',
      'firefox',
      'windows',
    ],
    ['Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0', 'firefox', 'android'],
    [
      `Mozilla/5.0 (Linux; Android 10; K) ${webkit} Chrome/156.0.0.0 Mobile Safari/537.36`,
      'chrome',
      'android',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15',
      'safari',
      'mac',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/156.0 Mobile/15E148 Safari/604.1',
      'chrome',
      'ios',
    ],
    [
      'Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
      'safari',
      'ios',
    ],
    ['curl/8.9.1', 'other', 'other'],
    ['', 'other', 'other'],
    [null, 'other', 'other'],
  ])('of %s is %s on %s', (text, name, system) => {
    expect(browserOf(text)).toEqual({ name, system })
  })

  it('is one of a few, whatever stands there', () => {
    for (const text of [
      '<script>alert(1)</script> Firefox/1',
      'x'.repeat(100_000),
      `${'x'.repeat(500)} Firefox/1 Windows`,
      '__proto__',
      'Firefox',
    ]) {
      const { name, system } = browserOf(text)
      expect([name, system].every((word) => ['firefox', 'other'].includes(word))).toBe(true)
    }
  })
})
