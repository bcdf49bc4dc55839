export { decide, grantState } from './decide.js'
