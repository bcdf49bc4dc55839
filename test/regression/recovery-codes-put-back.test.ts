import { principalId } from '../../src/identity/index.js'
import { oneTimeCode } from '../support/one-time-code.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'

/*
 * What vouches for a recovery code named the person and the code, and not the second factor that it came with. Whoever had
 * found the sheet of paper with the codes, for which the factor was reset, and could write to Redis, put them back there,
 * and was let in by the next factor of the same person.
 */
let plant: Plant
beforeEach(async () => {
  plant = await startPlant({ enrolled: [] })
}, 60_000)
afterEach(() => plant.close())

it('takes no recovery code of a second factor that was reset, though it is in Redis again', async () => {
  const { secondFactor, store } = plant.gatehouse.services
  const { issuer } = plant.provider
  const { email, subject, name } = accounts.vendor
  const id = principalId(issuer, subject)
  const sessionId = 's-1'
  const enrol = async (): Promise<[string, string]> => {
    const to = { principal: { id, issuer, subject, email, name }, sessionId }
    const { code: invitation } = await secondFactor.invite(email, 'first day at the plant', operator)
    const { secret } = await secondFactor.beginEnrolment({ ...to, invitation })
    await plant.clock.advance({ minutes: 2 })
    const code = oneTimeCode(secret, plant.clock.now())
    const { recoveryCodes } = await secondFactor.confirmEnrolment({ ...to, code })
    return recoveryCodes.slice(0, 2) as [string, string]
  }
  const use = (code: string) => secondFactor.useRecoveryCode({ principalId: id, sessionId, code })
  const kept = store.key('second-factor', id, 'recovery')

  const [former] = await enrol()
  const codes = await store.run((redis) => redis.smembers(kept))
  expect(codes.length).toBe(10)
  await secondFactor.reset(id, operator, 'lost the sheet of paper')
  const [, own] = await enrol()
  await store.run((redis) => redis.sadd(kept, ...codes))

  await expect(use(former)).rejects.toMatchObject({ code: 'code-wrong' })
  await expect(use(own)).resolves.toMatchObject({ left: 19 })
})
