import type { ServerResponse } from 'node:http'
import helmet from 'helmet'

/**
 * Response headers of every page that is ours. Never for forwarded pages: old HMIs live on inline
 * scripts and frames.
 *
 * @param formTargets origins that a form may lead to. Chrome applies `form-action` to every redirect
 *   that follows a POST: sign-out leads to the identity provider, a one-time code to an endpoint.
 */
export function pageHeaders(options: {
  isHttps: boolean
  formTargets: readonly string[]
}): (res: ServerResponse) => void {
  const apply = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        // The front page asks whether it still tells the truth.
        connectSrc: ["'self'"],
        formAction: ["'self'", ...options.formTargets],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: ["'none'"],
      },
    },
    // With `no-referrer` browsers send `Origin: null` with our own forms (Fetch §3.1.1), and the check
    // that a form came from our own page would refuse everyone.
    referrerPolicy: { policy: 'same-origin' },
    // Preloading and subdomains are the decision of whoever owns the domain.
    strictTransportSecurity: options.isHttps ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    xFrameOptions: { action: 'deny' },
  })
  return (res) => {
    let problem: unknown
    apply(res.req, res, (error) => {
      problem = error
    })
    if (problem !== undefined) throw new Error('page headers failed', { cause: problem })
    res.setHeader('Cache-Control', 'no-store')
    res.setHeader('Permissions-Policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()')
  }
}
