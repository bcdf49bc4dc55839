// Conveniences: every page works without them. No text is parsed as HTML.
const all = (selector, root = document) => [...root.querySelectorAll(selector)]
const add = (parent, tag, text = '', attributes = {}) => {
  const node = document.createElement(tag)
  node.textContent = text
  for (const name in attributes) node.setAttribute(name, attributes[name])
  parent.append(node)
  return node
}

/** In the language of the page. */
const say = JSON.parse(document.documentElement.dataset.words)

// The server's clock counts: the viewer's may be wrong, or be set while the page is open.
const arrivedAt = performance.getEntriesByType('navigation')[0]?.responseStart || performance.now()
let ahead = (document.documentElement.dataset.now ?? Date.now()) - arrivedAt
const now = () => performance.now() + ahead

const words = (ms) => {
  const s = Math.max(0, Math.floor(ms / 1000))
  const m = Math.floor(s / 60)
  const h = Math.floor(m / 60)
  const [big, small] = h >= 48 ? [`${Math.floor(h / 24)} d`, `${h % 24} h`] : [`${h} h`, `${m % 60} min`]
  return h ? `${big} ${small}`.replace(/ 0 .+/, '') : m > 1 ? `${m} min` : `${s} s`
}
// Said aloud when it comes up, and never again: a countdown that is read out keeps nobody safe.
const warn = (card, left, text) => {
  const due = all('[data-within]', card).findLast((warning) => left <= warning.dataset.within)
  const level = due?.dataset.level ?? 'none'
  if (card.dataset.warning === level) return
  const isCloser = !(Number(level) >= Number(card.dataset.warning))
  card.dataset.warning = level
  for (const warning of all('[data-within]', card)) warning.hidden = warning !== due
  if (!due || !isCloser) return
  const said = level === '0' ? '' : `: ${say.left.replace('{}', text)}`
  document.querySelector('[data-said]').textContent =
    `${card.querySelector('h3').textContent}${said}. ${due.textContent}`
}
const tick = () => {
  for (const node of all('[data-until]')) {
    const left = node.dataset.until - now()
    const text = words(left)
    if (node.textContent !== text) node.textContent = text
    const card = node.closest('[data-warning]')
    if (card) warn(card, left, text)
    if (left <= 0 && 'reload' in node.dataset) {
      delete node.dataset.reload
      setTimeout(() => location.reload(), 500)
    }
  }
  for (const arc of all('[data-end]')) {
    const { start, end } = arc.dataset
    const left = (100 * (end - now())) / (end - start)
    arc.setAttribute('stroke-dasharray', `${Math.min(100, Math.max(0, left)).toFixed(1)} 100`)
  }
}
tick()
setInterval(tick, 1000)

// The viewer's own time beside that of the plant, where their clock shows another.
for (const node of all('[data-local]')) {
  const times = all('time', node).map((time) => new Date(time.dateTime))
  if (
    times.some(isNaN) ||
    all('time', node).every((time, i) => !(new Date(time.dateTime.slice(0, 19)) - times[i]))
  )
    continue
  let day = new Date(now()).toDateString()
  const text = times.map((at) => {
    const date = at.toDateString() !== day && { weekday: 'short', day: 'numeric', month: 'short' }
    day = at.toDateString()
    return at.toLocaleString(say.locale, { ...date, hour: '2-digit', minute: '2-digit' })
  })
  node.append(' ')
  add(node, 'span', `(${text.join(` ${say.to} `)} ${say.yourTime})`, { class: 'local' })
}

for (const button of all('[data-copy]')) {
  button.hidden = !navigator.clipboard
  button.onclick = async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText.trim())
    button.textContent = say.copied
  }
}
for (const button of all('[data-print]')) {
  button.hidden = false
  button.onclick = () => window.print()
}

// Ask before what hurts; send nothing twice.
const confirmFirst = (form) => {
  const { confirm, confirmTitle, confirmButton } = form.dataset
  const dialog = add(document.body, 'dialog', '', { 'aria-labelledby': 'ask' })
  add(dialog, 'h2', confirmTitle, { id: 'ask' })
  add(add(dialog, 'p'), 'bdi', confirm)
  const row = add(dialog, 'div', '', { class: 'actions' })
  add(row, 'button', confirmButton, { class: 'danger' }).onclick = () => {
    add(form, 'input', '', { type: 'hidden', name: 'sure', value: 'yes' })
    dialog.close()
    form.requestSubmit()
  }
  add(row, 'button', say.doNothing, { class: 'quiet', autofocus: '' }).onclick = () => dialog.close()
  dialog.onclose = () => dialog.remove()
  dialog.showModal()
}
addEventListener('submit', (event) => {
  const form = event.target
  const mustAsk = form.dataset.confirm && !form.elements.sure
  if (mustAsk || form.dataset.sent) event.preventDefault()
  else form.dataset.sent = 'yes'
  if (mustAsk) confirmFirst(form)
})

for (const field of all('[data-choice]'))
  field.addEventListener('input', () => (document.getElementById(field.dataset.choice).checked = true))

// What a form will do.
for (const output of all('[data-readback]')) {
  const { form } = output.closest('form').elements.to
  const said = (name) =>
    all(`[name=${name}]:checked, [name=${name}] :checked`, form)
      .map((field) => field.labels?.[0].dataset.say ?? field.text)
      .join(', ') || '…'
  const moment = (name, field) =>
    said(name) +
    (form.elements[name].value === 'at' ? ` ${form.elements[field].value.replace('T', ' ') || '…'}` : '')
  const text = (field) => field.labels[0].dataset.say ?? field.value.match(/[^\s,;]+/g)?.join(', ')
  const more = (part) => {
    const fields = all('textarea, :checked, input:not([type=checkbox])', part)
    const entered = (_, name) =>
      fields
        .filter((field) => field.name === name)
        .map(text)
        .join(', ') || '…'
    return fields.some(text) ? `, ${part.dataset.sayAlso.replace(/{(.+?)}/g, entered)}` : ''
  }
  const readBack = () => {
    output.textContent = `${form.elements.to.value || '…'} ${said('access')} ${said('endpoints')}, ${moment('start', 'from')} ${moment('end', 'until')}, ${said('ending')}${all('[data-say-also]', form).map(more).join('')}.`
  }
  output.hidden = false
  form.addEventListener('input', readBack)
  readBack()
}

// What is open may change meanwhile. Asked calmly, only while somebody looks.
const shown = document.querySelector('[data-shown]')
let askedAt = 0
const ask = async () => {
  const at = (askedAt = performance.now())
  const answer = await fetch(shown.dataset.ask, { cache: 'no-store', redirect: 'error' })
  const told = answer.ok && (await answer.json())
  if (told) ahead = told.now - at
  if (answer.status === 401 || (told && told.shown !== shown.dataset.shown)) location.reload()
}
// Who gives no answer now may give one next time.
const askNow = () => document.hidden || ask().catch(() => {})
if (shown) setInterval(askNow, 20_000)
let due
const askSoon = () => {
  clearTimeout(due)
  due = setTimeout(askNow, askedAt + 2000 + 1000 * Math.random() - performance.now())
}

// Told of changes only while somebody looks: browsers open few connections to one host. The front page asks what it
// was; others offer it, and do not load anew under somebody's hands.
const changed = ({ data }) => {
  const { live } = document.body.dataset
  if (data !== 'access' && data !== live) return
  if (shown) askSoon()
  else if (!document.querySelector('.changed')) {
    const note = add(document.body, 'p', '', { class: 'notice changed', role: 'status' })
    document.querySelector('main').prepend(note)
    add(note, 'a', say.changed, { href: location.href })
  }
}
let hints
const listen = () => {
  hints?.close()
  if (document.hidden) return
  hints = new EventSource('/.gatehouse/events')
  hints.onmessage = changed
  // What changed while it was away, nobody told.
  hints.onerror = () => (hints.onopen = () => changed({ data: 'access' }))
}
if ('live' in document.body.dataset) {
  listen()
  document.addEventListener('visibilitychange', listen)
}

// On return to a page left open, load it again.
let leftAt = 0
document.addEventListener('visibilitychange', () => {
  if (document.hidden) leftAt = Date.now()
  else if ('live' in document.body.dataset && Date.now() - leftAt > 20_000) location.reload()
})
addEventListener('pageshow', (event) => event.persisted && location.reload())
