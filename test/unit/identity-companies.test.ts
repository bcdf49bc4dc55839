import { companiesOf, possibleCompaniesOf, requestableBy } from '../../src/identity/companies.js'
import type { Company } from '../../src/model.js'

const company = (id: string, over: Partial<Company> = {}): Company => ({
  ...{ id, name: id, emailDomains: [`${id}.example`], claimValues: [], requestable: null },
  ...over,
})
const huber = company('huber', { requestable: ['press-3', 'press-4'] })
const crew = company('crew', { emailDomains: [], claimValues: ['crew'], requestable: ['press-4', 'oven'] })
const free = company('free')
const person = (
  email: string | null,
  companyClaims: string[] = [],
  soughtClaims: string[] | null = null,
) => ({
  principal: { id: 'p-1', issuer: 'https://login.plant.example', subject: '1', email, name: 'Ana' },
  companyClaims,
  soughtClaims,
})

describe('the companies of somebody', () => {
  it.each<[string | null, string[], string[]]>([
    ['ana@huber.example', [], ['huber']],
    ['ANA@Huber.Example', [], ['huber']],
    ['ana@sub.huber.example', [], []],
    ['ana@nothuber.example', [], []],
    ['huber.example', [], ['huber']],
    [null, [], []],
    [null, ['crew'], ['crew']],
    ['ana@home.example', ['crew', 'else'], ['crew']],
    ['ana@home.example', ['Crew', 'huber', 'free'], []],
    ['ana@huber.example', ['crew'], ['huber', 'crew']],
  ])('with the address %s and the claims %j are %j', (email, companyClaims, expected) => {
    expect(companiesOf({ email, companyClaims }, [huber, crew, free]).map(({ id }) => id)).toEqual(expected)
  })
})

describe('the companies somebody may belong to besides', () => {
  const two = company('two', { claimValues: ['north', 'south'] })

  it.each<[string, ReturnType<typeof person>, string[]]>([
    ['are none where all their claims were kept', person('ana@home.example', ['else']), []],
    ['are those that nobody looked for', person('ana@home.example', ['else'], []), ['crew', 'two']],
    ['are none that somebody looked for in vain', person(null, ['else'], ['crew', 'north', 'south']), []],
    ['are one of which a value was not looked for', person(null, ['else'], ['crew', 'north']), ['two']],
  ])('%s', (_what, who, expected) => {
    expect(possibleCompaniesOf(who, [huber, crew, two]).map(({ id }) => id)).toEqual(expected)
  })
})

describe('what somebody may ask for', () => {
  it.each([
    ['of a company with a list is that', person('ana@huber.example'), ['press-3', 'press-4']],
    ['of two is what stands in both', person('ana@huber.example', ['crew']), ['press-4']],
    [
      'of one without a list besides is as with it alone',
      person('ana@free.example', ['crew']),
      ['press-4', 'oven'],
    ],
    ['of a company without a list is as for everybody', person('ana@free.example'), null],
    ['of nobody in particular is as for everybody', person('ana@plant.example'), null],
    ['counts a company they may belong to', person('ana@huber.example', ['else'], []), ['press-4']],
    ['is nothing for somebody unknown, who could be of such a company', null, []],
  ])('%s', (_what, who, expected) => {
    const found = requestableBy(who, [huber, crew, free])
    expect(found && [...found]).toEqual(expected)
  })

  it('is as for everybody where no company has a list, also for somebody unknown', () => {
    expect(requestableBy(null, [free])).toBeNull()
  })

  it('is nothing where the list is empty', () => {
    expect(requestableBy(person('ana@huber.example'), [{ ...huber, requestable: [] }])).toEqual(new Set())
  })
})
