import { createLogger } from '../../src/lib/index.js'

/** Set GATEHOUSE_TEST_LOG=debug to see what a failing test did. */
export const silentLogger = createLogger((process.env.GATEHOUSE_TEST_LOG as 'debug' | undefined) ?? 'silent')
