import { localTimeText, type Language } from '../lib/index.js'
import type { EpochMs } from '../model.js'
import type { AccessNotice, GrantNotice, Notice, ResetNotice } from './notice.js'
import { mailWords, type MailWords } from './words.js'

/** What a mail needs to know of the plant. */
export interface Surroundings {
  readonly language: Language
  readonly publicUrl: URL
  readonly endpoints: readonly { readonly id: string; readonly name: string; readonly timeZone: string }[]
  /** For what concerns no machine. */
  readonly timeZone: string
}

/** What of a configuration mails need. */
export function noticePlant(config: {
  readonly notifications: { readonly language: Language } | null
  readonly server: { readonly publicUrl: URL }
  readonly endpoints: Surroundings['endpoints']
  readonly plant: { readonly timeZone: string }
}): Surroundings {
  return {
    language: config.notifications?.language ?? 'en',
    publicUrl: config.server.publicUrl,
    endpoints: config.endpoints,
    timeZone: config.plant.timeZone,
  }
}

/** A mail, twice the same. */
export interface Letter {
  readonly subject: string
  readonly text: string
  readonly html: string
}

interface Content {
  readonly subject: string
  readonly says: string
  readonly facts: readonly (readonly [label: string, value: string])[]
  /** On the portal. */
  readonly path: string
}

/** Controls, line breaks among them, lone surrogates, and what reorders text: a fact is one line, and reads as it was written. */
const active = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu
const longestFact = 1_000
const longestSubject = 150
const machinesNamed = 3
const windowsNamed = 7

function inert(text: string, longest: number): string {
  // Cut first: a long text must not cost more than it says.
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text
  return short.replace(active, ' ').trim()
}

export function writeLetter(notice: Notice, plant: Surroundings): Letter {
  return render(contentOf(notice, plant), plant)
}

/** To find out whether mail arrives. */
export function writeTestLetter(plant: Surroundings): Letter {
  const words = mailWords[plant.language]
  return render({ subject: words.test, says: words.saysTest, facts: [], path: '' }, plant)
}

function contentOf(notice: Notice, plant: Surroundings): Content {
  const words = mailWords[plant.language]
  const { labels } = words
  switch (notice.kind) {
    case 'lockdown.on':
    case 'lockdown.off': {
      const isOn = notice.kind === 'lockdown.on'
      const scope = scopeWords(notice.scope, plant, words)
      return {
        subject: isOn ? words.lockdownOn(scope) : words.lockdownOff(scope),
        says: isOn ? words.saysLockdownOn : words.saysLockdownOff,
        facts: [
          [labels.at, timeText(notice.at, plant.timeZone)],
          [labels.by, notice.by],
          [labels.reason, notice.reason],
        ],
        path: 'admin/lockdowns',
      }
    }
    case 'break-glass.issued':
    case 'break-glass.used': {
      const { name, email, by, reason, issuedAt, expiresAt, used } = notice
      const isUsed = notice.kind === 'break-glass.used'
      return {
        subject: isUsed ? words.breakGlassUsed : words.breakGlassIssued,
        says: isUsed ? words.saysBreakGlassUsed : words.saysBreakGlassIssued,
        facts: [
          [labels.who, email === null ? name : `${name}, ${email}`],
          [labels.at, timeText(used?.at ?? issuedAt, plant.timeZone)],
          used === null
            ? [labels.validUntil, timeText(expiresAt, plant.timeZone)]
            : [labels.source, used.source],
          [labels.by, by],
          [labels.reason, reason],
        ],
        path: 'admin/sessions',
      }
    }
    case 'reset.proposed':
    case 'reset.confirmed':
    case 'reset.declined':
      return resetContent(notice, plant, words)
    case 'access.requested':
    case 'access.agreed':
    case 'access.approved':
    case 'access.denied':
    case 'access.lapsed':
    case 'access.withdrawn':
      return accessContent(notice, plant, words)
    default:
      return grantContent(notice, plant, words)
  }
}

type Facts = Content['facts']

function accessContent(notice: AccessNotice, plant: Surroundings, words: MailWords): Content {
  const { kind, requestId, name, email, access, from, lengthMs, reason, ticket, lapsesAt, outcome } = notice
  const { lastsFromFirstUseMs: lastsMs, needsRelease, standing } = notice
  const { labels } = words
  const { names, subject, zone } = machinesOf(notice.endpoints, plant, words)
  const isForApprovers = kind === 'access.requested' || kind === 'access.withdrawn'
  const isRefused = kind === 'access.denied' || kind === 'access.lapsed'
  const may = isForApprovers ? labels.wants : kind === 'access.approved' ? labels.access : labels.asked
  const asker: Facts = isForApprovers ? [[labels.who, `${name}, ${email}`]] : []
  const time: Facts =
    from === null
      ? [[lastsMs === null ? labels.lasts : labels.toBegin, words.fromApproval(lengthText(lengthMs))]]
      : [
          [labels.from, timeText(from, zone)],
          [labels.until, timeText(from + lengthMs, zone)],
        ]
  return {
    subject: words.accessSubjects[kind](subject, email),
    says: words.accessSays[kind],
    facts: [
      ...asker,
      ...(outcome?.reason == null ? [] : [[labels.deniedBecause, outcome.reason] as const]),
      [labels.machines, names],
      ...time,
      ...(lastsMs === null ? [] : [[labels.lasts, words.fromFirstUse(lengthText(lastsMs))] as const]),
      ...(needsRelease && !isRefused ? [[labels.release, words.needsRelease] as const] : []),
      ...(standing == null
        ? [[may, words.access[access]] as const]
        : [[labels.agreed, words.agreed(standing.agreed, standing.needed)] as const]),
      [labels.reason, reason],
      ...(ticket === null ? [] : [[labels.ticket, ticket] as const]),
      ...(isForApprovers && outcome === null ? [[labels.lapses, timeText(lapsesAt, zone)] as const] : []),
    ],
    // A page that asks for the sign-in, and then for the answer: scanners of mail open links.
    path: isForApprovers ? `admin/requests/${encodeURIComponent(requestId)}` : '',
  }
}

function resetContent(notice: ResetNotice, { timeZone }: Surroundings, words: MailWords): Content {
  const { kind, name, email, by, reason, at, lapsesAt, outcome } = notice
  const { labels } = words
  const who = email === null ? name : `${name}, ${email}`
  return {
    subject: words.resetSubjects[kind](email ?? name),
    says: words.resetSays[kind],
    facts: [
      [labels.whose, who],
      [labels.at, timeText(at, timeZone)],
      [labels.by, by],
      [labels.reason, reason],
      ...(outcome === null
        ? [[labels.lapses, timeText(lapsesAt, timeZone)] as const]
        : ([
            [labels.answeredBy, outcome.by],
            [labels.deniedBecause, outcome.reason],
          ] as const)),
    ],
    // The list, which asks for the sign-in, and then for a code and a reason: scanners of mail open links.
    path: 'admin/people',
  }
}

function machinesOf(
  ids: readonly string[],
  plant: Surroundings,
  words: MailWords,
): { names: string; subject: string; zone: string } {
  const names = ids.map((id) => nameOf(id, plant))
  const zone = plant.endpoints.find(({ id }) => id === ids[0])?.timeZone ?? plant.timeZone
  const shown = names.slice(0, machinesNamed).join(', ')
  const more = names.length - machinesNamed
  return { names: names.join(', '), subject: more > 0 ? `${shown} ${words.andMore(more)}` : shown, zone }
}

/** What narrows a grant besides its time. */
function conditionFacts({ conditions }: GrantNotice, zone: string, words: MailWords): Facts {
  const { windows, moreWindows, lastsFromFirstUseMs, sources, maxSessions, needsRelease } = conditions
  const { labels } = words
  const more = windows.length - windowsNamed + moreWindows
  const hours = windows.slice(0, windowsNamed).map((window) => windowText(window, zone))
  return [
    ...(windows.length === 0
      ? []
      : [[labels.hours, [...hours, ...(more > 0 ? [words.andMore(more)] : [])].join('; ')] as const]),
    ...(lastsFromFirstUseMs === null
      ? []
      : [[labels.lasts, words.fromFirstUse(lengthText(lastsFromFirstUseMs))] as const]),
    ...(sources.length === 0 ? [] : [[labels.sources, sources.join(', ')] as const]),
    ...(maxSessions === null ? [] : [[labels.sessions, words.sessionsAtMost(maxSessions)] as const]),
    ...(needsRelease ? [[labels.release, words.needsRelease] as const] : []),
  ]
}

function grantContent(notice: GrantNotice, plant: Surroundings, words: MailWords): Content {
  const { kind, endpoints, access, from, until, reason, ticket, isOpen, revocation } = notice
  const { labels } = words
  const { names, subject, zone } = machinesOf(endpoints, plant, words)
  const isOver = kind === 'grant.ended' || kind === 'grant.revoked'
  return {
    subject: words.subjects[kind](subject),
    says: kind === 'grant.issued' && !isOpen ? words.saysIssuedForLater : words.says[kind],
    facts: [
      [labels.machines, names],
      [labels.from, timeText(from, zone)],
      [labels.until, timeText(until, zone)],
      ...conditionFacts(notice, zone, words),
      [isOver ? labels.could : labels.access, words.access[access]],
      [labels.reason, reason],
      ...(ticket === null ? [] : [[labels.ticket, ticket] as const]),
      ...(revocation === null
        ? []
        : ([
            [labels.revokedAt, timeText(revocation.at, zone)],
            [labels.revokedBecause, revocation.reason],
          ] as const)),
    ],
    path: '',
  }
}

function nameOf(endpointId: string, { endpoints }: Surroundings): string {
  return endpoints.find(({ id }) => id === endpointId)?.name ?? endpointId
}

function scopeWords(scope: string, plant: Surroundings, words: MailWords): string {
  const [kind = '', ...rest] = scope.split(':')
  const name = rest.join(':')
  if (kind === 'endpoint') return words.machine(nameOf(name, plant))
  return kind === 'principal' ? words.person(name) : words.allMachines
}

/** `2026-11-23 14:00–16:00`, in the zone that the times above it name */
function windowText({ from, until }: { from: EpochMs; until: EpochMs }, zone: string): string {
  const [begins, ends] = [localTimeText(from, zone), localTimeText(until, zone)].map((at) =>
    at.replace('T', ' '),
  ) as [string, string]
  const day = begins.slice(0, 10)
  return `${begins}–${ends.startsWith(day) ? ends.slice(11) : ends}`
}

/** `1 h 30 min`, in both languages. */
function lengthText(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  const parts = [
    [Math.floor(minutes / 60), 'h'],
    [minutes % 60, 'min'],
  ] as const
  return parts.flatMap(([count, unit]) => (count === 0 ? [] : [`${String(count)} ${unit}`])).join(' ')
}

/** `2026-11-23 14:00 (Europe/Berlin)` */
function timeText(at: EpochMs, zone: string): string {
  return `${localTimeText(at, zone).replace('T', ' ')} (${zone})`
}

function render({ subject, says, facts, path }: Content, { language, publicUrl }: Surroundings): Letter {
  const words = mailWords[language]
  const title = inert(subject, longestSubject)
  const rows = facts.map(([label, value]) => [label, inert(value, longestFact)] as const)
  const address = new URL(path, publicUrl).href
  const footer = words.footer(publicUrl.host)
  const text = [
    title,
    '',
    says,
    '',
    ...rows.map(([label, value]) => `${label}: ${value}`),
    ...(rows.length > 0 ? [''] : []),
    `${words.open}: ${address}`,
    '',
    '-- ',
    footer,
    '',
  ].join('\n')
  // No styles, pictures or scripts: nothing to fetch, and it reads well wherever it is shown.
  const html = `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><title>${escape(title)}</title></head><body>
<h1>${escape(title)}</h1>
<p>${escape(says)}</p>
<table>${rows
    .map(
      ([label, value]) =>
        `<tr><th align="left" valign="top">${escape(label)}</th><td><bdi>${escape(value)}</bdi></td></tr>`,
    )
    .join('\n')}</table>
<p><a href="${escape(address)}">${escape(words.open)}</a></p>
<hr><p><small>${escape(footer)}</small></p>
</body></html>
`
  return { subject: title, text, html }
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (found) => entities[found] ?? '')
}
