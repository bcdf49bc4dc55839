import type { ServerResponse } from 'node:http'
import { renderToString } from 'preact-render-to-string'
import { languages } from '../language.js'
import { zoneOf, type PlantTimes } from '../plant-time.js'
import { loadAssets, type Asset } from './assets.js'
import { pageHeaders } from './headers.js'
import { Layout } from './layout.js'
import { MessageBody } from './message.js'
import type { Message, Page } from './model.js'
import { PlantZone } from './times.js'
import { InLanguage } from './words.js'

/** What pages need of the configuration. */
export interface PagesOptions extends PlantTimes {
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
  /** Where a file of them is found: `/.gatehouse/static/notice.3f2a91c07b.js`. */
  assetPath(file: string): string
}

/** @example createPages(config).message({ title, text, next, code: 'denied', requestId }) */
export function createPages(options: PagesOptions): Pages {
  const { server, oidc } = options
  const { publicUrl, endpointDomain } = server
  const port = publicUrl.port === '' ? '' : `:${publicUrl.port}`
  const assets = loadAssets()
  const applyHeaders = pageHeaders({
    isHttps: publicUrl.protocol === 'https:',
    formTargets: [oidc.issuer.origin, `${publicUrl.protocol}//*.${endpointDomain}${port}`],
  })
  const zone = zoneOf(options)
  const render = (page: Page): string =>
    `<!doctype html>${renderToString(
      <InLanguage language={page.language ?? languages[0]}>
        <PlantZone.Provider value={zone}>
          <Layout page={page} portal={publicUrl} asset={assets.path} />
        </PlantZone.Provider>
      </InLanguage>,
    )}`

  return {
    render,
    message: (message) =>
      render({
        title: message.title,
        body: <MessageBody message={message} portal={publicUrl} />,
        now: message.at ?? null,
        viewer: message.viewer ?? null,
        language: message.language,
        isMessage: true,
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
    assetPath: assets.path,
  }
}
