import express from 'express'
import { serveRoutes } from '../lib/page/index.js'
import type { OwnSurface } from '../lib/index.js'
import { createContext } from './context.js'
import { enrolmentRoutes } from './enrolment.js'
import { handoverRoutes } from './handover.js'
import { homeRoutes } from './home.js'
import type { PortalOptions } from './options.js'
import { secondFactorRoutes } from './second-factor.js'
import { signInRoutes } from './sign-in.js'
import { signOutRoutes } from './sign-out.js'

/** What a vendor sees: sign-in, second factor, what they may open, and the way there. */
export function createPortal(options: PortalOptions): OwnSurface {
  const context = createContext(options)
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.enable('strict routing')
  app.enable('case sensitive routing')
  app.set('query parser', 'simple')
  app.use(express.urlencoded({ extended: false, limit: '16kb', inflate: false }))
  return serveRoutes(
    app,
    [
      ...homeRoutes(context),
      ...signInRoutes(context),
      ...secondFactorRoutes(context),
      ...enrolmentRoutes(context),
      ...signOutRoutes(context),
      ...handoverRoutes(context),
    ],
    options,
  )
}
