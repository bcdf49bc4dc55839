import type { ComponentChildren } from 'preact'
import { renderToString } from 'preact-render-to-string'

export interface Document {
  readonly title: string
  readonly children: ComponentChildren
  /** Inline script; the pages of the demo's helpers have no other files. */
  readonly script?: string
}

/** A whole page in the plain look that the provider and the authenticator share. */
export function renderDocument({ title, children, script }: Document): string {
  return `<!doctype html>${renderToString(
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title}</title>
        <link rel="icon" href="data:," />
        <style dangerouslySetInnerHTML={{ __html: style }} />
      </head>
      <body>
        <main>{children}</main>
        {script === undefined ? null : <script dangerouslySetInnerHTML={{ __html: script }} />}
      </body>
    </html>,
  )}`
}

const style = `
:root { font: 16px/1.5 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', 'Helvetica Neue', Arial, sans-serif;
  color: #22272b; background: #e9ecee; }
* { box-sizing: border-box; }
body { margin: 0; padding: min(12vh, 110px) 16px 32px; }
main { max-width: 400px; margin: 0 auto; background: #fff; padding: 32px; border: 1px solid #c9ced3; border-radius: 6px; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 4px; font-weight: 600; }
p { margin: 0 0 16px; }
.lead { color: #55606a; margin-bottom: 24px; }
.note { color: #55606a; font-size: .875rem; margin: 24px 0 0; padding-top: 16px; border-top: 1px solid #e2e6e9; }
label { display: block; font-weight: 600; margin-bottom: 18px; }
input { display: block; width: 100%; font: inherit; padding: 10px 12px; margin-top: 5px; border: 1px solid #7d8890; border-radius: 4px; background: #fff; color: inherit; }
button { font: inherit; font-weight: 600; width: 100%; min-height: 46px; padding: 10px 20px; border: 0; border-radius: 4px; background: #2d4a62; color: #fff; cursor: pointer; }
button:hover { background: #233b4f; }
:focus-visible { outline: 3px solid #6f9fc8; outline-offset: 1px; }
[role=alert] { padding: 10px 14px; border-left: 4px solid #a3201f; background: #fbeceb; margin-bottom: 20px; }
.codes { list-style: none; margin: 0; padding: 0; }
.codes li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 2px 16px; align-items: center; padding: 14px 0; border-top: 1px solid #e2e6e9; }
.codes .who { font-weight: 600; line-height: 1.3; }
.codes small { display: block; color: #55606a; font-weight: 400; font-size: .875rem; }
.codes button { width: auto; white-space: nowrap; min-height: 52px; padding: 4px 14px; background: #f3f5f6; color: #16306b; border: 1px solid #c9ced3;
  font-size: 1.6rem; letter-spacing: .04em; font-variant-numeric: tabular-nums; }
.codes button:hover { background: #e7ebee; }
.timer { display: flex; align-items: center; gap: 12px; margin-bottom: 12px; color: #55606a; font-size: .875rem; }
.timer i { flex: 1; height: 6px; border-radius: 3px; background: #e2e6e9; overflow: hidden; }
.timer b { display: block; height: 100%; background: #2d4a62; }
@media (max-width: 480px) { body { padding-top: 16px; } main { padding: 24px 22px; } }
.timer span { min-width: 5.5em; font-variant-numeric: tabular-nums; }
`
