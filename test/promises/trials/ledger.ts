// R4: nothing takes effect before its record is durable, with a full disk, and with a process killed.
import { spawnSync } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { readLedger, verifyLedger } from '../../../src/audit/index.js'
import { loadKeyring } from '../../../src/config/index.js'
import type { Received } from '../../support/machine.js'
import { until } from '../../support/until.js'
import { ask, askOn, openStream, type Asked } from '../door.js'
import type { Measured, Trial } from '../claims.js'
import { openSite, type Instance, type Person, type Site } from '../site.js'

let paths = 0
const newPath = (): string => `/measured/${(paths += 1)}`

/** Paths of the requests that the ledger says were let through, as it stands on the disk at this moment. */
async function permitted({ config }: Instance): Promise<Set<string>> {
  const found = new Set<string>()
  for await (const { fields } of readLedger({ directory: config.audit.directory, event: 'request.decided' }))
    if (fields.outcome === 'permit' && typeof fields.path === 'string') found.add(fields.path)
  return found
}

/** @returns how many chains have a fault */
async function faultsIn({ config }: Instance): Promise<number> {
  const { publicKey } = loadKeyring(config.keys.file).ledger
  const { ok, chains } = await verifyLedger({ directory: config.audit.directory, publicKey })
  return ok ? 0 : Math.max(1, chains.filter(({ fault }) => fault !== null).length)
}

export const diskFull: Trial = {
  name: 'disk-full',
  claims: {
    'let-in': {
      promise: 'R4',
      fault: "the ledger's disk full: state-changing requests and WebSockets let through",
      atMost: 0,
      unit: 'requests',
    },
    unrecorded: {
      promise: 'R4',
      fault: "the ledger's disk full: requests that the machine got and the ledger does not hold",
      atMost: 0,
      unit: 'requests',
    },
    answer: {
      promise: 'R4',
      fault: "the ledger's disk full: slowest answer to new access, 503",
      atMost: 500,
      unit: 'ms',
    },
  },
  missing: () => {
    const why = whyNoSmallDisk()
    return why === null ? {} : { 'let-in': why, unrecorded: why, answer: why }
  },
  prepare: async () => {
    const site = await openSite({ instances: [{ name: 'a', prepareLedger: mountSmallDisk }] })
    const person = await site.signIn()
    await person.grant()
    const cookie = await person.cookie()
    return { round: () => fillUp(site, cookie), close: () => site.close() }
  },
}

async function fillUp({ instances, machine }: Site, cookie: string): Promise<Measured> {
  const [instance] = instances
  if (instance === undefined) throw new Error('there is no instance')
  const { door, config } = instance
  const reached = machine.received.length
  const filler = join(config.audit.directory, 'filler')
  const asker = askOn(door, cookie, { path: newPath })
  await pause(50)
  // Not one byte is left, wherever the last block of the ledger ends.
  await writeFile(filler, Buffer.alloc(16 * 1024 * 1024)).catch((error: unknown) => {
    if (!String(error).includes('ENOSPC')) throw error
  })
  await until('the ledger meets the full disk', async () => {
    const { status } = await ask(door, { cookie, method: 'POST', path: newPath() })
    return status === 503
  })
  const answers: Asked[] = []
  for (let number = 0; number < 20; number += 1)
    answers.push(await ask(door, { cookie, method: 'POST', path: newPath() }))
  const sockets = await Promise.allSettled(
    Array.from({ length: 5 }, () => openStream(machine, door, 'still', cookie)),
  )
  await asker.stop()
  await rm(filler)
  await until('the ledger goes on', async () => {
    const { status } = await ask(door, { cookie, method: 'POST', path: newPath() })
    return status === 200
  })
  // Durable on its return; what was queued before it is written before it.
  const known = await permitted(instance)
  const reachingIt = machine.received.slice(reached).map(({ target }) => target)
  const letIn = answers.filter(({ status }) => status !== 503).length
  return {
    'let-in': letIn + sockets.filter(({ status }) => status === 'fulfilled').length,
    unrecorded: reachingIt.filter((target) => target.startsWith('/measured/') && !known.has(target)).length,
    answer: Math.max(...answers.map(({ sentAt, answeredAt }) => answeredAt - sentAt)),
  }
}

function whyNoSmallDisk(): string | null {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.getuid?.() !== 0) return 'needs root, to mount a small tmpfs'
  return spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0
    ? null
    : 'needs leave to mount a tmpfs'
}

function mountSmallDisk(directory: string): () => Promise<void> {
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'tmpfs', directory])
  if (mount.status !== 0) throw new Error(`mount: ${mount.stderr.toString()}`)
  return async () => {
    spawnSync('umount', [directory])
  }
}

export const killed: Trial = {
  name: 'killed',
  claims: {
    age: {
      promise: 'R4',
      fault: 'an instance killed: oldest safe request without a record',
      atMost: 100,
      unit: 'ms',
    },
    unrecorded: {
      promise: 'R4',
      fault: 'an instance killed: state-changing requests that the machine got and the ledger does not hold',
      atMost: 0,
      unit: 'requests',
    },
    faults: {
      promise: 'R4',
      fault: 'each instance killed in turn: ledgers that do not verify',
      atMost: 0,
      unit: 'times',
    },
    other: {
      promise: 'R5',
      fault: 'each instance killed in turn: requests that the other one did not serve',
      atMost: 0,
      unit: 'requests',
    },
  },
  prepare: async () => {
    const site = await openSite()
    const person = await site.signIn()
    await person.grant()
    return {
      round: async () => {
        const rounds: Measured[] = []
        for (const instance of site.instances) rounds.push(await killOne(site, instance, person))
        const worst = (key: string): number => Math.max(...rounds.map((found) => found[key] ?? Infinity))
        return Object.fromEntries(Object.keys(killed.claims).map((key) => [key, worst(key)]))
      },
      close: () => site.close(),
    }
  },
}

async function killOne(site: Site, instance: Instance, person: Person): Promise<Measured> {
  const { instances, machine } = site
  const other = instances.find((one) => one !== instance)
  if (other === undefined) throw new Error('there is no other instance')
  const cookie = await person.cookie()
  const reached = machine.received.length
  const reading = askOn(instance.door, cookie, { pauseMs: 1, path: newPath })
  const beside = askOn(other.door, cookie)
  let isOver = false
  const writePaths = new Set<string>()
  const write = async (): Promise<void> => {
    while (!isOver) {
      const path = newPath()
      writePaths.add(path)
      await ask(instance.door, { cookie, method: 'POST', path })
    }
  }
  const writing = write()
  // At any moment of whatever the ledger does at intervals.
  await pause(300 + Math.random() * 100)
  const killedAt = performance.now()
  isOver = true
  await instance.kill()
  await writing
  await reading.stop()
  const known = await permitted(instance)
  const faults = await faultsIn(instance)
  await instance.start()
  const faultsAfter = await faultsIn(instance)
  await beside.stop()
  const effects = machine.received.slice(reached)
  const isLost = ({ target }: Received): boolean => target.startsWith('/measured/') && !known.has(target)
  const isWrite = ({ target }: Received): boolean => writePaths.has(target)
  const lost = effects.filter(isLost)
  return {
    age: Math.max(0, ...lost.filter((one) => !isWrite(one)).map(({ at }) => killedAt - at)),
    unrecorded: lost.filter(isWrite).length,
    faults: faults + faultsAfter,
    other: beside.asked.filter(({ status }) => status !== 200).length,
  }
}
