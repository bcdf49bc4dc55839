import { readLedger } from '../../src/audit/index.js'
import { rawRequest, type Client } from '../support/client.js'
import { startMachine, type Machine } from '../support/machine.js'
import { startPlant, type Plant } from '../support/plant.js'

describe('a machine that is opened in part', () => {
  let machine: Machine
  let plant: Plant
  let client: Client
  const at = (path: string): string => plant.origin('mixer') + path

  beforeAll(async () => {
    machine = await startMachine()
    plant = await startPlant({
      endpoints: [
        {
          id: 'mixer',
          upstream: machine.url,
          hostHeader: 'original',
          more: `landingPath: '/hmi/start.html?view=a', methods: [GET, POST], paths: [/hmi/, /live, /echo],
            lenientRequests: [{ name: double-slash, reason: test }, { name: matrix-params, reason: test }, { name: encoded-slash, reason: test }]`,
        },
      ],
    })
    client = await plant.signIn('vendor')
  }, 30_000)
  afterAll(async () => {
    client.close()
    await Promise.all([plant.close(), machine.close()])
  })

  const codeOf = async (path: string, method = 'GET'): Promise<[number, unknown]> => {
    const answer = await client.fetch(at(path), { method })
    return [answer.status, (answer.json() as { code?: string }).code]
  }
  const targets = (): string[] => machine.received.map(({ target }) => target)

  it('is entered from the portal at its landing path, under its own name', async () => {
    const home = await client.navigate(plant.portal)
    const page = await client.click(home, 'Open')
    expect(page.url.href).toBe(at('/hmi/start.html?view=a'))
    expect(machine.received.at(-1)?.header('host')).toBe(new URL(at('/')).host)
  })

  it.each(['/.gatehouse/start', '/.gatehouse/start?to=', '/.gatehouse/start?to=//evil.example'])(
    'is entered there by %s too, which names no place on it',
    async (path) => {
      const page = await client.navigate(at(path))
      expect(page.url.href).toBe(at('/hmi/start.html?view=a'))
    },
  )

  // With `double-slash` such a target is a path; as a Location it would be a host, and a link to us a link to anywhere.
  it.each(['//evil.example/', '//evil.example/..', '/hmi//..;/', '//%5cevil.example', '/;@evil.example/'])(
    'leads nobody who asks for %s away from our own addresses',
    async (target) => {
      const { host } = new URL(at('/'))
      const text = await rawRequest(
        plant.gatehouse.address.port,
        `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n`,
      )
      const location = /^location: (.*)\r$/im.exec(text)?.[1]
      if (location === undefined) expect(text).toMatch(/^HTTP\/1\.1 400 /)
      else {
        expect(location.startsWith(`${plant.portal}/handover?`)).toBe(true)
        const page = await client.navigate(location)
        const isThere = page.url.origin === new URL(at('/')).origin
        expect(isThere ? '' : page.url.href + page.text).toBe('')
      }
    },
  )

  it('is entered where a link leads, when that is open', async () => {
    const page = await client.navigate(at('/.gatehouse/start?to=/hmi/trend'))
    expect(page.url.href).toBe(at('/hmi/trend'))
  })

  it.each(['/', '/admin', '/hmi', '/echo/', '//hmi/x', '/%2Fhmi/x', '/hmi;x/admin', '/hmi%2Fx'])(
    'answers nothing at %s, and hears nothing of it',
    async (path) => {
      const before = targets().length
      expect(await codeOf(path)).toEqual([403, 'path-closed'])
      expect(targets()).toHaveLength(before)
    },
  )

  it.each(['/hmi//images/valve.gif', '/hmi/page;v=1', '/hmi/a%2Fb'])(
    'hears %s as it was sent',
    async (path) => {
      await client.fetch(at(path))
      expect(targets().at(-1)).toBe(path)
    },
  )

  it('takes the methods that are open and no other', async () => {
    const answer = await client.fetch(at('/echo'), { method: 'POST', body: 'a' })
    expect(answer.text).toBe('a')
    const before = targets().length
    expect(await codeOf('/echo', 'DELETE')).toEqual([403, 'method-closed'])
    expect(targets()).toHaveLength(before)
  })

  it('opens a WebSocket at an open path alone', async () => {
    const live = await client.openWebSocket(at('/live'))
    expect(await live.next()).toMatch(/^\d+$/)
    live.close()
    await expect(client.openWebSocket(at('/other'))).rejects.toMatchObject({ answer: { status: 403 } })
  })

  it('says so in the ledger', async () => {
    const reasons = new Set<unknown>()
    const { directory } = plant.config.audit
    for await (const { fields } of readLedger({ directory, event: 'request.decided' }))
      if (fields.outcome === 'deny') for (const reason of fields.reasons as string[]) reasons.add(reason)
    expect([...reasons].sort()).toEqual(['method-closed', 'path-closed'])
  })

  it('tells nobody without a grant what of it is open', async () => {
    const [grant] = await plant.gatehouse.services.grants.list()
    if (grant !== undefined) await plant.revoke(grant)
    for (const path of ['/admin', '/hmi/start.html'])
      expect(await codeOf(path)).toEqual([403, 'grant-revoked'])
  })
})
