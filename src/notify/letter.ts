import { localTimeText, type Language } from '../lib/index.js'
import type { EpochMs } from '../model.js'
import type { Notice } from './notice.js'
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
    default:
      return grantContent(notice, plant, words)
  }
}

function grantContent(
  notice: Extract<Notice, { kind: `grant.${string}` }>,
  plant: Surroundings,
  words: MailWords,
): Content {
  const { kind, endpoints, access, from, until, reason, ticket, revocation } = notice
  const { labels } = words
  const names = endpoints.map((id) => nameOf(id, plant))
  const zone = plant.endpoints.find(({ id }) => id === endpoints[0])?.timeZone ?? plant.timeZone
  const shown = names.slice(0, machinesNamed).join(', ')
  const more = names.length - machinesNamed
  return {
    subject: words.subjects[kind](more > 0 ? `${shown} ${words.andMore(more)}` : shown),
    says: words.says[kind],
    facts: [
      [labels.machines, names.join(', ')],
      [labels.from, timeText(from, zone)],
      [labels.until, timeText(until, zone)],
      [labels.access, words.access[access]],
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
