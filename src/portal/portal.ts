import express from 'express'
import { serveRoutes } from '../lib/page/index.js'
import type { OwnSurface } from '../lib/index.js'
import { breakGlassRoutes } from './break-glass.js'
import { createContext } from './context.js'
import { enrolmentRoutes } from './enrolment.js'
import { handoverRoutes } from './handover.js'
import { homeRoutes } from './home.js'
import { languageRoutes } from './language.js'
import type { PortalOptions } from './options.js'
import { requestRoutes } from './request.js'
import { secondFactorRoutes } from './second-factor.js'
import { signInRoutes } from './sign-in.js'
import { signOutRoutes } from './sign-out.js'
import { stepUpRoutes } from './step-up.js'

/** What a vendor sees: sign-in, second factor, what they may open, and the way there. */
export function createPortal(options: PortalOptions): OwnSurface {
  const context = createContext(options)
  return serveRoutes(
    express,
    [
      ...homeRoutes(context),
      ...requestRoutes(context),
      ...signInRoutes(context),
      ...breakGlassRoutes(context),
      ...secondFactorRoutes(context),
      ...stepUpRoutes(context),
      ...enrolmentRoutes(context),
      ...signOutRoutes(context),
      ...handoverRoutes(context),
      ...languageRoutes,
    ],
    options,
  )
}
