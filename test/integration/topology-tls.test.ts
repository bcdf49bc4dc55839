import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeysFile } from '../../src/config/index.js'
import { createAuthority } from '../support/certificates.js'
import { startSentinel, type Topology } from '../support/redis-topologies.js'

const root = join(import.meta.dirname, '../..')

describe('servers and sentinels behind TLS', () => {
  let folder: string
  let redis: Topology | null = null

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gatehouse-tls-'))
  })
  afterEach(async () => {
    await redis?.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** A process of its own, because Node.js reads whom to trust when it starts. */
  const listGrants = async (caFile: string | null): Promise<string> => {
    const loader = join(root, 'test/support/typescript.mjs')
    const command = ['grants', 'list', '--json', '--config', join(folder, 'gatehouse.yml')]
    const child = spawn(process.execPath, ['--import', loader, join(root, 'src/cli/main.ts'), ...command], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, NODE_OPTIONS: '', ...(caFile === null ? {} : { NODE_EXTRA_CA_CERTS: caFile }) },
    })
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    await once(child, 'close')
    return out
  }

  it('are asked only when their certificates come from an authority that is trusted', async () => {
    const authority = await createAuthority()
    redis = await startSentinel(authority)
    const caFile = join(folder, 'ca.pem')
    await writeFile(caFile, authority.ca)
    await writeFile(join(folder, 'oidc-secret'), 'not-a-real-secret')
    await writeFile(join(folder, 'gatehouse.yml'), configuration(redis.section))
    createKeysFile(join(folder, 'keys.json'))
    expect(JSON.parse(await listGrants(caFile))).toEqual([])
    expect(JSON.parse(await listGrants(null))).toMatchObject({ error: { code: 'store-unavailable' } })
  })
})

const configuration = (redisSection: string): string => `
server: { publicUrl: 'http://portal.localhost:1', endpointDomain: plant.localhost }
redis: ${redisSection}
oidc: { issuer: 'http://localhost:1', clientId: gatehouse, clientSecretFile: oidc-secret }
keys: { file: keys.json }
audit: { directory: ledger }
`
