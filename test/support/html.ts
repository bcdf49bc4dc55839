import type { Answer } from './client.js'

/** Which form and which button, where a page has several. */
export interface FormChoice {
  /** Path of the form's action, without query. */
  readonly action?: string
  /** Text on the submit button; default: the first one, as the Enter key would press. */
  readonly press?: string
}

export interface FormField {
  readonly name: string
  readonly type: string
  readonly value: string
  /** Sent unless the test says otherwise: not disabled, and checked where it can be. */
  readonly isSent: boolean
}

export interface FormButton {
  readonly text: string
  readonly name: string | null
  readonly value: string
  readonly action: string | null
}

export interface Form {
  readonly method: 'GET' | 'POST'
  readonly action: URL
  readonly fields: readonly FormField[]
  readonly buttons: readonly FormButton[]
}

interface Piece {
  readonly kind: 'open' | 'close' | 'text'
  /** Tag name in lower case, or the text. */
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
}

/**
 * Enough of HTML for server-rendered pages: tags with quoted or bare attributes, text with the common
 * entities. No repair of broken markup: a page that needs it should fail its test.
 */
function pieces(html: string): Piece[] {
  const bare = html.replace(/<!--[\s\S]*?-->/g, '').replace(/<(script|style)\b[\s\S]*?<\/\1>/gi, '')
  const tag = /<(\/?)([a-z][\w-]*)((?:\s+[^\s=>/]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*)\s*\/?>/gi
  const found: Piece[] = []
  let end = 0
  for (const match of bare.matchAll(tag)) {
    const [whole, slash, name = '', attributes = ''] = match
    found.push({ kind: 'text', name: decode(bare.slice(end, match.index)), attributes: new Map() })
    found.push({
      kind: slash === '/' ? 'close' : 'open',
      name: name.toLowerCase(),
      attributes: new Map(
        [...attributes.matchAll(/([^\s=>/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)].map(
          ([, key = '', double, single, plain]) => [
            key.toLowerCase(),
            decode(double ?? single ?? plain ?? ''),
          ],
        ),
      ),
    })
    end = match.index + whole.length
  }
  found.push({ kind: 'text', name: decode(bare.slice(end)), attributes: new Map() })
  return found
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' }

function decode(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
      return entities[name ?? ''] ?? whole
    },
  )
}

const collapse = (text: string): string => text.replace(/\s+/g, ' ').trim()

/** The words a reader sees, in order, white space collapsed. */
export function visibleText(page: Pick<Answer, 'text'>): string {
  return collapse(
    pieces(page.text)
      .map((piece) => (piece.kind === 'text' ? piece.name : ' '))
      .join(''),
  )
}

/** Text up to the end of the element that was opened at `index`. */
function textWithin(all: readonly Piece[], index: number): string {
  const name = all[index]?.name
  const end = all.findIndex((piece, at) => at > index && piece.kind === 'close' && piece.name === name)
  const inner = all.slice(index + 1, end < 0 ? undefined : end)
  return inner.map((piece) => (piece.kind === 'text' ? piece.name : '')).join('')
}

/** @throws Error that lists the links there are */
export function findLink(page: Answer, text: string): URL {
  const all = pieces(page.text)
  const links = all.flatMap((piece, index) => {
    const href = piece.attributes.get('href')
    if (piece.kind !== 'open' || piece.name !== 'a' || href === undefined) return []
    const label = piece.attributes.get('aria-label')
    return [{ href, text: collapse(textWithin(all, index)), label }]
  })
  const found =
    links.find((link) => link.text === text || link.label === text) ??
    links.find((link) => link.text.includes(text))
  if (!found)
    throw new Error(
      `no link "${text}" on ${page.url.href}; links: ${links.map((link) => link.text).join(' | ')}`,
    )
  return new URL(found.href, page.url)
}

/** Every form of a page. */
export function formsOf(page: Answer): Form[] {
  const all = pieces(page.text)
  const forms: Form[] = []
  let open: { method: 'GET' | 'POST'; action: URL; fields: FormField[]; buttons: FormButton[] } | null = null
  all.forEach((piece, index) => {
    const { kind, name, attributes } = piece
    if (name === 'form' && kind === 'open') {
      if (attributes.get('enctype')?.includes('multipart') === true)
        throw new Error('multipart forms are not known here')
      const method = attributes.get('method')?.toUpperCase() === 'POST' ? 'POST' : 'GET'
      open = {
        method,
        action: new URL(attributes.get('action') ?? page.url.href, page.url),
        fields: [],
        buttons: [],
      }
      forms.push(open)
    } else if (name === 'form' && kind === 'close') {
      open = null
    } else if (open && kind === 'open') {
      const type = attributes.get('type')?.toLowerCase() ?? (name === 'button' ? 'submit' : 'text')
      const isButton = (name === 'button' || name === 'input') && type === 'submit'
      if (isButton) open.buttons.push(buttonOf(all, index))
      else if (name === 'input' || name === 'textarea' || name === 'select')
        open.fields.push(...fieldOf(all, index, type))
    }
  })
  return forms
}

function buttonOf(all: readonly Piece[], index: number): FormButton {
  const { name, attributes } = all[index] ?? { name: '', attributes: new Map<string, string>() }
  return {
    text: name === 'input' ? (attributes.get('value') ?? '') : collapse(textWithin(all, index)),
    name: attributes.get('name') ?? null,
    value: attributes.get('value') ?? '',
    action: attributes.get('formaction') ?? null,
  }
}

function fieldOf(all: readonly Piece[], index: number, type: string): FormField[] {
  const piece = all[index]
  const name = piece?.attributes.get('name')
  if (!piece || name === undefined) return []
  const isEnabled = !piece.attributes.has('disabled')
  const given = piece.attributes.get('value')
  if (piece.name === 'textarea') {
    return [{ name, type: 'textarea', value: textWithin(all, index).replace(/^\n/, ''), isSent: isEnabled }]
  }
  if (piece.name === 'select') {
    const end = all.findIndex((other, at) => at > index && other.kind === 'close' && other.name === 'select')
    const options = all.flatMap((other, at) =>
      at > index && at < end && other.kind === 'open' && other.name === 'option'
        ? [
            {
              value: other.attributes.get('value') ?? collapse(textWithin(all, at)),
              on: other.attributes.has('selected'),
            },
          ]
        : [],
    )
    const chosen = options.find((option) => option.on) ?? options[0]
    return [{ name, type: 'select', value: chosen?.value ?? '', isSent: isEnabled && chosen !== undefined }]
  }
  const isTick = type === 'checkbox' || type === 'radio'
  return [
    {
      name,
      type,
      value: given ?? (isTick ? 'on' : ''),
      isSent:
        isEnabled && type !== 'button' && type !== 'reset' && (!isTick || piece.attributes.has('checked')),
    },
  ]
}

/** @throws Error that lists the forms there are, when none or several fit */
export function fillForm(
  page: Answer,
  values: Record<string, string>,
  { action, press }: FormChoice,
): { method: 'GET' | 'POST'; action: URL; body: string } {
  const forms = formsOf(page)
  const fitting = forms.filter(
    (form) =>
      Object.keys(values).every((name) => form.fields.some((field) => field.name === name)) &&
      (action === undefined || form.action.pathname === action) &&
      (press === undefined || form.buttons.some((button) => button.text === press)),
  )
  const [form, another] = fitting
  if (!form || another) {
    const list = forms.map(
      ({ method, action: to, fields, buttons }) =>
        `  ${method} ${to.pathname} fields: ${fields.map((field) => field.name).join(', ')} buttons: ${buttons.map((button) => button.text).join(', ')}`,
    )
    throw new Error(
      `${form ? 'several forms' : 'no form'} on ${page.url.href} (${page.status}) with ${JSON.stringify({ values, action, press })}; forms:\n${list.join('\n')}`,
    )
  }
  const button = press === undefined ? form.buttons[0] : form.buttons.find(({ text }) => text === press)
  const body = new URLSearchParams()
  const said = new Set<string>()
  for (const field of form.fields) {
    const value = values[field.name]
    const isTick = field.type === 'checkbox' || field.type === 'radio'
    if (value === undefined) {
      if (field.isSent) body.append(field.name, field.value)
    } else if (!isTick || field.value === value) {
      if (!said.has(field.name)) body.append(field.name, value)
      said.add(field.name)
    }
  }
  for (const name of Object.keys(values)) {
    // Only a tick can be left out so: a box or a choice that the page does not offer.
    if (!said.has(name)) throw new Error(`the form offers no ${name}=${values[name] ?? ''}`)
  }
  if (button && button.name !== null) body.append(button.name, button.value)
  return {
    method: form.method,
    action: new URL(button?.action ?? form.action, page.url),
    body: body.toString(),
  }
}
