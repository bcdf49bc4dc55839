import { Option, type Command } from 'commander'
import { answerOf, becauseOf, createExplain, explainWords, type Explanation } from '../admin/index.js'
import type { Config } from '../config/index.js'
import { createFacts, createOpening } from '../gateway/index.js'
import { scopeText } from '../grants/index.js'
import { GatehouseError } from '../lib/index.js'
import type { Services } from '../main.js'
import { methods } from '../model.js'
import { brief, describeActor, describeGrant, inert, instant, table } from './output.js'
import type { Common, Shell } from './shell.js'

interface ExplainOptions extends Common {
  readonly person?: string
  readonly endpoint?: string
  readonly at?: string
  readonly method: string
  readonly path?: string
  readonly source?: string
}

const words = explainWords.en

export function addExplain(program: Command, shell: Shell): void {
  const { command, answer, look } = shell
  command(
    program,
    'explain',
    `Who could open what at a moment, and why or why not.

    gatehouse explain --person ana@vendor.example --endpoint press-3 --at 2026-03-01T14:00+01:00

Decides as a gateway would that is well, for somebody who is signed in with both factors. Without --person it
answers for everybody with a grant for the machine, without --endpoint for all machines the person has a grant
for. For a moment that is past the records count as they stand now: extensions given since then among them, and
without the lockdowns that were lifted since then. It changes nothing, and nothing is recorded.`,
  )
    .option('--person <who>', 'by e-mail, or by the id that `gatehouse users list --json` shows')
    .option('--endpoint <id>', 'the machine, by id')
    .option('--at <when>', '2026-03-01T14:00+01:00, +2h or -2h; now when left out, at the earliest -30d')
    .addOption(new Option('--method <method>', 'the kind of request').choices(methods).default('GET'))
    .option('--path <path>', 'the page of the machine; its landing path when left out')
    .option('--source <address>', 'the address they come from; one that the grant allows when left out')
    .action(async (options: ExplainOptions) => {
      if (options.person === undefined && options.endpoint === undefined)
        throw new GatehouseError('input-invalid', 'person: must be named where no machine is', {
          field: 'person',
        })
      await look(options, async (services, config) => {
        const explain = createExplain({
          ...{ ...services, config },
          factsOfOpening: factsOf(services, config),
          isOnlooker: true,
        })
        const { at, isPast, explanations } = await explain({
          who: options.person ?? null,
          endpointId: options.endpoint ?? null,
          at: options.at === undefined ? null : shell.instant('at', options.at),
          method: options.method,
          path: options.path ?? null,
          source: options.source ?? null,
        })
        const described = explanations.map((explanation) => describe(explanation, at, config))
        const isNarrow = options.person !== undefined && options.endpoint !== undefined
        const text = isNarrow ? sentences(explanations) : rows(explanations, options.person === undefined)
        const past = isPast ? `${words.past}\n` : ''
        answer(options, { at: instant(at), isPast, answers: described }, `${text}${past}`)
      })
    })
}

function factsOf({ grants, lockdowns, releases, seats, changes, clock }: Services, config: Config) {
  const { endings } = config.grants
  const gather = createFacts({ grants, lockdowns, releases, seats, changes, clock, endings })
  return createOpening(config, gather).factsOfOpening
}

function describe(
  { person, endpointId, decision, grant, lockdowns, remarks }: Explanation,
  at: number,
  config: Config,
) {
  const { why, instead } = becauseOf(words, decision)
  const permit = decision.outcome === 'permit' ? decision : null
  return {
    person,
    endpoint: endpointId,
    outcome: decision.outcome,
    reasons: decision.reasons,
    obligations: permit?.obligations ?? [],
    closesAt: instantOrNull(permit?.closeAt),
    viewOnlyFrom: grant?.access === 'operate' ? instantOrNull(permit?.viewOnlyFrom) : null,
    why,
    instead,
    grant: grant && describeGrant(grant, at, config.grants.endings),
    lockdowns: lockdowns.map((lockdown) => ({
      scope: scopeText(lockdown.scope),
      at: instant(lockdown.at),
      by: describeActor(lockdown.by),
      reason: lockdown.reason,
    })),
    remarks,
  }
}

function instantOrNull(at: number | null | undefined): string | null {
  return at === null || at === undefined ? null : instant(at)
}

function nameOf({ person }: Explanation): string {
  return person.email ?? person.principalId ?? ''
}

function sentences(explanations: readonly Explanation[]): string {
  return explanations
    .flatMap((explanation) => {
      const { decision, endpointId, grant, lockdowns, remarks } = explanation
      const { why, instead } = becauseOf(words, decision)
      const line = (label: string, text: string): string => `  ${label}: ${text}`
      const close = decision.outcome === 'permit' && decision.closeAt !== null ? decision.closeAt : null
      return [
        `${answerOf(words, decision)}: ${nameOf(explanation)}, ${endpointId}. ${why}`,
        ...(grant === null
          ? []
          : [
              line(words.grant, `${grant.id}, ${words.of(grant.reason)}`),
              line(words.time, `${brief(instant(grant.from))} to ${brief(instant(grant.until))}`),
            ]),
        ...(close === null ? [] : [line(words.closes, brief(instant(close)))]),
        ...lockdowns.map(({ scope, at, by, reason }) =>
          line(
            words.stopped,
            `${scopeText(scope)}, ${brief(instant(at))} by ${describeActor(by)}: ${reason}`,
          ),
        ),
        ...(instead === null ? [] : [line(words.instead, instead)]),
        ...remarks.map((remark) => line(words.before, words.remarks[remark])),
      ]
    })
    .map((line) => `${inert(line)}\n`)
    .join('')
}

function rows(explanations: readonly Explanation[], isOfMachine: boolean): string {
  const cells = explanations.map((explanation) => {
    const { endpointId, decision, grant, remarks } = explanation
    const said = [becauseOf(words, decision).why, ...remarks.map((remark) => words.remarks[remark])]
    const until = grant === null ? '' : brief(instant(grant.until))
    return [nameOf(explanation), endpointId, answerOf(words, decision), until, said.join(' ')]
  })
  const headings = ['WHO', 'MACHINE', 'COULD OPEN IT', 'GRANT UNTIL', 'WHY']
  return table(headings, cells, isOfMachine ? words.nobody : words.nothing)
}
