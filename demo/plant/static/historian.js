// Trend page of the historian: pens with a scale of their own, a cursor, and a legend that follows it.
;(() => {
  const hourMs = 3_600_000
  const colours = ['#16306b', '#9a5b12', '#1d7a6d', '#7a3c9e']
  const one = (selector) => document.querySelector(selector)
  const all = (selector) => [...document.querySelectorAll(selector)]
  const svg = one('#chart svg')
  const create = (name, attributes, ...children) => {
    const isSvg = ['line', 'path', 'rect', 'text'].includes(name)
    const node = isSvg
      ? document.createElementNS('http://www.w3.org/2000/svg', name)
      : document.createElement(name)
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
    node.append(...children)
    return node
  }

  const address = new URLSearchParams(location.search)
  let known = []
  let chosen = address.getAll('tag').slice(0, 4)
  let hours = Number(address.get('hours')) || 8
  /** End of the shown range; null follows the present. */
  let until = null
  let pens = []
  let cursorAt = null
  let shown = { from: 0, to: 0 }

  async function load() {
    const to = Math.floor((until ?? Date.now()) / 1000) * 1000
    const from = to - hours * hourMs
    const query = (tag) =>
      `/api/v1/query?${new URLSearchParams({ tag, from: new Date(from).toISOString(), to: new Date(to).toISOString() })}`
    one('#message').textContent = ''
    try {
      const answers = await Promise.all(
        chosen.map(async (tag) => {
          const response = await fetch(query(tag))
          const answer = await response.json()
          if (!response.ok)
            throw new Error(`${answer.parameter ?? 'Query'} ${answer.message ?? response.status}`)
          return answer
        }),
      )
      shown = { from, to }
      pens = answers.map((answer, index) => ({
        ...known.find((tag) => tag.tag === answer.tag),
        colour: colours[index],
        points: answer.points,
        stepMs: answer.step * 1000,
      }))
    } catch (error) {
      one('#message').textContent = `No answer from the historian: ${error.message}`
    }
    draw()
    // The legend has grown with the pens, and the chart takes what is left.
    requestAnimationFrame(draw)
  }

  const clock = (at, options) => new Date(at).toLocaleString('en-GB', options)
  const dayAndTime = { day: '2-digit', month: 'short', hour: '2-digit', minute: '2-digit' }

  function controls() {
    for (const button of all('[data-hours]')) {
      button.setAttribute('aria-pressed', String(Number(button.dataset.hours) === hours))
    }
    one('[data-move="1"]').disabled = until === null
    one('[data-move="now"]').setAttribute('aria-pressed', String(until === null))
    for (const box of all('#tags input')) {
      const index = chosen.indexOf(box.value)
      box.checked = index >= 0
      box.disabled = index < 0 && chosen.length >= 4
      box.parentElement.querySelector('.swatch').style.background =
        index >= 0 ? colours[index] : 'transparent'
    }
    const link = new URLSearchParams(chosen.map((tag) => ['tag', tag]))
    if (hours !== 8) link.set('hours', hours)
    history.replaceState(null, '', `${location.pathname}?${link}`)
  }

  function scaleOf(pen) {
    const values = pen.points.flatMap((point) => [point[1], point[3]])
    const least = (pen.high - pen.low) * 0.1
    let low = Math.min(...values)
    let high = Math.max(...values)
    const pad = Math.max((high - low) * 0.08, (least - (high - low)) / 2)
    // A speed that was never below zero needs no axis below zero.
    low = low >= pen.low ? Math.max(pen.low, low - pad) : low - pad
    high = high <= pen.high ? Math.min(pen.high, high + pad) : high + pad
    const rough = (high - low) / 4
    const power = 10 ** Math.floor(Math.log10(rough))
    const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough)
    return { low: Math.floor(low / step) * step, step, high: Math.ceil(high / step) * step }
  }

  function draw() {
    const { width, height } = svg.getBoundingClientRect()
    if (width < 60 || shown.to === 0) return
    svg.replaceChildren()
    const axis = width < 500 ? 40 : 50
    const axes = width < 500 ? 1 : Math.max(1, pens.length)
    const box = { left: axes * axis, right: width - 6, top: 8, bottom: height - 26 }
    const { from, to } = shown
    const x = (at) => box.left + ((at - from) / (to - from)) * (box.right - box.left)
    svg.append(
      create('rect', {
        class: 'frame',
        x: box.left,
        y: box.top,
        width: box.right - box.left,
        height: box.bottom - box.top,
      }),
    )
    const days = (to - from) / (24 * hourMs)
    const steps = [5 / 60, 10 / 60, 0.25, 0.5, 1, 2, 4, 6, 12, 24, 48, 96, 168]
    const most = width < 500 ? 4 : 9
    const stepMs =
      steps.map((each) => each * hourMs).find((each) => (to - from) / each <= most) ?? 168 * hourMs
    const offset = new Date(to).getTimezoneOffset() * 60_000
    const first = Math.ceil((from - offset) / stepMs) * stepMs + offset
    for (let at = first; at <= to; at += stepMs) {
      svg.append(create('line', { class: 'grid', x1: x(at), x2: x(at), y1: box.top, y2: box.bottom }))
      const isDay = days > 2 || clock(at, { hour: '2-digit', minute: '2-digit' }) === '00:00'
      const text = clock(
        at,
        isDay ? { day: '2-digit', month: 'short' } : { hour: '2-digit', minute: '2-digit' },
      )
      if (x(at) < box.right - 16)
        svg.append(create('text', { x: x(at), y: height - 8, 'text-anchor': 'middle' }, text))
    }
    for (const [index, pen] of pens.entries())
      if (pen.points.length > 0) drawPen(pen, index, { box, axis, axes, x })
    if (cursorAt !== null) {
      svg.append(
        create('line', { class: 'cursor', x1: x(cursorAt), x2: x(cursorAt), y1: box.top, y2: box.bottom }),
      )
    }
    svg.onpointermove = (event) => {
      const left = event.clientX - svg.getBoundingClientRect().left
      const at = from + ((left - box.left) / (box.right - box.left)) * (to - from)
      cursorAt = at >= from && at <= to ? at : null
      draw()
    }
    one('#range').textContent = `${clock(from, dayAndTime)} – ${clock(to, dayAndTime)}`
    legend()
    exportLink()
  }

  function drawPen(pen, index, { box, axis, axes, x }) {
    const scale = scaleOf(pen)
    const y = (value) =>
      box.bottom - ((value - scale.low) / (scale.high - scale.low)) * (box.bottom - box.top)
    const decimals = Math.max(0, Math.min(2, Math.ceil(-Math.log10(scale.step / 2.5 + 1e-12))))
    for (let value = scale.low; value <= scale.high + scale.step / 2; value += scale.step) {
      const edge = index === 0 && value > scale.low && value < scale.high - scale.step / 2
      if (edge)
        svg.append(create('line', { class: 'grid', x1: box.left, x2: box.right, y1: y(value), y2: y(value) }))
      if (index >= axes) continue
      const place = {
        x: (index + 1) * axis - 7,
        y: Math.max(box.top + 9, y(value) + 4),
        'text-anchor': 'end',
      }
      svg.append(create('text', { ...place, style: `fill:${pen.colour}` }, value.toFixed(decimals)))
    }
    const at = (point) => x(point[0]).toFixed(1)
    const path = (column) => pen.points.map((point) => `${at(point)} ${y(point[column]).toFixed(1)}`)
    const band = `M${path(3).join('L')}L${path(1).reverse().join('L')}Z`
    svg.append(create('path', { class: 'band', d: band, style: `fill:${pen.colour}` }))
    svg.append(create('path', { class: 'pen', d: `M${path(2).join('L')}`, style: `stroke:${pen.colour}` }))
  }

  function legend() {
    one('#cursor-head').textContent =
      cursorAt === null ? 'Latest' : clock(cursorAt, { ...dayAndTime, second: '2-digit' })
    one('#legend').replaceChildren(
      ...pens.map((pen) => {
        const number = (value) =>
          create('td', { class: 'right' }, value === undefined ? '–' : value.toFixed(pen.decimals))
        const point =
          cursorAt === null
            ? pen.points.at(-1)
            : pen.points[Math.min(pen.points.length - 1, Math.floor((cursorAt - shown.from) / pen.stepMs))]
        const averages = pen.points.map((each) => each[2])
        const isEmpty = averages.length === 0
        const swatch = create('i', { class: 'swatch', style: `background:${pen.colour}` })
        const value = number(point?.[2])
        value.style.fontWeight = '600'
        return create(
          'tr',
          {},
          create('td', {}, swatch, create('strong', {}, pen.description)),
          value,
          number(isEmpty ? undefined : Math.min(...pen.points.map((each) => each[1]))),
          number(isEmpty ? undefined : averages.reduce((sum, each) => sum + each, 0) / averages.length),
          number(isEmpty ? undefined : Math.max(...pen.points.map((each) => each[3]))),
          create('td', {}, pen.unit),
        )
      }),
    )
  }

  function exportLink() {
    const query = new URLSearchParams(chosen.map((tag) => ['tag', tag]))
    query.set('from', new Date(shown.from).toISOString())
    query.set('to', new Date(shown.to).toISOString())
    one('#export').href = `/export.csv?${query}`
  }

  document.addEventListener('click', (event) => {
    const button = event.target.closest('button')
    if (!button) return
    if (button.dataset.hours) hours = Number(button.dataset.hours)
    const move = button.dataset.move
    if (move === 'now') until = null
    else if (move) {
      const next = (until ?? Date.now()) + (Number(move) * hours * hourMs) / 2
      until = next >= Date.now() ? null : next
    }
    cursorAt = null
    controls()
    void load()
  })
  one('#tags').addEventListener('change', (event) => {
    const { value, checked } = event.target
    chosen = checked ? [...chosen, value].slice(0, 4) : chosen.filter((tag) => tag !== value)
    controls()
    void load()
  })
  svg.addEventListener('pointerleave', () => {
    cursorAt = null
    draw()
  })
  addEventListener('resize', draw)
  setInterval(() => {
    if (until === null && cursorAt === null) void load()
  }, 10_000)

  void (async () => {
    known = (await (await fetch('/api/v1/tags')).json()).tags
    chosen = chosen.filter((tag) => known.some((each) => each.tag === tag))
    if (chosen.length === 0) chosen = ['L2.SC-210', 'L2.TIC-202']
    controls()
    await load()
  })()
})()
