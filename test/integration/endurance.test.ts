import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { rawExchange } from '../support/client.js'
import { brokenAnswers, unfitAnswers } from '../support/hostile-answers.js'
import { hostileRequests, wordsOf, type Words } from '../support/hostile-requests.js'
import { collect } from '../support/collect.js'
import { startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'
import { dial, startRawMachine, type RawMachine } from '../support/wire.js'

const openFiles = (): number => readdirSync('/proc/self/fd').length

/** One process meets everything hostile that we know, from both sides, again and again. */
describe('a Gatehouse between hostile clients and hostile machines', () => {
  let machine: RawMachine
  let answer: (socket: Socket) => void
  let plant: Plant
  let words: Words
  let port: number

  beforeAll(async () => {
    machine = await startRawMachine((socket, soFar) => {
      if (soFar.endsWith('\r\n\r\n')) answer(socket)
    })
    plant = await startPlant({ endpoints: [{ id: 'press-3', upstream: machine.url }] })
    await plant.issue({ endpoints: ['press-3'] })
    const client = await plant.signIn('vendor')
    answer = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    const at = new URL(plant.origin('press-3'))
    await client.navigate(at.href)
    words = wordsOf(at.host, client.cookies.header(at, { isForeign: false, navigation: 'safe' }))
    port = plant.gatehouse.address.port
    client.close()
  }, 30_000)
  afterAll(async () => {
    await plant.close()
    await machine.close()
  })

  const serves = async (): Promise<void> => {
    answer = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    const { text } = await rawExchange(port, words.request('GET / HTTP/1.1', 'Connection: close'))
    expect(text).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\nok$/)
  }
  const meetAll = async (): Promise<void> => {
    for (const [, bytes] of hostileRequests) await rawExchange(port, Buffer.from(bytes(words), 'latin1'))
    for (const [name, bytes] of unfitAnswers) {
      answer = (socket) => socket.write(bytes, 'latin1')
      const { text } = await rawExchange(port, words.request('GET / HTTP/1.1', 'Connection: close'))
      expect([name, text.slice(0, 12)]).toEqual([name, 'HTTP/1.1 502'])
    }
    for (const [, bytes, then] of brokenAnswers) {
      let machineSide: Socket | undefined
      answer = (socket) => {
        machineSide = socket
        socket.write(bytes, 'latin1')
      }
      const client = dial(port)
      client.send(words.target('/'))
      await client.until('half')
      if (machineSide !== undefined) then(machineSide)
      await client.ended
    }
  }

  it('serves on, and keeps neither sockets nor memory', async () => {
    await meetAll()
    await serves()
    await until('nothing is open', () => plant.gatehouse.streams().length === 0)
    await until('the machine is alone', () => machine.openSockets() === 0)
    const filesBefore = openFiles()
    collect()
    const heapBefore = process.memoryUsage().heapUsed
    const rounds = 4
    for (let round = 0; round < rounds; round += 1) await meetAll()
    await serves()
    await until('nothing is open', () => plant.gatehouse.streams().length === 0)
    await until('the machine is alone', () => machine.openSockets() === 0)
    await until('no socket is left', () => openFiles() <= filesBefore)
    collect()
    // A request that is kept costs more than four kilobytes, its sockets many times that.
    const met = rounds * (hostileRequests.length + unfitAnswers.length + brokenAnswers.length)
    expect((process.memoryUsage().heapUsed - heapBefore) / met).toBeLessThan(4 * 1024)
  }, 120_000)
})
