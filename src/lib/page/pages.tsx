import type { ServerResponse } from 'node:http'
import type { ComponentChildren } from 'preact'
import { renderToString } from 'preact-render-to-string'
import type { EpochMs } from '../../model.js'
import { loadAssets, type Asset } from './assets.js'
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
  readonly now: EpochMs | null
  readonly viewer?: Viewer | null
  readonly section?: Section
  /** `form` is one narrow column, `wide` is for tables. Default: `list`. */
  readonly width?: 'form' | 'list' | 'wide'
  /** Loads again when the viewer comes back to it after a while. Not for pages with input. */
  readonly isLive?: boolean
}

/** A page that says one thing: denied, failed, ended. */
export interface Message {
  readonly title: string
  readonly text: string
  /** What to do now, in a sentence. */
  readonly next: string
  /** An error code, a reason or a cause; stable, for people to search for. */
  readonly code: string
  readonly requestId: string
  /** When it happened. */
  readonly at?: EpochMs
  /** Default: to the portal. */
  readonly link?: { readonly label: string; readonly href: string }
  /**
   * Only on the portal host. On an endpoint host the machine's own scripts can read our pages there,
   * and with them the form token.
   */
  readonly viewer?: Viewer | null
}

/** What pages need of the configuration. */
export interface PagesOptions {
  readonly server: { readonly publicUrl: URL; readonly endpointDomain: string }
  readonly oidc: { readonly issuer: URL }
}

export interface Pages {
  /** A whole HTML document. */
  render(page: Page): string
  /** A whole HTML document for denied and error answers, on any of our hosts. */
  message(message: Message): string
  /** Sets the security headers of a page of ours; call it before writing the head. */
  applyHeaders(res: ServerResponse): void
  /** Headers, status and body of an HTML answer. */
  send(res: ServerResponse, status: number, html: string): void
  /** By name, for `/.gatehouse/static/<name>` on every host. */
  assets(): ReadonlyMap<string, Asset>
}

export function createPages({ server, oidc }: PagesOptions): Pages {
  const { publicUrl, endpointDomain } = server
  const port = publicUrl.port === '' ? '' : `:${publicUrl.port}`
  const assets = loadAssets()
  const applyHeaders = pageHeaders({
    isHttps: publicUrl.protocol === 'https:',
    formTargets: [oidc.issuer.origin, `${publicUrl.protocol}//*.${endpointDomain}${port}`],
  })
  const render = (page: Page): string =>
    `<!doctype html>${renderToString(<Layout page={page} portal={publicUrl} asset={assets.path} />)}`

  return {
    render,
    message: (message) =>
      render({
        title: message.title,
        body: <MessageBody message={message} portal={publicUrl} />,
        now: message.at ?? null,
        viewer: message.viewer ?? null,
        width: 'form',
      }),
    applyHeaders,
    send: (res, status, html) => {
      applyHeaders(res)
      const body = Buffer.from(html)
      res.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': body.length })
      res.end(res.req.method === 'HEAD' ? undefined : body)
    },
    assets: () => assets.byName,
  }
}
