import type { Command } from 'commander'
import { readReason } from '../grants/index.js'
import { endingSessions, type People, type Person } from '../identity/index.js'
import { GatehouseError } from '../lib/index.js'
import { brief, describeActor, inert, instant, table } from './output.js'
import { unsaid, type Common, type Shell } from './shell.js'

export function addUsers(users: Command, shell: Shell): void {
  const { command, answer, look, change } = shell
  command(users, 'list', 'Everyone who has ever signed in.').action(async (options: Common) => {
    await look(options, async ({ people, secondFactor }) => {
      const described = []
      for (const { principal, roles, lastLoginAt } of await people.list()) {
        const { isEnrolled, lockedUntil } = await secondFactor.status(principal.id)
        described.push({
          id: principal.id,
          email: principal.email,
          name: principal.name,
          roles,
          isEnrolled,
          lockedUntil: lockedUntil === null ? null : instant(lockedUntil),
          lastLoginAt: instant(lastLoginAt),
        })
      }
      const rows = described.map(({ email, name, roles, isEnrolled, lockedUntil, lastLoginAt, id }) => [
        email ?? id,
        name,
        roles.join(', '),
        lockedUntil !== null ? `locked until ${brief(lockedUntil)}` : isEnrolled ? 'yes' : 'no',
        brief(lastLoginAt),
      ])
      const headings = ['WHO', 'NAME', 'ROLES', 'SECOND FACTOR', 'LAST SIGN-IN']
      answer(options, described, table(headings, rows, 'Nobody has signed in yet.'))
    })
  })

  command(users, 'invite <email>', 'Make a single-use code with which someone may set up a second factor.')
    .requiredOption('--reason <text>', 'why, in words: one line, in quotes; it stays on record')
    .action(async (email: string, options: Common & { reason: string }) => {
      const reason = readReason(options.reason)
      await change(options, async ({ secondFactor }) => {
        const { code, expiresAt } = await secondFactor.invite(email, reason, shell.operator)
        answer(
          options,
          { email, enrolmentCode: code, expiresAt: instant(expiresAt) },
          `Give ${inert(email)} this invitation code, by phone or in person, once. It is valid until ${brief(instant(expiresAt))}:\n  ${code}\n`,
        )
      })
    })

  command(
    users,
    'reset-totp <who>',
    `Void someone’s second factor and sign them out.

They are named by their e-mail, or by the id that \`gatehouse users list --json\` shows.

It asks no second administrator, also where totp.secondAdministrator asks for one on the pages: whoever runs commands
here can read the keys of Gatehouse and write to its Redis, and needs nobody’s yes. It is on record as done by the
account of the host.`,
  )
    .option('--reason <text>', 'why, in words: one line, in quotes; it stays on record', unsaid)
    .action(async (who: string, options: Common & { reason: string }) => {
      const reason = readReason(options.reason)
      await change(options, async ({ people, secondFactor, sessions }, config) => {
        const { principal } = await findPerson(people, who)
        if (config.totp.secondAdministrator)
          shell.output.err(
            'note: totp.secondAdministrator is on. On the host this command is enough, and the record names your account alone.\n',
          )
        await endingSessions(
          () => secondFactor.reset(principal.id, shell.operator, reason),
          () => sessions.endAllOf(principal.id, 'second-factor-reset', shell.operator, reason),
        )
        const { id, email } = principal
        const isVoid = `The second factor of ${inert(email ?? id)} is void, and they are signed out.`
        if (config.totp.enrolment === 'first-login') {
          answer(options, { id, email }, `${isVoid} They set up a new one at their next sign-in.\n`)
        } else if (email === null) {
          const why =
            'They cannot be invited to set up a new one: the provider vouches for no e-mail of theirs.'
          answer(options, { id, email }, `${isVoid}\n${why}\n`)
        } else {
          const { code, expiresAt } = await secondFactor.invite(email, reason, shell.operator)
          answer(
            options,
            { id, email, enrolmentCode: code, expiresAt: instant(expiresAt) },
            `${isVoid}\nTo set up a new one they need this invitation code, valid until ${brief(instant(expiresAt))}:\n  ${code}\n`,
          )
        }
      })
    })
  addResets(users, shell)
}

function addResets(users: Command, { command, answer, look, change, operator }: Shell): void {
  command(users, 'resets', 'Resets of second factors that wait for a second administrator.').action(
    async (options: Common) => {
      await look(options, async ({ resets, people }) => {
        const waiting = await Promise.all(
          (await resets.waiting()).map(async ({ id, principalId, by, reason, at, lapsesAt }) => ({
            ...{ id, principalId, email: (await people.get(principalId))?.principal.email ?? null },
            ...{ by: describeActor(by), reason, at: instant(at), lapsesAt: instant(lapsesAt) },
          })),
        )
        const rows = waiting.map(({ id, principalId, email, by, reason, lapsesAt }) => [
          ...[id, email ?? principalId, by, reason, brief(lapsesAt)],
        ])
        const headings = ['ID', 'WHOSE', 'PROPOSED BY', 'WHY', 'LAPSES']
        answer(options, waiting, table(headings, rows, 'No reset waits for a second administrator.'))
      })
    },
  )

  command(
    users,
    'decline-reset <id>',
    `Say no to a reset that waits for a second administrator.

An administrator says yes on the page, with a one-time code. On the host, \`gatehouse users reset-totp\` resets without asking.`,
  )
    .requiredOption('--reason <text>', 'why, in words: one line, in quotes; it stays on record')
    .action(async (id: string, options: Common & { reason: string }) => {
      const reason = readReason(options.reason)
      await change(options, async ({ resets }) => {
        await resets.decline(id, reason, operator)
        answer(options, { id, declined: true }, `The reset ${inert(id)} is declined.\n`)
      })
    })
}

/** @throws GatehouseError `person-unknown`, `person-ambiguous` */
export async function findPerson(people: People, who: string): Promise<Person> {
  const byId = await people.get(who)
  const [person, ...others] = byId === null ? await people.byEmail(who.toLowerCase()) : [byId]
  if (person === undefined)
    throw new GatehouseError('person-unknown', 'Nobody with this e-mail or id has signed in yet.')
  if (others.length === 0) return person
  const ids = [person, ...others].map(({ principal }) => `  ${principal.id}  ${principal.issuer}`)
  throw new GatehouseError(
    'person-ambiguous',
    ['More than one account has this e-mail. Name the one you mean by its id:', ...ids].join('\n'),
  )
}
