import type { Command } from 'commander'
import { readLedger, verifyLedger } from '../audit/index.js'
import { loadConfig, loadKeyring } from '../config/index.js'
import { describeReport } from './output.js'
import type { Common, Shell } from './shell.js'

export function addAudit(audit: Command, shell: Shell): void {
  const { command, answer, output } = shell
  command(audit, 'verify', 'Prove that the ledger is whole, or name the first bad record.').action(
    async (options: Common) => {
      const config = loadConfig(options.config)
      const report = await verifyLedger({
        directory: config.audit.directory,
        publicKey: loadKeyring(config.keys.file).ledger.publicKey,
      })
      answer(options, report, describeReport(report))
      if (!report.ok) shell.fail()
    },
  )

  command(audit, 'export', 'Write records as JSON lines to standard output.')
    .option('--from <when>', 'the earliest')
    .option('--until <when>', 'the latest, not included')
    .option('--event <name>', 'only this kind of event')
    .action(async (options: Common & { from?: string; until?: string; event?: string }) => {
      const records = readLedger({
        directory: loadConfig(options.config).audit.directory,
        ...(options.from === undefined ? {} : { from: shell.instant('from', options.from) }),
        ...(options.until === undefined ? {} : { until: shell.instant('until', options.until) }),
        ...(options.event === undefined ? {} : { event: options.event }),
      })
      for await (const record of records)
        output.out(`${JSON.stringify({ writer: record.writer, ...record.fields })}\n`)
    })
}
