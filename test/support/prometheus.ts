import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from './child.js'

/** Debian's Prometheus, which scrapes itself each second: a historian with absolute paths. */
export interface Prometheus {
  readonly url: string
  readonly graphPath: string
  output(): string
  close(): Promise<void>
}

/** @throws Error when it is not installed: `node scripts/setup-test.mjs` does that */
export async function startPrometheus(): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-prometheus-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 3 })
  try {
    const child = await startServer({
      name: 'Prometheus',
      command: (port) => ({
        file: 'prometheus',
        args: [
          `--config.file=${join(folder, 'prometheus.yml')}`,
          `--storage.tsdb.path=${join(folder, 'data')}`,
          `--web.listen-address=127.0.0.1:${port}`,
          '--log.level=warn',
        ],
        cwd: folder,
      }),
      prepare: (port) =>
        writeFile(
          join(folder, 'prometheus.yml'),
          `global: { scrape_interval: 1s }\nscrape_configs:\n  - job_name: prometheus\n    static_configs: [{ targets: ['127.0.0.1:${port}'] }]\n`,
        ),
      readyPath: '/-/ready',
      withinMs: 20_000,
    })
    return {
      url: child.url,
      graphPath: '/graph',
      output: child.output,
      async close() {
        await child.close()
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}
