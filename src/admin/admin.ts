import express from 'express'
import { serveRoutes } from '../lib/page/index.js'
import type { OwnSurface } from '../lib/index.js'
import { breakGlassRoutes } from './break-glass.js'
import { companyRoutes } from './company-pages.js'
import { endpointRoutes } from './endpoints.js'
import { grantRoutes } from './grants.js'
import { issueRoutes } from './issue.js'
import { lockdownRoutes } from './lockdowns.js'
import type { AdminOptions } from './options.js'
import { peopleRoutes } from './people.js'
import { releaseRoutes } from './releases.js'
import { requestRoutes } from './requests.js'
import { resetRoutes } from './resets.js'
import { searchRoutes } from './search.js'
import { savedFilterRoutes } from './saved-filter-pages.js'
import { sessionRoutes } from './sessions.js'
import { timelineRoutes } from './timeline.js'
import { simulatorRoutes } from './simulator.js'
import { tokenRoutes } from './tokens.js'

/** What approvers and administrators see: grants, who is in, people. */
export function createAdmin(options: AdminOptions): OwnSurface {
  return serveRoutes(
    express,
    // Fixed paths before those with parameters: `/admin/grants/new` is not a grant.
    [
      issueRoutes,
      grantRoutes,
      requestRoutes,
      releaseRoutes,
      sessionRoutes,
      peopleRoutes,
      resetRoutes,
      companyRoutes,
      breakGlassRoutes,
      lockdownRoutes,
      searchRoutes,
      savedFilterRoutes,
      endpointRoutes,
      timelineRoutes,
      simulatorRoutes,
      tokenRoutes,
    ].flatMap((routes) => routes(options)),
    options,
  )
}
