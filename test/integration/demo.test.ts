import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { oneTimeCode } from '../../demo/authenticator.js'
import { demoAccounts } from '../../demo/accounts.js'
import { demoPorts, startDemo, type Demo, type DemoOptions } from '../../demo/demo.js'
import { listen, PortBusy } from '../../demo/http.js'
import { principalId } from '../../src/identity/index.js'
import { freePorts } from '../support/ports.js'
import { until } from '../support/until.js'

const root = join(import.meta.dirname, '../..')
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-demo-'))
})

/** What a test has started. One that fails leaves it running: it would keep its ports, and Jest from ending. */
const started: Pick<Demo, 'close'>[] = []
const start = async (options: DemoOptions): Promise<Demo> => {
  const demo = await startDemo(options)
  started.push(demo)
  return demo
}

afterEach(async () => {
  for (const one of started.splice(0)) await one.close()
  await rm(folder, { recursive: true, force: true })
}, 60_000)

const optionsAt = (port: number): DemoOptions => ({
  port,
  stateFolder: join(folder, 'state'),
  certificateFolder: join(folder, 'certs'),
})

const portsOfDemo = Object.keys(demoPorts(0)).length

async function onFreePorts<T>(begin: (port: number) => Promise<T>): Promise<T> {
  return begin(await freePorts(portsOfDemo))
}

/** Those that are not over by their time: what the demo is about, and not the past it comes with. */
async function grantsOfVendor({
  gatehouse,
  identityProvider,
}: Demo): Promise<{ id: string; endpoints: string[] }[]> {
  const grants = await gatehouse.services.grants.heldBy(principalId(identityProvider, 'demo-ana'))
  const current = grants.filter(({ until }) => until > gatehouse.services.clock.now())
  return current.map(({ id, endpoints }) => ({ id, endpoints: [...endpoints] }))
}

describe('the demo', () => {
  it('starts with four accounts whose codes work at once, and one grant', async () => {
    const demo = await onFreePorts((port) => start(optionsAt(port)))
    expect(demo.entries.map(({ login }) => login)).toEqual(['vendor', 'approver', 'admin', 'auditor'])
    const { secondFactor, clock, people } = demo.gatehouse.services
    for (const [index, account] of demoAccounts.entries()) {
      const id = principalId(demo.identityProvider, account.subject)
      // The very code on the newcomer's screen: enrolment must not have used it up.
      const code = oneTimeCode(demo.entries[index]?.secret ?? '', clock.now())
      await secondFactor.verify({ principalId: id, sessionId: 's-test', code })
      expect((await people.get(id))?.principal.email).toBe(account.email)
    }
    const roles = (await people.list()).map((person) => [person.principal.name, ...person.roles])
    expect(roles).toContainEqual(['Ada Novak', 'auditor'])
    expect(await grantsOfVendor(demo)).toMatchObject([{ endpoints: ['filler-1', 'historian'] }])
    const { grants, requests } = demo.gatehouse.services
    const past = (await grants.list()).filter(({ until }) => until <= clock.now())
    expect(past).toHaveLength(6)
    const outcomes = (await requests.list()).map(({ outcome }) => outcome?.kind ?? 'open')
    expect(outcomes).toEqual(['open', 'approved', 'denied', 'lapsed'])
    expect(past.filter(({ revocation }) => revocation !== null)).toMatchObject([{ ticket: 'DEMO-1017' }])
    const { codes } = (await (await fetch(`${demo.authenticator}/codes.json`)).json()) as { codes: unknown[] }
    expect(codes).toHaveLength(4)
    expect((await fetch(`${demo.operations}/readyz`)).status).toBe(200)
    await demo.close()
  })

  it('keeps its state between runs, and forgets it when told to', async () => {
    const first = await onFreePorts((port) => start(optionsAt(port)))
    const port = Number(new URL(first.portal).port)
    const before = { grants: await grantsOfVendor(first), entries: first.entries }
    await first.close()
    const second = await start(optionsAt(port))
    expect(second.entries).toEqual(before.entries)
    expect(await grantsOfVendor(second)).toEqual(before.grants)
    await second.close()
    const third = await start({ ...optionsAt(port), isFresh: true })
    expect(third.entries).not.toEqual(before.entries)
    expect(await grantsOfVendor(third)).not.toEqual(before.grants)
    await third.close()
  })

  it('seeds anew where Redis kept nothing', async () => {
    const first = await onFreePorts((port) => start({ ...optionsAt(port), redis: 'embedded' }))
    expect(first.redis.isKept).toBe(false)
    const grants = await grantsOfVendor(first)
    expect(grants).toHaveLength(1)
    await first.close()
    const port = Number(new URL(first.portal).port)
    const second = await start({ ...optionsAt(port), redis: 'embedded' })
    expect(await grantsOfVendor(second)).toHaveLength(1)
    expect(await grantsOfVendor(second)).not.toEqual(grants)
    expect(second.entries).not.toEqual(first.entries)
    await second.close()
  })

  it('gives a new grant when the old one was revoked, and no second one beside it', async () => {
    const first = await onFreePorts((port) => start(optionsAt(port)))
    const [grant] = await grantsOfVendor(first)
    await first.gatehouse.services.grants.revoke(grant?.id ?? '', 'end of the test', {
      kind: 'operator',
      account: 'test',
    })
    await first.close()
    const second = await start(optionsAt(Number(new URL(first.portal).port)))
    expect(await grantsOfVendor(second)).toHaveLength(2)
    await second.close()
  })

  it('writes what is secret for its owner alone', async () => {
    const demo = await onFreePorts((port) => start(optionsAt(port)))
    const state = join(folder, 'state')
    expect((await stat(state)).mode & 0o777).toBe(0o700)
    for (const name of ['accounts.json', 'keys.json', 'oidc-secret', 'identity-provider-keys.json']) {
      expect([name, (await stat(join(state, name))).mode & 0o777]).toEqual([name, 0o600])
    }
    const log = await readFile(demo.logFile, 'utf8')
    for (const { secret } of demo.entries) expect(log).not.toContain(secret)
    await demo.close()
  })

  it('names a port that is taken, and leaves nothing running', async () => {
    const demo = await onFreePorts((port) => start(optionsAt(port)))
    const { portal, historian } = demoPorts(Number(new URL(demo.portal).port))
    await demo.close()
    const holder = await listen(createServer(), historian)
    started.push(holder)
    await expect(start(optionsAt(portal))).rejects.toThrow(new PortBusy(historian))
    await holder.close()
    started.splice(started.indexOf(holder), 1)
    const again = await start(optionsAt(portal))
    await again.close()
  })

  it('refuses a state that another demo uses, and leaves nothing running', async () => {
    const running = await onFreePorts((port) => start(optionsAt(port)))
    const grants = await grantsOfVendor(running)
    const second = onFreePorts((port) => start({ ...optionsAt(port), isFresh: true }))
    await expect(second).rejects.toThrow('Another demo is running on the same state.')
    expect(await grantsOfVendor(running)).toEqual(grants)
    await running.close()
  })

  it('serves HTTPS with certificates of its own', async () => {
    const demo = await onFreePorts((port) => start({ ...optionsAt(port), hasTls: true }))
    expect(demo.portal).toMatch(/^https:\/\/portal\.localhost:\d+$/)
    expect(demo.authority).toBe(join(folder, 'certs', 'development-ca.pem'))
    expect(await readdir(join(folder, 'certs'))).toEqual(['development-ca.pem', 'server.key', 'server.pem'])
    await demo.close()
  })
})

describe('npm run demo', () => {
  const run = (args: string[]): { child: ChildProcess; output(): string } => {
    const child = spawn(process.execPath, [join(root, 'scripts/demo.mjs'), ...args], {
      env: { ...process.env, GATEHOUSE_DEMO_STATE: join(folder, 'state'), NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.push({
      close: async () => {
        if (child.exitCode !== null || child.signalCode !== null) return
        child.kill('SIGTERM')
        await once(child, 'exit')
      },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    }
    return { child, output: () => output }
  }
  const exitOf = async ({ child }: { child: ChildProcess }): Promise<unknown> =>
    child.exitCode ?? ((await once(child, 'exit')) as [unknown])[0]

  it('tells a newcomer where to go and who to be, and stops at once on Ctrl-C', async () => {
    const port = await freePorts(portsOfDemo)
    const demo = run(['--port', String(port)])
    await until(
      'the demo is up',
      () => demo.output().includes('Codes now') || demo.child.exitCode !== null,
      120_000,
    )
    expect(demo.output()).toContain(`http://portal.localhost:${String(port)}`)
    for (const { login, password } of demoAccounts)
      expect(demo.output()).toMatch(new RegExp(`${login} +${password}`))
    expect(demo.output()).toMatch(
      /Codes now +Ana \d{3} \d{3} +Ben \d{3} \d{3} +Cara \d{3} \d{3} +Ada \d{3} \d{3}/,
    )
    const asked = performance.now()
    demo.child.kill('SIGINT')
    demo.child.kill('SIGINT')
    expect(await exitOf(demo)).toBe(0)
    expect(performance.now() - asked).toBeLessThan(4_000)
    expect(demo.output()).toContain('Stopped.')
    expect(existsSync(join(folder, 'state/redis/redis.sock'))).toBe(false)
  }, 150_000)

  it('says what it can do, and what it cannot', async () => {
    const help = run(['--help'])
    expect(await exitOf(help)).toBe(0)
    expect(help.output()).toContain('Usage: npm run demo')
    for (const args of [['--prot'], ['--port', 'x'], ['--port', '70000'], ['here']]) {
      const wrong = run(args)
      expect(await exitOf(wrong)).toBe(2)
      expect(wrong.output()).toContain('Usage: npm run demo')
    }
    expect(existsSync(join(folder, 'state'))).toBe(false)
  }, 150_000)
})
