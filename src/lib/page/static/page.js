// Conveniences only: every page works without this file. No dependencies, nothing is ever parsed as
// HTML (the policy demands Trusted Types), nothing leaves the browser.
const all = (selector, root = document) => [...root.querySelectorAll(selector)]
const add = (parent, tag, text = '', attributes = {}) => {
  const node = document.createElement(tag)
  node.textContent = text
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  parent.append(node)
  return node
}

// Count from the server's clock: the viewer's may be wrong.
const skew = Number(document.documentElement.dataset.now ?? Date.now()) - Date.now()
const now = () => Date.now() + skew

const words = (ms) => {
  const s = Math.max(0, Math.floor(ms / 1000))
  const m = Math.floor(s / 60)
  const h = Math.floor(m / 60)
  if (h >= 48) return `${Math.floor(h / 24)} d ${h % 24} h`
  return h ? `${h} h ${m % 60} min` : m > 1 ? `${m} min` : `${s} s`
}
const soon = 15 * 60_000
const tick = () => {
  for (const node of all('[data-until]')) {
    const left = node.dataset.until - now()
    const text = words(left)
    if (node.textContent !== text) node.textContent = text
    node.closest('[data-soon]')?.setAttribute('data-soon', left < soon ? 'yes' : 'no')
    if (left <= 0 && 'reload' in node.dataset) {
      delete node.dataset.reload
      setTimeout(() => location.reload(), 500)
    }
  }
  for (const bar of all('progress[data-end]'))
    bar.value = Math.min(now(), bar.dataset.end) - bar.dataset.start
}
tick()
setInterval(tick, 1000)

// The viewer's own time beside UTC.
for (const node of all('time')) {
  const at = new Date(node.dateTime)
  if (isNaN(at) || !at.getTimezoneOffset()) continue
  const day =
    at.toDateString() === new Date(now()).toDateString()
      ? {}
      : { weekday: 'short', day: 'numeric', month: 'short' }
  const text = at.toLocaleString('en-GB', { ...day, hour: '2-digit', minute: '2-digit' })
  node.after(' ')
  node.nextSibling.after(
    Object.assign(document.createElement('span'), { className: 'local', textContent: `${text} your time` }),
  )
}

for (const button of all('[data-copy]')) {
  button.hidden = !navigator.clipboard
  button.onclick = async () => {
    const label = button.textContent
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText.trim())
    button.textContent = 'Copied'
    setTimeout(() => (button.textContent = label), 2000)
  }
}
for (const button of all('[data-print]')) {
  button.hidden = false
  button.onclick = () => print()
}

// Ask before what hurts; and never send a form twice.
const ask = (form) => {
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
  add(row, 'button', 'Do nothing', { class: 'quiet', autofocus: '' }).onclick = () => dialog.close()
  dialog.onclose = () => dialog.remove()
  dialog.showModal()
}
addEventListener('submit', (event) => {
  const form = event.target
  if (form.dataset.sent || (form.dataset.confirm && !form.elements.sure)) event.preventDefault()
  else if (form.method === 'post') form.dataset.sent = 'yes'
  if (event.defaultPrevented && !form.dataset.sent) ask(form)
})

// Date fields show UTC without this script, and the viewer's time with it.
const localText = (at) => new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
for (const field of all('[type=datetime-local]')) {
  if (field.value) field.value = localText(new Date(`${field.value}Z`))
  for (const zone of all('[data-zone]', field.parentNode)) zone.textContent = 'your time'
  field.form.addEventListener('formdata', ({ formData }) => {
    const at = new Date(formData.get(field.name))
    if (!isNaN(at)) formData.set(field.name, at.toISOString())
  })
  // Filling in a time means choosing it.
  const choice = document.getElementById(field.dataset.choice)
  field.addEventListener('input', () => choice && (choice.checked = true))
}

// What a form is about to do, in a sentence.
for (const output of all('[data-readback]')) {
  const form = output.closest('form')
  const label = (field) => field.labels[0].dataset.say ?? field.labels[0].textContent
  const chosen = (name) => all(`[name=${name}]:checked`, form).map(label).join(', ')
  const moment = (name, at) => {
    const value = form.elements[at].value
    return form.elements[name].value === 'at' ? (value ? value.replace('T', ' ') : '…') : chosen(name)
  }
  const say = () => {
    const [to, what] = [form.elements.to.value || '…', chosen('endpoints') || '…']
    output.textContent = `${to} ${chosen('access')} ${what} ${moment('start', 'from')}, ${moment('end', 'until')}.`
  }
  form.addEventListener('input', say)
  say()
}

// A page left open tells the state of when it was loaded: ask again when the viewer comes back.
let leftAt = 0
document.addEventListener('visibilitychange', () => {
  if (document.hidden) leftAt = Date.now()
  else if ('live' in document.body.dataset && Date.now() - leftAt > 20_000) location.reload()
})
addEventListener('pageshow', (event) => event.persisted && location.reload())
