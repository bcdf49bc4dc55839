// A network namespace with two ways out, one to Redis and one to everything else, so that one of them can go.
import { spawnSync } from 'node:child_process'
import { closeLater } from '../support/closing.js'
import { startLink } from '../support/link.js'

export interface Namespace {
  /** Where an instance inside listens. */
  readonly innerHost: string
  /** What stands before a command that is to run inside. */
  readonly through: readonly string[]
  /** @returns the URL by which the inside reaches what listens outside */
  reach(target: number | string, by: 'store' | 'plant'): Promise<string>
  /** Takes down the way to Redis. */
  part(): void
  join(): void
  close(): Promise<void>
}

/** Of the block for tests of networks (RFC 2544), so that it is nobody's. */
const networks = { plant: '198.18.7', store: '198.19.7' } as const

export function whyNoNamespace(): string | null {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.getuid?.() !== 0) return 'needs root'
  if (spawnSync('ip', ['-V']).error !== undefined) return 'needs iproute2'
  const probe = `gh-probe-${process.pid}`
  if (spawnSync('ip', ['netns', 'add', probe]).status !== 0) return 'needs network namespaces'
  spawnSync('ip', ['netns', 'delete', probe])
  return null
}

export async function openNamespace(): Promise<Namespace> {
  const name = `gatehouse-${process.pid}`
  // Names of interfaces have 15 characters at most.
  const outer = { plant: `ghp${process.pid}`, store: `ghs${process.pid}` }
  const inner = { plant: 'plant0', store: 'store0' }
  ip('netns', 'add', name)
  const close = closeLater(async () => {
    // Its interfaces go with it, and their peers with them.
    ip('netns', 'delete', name)
  })
  ip('-n', name, 'link', 'set', 'lo', 'up')
  for (const way of ['plant', 'store'] as const) {
    ip('link', 'add', outer[way], 'type', 'veth', 'peer', 'name', inner[way], 'netns', name)
    ip('addr', 'add', `${networks[way]}.1/24`, 'dev', outer[way])
    ip('link', 'set', outer[way], 'up')
    ip('-n', name, 'addr', 'add', `${networks[way]}.2/24`, 'dev', inner[way])
    ip('-n', name, 'link', 'set', inner[way], 'up')
  }
  return {
    innerHost: `${networks.plant}.2`,
    through: ['ip', 'netns', 'exec', name],
    reach: async (target, by) => {
      const link = await startLink(target, `${networks[by]}.1`)
      closeLater(() => link.close())
      return `${by === 'store' ? 'redis' : 'http'}://${networks[by]}.1:${link.port}`
    },
    part: () => {
      ip('-n', name, 'link', 'set', inner.store, 'down')
    },
    join: () => {
      ip('-n', name, 'link', 'set', inner.store, 'up')
    },
    close,
  }
}

function ip(...argv: string[]): void {
  const { status, stderr } = spawnSync('ip', argv, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${argv.join(' ')}: ${stderr}`)
}
