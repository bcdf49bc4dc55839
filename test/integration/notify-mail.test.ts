import { createMail, type MailServer as Target } from '../../src/notify/mail.js'
import type { AccessNotice, Delivery, GrantNotice, Notice, Outcome } from '../../src/notify/notice.js'
import { createAuthority } from '../support/certificates.js'
import { TestClock } from '../support/clock.js'
import {
  scripted,
  startBadMailServer,
  startMailServer,
  type MailServer,
  type ReceivedMail,
} from '../support/mail-server.js'
import { until } from '../support/until.js'

const from = 'gatehouse@plant.example'
const notice: GrantNotice = {
  kind: 'grant.issued',
  grantId: 'g-0000000000000000',
  to: 'ana@vendor.example',
  endpoints: ['press-3'],
  access: 'operate',
  from: Date.UTC(2026, 2, 1, 13),
  until: Date.UTC(2026, 2, 1, 15),
  reason: 'Replace the valve',
  ticket: 'CHG-7',
  conditions: {
    ...{ windows: [], moreWindows: 0, lastsFromFirstUseMs: null },
    ...{ sources: [], maxSessions: null, needsRelease: false },
  },
  isOpen: true,
  requestId: null,
  revocation: null,
}

const asked: AccessNotice = {
  ...{ kind: 'access.requested', requestId: 'q-0123456789abcdef' },
  ...{ name: 'Eve Adams', email: 'eve@vendor.example', endpoints: ['press-3'], access: 'view' },
  ...{
    from: null,
    lengthMs: 7_200_000,
    lastsFromFirstUseMs: null,
    needsRelease: false,
    reason: 'Read the counters',
    ticket: null,
  },
  ...{ askedAt: 1, lapsesAt: Date.UTC(2026, 2, 1, 20), outcome: null },
}

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})
const kept = <Server extends { close(): Promise<void> }>(server: Server): Server => {
  closers.push(() => server.close())
  return server
}

interface Sending {
  readonly notice?: Notice
  readonly clock?: TestClock
  readonly signal?: AbortSignal
  readonly language?: 'en' | 'de'
}

function send(target: Partial<Target> & { port: number }, over: Sending = {}): Promise<Outcome> {
  const { clock = new TestClock(), signal = new AbortController().signal, language = 'en' } = over
  const channel = createMail({
    server: {
      host: '127.0.0.1',
      tls: 'none',
      authorities: null,
      from,
      credentials: null,
      ...target,
    },
    plant: {
      language,
      publicUrl: new URL('https://portal.plant.example'),
      endpoints: [{ id: 'press-3', name: 'Press 3 HMI', timeZone: 'Europe/Berlin' }],
      timeZone: 'Europe/Berlin',
    },
    timeoutMs: 2_000,
    clock,
  })
  const delivery: Delivery = {
    id: 'n-0123456789012345678901',
    channel: 'mail',
    to: 'ana@vendor.example',
    notice: over.notice ?? notice,
    madeAt: 1,
    retriedAt: null,
    attempts: 0,
    problem: null,
  }
  return channel.send(delivery, signal)
}

/** Headers of a mail by name, lower case, unfolded. */
function headersOf({ source }: ReceivedMail): Map<string, string> {
  const head = source.slice(0, source.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ')
  return new Map(
    head.split('\r\n').map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
}
/** Both bodies, decoded. */
function bodiesOf({ source }: ReceivedMail): string {
  return source
    .split(/\r\n--/)
    .map((part) => {
      const body = part.slice(part.indexOf('\r\n\r\n') + 4)
      if (/content-transfer-encoding: base64/i.test(part)) return Buffer.from(body, 'base64').toString('utf8')
      const bytes = body
        .replace(/=\r\n/g, '')
        .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
      return Buffer.from(bytes, 'latin1').toString('utf8')
    })
    .join('\n')
}
const one = (server: MailServer): ReceivedMail => {
  const [mail] = server.mails
  if (mail === undefined || server.mails.length !== 1) throw new Error(`${server.mails.length} mails`)
  return mail
}

describe('a mail', () => {
  it('says what, from when until when in plant time, and where, in plain text and HTML', async () => {
    const server = kept(await startMailServer())
    expect(await send(server)).toEqual({ kind: 'sent' })
    const mail = one(server)
    expect([mail.from, mail.to]).toEqual([from, ['ana@vendor.example']])
    const headers = headersOf(mail)
    expect(headers.get('subject')).toBe('Access to Press 3 HMI')
    expect(headers.get('message-id')).toBe('<n-0123456789012345678901@portal.plant.example>')
    expect(headers.get('auto-submitted')).toBe('auto-generated')
    expect(headers.get('content-type')).toMatch(/^multipart\/alternative/)
    const bodies = bodiesOf(mail)
    expect(bodies).toContain('From: 2026-03-01 14:00 (Europe/Berlin)')
    expect(bodies).toContain('Until: 2026-03-01 16:00 (Europe/Berlin)')
    expect(bodies).toContain('Ticket: CHG-7')
    expect(bodies).toContain('Open the portal: https://portal.plant.example/')
    expect(bodies).toContain('<a href="https://portal.plant.example/">Open the portal</a>')
  })

  it('speaks German where it is told to', async () => {
    const server = kept(await startMailServer())
    await send(server, { language: 'de' })
    expect(headersOf(one(server)).get('subject')).toBe('Zugang zu Press 3 HMI')
    expect(bodiesOf(one(server))).toContain('Melden Sie sich im Portal an, um die Maschine zu öffnen.')
  })

  it.each([
    ['line breaks', 'x\r\nBcc: eve@evil.example\r\n\r\nhello', 'Reason: x Bcc: eve@evil.example hello'],
    ['a dot alone', 'x\r\n.\r\nMAIL FROM:<eve@evil.example>', 'Reason: x . MAIL FROM:<eve@evil.example>'],
    ['markup', '<img src=x onerror=alert(1)>&"\'', '&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#39;'],
    ['reordered text', 'pay \u202eevil\u202c now', 'Reason: pay  evil  now'],
    ['Arabic and emoji', 'صيانة 🔧', 'Reason: صيانة 🔧'],
    ['ten thousand characters', 'ä'.repeat(10_000), `${'ä'.repeat(1_000)}…`],
  ])('holds %s as one inert line', async (_, reason, shown) => {
    const server = kept(await startMailServer())
    expect(await send(server, { notice: { ...notice, reason, ticket: null } })).toEqual({ kind: 'sent' })
    const mail = one(server)
    expect(mail.to).toEqual(['ana@vendor.example'])
    expect([...headersOf(mail).keys()]).not.toContain('bcc')
    const bodies = bodiesOf(mail)
    expect(bodies).toContain(shown)
    expect(bodies).not.toContain('<bdi><img')
    expect(bodies).not.toMatch(/[\u202a-\u202e]/)
  })

  it('does not call open what begins later', async () => {
    const server = kept(await startMailServer())
    await send(server, { notice: { ...notice, isOpen: false } })
    expect(bodiesOf(one(server))).toContain('It is not open yet')
    expect(bodiesOf(one(server))).not.toContain('Sign in at the portal to open')
  })

  it('says what narrows a grant besides its time', async () => {
    const server = kept(await startMailServer())
    const day = (of: number) => ({ from: Date.UTC(2026, 2, of, 5), until: Date.UTC(2026, 2, of, 13) })
    const night = { from: Date.UTC(2026, 2, 9, 21), until: Date.UTC(2026, 2, 10, 5) }
    const conditions = {
      windows: [day(1), day(2), day(3), day(4), day(5), day(6), night, day(10)],
      ...{ moreWindows: 30, lastsFromFirstUseMs: 5_400_000, sources: ['192.0.2.0/24', '2001:db8::7'] },
      ...{ maxSessions: 1, needsRelease: true },
    }
    await send(server, { notice: { ...notice, conditions } })
    const bodies = bodiesOf(one(server))
    expect(bodies).toContain('Only in these hours: 2026-03-01 06:00–14:00; 2026-03-02 06:00–14:00; ')
    expect(bodies).toContain('; 2026-03-09 22:00–2026-03-10 06:00; and 31 more')
    expect(bodies).toContain('Lasts: 1 h 30 min from the first use on')
    expect(bodies).toContain('Only from addresses: 192.0.2.0/24, 2001:db8::7')
    expect(bodies).toContain('Sessions: 1 at a time')
    expect(bodies).toContain('Before each use: The control room lets you in each time.')
  })

  it.each([
    ['en', 'eve@vendor.example asks for access to Press 3 HMI', 'Lasts: 2 h from the approval on'],
    ['de', 'eve@vendor.example bittet um Zugang zu Press 3 HMI', 'Dauer: 2 h ab der Zustimmung'],
  ] as const)(
    'to an approver (%s) leads to the request, and answers nothing',
    async (language, subject, time) => {
      const server = kept(await startMailServer())
      await send(server, { notice: asked, language })
      expect(headersOf(one(server)).get('subject')).toBe(subject)
      const bodies = bodiesOf(one(server))
      expect(bodies).toContain(time)
      expect(bodies).toContain('Eve Adams, eve@vendor.example')
      const links = [...bodies.matchAll(/https?:\/\/[^\s"<]+/g)].map(([link]) => link)
      expect(new Set(links)).toEqual(
        new Set(['https://portal.plant.example/admin/requests/q-0123456789abcdef']),
      )
    },
  )

  it('of time from the first use says within which time it can be begun', async () => {
    const server = kept(await startMailServer())
    const conditions = { lengthMs: 259_200_000, lastsFromFirstUseMs: 7_200_000, needsRelease: true }
    await send(server, { notice: { ...asked, ...conditions } })
    const bodies = bodiesOf(one(server))
    expect(bodies).toContain('To be begun within: 72 h from the approval on')
    expect(bodies).toContain('Lasts: 2 h from the first use on')
    expect(bodies).toContain('Before each use: The control room lets you in each time.')
  })

  it.each([
    ['access.approved', 'Approved: access to Press 3 HMI', 'Until: 2026-03-01 16:00 (Europe/Berlin)'],
    ['access.denied', 'Denied: access to Press 3 HMI', 'Reason given: not during the shift'],
    ['access.lapsed', 'Nobody answered: access to Press 3 HMI', 'is over'],
  ] as const)('of %s tells who asked what came of it, and not who answered', async (kind, subject, says) => {
    const server = kept(await startMailServer())
    const outcome = {
      ...{ at: 2, by: kind === 'access.lapsed' ? null : 'ben@plant.example' },
      reason: kind === 'access.denied' ? 'not during the shift' : null,
      grantId: kind === 'access.approved' ? 'g-1' : null,
    }
    await send(server, { notice: { ...asked, kind, from: notice.from, outcome } })
    expect(headersOf(one(server)).get('subject')).toBe(subject)
    expect(bodiesOf(one(server))).toContain(says)
    expect(bodiesOf(one(server))).not.toContain('ben@plant.example')
    expect(bodiesOf(one(server))).toContain('<a href="https://portal.plant.example/">')
  })

  it.each([
    ['access.denied', 'en', 'The plant has said no to your request', 'You asked to: look and operate'],
    ['access.denied', 'de', 'Das Werk hat Ihren Antrag abgelehnt', 'Beantragt war: ansehen und bedienen'],
    ['access.lapsed', 'en', 'Nobody answered your request in time', 'You asked to: look and operate'],
    ['access.lapsed', 'de', 'Niemand hat Ihren Antrag', 'Beantragt war: ansehen und bedienen'],
  ] as const)(
    'of %s (%s) begins with it, and names nothing that they may',
    async (kind, language, says, asks) => {
      const server = kept(await startMailServer())
      const reason = kind === 'access.denied' ? 'not during the shift' : null
      const outcome = { at: 2, by: null, reason, grantId: null }
      const refused = { ...asked, kind, outcome, access: 'operate', needsRelease: true } as const
      await send(server, { notice: refused, language })
      const [first, ...rest] = bodiesOf(one(server)).split('<!doctype html>')
      const lines = (first ?? '').split(/\r?\n/).filter((line) => line !== '')
      const title = lines.findIndex((line) => /^(?!Subject).*Press 3 HMI$/.test(line))
      expect(lines[title + 1]).toContain(says)
      if (reason !== null) expect(lines[title + 2]).toMatch(/: not during the shift$/)
      expect(first).toContain(asks)
      expect(rest.join('')).toContain(asks.split(': ')[1])
      for (const body of [first, ...rest])
        expect(body).not.toMatch(/You may|Sie dürfen|Before each|Vor jeder/)
    },
  )

  it.each([
    ['grant.issued', 'You may: look and operate'],
    ['grant.ended', 'You could: look and operate'],
    ['grant.revoked', 'You could: look and operate'],
  ] as const)('of %s says what they may, or could', async (kind, says) => {
    const server = kept(await startMailServer())
    await send(server, { notice: { ...notice, kind, access: 'operate' } })
    expect(bodiesOf(one(server))).toContain(says)
  })

  it.each([
    ['en', 'Not all have agreed yet: access to Press 3 HMI', 'Have said yes: 1 of 2'],
    ['de', 'Noch nicht alle haben zugestimmt: Zugang zu Press 3 HMI', 'Zugestimmt haben: 1 von 2'],
  ] as const)('of a yes in between says how many there are, in %s', async (language, subject, says) => {
    const server = kept(await startMailServer())
    const halfway = { kind: 'access.agreed', standing: { agreed: 1, needed: 2 } } as const
    await send(server, { notice: { ...asked, ...halfway }, language })
    expect(headersOf(one(server)).get('subject')).toBe(subject)
    expect(bodiesOf(one(server))).toContain(says)
    expect(bodiesOf(one(server))).toContain('<a href="https://portal.plant.example/">')
  })

  it.each([
    ['en', 'eve@vendor.example no longer asks for access to Press 3 HMI'],
    ['de', 'eve@vendor.example bittet nicht mehr um Zugang zu Press 3 HMI'],
  ] as const)(
    'of a request that was taken back leads those who may answer to it, in %s',
    async (language, subject) => {
      const server = kept(await startMailServer())
      const outcome = { at: 2, by: null, reason: null, grantId: null }
      await send(server, { notice: { ...asked, kind: 'access.withdrawn', outcome }, language })
      expect(headersOf(one(server)).get('subject')).toBe(subject)
      expect(bodiesOf(one(server))).toContain(
        'https://portal.plant.example/admin/requests/q-0123456789abcdef',
      )
    },
  )

  it.each([
    [
      'en',
      'reset.proposed',
      null,
      'A second administrator is asked for: second factor of eve@vendor.example',
    ],
    ['en', 'reset.confirmed', 'called back', 'Confirmed: reset of the second factor of eve@vendor.example'],
    [
      'de',
      'reset.declined',
      'niemand da',
      'Abgelehnt: Zurücksetzen des zweiten Faktors von eve@vendor.example',
    ],
  ] as const)('of a reset by two administrators leads to the list of people (%s, %s)', async (...line) => {
    const [language, kind, answer, subject] = line
    const server = kept(await startMailServer())
    const outcome = answer === null ? null : { at: 2, by: 'dora@plant.example', reason: answer }
    const reset: Notice = {
      ...{ kind, proposalId: 'r-1', principalId: 'p-1', name: 'Eve Adams', email: 'eve@vendor.example' },
      ...{
        at: 1,
        lapsesAt: Date.UTC(2026, 2, 1, 2),
        by: 'cara@plant.example',
        reason: 'lost phone',
        outcome,
      },
    }
    await send(server, { notice: reset, language })
    const bodies = bodiesOf(one(server))
    expect(bodies).toContain(subject)
    expect(bodies).toContain('https://portal.plant.example/admin/people')
    for (const said of ['cara@plant.example', 'lost phone', answer ?? '2026-03-01 03:00 (Europe/Berlin)'])
      expect(bodies).toContain(said)
  })

  it('keeps hostile names out of its head', async () => {
    const server = kept(await startMailServer())
    const scope = 'principal:x@y.example\r\nBcc: eve@evil.example'
    const lockdown: Notice = { kind: 'lockdown.on', scope, at: 1, by: 'a\r\nTo: b', reason: 'c' }
    expect(await send(server, { notice: lockdown })).toEqual({ kind: 'sent' })
    const headers = headersOf(one(server))
    expect(headers.get('subject')).toBe('Locked down: all machines, for x@y.example Bcc: eve@evil.example')
    expect(headers.has('bcc')).toBe(false)
    expect(headers.get('to')).toBe('ana@vendor.example')
  })

  it('of break-glass names who, when, and by whom', async () => {
    const server = kept(await startMailServer())
    const used: Notice = {
      ...{ kind: 'break-glass.used', sessionId: 's-1', name: 'Cara', email: 'cara@plant.example' },
      ...{ issuedAt: Date.UTC(2026, 2, 1, 2), expiresAt: Date.UTC(2026, 2, 1, 2, 10) },
      ...{ by: 'operator root', reason: 'provider down' },
      used: { at: Date.UTC(2026, 2, 1, 2, 5), source: '10.1.2.3' },
    }
    await send(server, { notice: used })
    const bodies = bodiesOf(one(server))
    expect(bodies).toContain('Who: Cara, cara@plant.example')
    expect(bodies).toContain('When: 2026-03-01 03:05 (Europe/Berlin)')
    expect(bodies).toContain('From address: 10.1.2.3')
    expect(bodies).toContain('https://portal.plant.example/admin/sessions')
  })
})

describe('the way to the mail server', () => {
  it('is encrypted from the start with smtps, to a server that its authority vouches for', async () => {
    const authority = await createAuthority()
    const { certificate, key } = await authority.issue(['127.0.0.1'])
    const server = kept(await startMailServer({ secure: true, cert: certificate, key, disabledCommands: [] }))
    const target = { port: server.port, tls: 'implicit' as const }
    expect(await send({ ...target, authorities: authority.ca })).toEqual({ kind: 'sent' })
    expect(one(server).isEncrypted).toBe(true)
    expect(await send(target)).toMatchObject({ kind: 'failed' })
    expect(server.mails).toHaveLength(1)
  })

  it('is encrypted before anything is said with smtp, and not used where it cannot be', async () => {
    const plain = kept(await startMailServer())
    expect(await send({ port: plain.port, tls: 'starttls' })).toMatchObject({ kind: 'failed' })
    expect(plain.mails).toEqual([])
    const authority = await createAuthority()
    const { certificate, key } = await authority.issue(['127.0.0.1'])
    const server = kept(await startMailServer({ cert: certificate, key, disabledCommands: [] }))
    const target = { port: server.port, tls: 'starttls' as const, authorities: authority.ca }
    expect(await send(target)).toEqual({ kind: 'sent' })
    expect(one(server).isEncrypted).toBe(true)
  })

  it('is taken as the user that is configured; a wrong password can be mended', async () => {
    const server = kept(
      await startMailServer({
        authOptional: false,
        allowInsecureAuth: true,
        onAuth: ({ username, password }, _, done) => {
          if (password === 'right') done(null, { user: username ?? '' })
          else done(new Error('no'))
        },
      }),
    )
    const as = (password: string) => ({ port: server.port, credentials: { user: 'gate', password } })
    expect(await send(as('wrong'))).toMatchObject({ kind: 'failed' })
    expect(await send(as('right'))).toEqual({ kind: 'sent' })
    expect(one(server).user).toBe('gate')
  })
})

describe('a mail server that is not well', () => {
  it.each<[string, Record<string, string | null>, Outcome['kind']]>([
    ['answers 421', { '': '421 busy' }, 'failed'],
    ['greets with garbage', { '': '\u0000\u0001 <html>' }, 'failed'],
    ['refuses everybody for now', { '': '220 hi', RCPT: '451 later' }, 'failed'],
    ['does not know the address', { '': '220 hi', RCPT: '550 no such user' }, 'refused'],
    ['refuses the message', { '': '220 hi', DATA: '554 no' }, 'refused'],
    ['goes away at the message', { '': '220 hi', DATA: null }, 'failed'],
    ['answers a megabyte', { '': `220-${'x'.repeat(1_000_000)}` }, 'failed'],
  ])('and %s', async (_, answers, kind) => {
    const server = kept(await startBadMailServer(scripted(answers)))
    const outcome = await send(server)
    expect(outcome).toMatchObject({ kind })
    expect('problem' in outcome && outcome.problem.length).toBeLessThanOrEqual(300)
    await until('nothing open', () => server.open() === 0)
  })

  it('and breaks off within the message is tried again', async () => {
    const server = kept(
      await startBadMailServer((socket) => {
        socket.on('data', (data: Buffer) => {
          if (data.includes('Subject')) socket.destroy()
        })
        scripted({ '': '220 hi', DATA: '354 go on' })(socket)
      }),
    )
    expect(await send(server)).toMatchObject({ kind: 'failed' })
  })

  it('and never says a word is left after the limit', async () => {
    const clock = new TestClock()
    const server = kept(await startBadMailServer(() => undefined))
    const sending = send(server, { clock })
    await until('connected', () => server.open() === 1)
    await clock.advance({ seconds: 2 })
    expect(await sending).toEqual({ kind: 'failed', problem: 'not taken within 2 s' })
    await until('nothing open', () => server.open() === 0)
  })

  it('and says a word now and then is left after the limit too', async () => {
    const clock = new TestClock()
    const server = kept(
      await startBadMailServer((socket) => {
        const timer = setInterval(() => socket.write('220-wait\r\n'), 20)
        socket.on('close', () => {
          clearInterval(timer)
        })
      }),
    )
    const sending = send(server, { clock })
    await until('connected', () => server.open() === 1)
    await clock.advance({ seconds: 2 })
    expect(await sending).toMatchObject({ kind: 'failed' })
    await until('nothing open', () => server.open() === 0)
  })

  it('and keeps us waiting is left at once when we stop', async () => {
    const server = kept(await startBadMailServer(() => undefined))
    const stopping = new AbortController()
    const sending = send(server, { signal: stopping.signal })
    await until('connected', () => server.open() === 1)
    stopping.abort()
    expect(await sending).toMatchObject({ kind: 'failed' })
    await until('nothing open', () => server.open() === 0)
  })

  it('and is not there at all', async () => {
    const server = await startBadMailServer(() => undefined)
    await server.close()
    expect(await send(server)).toMatchObject({ kind: 'failed' })
  })
})
