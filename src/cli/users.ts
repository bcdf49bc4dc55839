import type { Command } from 'commander'
import type { Person } from '../identity/index.js'
import { GatehouseError } from '../lib/index.js'
import { inert, instant, table } from './output.js'
import type { Common, Shell } from './shell.js'

export function addUsers(users: Command, shell: Shell): void {
  const { command, answer, withServices } = shell
  command(users, 'list', 'Everyone who has ever signed in.').action(async (options: Common) => {
    await withServices(options, async ({ people, secondFactor }) => {
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
        lockedUntil !== null ? `locked until ${lockedUntil}` : isEnrolled ? 'yes' : 'no',
        lastLoginAt,
      ])
      const headings = ['WHO', 'NAME', 'ROLES', 'SECOND FACTOR', 'LAST SIGN-IN']
      answer(options, described, table(headings, rows, 'Nobody has signed in yet.'))
    })
  })

  command(
    users,
    'invite <email>',
    'Make a single-use code with which someone may set up a second factor.',
  ).action(async (email: string, options: Common) => {
    await withServices(options, async ({ secondFactor }) => {
      const { code, expiresAt } = await secondFactor.invite(email, shell.operator)
      answer(
        options,
        { email, enrolmentCode: code, expiresAt: instant(expiresAt) },
        `Give ${inert(email)} this invitation code, by phone or in person, once. It is valid until ${instant(expiresAt)}:\n  ${code}\n`,
      )
    })
  })

  command(users, 'reset-totp <email>', 'Void someone’s second factor and sign them out.').action(
    async (email: string, options: Common) => {
      await withServices(options, async ({ people, secondFactor, sessions }) => {
        const { principal } = onlyOne(await people.byEmail(email.toLowerCase()))
        await secondFactor.reset(principal.id, shell.operator)
        await sessions.endAllOf(principal.id, 'second-factor-reset', shell.operator)
        const { code, expiresAt } = await secondFactor.invite(email, shell.operator)
        answer(
          options,
          { email, enrolmentCode: code, expiresAt: instant(expiresAt) },
          `The second factor of ${inert(email)} is void. To set up a new one they need this invitation code:\n  ${code}\n`,
        )
      })
    },
  )
}

function onlyOne(found: readonly Person[]): Person {
  const [person, ...others] = found
  if (person === undefined)
    throw new GatehouseError('person-unknown', 'Nobody with this e-mail has signed in yet.')
  if (others.length === 0) return person
  throw new GatehouseError(
    'person-ambiguous',
    'More than one account has this e-mail. Give one of them another at the provider.',
  )
}
