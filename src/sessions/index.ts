export { clearCookie, cookieNames, readCookies, setCookie } from './cookies.js'
export type { SessionEvent, Sessions } from './model.js'
export { createSessions } from './sessions.js'
