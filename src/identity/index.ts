export { createAssertions, type AssertionInput, type Assertions } from './assertions.js'
export {
  breakGlassStates,
  createBreakGlass,
  type BreakGlass,
  type BreakGlassEntry,
  type BrokenGlass,
} from './break-glass.js'
export { doesProviderAnswer } from './discovery.js'
export { principalId } from './claims.js'
export { companiesOf, possibleCompaniesOf, requestableBy } from './companies.js'
export { createPeople, type People, type Person } from './people.js'
export { createIdentityProvider, type IdentityProvider, type LoginStart } from './provider.js'
export { createResets, type Administrator, type ResetProposal, type Resets } from './resets.js'
export {
  createSecondFactor,
  endingSessions,
  type Enrolment,
  type SecondFactor,
  type SecondFactorEvent,
  type SecondFactorStatus,
} from './second-factor.js'
export { createServiceTokens, type ServiceTokens } from './service-tokens.js'
