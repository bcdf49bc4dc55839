import { renderToString } from 'preact-render-to-string'
import { historyTags } from './history.js'

const spans = [
  { hours: 1, label: '1 h' },
  { hours: 8, label: '8 h' },
  { hours: 24, label: '24 h' },
  { hours: 168, label: '7 d' },
  { hours: 720, label: '30 d' },
]

/** The trend page; the script fills it from the JSON interface. */
export function renderHistorian(): string {
  return `<!doctype html>${renderToString(
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Trend · Historian</title>
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/assets/historian.css" />
      </head>
      <body>
        <header>
          <strong>Historian</strong>
          <span>Northfield Beverages</span>
          <a id="export" class="button" href="/export.csv" download>
            Export CSV
          </a>
        </header>
        <main>
          <aside aria-label="Tags">
            <h2>Tags</h2>
            <ul id="tags">
              {historyTags.map((tag) => (
                <li>
                  <label>
                    <input type="checkbox" value={tag.tag} />
                    <i class="swatch" />
                    <span>
                      {tag.description}
                      <small>
                        {tag.tag} · {tag.unit}
                      </small>
                    </span>
                  </label>
                </li>
              ))}
            </ul>
            <p class="hint">Up to four at once.</p>
          </aside>
          <section>
            <div class="bar" role="toolbar" aria-label="Time range">
              <div class="group">
                {spans.map((span) => (
                  <button type="button" data-hours={span.hours}>
                    {span.label}
                  </button>
                ))}
              </div>
              <div class="group">
                <button type="button" data-move="-1" aria-label="Earlier">
                  ‹
                </button>
                <button type="button" data-move="1" aria-label="Later">
                  ›
                </button>
                <button type="button" data-move="now">
                  Now
                </button>
              </div>
              <span id="range" />
            </div>
            <div id="chart">
              <svg role="img" aria-label="Trend of the chosen tags" />
            </div>
            <p id="message" role="status" />
            <div class="scroll">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Tag</th>
                    <th scope="col" class="right" id="cursor-head">
                      Latest
                    </th>
                    <th scope="col" class="right">
                      Minimum
                    </th>
                    <th scope="col" class="right">
                      Average
                    </th>
                    <th scope="col" class="right">
                      Maximum
                    </th>
                    <th scope="col">Unit</th>
                  </tr>
                </thead>
                <tbody id="legend" />
              </table>
            </div>
          </section>
        </main>
        <script src="/assets/historian.js" />
      </body>
    </html>,
  )}`
}
