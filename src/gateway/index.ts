export { createGateway, type GatewayOptions } from './gateway.js'
export { watchChanges } from './watch.js'
export { startOperations } from './operations.js'
