import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ComponentChildren, VNode } from 'preact'
import { renderToString } from 'preact-render-to-string'
import type { EpochMs } from '../../model.js'
import type { ErrorCode } from '../errors.js'
import { loadAssets, type Asset } from './assets.js'
import type { NextKind } from './explain.js'
import { pageHeaders } from './headers.js'
import { Layout } from './layout.js'
import { MessageBody } from './message.js'

export type { Asset }

/** Who is signed in, for the head of the page. */
export interface Viewer {
  readonly name: string
  /** Sees the pages for grants and sessions. */
  readonly isApprover: boolean
  /** Sees the pages about people too. */
  readonly isAdmin: boolean
  readonly formToken: string
}

export type Section = 'home' | 'grants' | 'sessions' | 'people'

export interface Page {
  readonly title: string
  readonly body: ComponentChildren
  /** When the page was made: countdowns in the browser run from it, not from the viewer's clock. */
  readonly now: EpochMs
  readonly viewer?: Viewer | null
  readonly section?: Section
  /** `form` is one narrow column, `wide` is for tables. Default: `list`. */
  readonly width?: 'form' | 'list' | 'wide'
  /** Loads again when the viewer comes back to it after a while. Not for pages with input. */
  readonly isLive?: boolean
}

export type NextStep = NextKind | { readonly label: string; readonly href: string }

/** A page that says one thing: denied, failed, ended. */
export interface Message {
  readonly title: string
  readonly text: string
  /** Default: back to the portal. */
  readonly next?: NextStep
  readonly code: ErrorCode
  readonly requestId: string
  readonly now: EpochMs
  /**
   * Only on the portal host. On an endpoint host the machine's own scripts can read our pages there,
   * and with them the form token.
   */
  readonly viewer?: Viewer | null
}

export interface Pages {
  /** A whole HTML document. */
  render(page: Page): string
  /** A whole HTML document for denied and error answers, on any of our hosts. */
  message(message: Message): string
  /** Sets the security headers of a page of ours; call it before writing the head. */
  applyHeaders(req: IncomingMessage, res: ServerResponse): void
  /** Headers, status and body of an HTML answer. */
  send(req: IncomingMessage, res: ServerResponse, status: number, html: string): void
  /** By name, for `/.gatehouse/static/<name>` on every host. */
  assets(): ReadonlyMap<string, Asset>
}

/**
 * @param options.publicUrl the portal
 * @param options.formTargets origins besides our own that a form may redirect to: the identity
 *   provider's, and `https://*.<endpointDomain>[:port]`
 * @example createPages({ publicUrl, formTargets: [config.oidc.issuer.origin, 'https://*.plant-access.example'] })
 */
export function createPages(options: { publicUrl: URL; formTargets: readonly string[] }): Pages {
  const assets = loadAssets()
  const applyHeaders = pageHeaders({
    isHttps: options.publicUrl.protocol === 'https:',
    formTargets: options.formTargets,
  })
  const document = (page: Page): string =>
    `<!doctype html>${renderToString((<Layout page={page} portal={options.publicUrl} asset={assets.path} />) as VNode)}`

  return {
    render: document,
    message: (message) =>
      document({
        title: message.title,
        body: <MessageBody message={message} portal={options.publicUrl} />,
        now: message.now,
        viewer: message.viewer ?? null,
        width: 'form',
      }),
    applyHeaders,
    send: (req, res, status, html) => {
      applyHeaders(req, res)
      const body = Buffer.from(html)
      res.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': body.length })
      res.end(req.method === 'HEAD' ? undefined : body)
    },
    assets: () => assets.byName,
  }
}
