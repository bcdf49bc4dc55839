import type { Command } from 'commander'
import { z } from 'zod'
import { GatehouseError } from '../lib/index.js'
import { noticePlant, openQueue, sendTestMail } from '../notify/index.js'
import { brief, instant, table } from './output.js'
import type { Common, Shell } from './shell.js'

export function addNotifications(notifications: Command, shell: Shell): void {
  const { command, answer, look, change, fail } = shell

  command(
    notifications,
    'list',
    'What waits to be sent, and what was given up, the oldest first. What was sent is not listed.',
  ).action(async (options: Common) => {
    await look(options, async (services) => {
      const queue = openQueue(services)
      const counts = await queue.counts()
      const described = (await queue.list()).map((one) => ({
        id: one.id,
        state: one.state,
        kind: one.notice.kind,
        channel: one.channel,
        to: one.to,
        madeAt: instant(one.madeAt),
        at: instant(one.at),
        attempts: one.attempts,
        problem: one.problem,
      }))
      const headings = ['ID', 'STATE', 'KIND', 'BY', 'TO', 'NEXT OR LAST', 'ATTEMPTS', 'PROBLEM']
      const rows = described.map((one) => [
        ...[one.id, one.state, one.kind, one.channel, one.to, brief(one.at), String(one.attempts)],
        one.problem ?? '',
      ])
      const dropped =
        counts.dropped === 0
          ? ''
          : `${String(counts.dropped)} were dropped so far, because too many waited.\n`
      answer(
        options,
        { notifications: described, ...counts },
        table(headings, rows, 'Nothing waits, and nothing was given up.') + dropped,
      )
    })
  })

  command(
    notifications,
    'retry <id>',
    'Send again what waits or was given up; a running gateway does it.',
  ).action(async (id: string, options: Common) => {
    await change(options, async (services) => {
      const queue = openQueue(services)
      const isThere = (await queue.list()).some((one) => one.id === id)
      if (!isThere) throw unknown()
      await services.ledger.append({
        event: 'notification.retried',
        notificationId: id,
        actor: shell.operator,
      })
      // Sent meanwhile: then there is nothing left to do.
      const isQueued = await queue.retry(id)
      answer(
        options,
        { id, isQueued },
        isQueued
          ? `${id} is sent within a few seconds, if a gateway runs.\n`
          : `${id} has been sent meanwhile.\n`,
      )
    })
  })

  command(notifications, 'test', 'Send a test mail, now and from here, and say what the mail server said.')
    .requiredOption('--to <email>', 'whom')
    .action(async (options: Common & { to: string }) => {
      await change(options, async (services, config) => {
        const settings = config.notifications
        if (settings?.smtp == null)
          throw new GatehouseError('input-invalid', 'No mail server is configured: see notifications.smtp.')
        const { smtp, timeoutMs } = settings
        if (!z.email().safeParse(options.to).success)
          throw new GatehouseError('input-invalid', 'to: must be an e-mail address', { field: 'to' })
        await services.ledger.append({ event: 'notification.tested', to: options.to, actor: shell.operator })
        const outcome = await sendTestMail(
          { server: smtp, plant: noticePlant(config), timeoutMs, clock: services.clock },
          options.to,
        )
        const isSent = outcome.kind === 'sent'
        const problem = isSent ? null : outcome.problem
        answer(
          options,
          { to: options.to, isSent, problem },
          isSent ? `The mail server took it. Look into the mailbox.\n` : `Not sent: ${problem ?? ''}\n`,
        )
        if (!isSent) fail()
      })
    })
}

function unknown(): GatehouseError {
  return new GatehouseError('notification-unknown', 'Nothing of that id waits or was given up.')
}
