import { apiPage, openApiOf } from './openapi.js'
import { apiPrefix, apiRoutes, type ApiServices } from './routes.js'

/** The pages of the reference, made of the routes: none of them is called. */
export function apiReference(): {
  readonly page: string
  readonly document: Readonly<Record<string, unknown>>
} {
  const routes = apiRoutes({} as ApiServices)
  return { page: apiPage(routes, apiPrefix), document: openApiOf(routes, apiPrefix) }
}
