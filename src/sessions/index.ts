export { clearCookie, cookieNames, readCookies, setCookie } from './cookies.js'
export type { Handover, Login, ProviderLogout, SessionEvent, Sessions } from './model.js'
export { createSessions, type SessionsOptions } from './sessions.js'
