import type { Command } from 'commander'
import { assertEnded, endCompany, findCompany, holdingsOf } from '../admin/index.js'
import type { Config } from '../config/index.js'
import type { Services } from '../main.js'
import { table } from './output.js'
import type { Common, Shell } from './shell.js'

export function addCompanies(companies: Command, shell: Shell): void {
  const { command, answer, look, change } = shell
  command(companies, 'list', 'The companies of the configuration, and how much their people hold.').action(
    async (options: Common) => {
      await look(options, async (services, config) => {
        const held = await holdingsOf(forCompanies(services, config), config.companies)
        const described = [...held].map(
          ([{ id, name, emailDomains, claimValues, requestable }, holdings]) => ({
            ...{ id, name, emailDomains, claimValues, requestable },
            grants: holdings.grants.length,
            requests: holdings.requests.length,
            sessions: holdings.sessions.length,
            codes: holdings.codes.length,
          }),
        )
        const rows = described.map((one) => [
          ...[one.id, one.name, one.emailDomains.join(', '), one.claimValues.join(', ')],
          ...[one.grants, one.requests, one.sessions, one.codes].map(String),
        ])
        const headings = ['ID', 'NAME', 'E-MAIL', 'CLAIM', 'GRANTS', 'REQUESTS', 'SESSIONS', 'CODES']
        answer(options, described, table(headings, rows, 'No companies are configured.'))
      })
    },
  )

  command(
    companies,
    'end <id>',
    `End all that the people of a company hold: requests, grants, sessions.

    gatehouse companies end huber --reason "Contract ended"

Grants end for good, also those to come and those for people who have not signed in yet; open connections are cut.
Where some of it cannot be ended, this says what is left, with exit status 1: run it again.`,
  )
    .requiredOption('--reason <text>', 'why, in words: one line, in quotes')
    .action(async (id: string, options: Common & { reason: string }) => {
      await change(options, async (services, config) => {
        const company = findCompany(id, config.companies)
        const by = { reason: options.reason, actor: shell.operator }
        const end = await endCompany(forCompanies(services, config), company, by)
        assertEnded(end)
        const { grants, requests, sessions, codes } = end.ended
        answer(
          options,
          end,
          `Ended of ${id}: ${String(grants)} grants, ${String(requests)} requests, ${String(sessions)} sessions, ${String(codes)} break-glass codes.\n`,
        )
      })
    })
}

function forCompanies(services: Services, config: Config): Parameters<typeof endCompany>[0] {
  const { ledger } = services
  return { ...services, endings: config.grants.endings, record: (event) => ledger.append(event) }
}
