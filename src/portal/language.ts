import { GatehouseError, isLanguage } from '../lib/index.js'
import type { Answer, Call, Route } from '../lib/page/index.js'
import { cookieNames, setCookie } from '../sessions/index.js'

const rememberedSeconds = 365 * 24 * 3600

/**
 * The switch at the foot of pages. For everybody, and so without the form token: a form of another origin is refused
 * before it gets here, and whoever got one through would have changed nothing but the words.
 */
export const languageRoutes: readonly Route[] = [
  { method: 'POST', path: '/language', access: 'public', handle: chooseLanguage },
]

function chooseLanguage({ visit, body }: Call): Answer {
  const to = body.one('to')
  if (!isLanguage(to))
    throw new GatehouseError('input-invalid', 'There is no such language.', { field: 'to' })
  return {
    kind: 'redirect',
    to: visit.cameFrom,
    cookies: [setCookie(cookieNames.language, to, rememberedSeconds)],
  }
}
