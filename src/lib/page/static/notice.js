// Appended to a machine's pages where its endpoint says so. It lives among the machine's own scripts, which may
// cover it, remove it or play it: a courtesy, never a control. It holds nothing that they may not know, and no text
// is parsed as HTML.
;(() => {
  const once = Symbol.for('gatehouse time left')
  if (window[once] || window !== window.top) return
  window[once] = true

  const { origin } = new URL(document.currentScript.src)
  // As the server reads what the browser prefers, so that its sentences and these are in one language.
  const isGerman =
    navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag === 'de' || tag === 'en') === 'de'
  const say = isGerman
    ? {
        label: 'Gatehouse: wie lange Ihr Fernzugang dauert',
        move: 'Verschieben',
        fold: 'Einklappen',
        open: 'Portal öffnen',
        stale:
          'Diese Seite ist nicht mehr aktuell: Verlassen Sie sich nicht auf das, was sie zeigt. Wenn Ihre Arbeit nicht fertig ist, rufen Sie Ihre Kontaktperson im Werk an.',
        machine: 'dieser Maschine',
        signedOut: (name) => `Sie sind von ${name} abgemeldet.`,
        signIn: 'Am Portal können Sie sich neu anmelden.',
        ended: (name) => `Der Zugang zu ${name} ist beendet.`,
        over: 'Beendet',
        left: (time) => `noch ${time}`,
        ends: (name, time) => `Der Zugang zu ${name} endet in ${time}.`,
      }
    : {
        label: 'Gatehouse: how long your remote access lasts',
        move: 'Move',
        fold: 'Fold away',
        open: 'Open the portal',
        stale:
          'This page is not live any more: do not rely on what it shows. If your work is not finished, call your contact at the plant.',
        machine: 'this machine',
        signedOut: (name) => `You have been signed out of ${name}.`,
        signIn: 'You can sign in on the portal again.',
        ended: (name) => `Access to ${name} has ended.`,
        over: 'Ended',
        left: (time) => `${time} left`,
        ends: (name, time) => `Access to ${name} ends in ${time}.`,
      }

  const portions = { each: 30_000, last: 10_000, lastMinute: 60_000 }
  let told = null
  /** On `performance.now()`: the clock of the computer may be wrong. */
  let endsAt = Infinity
  let ended = null
  let nextAskAt = 0
  let level = null
  let isFolded = false

  // The next page of the machine finds it as it was left on this one.
  const keptUnder = 'gatehouse time left'
  const kept = (() => {
    try {
      return JSON.parse(sessionStorage.getItem(keptUnder)) ?? {}
    } catch {
      return {}
    }
  })()
  const keep = () => {
    try {
      sessionStorage.setItem(keptUnder, JSON.stringify({ corner, foldedAt: isFolded ? level : null }))
    } catch {
      // A page may have no storage; then it unfolds on the next.
    }
  }
  let corner = Number(kept.corner) || 0

  const looks = `
    section { position: fixed; box-sizing: border-box; max-width: min(300px, calc(100vw - 24px));
      color: #f4f6f7; background: #171d22; border: 2px solid #f4f6f7; outline: 1px solid #171d22;
      font: 13px/1.35 system-ui, 'Segoe UI', Roboto, Arial, sans-serif; text-align: left; }
    section[data-corner='0'] { left: 12px; bottom: 12px; }
    section[data-corner='1'] { right: 12px; bottom: 12px; }
    section[data-corner='2'] { right: 12px; top: 12px; }
    section[data-corner='3'] { left: 12px; top: 12px; }
    section[data-new] { pointer-events: none; }
    [hidden] { display: none !important; }
    .band { height: 8px; background: repeating-linear-gradient(135deg, var(--tone) 0 10px, #171d22 10px 20px); }
    section[data-level='15'] { --tone: #9aa7b0; }
    section[data-level='5'] { --tone: #f2b632; }
    section[data-level='1'], section[data-level='0'] { --tone: #ff6b66; }
    .row { display: flex; align-items: center; gap: 4px 6px; padding: 5px 8px 5px 10px; }
    .brand { flex: 1 1 auto; font-weight: 600; color: #c4ced5; }
    .words { padding: 0 10px 8px; }
    p { margin: 0 0 4px; }
    .left { font-size: 15px; font-weight: 700; }
    a { color: #a9d3ff; }
    button { min-height: 28px; padding: 1px 8px; font: inherit; font-size: 12px; font-weight: 600; color: #f4f6f7;
      background: #2b353c; border: 1px solid #9aa7b0; cursor: pointer; white-space: nowrap; }
    :focus-visible { outline: 3px solid #7ab6ff; outline-offset: 2px; }
    .said { position: fixed; left: 0; bottom: 0; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    @media print { section { display: none; } }`

  const add = (parent, tag, name, text = '') => {
    const node = document.createElement(tag)
    node.className = name
    node.textContent = text
    parent.append(node)
    return node
  }
  const host = document.createElement('gatehouse-notice')
  // The page's own styles reach the host, and nothing within.
  // It takes no room in the page, and stands above it.
  for (const [name, value] of [
    ['all', 'initial'],
    ['position', 'fixed'],
    ['z-index', '2147483647'],
  ])
    host.style.setProperty(name, value, 'important')
  const root = host.attachShadow({ mode: 'closed' })
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(looks)
  root.adoptedStyleSheets = [sheet]
  const said = add(root, 'div', 'said')
  said.setAttribute('role', 'status')
  const box = add(root, 'section', '')
  box.setAttribute('aria-label', say.label)
  box.hidden = true
  add(box, 'div', 'band')
  const row = add(box, 'div', 'row')
  add(row, 'span', 'brand', 'Gatehouse')
  const move = add(row, 'button', '', say.move)
  const fold = add(row, 'button', '')
  const words = add(box, 'div', 'words')
  words.id = 'words'
  fold.setAttribute('aria-controls', 'words')
  const left = add(words, 'p', 'left')
  const text = add(words, 'p', '')
  const link = add(words, 'a', '', say.open)
  link.target = '_blank'
  link.rel = 'noopener'
  move.type = fold.type = 'button'
  move.onclick = () => {
    corner = (corner + 1) % 4
    keep()
    show()
  }
  fold.onclick = () => {
    isFolded = !isFolded
    keep()
    show()
  }
  // What is done here is not for the machine: on many a panel a key starts something.
  for (const type of [
    'click',
    'dblclick',
    'pointerdown',
    'pointerup',
    'mousedown',
    'mouseup',
    'touchstart',
  ].concat(['touchend', 'keydown', 'keypress', 'keyup', 'wheel']))
    root.addEventListener(type, (event) => event.stopPropagation())

  const duration = (ms) => {
    const seconds = Math.max(0, Math.floor(ms / 1000))
    return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`
  }
  const write = (node, value) => {
    if (node.textContent !== value) node.textContent = value
  }

  /** What is to be said once the gateway has refused, with what it said itself. */
  const end = (status, { code, title, detail }) => {
    const name = told?.name ?? say.machine
    if (status === 401) return [say.signedOut(name), `${say.signIn} ${say.stale}`]
    return [code === 'grant-ended' ? say.ended(name) : `${name}: ${title}.`, `${detail} ${say.stale}`]
  }
  /** What is to be said now; null while there is nothing. */
  const due = () => {
    if (ended) return { level: 0, short: say.over, title: ended[0], text: ended[1] }
    const ms = endsAt - performance.now()
    const warning = told?.warnings.findLast(({ withinMs }) => ms <= withinMs)
    if (!warning) return null
    return {
      level: warning.withinMs / 60_000,
      short: say.left(duration(ms)),
      title: say.ends(told.name, duration(ms)),
      text: warning.text,
    }
  }

  const show = () => {
    // Old pages write themselves anew and lose what was added.
    if (!host.isConnected) document.documentElement.append(host)
    const now = due()
    box.hidden = !now
    if (!now) {
      level = null
      return
    }
    if (level === null || now.level < level) appear(now)
    level = now.level
    box.dataset.level = level
    box.dataset.corner = corner
    words.hidden = isFolded
    fold.setAttribute('aria-expanded', !isFolded)
    write(fold, isFolded ? now.short : say.fold)
    write(left, now.title)
    write(text, now.text)
    link.hidden = !told
    if (told) link.href = told.portal
  }
  const appear = (now) => {
    isFolded = level === null && now.level === kept.foldedAt
    if (!isFolded) said.textContent = `${now.title} ${now.text}`
    // A click in this second was aimed at what had been there, perhaps at a stop button.
    box.dataset.new = ''
    setTimeout(() => delete box.dataset.new, 1000)
  }

  const ask = async () => {
    const askedAt = performance.now()
    const ms = endsAt - askedAt
    nextAskAt = askedAt + (ms < portions.lastMinute ? portions.last : portions.each)
    const answer = await fetch(`${origin}/.gatehouse/time-left`, { cache: 'no-store', redirect: 'error' })
    const body = await answer.json()
    if (answer.ok) {
      told = body
      // From when it was asked: never more than is left.
      endsAt = askedAt + body.endsInMs
      ended = null
      nextAskAt = Math.min(nextAskAt, Math.max(endsAt, askedAt + 1000))
    } else if (answer.status === 401 || answer.status === 403) ended = end(answer.status, body)
    show()
  }
  // Whoever gives no answer now may give one next time.
  const tryAsking = () => ask().catch(() => {})

  setInterval(() => {
    if (document.hidden) return
    show()
    if (!ended && performance.now() >= nextAskAt) tryAsking()
  }, 1000)
  // Once it has ended, whoever comes back to the page may have been given more.
  addEventListener('visibilitychange', () => document.hidden || tryAsking())
  tryAsking()
})()
