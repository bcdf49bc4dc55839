import { GatehouseError } from '../../src/lib/index.js'
import { actorName, fieldMessage, machineNames } from '../../src/admin/words.js'
import { endpointUnderTest } from '../support/endpoint.js'

describe('what was wrong with a field', () => {
  it.each([
    ['reason', 'reason: must say why, in words', 'The reason must say why, in words.'],
    [
      'until',
      'until: must not lie more than 12 h after the start',
      'The end must not lie more than 12 h after the start.',
    ],
    [
      'to',
      'to: more than one account has signed in with this e-mail.',
      'More than one account has signed in with this e-mail.',
    ],
    ['ending', 'ending: must be "cut"', 'What happens at the end must be "cut".'],
    ['since', 'since: can only be now', 'Can only be now.'],
  ])('of %s reads as a sentence', (field, message, sentence) => {
    expect(fieldMessage(new GatehouseError('input-invalid', message, { field }))).toBe(sentence)
  })

  it('is said as it is where it is about no field', () => {
    expect(fieldMessage(new GatehouseError('grant-conflict', 'This grant was revoked.'))).toBe(
      'This grant was revoked.',
    )
  })
})

describe('names', () => {
  const endpoints = [endpointUnderTest({ upstream: new URL('http://10.0.0.1') })]
  it('of machines fall back to the id of one that is configured no longer', () => {
    expect(machineNames(['press-3', 'press-9'], endpoints)).toBe('Press 3, press-9')
  })
  it('of actors say who and whence', () => {
    expect(actorName({ kind: 'principal', principalId: 'p-1', email: null })).toBe('p-1')
    expect(actorName({ kind: 'principal', principalId: 'p-1', email: 'ivo@plant.example' })).toBe(
      'ivo@plant.example',
    )
    expect(actorName({ kind: 'operator', account: 'root' })).toBe('root (command line)')
    expect(
      actorName({ kind: 'service', tokenId: 't-1', name: 'Service desk', owner: 'ivo@plant.example' }),
    ).toBe('Service desk (program of ivo@plant.example)')
    expect(actorName({ kind: 'gateway' })).toBe('Gatehouse')
  })
})
