import { findSlotOwner } from '../../src/lib/redis-master.js'

const node = (place: string, flags: string, epoch: number, slots: string): string =>
  `e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca ${place} ${flags} - 0 1426238317239 ${String(epoch)} connected ${slots}\n`

describe('the master of our slot, 7783, in CLUSTER NODES', () => {
  const other = node('10.0.0.1:6379@16379', 'myself,master', 9, '0-5460')
  const replica = node('10.0.0.3:6379@16379', 'slave', 9, '')

  it.each([
    ['in a range', '5461-10922'],
    ['at the beginning of one', '7783-7790'],
    ['at its end', '1 3-9 7000-7783'],
    ['alone', '1-5 7783'],
    ['while it is being moved', '5461-10922 [7783->-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1]'],
  ])('is found by its slot, %s', (_, slots) => {
    const text = other + replica + node('10.0.0.2:6379@16379', 'master', 3, slots)
    expect(findSlotOwner(text, '10.0.0.1')).toEqual({ host: '10.0.0.2', port: 6_379, epoch: 3 })
  })

  it.each([
    ['nobody has the slot', other + node('10.0.0.2:6379@16379', 'master', 3, '5461-7782 7784-10922')],
    [
      'it is only on its way there',
      node('10.0.0.2:6379@16379', 'master', 3, '[7783-<-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1]'),
    ],
    ['whoever says so is no master', node('10.0.0.2:6379@16379', 'slave', 3, '5461-10922')],
    ['there are no nodes', ''],
  ])('is nobody when %s', (_, text) => {
    expect(findSlotOwner(text, '10.0.0.1')).toBeNull()
  })

  it.each([
    ['the name that it announces', '10.0.0.2:6379@16379,redis-2.dmz.example', 'redis-2.dmz.example'],
    [
      'its address, when it announces no name',
      '10.0.0.2:6379@16379,,tls-port=0,shard-id=69bc080733d1355567173199cff4a6a039a2f024',
      '10.0.0.2',
    ],
    ['its IPv6 address', 'fd00::2:6379@16379', 'fd00::2'],
    ['where it was asked, when it does not know its own address', ':6379@16379', '10.0.0.9'],
  ])('is at %s', (_, place, host) => {
    const text = node(place, 'myself,master', 1, '0-16383')
    expect(findSlotOwner(text, '10.0.0.9')).toEqual({ host, port: 6_379, epoch: 1 })
  })
})
