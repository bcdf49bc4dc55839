import fc from 'fast-check'
import { createTurnstile, type Slot, type TurnstileLimits } from '../../src/gateway/turnstile.js'

const limits: TurnstileLimits = { connections: 20, perAddress: 8, perSession: 5, perEndpoint: 7 }

describe('the turnstile', () => {
  it('never holds more than it may, whoever comes and goes in whatever order', () => {
    const visitor = fc.record({
      address: fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'),
      sessionId: fc.constantFrom('s-1', 's-2', 's-3', 's-4', '__proto__'),
      endpointId: fc.constantFrom('press-3', 'press-4', 'constructor', null),
      isPrivileged: fc.boolean(),
    })
    const step = fc.oneof(visitor, fc.nat({ max: 40 }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const turnstile = createTurnstile(limits)
        const inside: (Slot & { isPrivileged: boolean })[] = []
        const countOf = (belongs: (slot: Slot) => boolean): number => inside.filter(belongs).length
        for (const each of steps) {
          if (typeof each === 'number') {
            const [leaving] = inside.splice(each % Math.max(1, inside.length), 1)
            if (leaving !== undefined) turnstile.leave(leaving)
            continue
          }
          const slot = turnstile.enter(each.address)
          if (typeof slot === 'string') {
            const isFull = slot === 'busy-total' ? inside.length : countOf((s) => s.address === each.address)
            expect(isFull).toBe(slot === 'busy-total' ? 20 : 8)
            continue
          }
          const full = turnstile.identify(slot, each)
          if (full === null) inside.push(Object.assign(slot, { isPrivileged: each.isPrivileged }))
          else turnstile.leave(slot)
          if (full === 'busy-total') expect(each.isPrivileged || inside.length < 19).toBe(false)
          if (full === 'busy-session') expect(countOf((s) => s.sessionId === each.sessionId)).toBe(5)
          if (full === 'busy-endpoint') expect(countOf((s) => s.endpointId === each.endpointId)).toBe(7)
        }
        for (const { address, sessionId, endpointId } of inside) {
          expect(countOf((slot) => slot.address === address)).toBeLessThanOrEqual(8)
          expect(countOf((slot) => slot.sessionId === sessionId)).toBeLessThanOrEqual(5)
          if (endpointId !== null)
            expect(countOf((slot) => slot.endpointId === endpointId)).toBeLessThanOrEqual(7)
        }
        expect(inside.length).toBeLessThanOrEqual(20)
        for (const slot of inside) turnstile.leave(slot)
        // Whatever came before, all of it is free again.
        const again = Array.from({ length: 8 }, () => turnstile.enter('192.0.2.1'))
        expect(again.every((slot) => typeof slot !== 'string')).toBe(true)
        expect(turnstile.enter('192.0.2.1')).toBe('busy-address')
      }),
      { numRuns: 500 },
    )
  })

  it('keeps the last twentieth for those who can stop the others', () => {
    const turnstile = createTurnstile({ ...limits, perAddress: 99, perSession: 99, perEndpoint: 99 })
    const come = (isPrivileged: boolean): string | null => {
      const slot = turnstile.enter('192.0.2.1')
      if (typeof slot === 'string') return slot
      const full = turnstile.identify(slot, { sessionId: 's-1', endpointId: 'press-3', isPrivileged })
      if (full !== null) turnstile.leave(slot)
      return full
    }
    expect(Array.from({ length: 19 }, () => come(false))).toEqual(Array(19).fill(null))
    expect(come(false)).toBe('busy-total')
    expect(come(true)).toBe(null)
    expect(come(true)).toBe('busy-total')
  })
})
