import type { Command } from 'commander'
import { readLength, requestState, type Approver, type Narrower, type Requests } from '../grants/index.js'
import { GatehouseError } from '../lib/index.js'
import type { AccessRequest, EpochMs, RequestTerms } from '../model.js'
import { brief, describeActor, inert, instant, table } from './output.js'
import type { Common, Shell } from './shell.js'

interface Approve extends Common {
  readonly endpoint?: string[]
  readonly view?: boolean
  readonly from?: string
  readonly until?: string
  readonly for?: string
  readonly lasts?: string
  readonly release?: boolean
}

export function addRequests(requests: Command, shell: Shell): void {
  const { command, answer, look, change } = shell
  const approver: Approver = { actor: shell.operator, roles: [], hasFreshCode: true }

  command(
    requests,
    'list',
    'Requests for access that wait for an answer, the one that lapses first at the top.',
  )
    .option('--all', 'those that have been answered, too; newest first')
    .action(async (options: Common & { all?: boolean }) => {
      await look(options, async ({ requests: all, clock }) => {
        const found = options.all === true ? await all.list() : await all.open()
        const described = found.map((request) => describeRequest(request, clock.now()))
        const rows = described.map((request) => [
          request.id,
          request.state,
          request.by,
          request.endpoints.join(', '),
          request.access,
          request.from === null ? 'when approved' : brief(request.from),
          minutesOf(request.lastsFromFirstUseMs ?? request.lengthMs),
          brief(request.lapsesAt),
          request.reason,
        ])
        const headings = ['ID', 'STATE', 'WHO', 'MACHINES', 'ACCESS', 'FROM', 'LENGTH', 'LAPSES', 'REASON']
        answer(options, described, table(headings, rows, 'Nobody is asking for access.'))
      })
    })

  command(requests, 'show <id>', 'One request, with every answer to it.').action(
    async (id: string, options: Common) => {
      await look(options, async ({ requests: all, clock }) => {
        const request = await all.get(id)
        if (request === null) throw new GatehouseError('request-unknown', 'There is no such request.')
        const described = describeRequest(request, clock.now())
        answer(options, described, sentencesOf(described, await standingOf(all, request, clock.now())))
      })
    },
  )

  command(
    requests,
    'approve <id>',
    `Say yes to a request, to all of it or to less.

An operator of the host counts as one approver. Where more have to agree, what all of them agree to is given.`,
  )
    .option('--endpoint <id...>', 'these machines only, of those that were asked for')
    .option('--view', 'to view only')
    .option('--from <when>', 'a later start: 2026-03-01T14:00+01:00, or +2h')
    .option('--until <when>', 'an earlier end: likewise')
    .option('--for <length>', 'for less time than was asked: 2h, or 90m')
    .option('--lasts <length>', 'for so long from the first use on, within that time: likewise')
    .option('--release', 'only once the control room has released it, for each sign-in anew')
    .action(async (id: string, options: Approve) => {
      await change(options, async ({ requests: all, clock }) => {
        const request = await all.approve(id, approver, readNarrower(options, shell))
        const described = describeRequest(request, clock.now())
        answer(options, described, sentencesOf(described, await standingOf(all, request, clock.now())))
      })
    })

  command(requests, 'deny <id>', 'Say no to a request.')
    .requiredOption('--reason <text>', 'why, in words: one line, in quotes; who asked reads it')
    .action(async (id: string, options: Common & { reason: string }) => {
      await change(options, async ({ requests: all, clock }) => {
        const request = await all.deny(id, approver, options.reason)
        answer(options, describeRequest(request, clock.now()), `Request ${request.id} is denied.\n`)
      })
    })
}

function readNarrower(options: Approve, shell: Shell): Narrower {
  const { endpoint, view, from, until, for: length, lasts, release } = options
  return {
    ...(endpoint === undefined ? {} : { endpoints: endpoint }),
    ...(view === true ? { access: 'view' as const } : {}),
    ...(from === undefined ? {} : { from: shell.instant('from', from) }),
    ...(until === undefined ? {} : { until: shell.instant('until', until) }),
    ...(length === undefined ? {} : { lengthMs: readLength('length', length) }),
    ...(lasts === undefined ? {} : { lasts }),
    ...(release === true ? { needsRelease: true } : {}),
  }
}

type Described = ReturnType<typeof describeRequest>

/** A request as commands print it. */
export function describeRequest(request: AccessRequest, at: EpochMs) {
  const { outcome } = request
  return {
    id: request.id,
    state: requestState(request, at),
    by: request.by.email,
    ...describeTerms(request.terms),
    reason: request.reason,
    ticket: request.ticket,
    askedAt: instant(request.askedAt),
    lapsesAt: instant(request.lapsesAt),
    approvals: request.approvals.map((approval) => ({
      by: describeActor(approval.by),
      at: instant(approval.at),
      ...describeTerms(approval.terms),
    })),
    outcome: outcome && {
      kind: outcome.kind,
      at: instant(outcome.at),
      by: 'by' in outcome ? describeActor(outcome.by) : null,
      reason: outcome.kind === 'denied' ? outcome.reason : null,
      grantId: outcome.kind === 'approved' ? outcome.grantId : null,
    },
  }
}

function describeTerms(terms: RequestTerms) {
  const { endpoints, access, from, lengthMs, lastsFromFirstUseMs, needsRelease } = terms
  return {
    endpoints,
    access,
    from: from === null ? null : instant(from),
    until: from === null ? null : instant(from + lengthMs),
    lengthMs,
    lastsFromFirstUseMs,
    needsRelease,
  }
}

/** What narrows it besides its time, as the end of a sentence. */
function conditionsOf({
  lastsFromFirstUseMs: lastsMs,
  needsRelease,
}: ReturnType<typeof describeTerms>): string {
  return [
    ...(lastsMs === null ? [] : [`, for ${minutesOf(lastsMs)} from its first use`]),
    ...(needsRelease ? [', once the control room has released it'] : []),
  ].join('')
}

function minutesOf(ms: number): string {
  return `${String(Math.round(ms / 60_000))} min`
}

/** How many have agreed and count, of how many; null where nobody is waited for. */
async function standingOf(all: Requests, request: AccessRequest, at: EpochMs): Promise<string | null> {
  if (requestState(request, at) !== 'open') return null
  return `${String(await all.counted(request))} of ${String(all.needed(request))} have agreed`
}

function sentencesOf(request: Described, standing: string | null): string {
  const { id, state, by, access, endpoints, reason, ticket, approvals, outcome } = request
  const length = minutesOf(request.lengthMs)
  const time =
    request.from === null || request.until === null
      ? `for ${length} from when it is approved`
      : `from ${brief(request.from)} until ${brief(request.until)}`
  const lines = [
    `Request ${id}: ${state}`,
    `  ${by} asks to ${access} ${endpoints.join(', ')}`,
    `  ${time}${conditionsOf(request)}`,
    `  ${reason}${ticket === null ? '' : ` (${ticket})`}`,
    ...(state === 'open' ? [`  lapses ${brief(request.lapsesAt)}`] : []),
    ...approvals.map(
      (one) =>
        `  yes by ${one.by}, ${brief(one.at)}: to ${one.access} ${one.endpoints.join(', ')}${conditionsOf(one)}`,
    ),
    ...(standing === null ? [] : [`  ${standing}`]),
    ...(outcome?.reason == null ? [] : [`  denied by ${outcome.by ?? ''}: ${outcome.reason}`]),
    ...(outcome?.grantId == null ? [] : [`  grant ${outcome.grantId}`]),
  ]
  return lines.map((line) => `${inert(line)}\n`).join('')
}
