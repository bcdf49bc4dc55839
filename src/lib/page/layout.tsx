import type { VNode } from 'preact'
import { languages } from '../language.js'
import { mayAct, type Page, type Section, type Viewer } from './model.js'
import { languageNames, pageWords } from './page-words.js'
import { useLanguage, useWords } from './words.js'

/** The frame of every page. Links are absolute: error pages also appear on endpoint hosts. */
export function Layout(props: { page: Page; portal: URL; asset: (file: string) => string }): VNode {
  const { page, portal, asset } = props
  const viewer = page.viewer ?? null
  const words = useWords(pageWords)
  return (
    <html lang={useLanguage()} data-now={page.now ?? undefined} data-words={JSON.stringify(words.script)}>
      <head>
        <meta charset="utf-8" />
        <title>{`${page.title} · Gatehouse`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <link rel="icon" href={asset('mark.svg')} />
        <link rel="stylesheet" href={asset('page.css')} />
        <script src={asset('page.js')} defer />
      </head>
      <body
        data-live={page.isLive === true ? (page.section === 'sessions' ? 'sessions' : 'access') : undefined}
      >
        <a class="skip" href="#main">
          {words.skip}
        </a>
        <header class="top">
          <a class="brand" href={new URL('/', portal).href}>
            <Mark />
            Gatehouse
          </a>
          {viewer && <Navigation viewer={viewer} section={page.section} portal={portal} />}
        </header>
        <main id="main" class={page.width ?? 'list'} tabIndex={-1}>
          {viewer?.notice}
          {page.body}
        </main>
        {maySwitch(page) && <Languages portal={portal} />}
      </body>
    </html>
  )
}

/**
 * Not where the page is written in one language only, nor where it would be lost by loading it again: what a form
 * was answered with may hold codes that are shown once.
 */
function maySwitch({ language, viewer, isMessage }: Page): boolean {
  return language !== undefined && isMessage !== true && viewer?.isAnswerToForm !== true
}

/** The other languages, each by a button of its own. Without the form token: it is also for who is signed out. */
function Languages({ portal }: { portal: URL }): VNode {
  const shown = useLanguage()
  return (
    <footer class="foot">
      <form
        method="post"
        action={new URL('/language', portal).href}
        aria-label={useWords(pageWords).language}
      >
        {languages
          .filter((language) => language !== shown)
          .map((language) => (
            <button class="quiet" name="to" value={language} lang={language}>
              {languageNames[language]}
            </button>
          ))}
      </form>
    </footer>
  )
}

function Navigation(props: { viewer: Viewer; section: Section | undefined; portal: URL }): VNode {
  const { viewer, section, portal } = props
  const words = useWords(pageWords)
  const links: { label: string; path: string; of: Section; count?: number | undefined }[] = [
    { label: words.home, path: '/', of: 'home' },
  ]
  const isActing = mayAct(viewer)
  const mayRead = isActing || viewer.isAuditor === true
  if (mayRead)
    links.unshift({ label: words.requests, path: '/admin/requests', of: 'requests', count: viewer.waiting })
  if (isActing) links.push({ label: words.releases, path: '/admin/releases', of: 'releases' })
  if (mayRead) links.push({ label: words.grants, path: '/admin', of: 'grants' })
  if (isActing) {
    links.push({ label: words.sessions, path: '/admin/sessions', of: 'sessions' })
    links.push({ label: words.endpoints, path: '/admin/endpoints', of: 'endpoints' })
  }
  if (viewer.isAdmin) links.push({ label: words.people, path: '/admin/people', of: 'people' })
  if (mayRead) links.push({ label: words.lockdowns, path: '/admin/lockdowns', of: 'lockdowns' })
  if (isActing) links.push({ label: words.search, path: '/admin/search', of: 'search' })
  return (
    <>
      {links.length > 1 && (
        <nav aria-label={words.navigation}>
          {links.map((link) => (
            <a href={new URL(link.path, portal).href} aria-current={link.of === section ? 'page' : undefined}>
              {link.label}
              {link.count !== undefined && link.count > 0 && (
                <>
                  {' '}
                  <span class="count">{link.count}</span>
                  <span class="visually-hidden"> {words.wait}</span>
                </>
              )}
            </a>
          ))}
        </nav>
      )}
      <form class="who" method="post" action={new URL('/sign-out', portal).href}>
        <input type="hidden" name="form" value={viewer.formToken} />
        <span class="name">
          <span class="visually-hidden">{words.signedInAs} </span>
          <bdi>{viewer.name}</bdi>
        </span>
        <button class="quiet">{words.signOut}</button>
      </form>
    </>
  )
}

/** A barrier, half raised. */
function Mark(): VNode {
  return (
    <svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d="M3 21h18M5 21V9h4v12M9 12l12-7" fill="none" stroke="currentColor" stroke-width="2.5" />
    </svg>
  )
}
