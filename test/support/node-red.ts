import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from './child.js'

/** Node-RED with a dashboard whose count of bottles grows each second. */
export interface NodeRed {
  readonly url: string
  readonly editorPath: string
  readonly dashboardPath: string
  /** The flows as they are deployed now. */
  deployedFlows(): Promise<{ id: string; type: string; name?: string }[]>
  output(): string
  close(): Promise<void>
}

const home = join(import.meta.dirname, '../third-party/node-red')

/** @throws Error when it is not installed: `node scripts/setup-test.mjs` does that */
export async function startNodeRed(): Promise<NodeRed> {
  const userDir = await mkdtemp(join(tmpdir(), 'gatehouse-node-red-'))
  // A copy, and away from `home`: deploying writes it, and Node-RED prefers one in its working directory.
  await cp(join(home, 'plant-flows.json'), join(userDir, 'flows.json'))
  const remove = (): Promise<void> => rm(userDir, { recursive: true, force: true, maxRetries: 3 })
  try {
    const child = await startServer({
      name: 'Node-RED',
      command: (port) => ({
        file: process.execPath,
        args: [
          join(home, 'node_modules/node-red/red.js'),
          ...['--userDir', userDir, '--settings', join(home, 'settings.js'), '--port', String(port)],
        ],
        cwd: userDir,
        // Jest's own flags are for Jest.
        env: { NODE_OPTIONS: '' },
      }),
      // The dashboard is there only once the flows run.
      readyPath: '/dashboard/line',
      withinMs: 45_000,
    })
    return {
      url: child.url,
      editorPath: '/',
      dashboardPath: '/dashboard/line',
      output: child.output,
      async deployedFlows() {
        const response = await fetch(`${child.url}/flows`)
        return (await response.json()) as { id: string; type: string; name?: string }[]
      },
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
