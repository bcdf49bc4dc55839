import { InvalidArgumentError, type Command } from 'commander'
import { eventMeanings, readLedger, verifyLedger } from '../audit/index.js'
import { loadConfig, loadKeyring } from '../config/index.js'
import { GatehouseError } from '../lib/index.js'
import { describeReport, json } from './output.js'
import type { Common, Shell } from './shell.js'

interface Export extends Common {
  readonly from?: string
  readonly until?: string
  readonly event?: string
}

export function addAudit(audit: Command, shell: Shell): void {
  const { command, answer, output } = shell
  command(
    audit,
    'verify',
    'Prove that the ledger is whole, or name the first bad record of each chain (exit status 1).',
  ).action(async (options: Common) => {
    const config = loadConfig(options.config)
    const { directory } = config.audit
    const { publicKey } = loadKeyring(config.keys.file).ledger
    const report = await verifyLedger({ directory, publicKey })
    answer(options, report, describeReport(report, directory))
    if (!report.ok) shell.fail()
  })

  command(audit, 'export', 'Write records as JSON lines to standard output, chain by chain, unverified.')
    .option('--from <when>', 'the earliest: 2026-03-01T14:00+01:00, or -2h for two hours ago')
    .option('--until <when>', 'the latest, itself left out: likewise')
    .option('--event <name>', 'one event, like grant.issued, or a family, like grant', readEvent)
    .action(async (options: Export) => {
      const window = readWindow(options, shell)
      const { directory } = loadConfig(options.config).audit
      const event = options.event === undefined ? {} : { event: options.event }
      for await (const { writer, fields } of readLedger({ directory, ...window, ...event }))
        output.out(json({ writer, ...fields }))
    })
}

/** A mistyped name would export nothing, and nothing looks like "it did not happen". */
function readEvent(name: string): string {
  const isKnown = Object.keys(eventMeanings).some((known) => `${known}.`.startsWith(`${name}.`))
  if (!isKnown) throw new InvalidArgumentError('There is no such event; docs/reference/ledger.md has them.')
  return name
}

/** Likewise a window that holds nothing. */
function readWindow({ from, until }: Export, { instant }: Shell): { from?: number; until?: number } {
  const window = {
    ...(from === undefined ? {} : { from: instant('from', from) }),
    ...(until === undefined ? {} : { until: instant('until', until) }),
  }
  if ((window.from ?? -Infinity) < (window.until ?? Infinity)) return window
  throw new GatehouseError('input-invalid', 'until: must lie after the start', { field: 'until' })
}
