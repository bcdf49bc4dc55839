import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { h } from 'preact'
import {
  ConfirmForm,
  createPages,
  dateFieldValue,
  durationWords,
  Field,
  formatInstant,
  Instant,
  Notice,
  PlantTime,
  readDateField,
  Said,
  TimeUntil,
  Window,
  type Message,
  type Page,
} from '../../src/lib/page/index.js'
import { visibleText } from '../support/html.js'

const config = {
  plant: { timeZone: 'UTC' },
  endpoints: [] as { id: string; timeZone: string }[],
  server: { publicUrl: new URL('https://portal.plant.example'), endpointDomain: 'access.example' },
  oidc: { issuer: new URL('https://login.plant.example/realms/plant') },
}
const pages = createPages(config)
const now = Date.UTC(2026, 10, 23, 9, 40)
const viewer = { language: 'en' as const, name: 'Ana', isApprover: false, isAdmin: false, formToken: 'token' }
const render = (over: Partial<Page>): string => pages.render({ title: 'Test', body: null, now, ...over })
const message: Message = {
  title: 'No access',
  text: 'You may not open this.',
  next: 'Ask the plant.',
  code: 'denied',
  requestId: 'r-1',
  language: 'en',
}

const wordsOf = (html: string): string => visibleText({ text: html })

const markup = `"><script>alert(1)</script><img src=x onerror=alert(2)>'&quot;`
const rightToLeft = '\u202Egnp.exe\u2066'
const endless = 'x'.repeat(10_240)

describe('text from outside', () => {
  it.each([
    markup,
    rightToLeft,
    endless,
    '</title></textarea></option></style>',
    '{{7*7}}${1}',
    '\u0000\u0007',
  ])('stays text wherever a page puts it: %j', (text) => {
    const confirmation = { title: text, text, button: text }
    const html = render({
      title: text,
      viewer: { ...viewer, name: text, formToken: text },
      body: [
        h(Said, null, text),
        h(Notice, null, text),
        h(Field, { name: 'a', label: text, hint: text, error: text, value: text, isLong: true }),
        h(Field, { name: 'b', label: text, value: text }),
        h(ConfirmForm, { confirmation, viewer, action: '/x', back: '/y', fields: { reason: text } }),
      ],
    })
    const clean = render({
      title: 'a',
      viewer: { ...viewer, name: 'a', formToken: 'a' },
      body: [
        h(Said, null, 'a'),
        h(Notice, null, 'a'),
        h(Field, { name: 'a', label: 'a', hint: 'a', error: 'a', value: 'a', isLong: true }),
        h(Field, { name: 'b', label: 'a', value: 'a' }),
        h(ConfirmForm, {
          confirmation: { title: 'a', text: 'a', button: 'a' },
          viewer,
          action: '/x',
          back: '/y',
          fields: { reason: 'a' },
        }),
      ],
    })
    expect(tags(html)).toEqual(tags(clean))
  })

  it('cannot turn the direction of the text around it', () => {
    expect(render({ body: h(Said, null, rightToLeft) })).toContain(`<bdi class="said">${rightToLeft}</bdi>`)
  })

  it('stays text in a message', () => {
    const html = pages.message({
      ...message,
      title: markup,
      text: markup,
      next: markup,
      code: markup,
      requestId: markup,
    })
    expect(tags(html)).toEqual(tags(pages.message(message)))
  })
})

/** Names of tags and attributes, in order: the shape of a page without its text. */
function tags(html: string): string[] {
  return [...html.matchAll(/<(\/?[a-zA-Z!][\w-]*)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*\/?>/g)].map(
    ([, name = '', attributes = '']) => `${name} ${attributes.replace(/="[^"]*"/g, '')}`,
  )
}

describe('a message page', () => {
  it('says what happened, what to do, and what to read out on the telephone', () => {
    const text = wordsOf(pages.message({ ...message, at: now }))
    for (const part of [
      'No access',
      'You may not open this.',
      'Ask the plant.',
      'r-1',
      'denied',
      '2026-11-23 09:40 UTC',
    ]) {
      expect(text).toContain(part)
    }
  })

  it('leads to the portal by its whole address, because it also appears on endpoint hosts', () => {
    expect(pages.message(message)).toContain('href="https://portal.plant.example/"')
  })

  it('holds no form token unless it is given a viewer', () => {
    expect(pages.message(message)).not.toContain('name="form"')
    expect(pages.message({ ...message, viewer })).toContain('name="form" value="token"')
  })
})

describe('the head of a page', () => {
  it('shows the pages for approvers and administrators to them alone', () => {
    const links = (over: Partial<typeof viewer>): string[] => {
      const html = render({ section: 'home', viewer: { ...viewer, ...over } })
      return [...html.matchAll(/href="https:\/\/portal\.plant\.example(\/admin[^"]*)"/g)].map(
        (match) => match[1] ?? '',
      )
    }
    expect(links({})).toEqual([])
    expect(links({ isApprover: true })).toEqual([
      '/admin/requests',
      '/admin/releases',
      '/admin',
      '/admin/sessions',
      '/admin/endpoints',
      '/admin/lockdowns',
      '/admin/search',
    ])
    expect(links({ isAdmin: true })).toEqual([
      '/admin/requests',
      '/admin/releases',
      '/admin',
      '/admin/sessions',
      '/admin/endpoints',
      '/admin/people',
      '/admin/lockdowns',
      '/admin/search',
    ])
  })

  it('says how many requests wait, where any do', () => {
    const staff = { ...viewer, isApprover: true }
    expect(wordsOf(render({ viewer: { ...staff, waiting: 3 } }))).toContain('Requests 3 waiting')
    expect(wordsOf(render({ viewer: { ...staff, waiting: 0 } }))).not.toContain('waiting')
  })

  it('signs out by a form with the token, never by a link', () => {
    const html = render({ viewer })
    expect(html).toMatch(
      /<form class="who" method="post" action="https:\/\/portal\.plant\.example\/sign-out">/,
    )
    expect(html).toContain('<input type="hidden" name="form" value="token"')
  })
})

describe('times', () => {
  it.each([
    [-5, '0 s'],
    [999, '0 s'],
    [59_000, '59 s'],
    [119_999, '119 s'],
    [120_000, '2 min'],
    [3_599_999, '59 min'],
    [3_600_000, '1 h'],
    [8_040_000, '2 h 14 min'],
    [36_000_000, '10 h'],
    [172_799_999, '47 h 59 min'],
    [172_800_000, '2 d'],
    [183_600_000, '2 d 3 h'],
    [864_000_000, '10 d'],
  ])('%d ms are %s', (ms, words) => {
    expect(durationWords(ms)).toBe(words)
  })

  it('are in UTC, machine-readable, and leave out a date that was just said', () => {
    expect(formatInstant(now)).toBe('2026-11-23 09:40 UTC')
    expect(render({ body: h(Instant, { at: now }) })).toContain(
      '<time datetime="2026-11-23T09:40:00Z">2026-11-23 09:40 UTC</time>',
    )
    const hour = 3_600_000
    expect(wordsOf(render({ body: h(Window, { from: now, until: now + hour }) }))).toContain(
      '2026-11-23 09:40 to 10:40 UTC',
    )
    expect(wordsOf(render({ body: h(Window, { from: now, until: now + 20 * hour }) }))).toContain(
      '2026-11-23 09:40 to 2026-11-24 05:40 UTC',
    )
  })

  const zoned = createPages({
    ...config,
    plant: { timeZone: 'Europe/Berlin' },
    endpoints: [
      { id: 'press-3', timeZone: 'Europe/Berlin' },
      { id: 'mill-1', timeZone: 'America/New_York' },
    ],
  })
  const onWalls = (body: Page['body'], language: Page['language'] = 'en'): string =>
    zoned.render({ title: 'Test', body, now, language })

  it.each([
    [[], '2026-11-23 10:40 CET'],
    [['press-3'], '2026-11-23 10:40 CET'],
    [['mill-1'], '2026-11-23 04:40 UTC-5'],
    [['gone-9'], '2026-11-23 10:40 CET'],
    [['mill-1', 'press-3'], '2026-11-23 10:40 CET'],
  ])('about the machines %j are what their clocks show: %s', (of, text) => {
    expect(wordsOf(onWalls(h(Instant, { at: now, of })))).toContain(text)
  })

  it('name the offset for programs, and are in German as Germans write them', () => {
    expect(onWalls(h(Instant, { at: now }), 'de')).toContain(
      '<time datetime="2026-11-23T10:40:00+01:00">23.11.2026 10:40 MEZ</time>',
    )
    expect(onWalls(h(Instant, { at: now, of: ['mill-1'] }))).toContain('datetime="2026-11-23T04:40:00-05:00"')
  })

  it('tell the hour that comes twice in autumn apart', () => {
    const [first, second] = [Date.UTC(2026, 9, 25, 0, 30), Date.UTC(2026, 9, 25, 1, 30)]
    expect(wordsOf(onWalls(h(Window, { from: first, until: second })))).toContain(
      '2026-10-25 02:30 CEST to 02:30 CET',
    )
  })

  it('go by the day of the walls: an evening in Berlin is one day, though midnight passes in UTC', () => {
    const from = Date.UTC(2026, 10, 23, 22, 30)
    expect(wordsOf(onWalls(h(Window, { from, until: from + 3_600_000 })))).toContain(
      '2026-11-23 23:30 to 2026-11-24 00:30 CET',
    )
    expect(wordsOf(onWalls(h(Window, { from: from + 3_600_000, until: from + 7_200_000 })))).toContain(
      '2026-11-24 00:30 to 01:30 CET',
    )
  })

  it('that no calendar holds do not break a page', () => {
    for (const at of [Number.NaN, Infinity, 9e15]) expect(formatInstant(at)).toBe('unknown time')
  })

  it('count down in silence for screen readers', () => {
    expect(render({ body: h(TimeUntil, { at: now + 60_000, now, thenReload: true }) })).toContain(
      `<span role="timer" class="number" data-until="${String(now + 60_000)}" data-reload>60 s</span>`,
    )
  })
})

describe('a date field', () => {
  const berlin = 'Europe/Berlin'

  it('takes plant time, whatever the clock of the viewer shows', () => {
    expect(readDateField('from', '2026-11-23T10:40', berlin)).toBe(now)
    expect(readDateField('from', '2026-07-23T10:40', berlin)).toBe(Date.UTC(2026, 6, 23, 8, 40))
  })

  it.each([
    ['2026-03-29T02:30', 'from: does not exist'],
    ['2026-10-25T02:30', 'from: is not clear'],
    ['2026-02-30T10:00', 'from: must be a date'],
  ])('refuses %s, which is not one instant', (text, message) => {
    expect(() => readDateField('from', text, berlin)).toThrow(
      expect.objectContaining({
        code: 'input-invalid',
        field: 'from',
        message: expect.stringContaining(message) as string,
      }) as Error,
    )
  })

  it('leaves other text to whoever reads instants', () => {
    for (const text of ['2026-11-23T09:40:00.000Z', '+2h', '', 'tomorrow'])
      expect(readDateField('from', text, berlin)).toBe(text)
  })

  it('shows instants in plant time, what was entered as it was, and nothing of what it cannot show', () => {
    expect(dateFieldValue(now + 59_000, berlin)).toBe('2026-11-23T10:40')
    expect(dateFieldValue('2026-11-23T09:40:00.000Z', berlin)).toBe('2026-11-23T10:40')
    expect(dateFieldValue('2026-03-29T02:30', berlin)).toBe('2026-03-29T02:30')
    expect(dateFieldValue('tomorrow', berlin)).toBe('')
  })

  it('says whose time it takes', () => {
    expect(wordsOf(render({ body: h(PlantTime, { of: [] }) }))).toContain('plant time, UTC')
  })
})

describe('the headers of our own pages', () => {
  const headersOf = async (options: typeof config): Promise<Record<string, string>> => {
    const { send } = createPages(options)
    const server = createServer((_req, res) => {
      send(res, 200, '<!doctype html>')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const response = await fetch(`http://127.0.0.1:${String(port)}/`)
    server.close()
    return Object.fromEntries(response.headers)
  }

  it('allow nothing but our own files, and forms to the portal, the provider and the endpoints', async () => {
    const headers = await headersOf(config)
    expect(headers['content-security-policy']?.split(';').sort()).toEqual(
      [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self' https://login.plant.example https://*.access.example",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
      ].sort(),
    )
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'strict-transport-security': 'max-age=31536000',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    })
  })

  it('keep the Origin of our own forms, which "no-referrer" would hide', async () => {
    expect((await headersOf(config))['referrer-policy']).toBe('same-origin')
  })

  it('name the port of the endpoints, and promise no HTTPS where there is none', async () => {
    const plain = {
      ...config,
      server: { publicUrl: new URL('http://portal.localhost:8080'), endpointDomain: 'plant.localhost' },
      oidc: { issuer: new URL('http://localhost:9000') },
    }
    const headers = await headersOf(plain)
    expect(headers['content-security-policy']).toContain(
      "form-action 'self' http://localhost:9000 http://*.plant.localhost:8080",
    )
    expect(headers['strict-transport-security']).toBeUndefined()
  })
})

describe('the files every page needs', () => {
  const folder = join(import.meta.dirname, '../../src/lib/page/static')
  const file = (name: string): string => readFileSync(join(folder, name), 'utf8')

  it('are linked by the names they are served under', () => {
    const names = [...render({}).matchAll(/(?:href|src)="\/\.gatehouse\/static\/([^"]+)"/g)].map(
      (match) => match[1],
    )
    expect(names).toHaveLength(3)
    for (const name of names) expect(pages.assets().has(name ?? '')).toBe(true)
  })

  it('are small', () => {
    expect(file('page.css').length).toBeLessThan(18 * 1024)
    expect(file('page.js').length).toBeLessThan(8 * 1024)
    expect(file('notice.js').length).toBeLessThan(10 * 1024)
  })

  it('ask nobody outside for anything', () => {
    for (const name of ['page.css', 'page.js', 'notice.js'])
      expect(file(name)).not.toMatch(/https?:|url\(|@import|import\(/)
  })

  it('put no text where it would be parsed as HTML', () => {
    for (const name of ['page.js', 'notice.js'])
      expect(file(name)).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function\(/)
  })
})
