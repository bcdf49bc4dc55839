// Keeps one display of the panel live. Runs in the browser, without a library, as panels of this kind do.
;(() => {
  const { scales, setpoints: ranges } = JSON.parse(document.getElementById('profile').textContent)
  const all = (selector) => document.querySelectorAll(selector)
  const one = (selector) => document.querySelector(selector)
  const setText = (selector, text) => {
    for (const node of all(selector)) if (node.textContent !== text) node.textContent = text
  }
  const clock = (at) => new Date(at).toLocaleTimeString('en-GB')
  const create = (name, attributes = {}, ...children) => {
    const isSvg = ['svg', 'path', 'text', 'rect', 'line', 'g'].includes(name)
    const node = isSvg
      ? document.createElementNS('http://www.w3.org/2000/svg', name)
      : document.createElement(name)
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
    node.append(...children)
    return node
  }

  // --- connection -------------------------------------------------------------------------------

  const linkState = one('#link-state')
  const banner = one('#link-banner')
  let socket = null
  let wasOpen = false
  let lastReason = ''
  let attempts = 0

  function showLink(text, kind) {
    linkState.textContent = text
    linkState.className = `link is-${kind}`
    document.body.classList.toggle('is-stale', kind !== 'live')
  }
  function showBanner(text, canReload = false) {
    banner.replaceChildren(text)
    if (canReload) banner.append(create('a', { href: location.href }, 'Reload'))
    banner.hidden = text === ''
  }

  function connect() {
    wasOpen = false
    socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/live`)
    socket.onopen = () => {
      wasOpen = true
      attempts = 0
    }
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data)
      if (message.type === 'live') {
        lastReason = ''
        showLink('Live', 'live')
        showBanner('')
        show(message)
      } else if (message.type === 'setpoint-result') {
        setText('#command-result', message.message)
      }
    }
    socket.onclose = (event) => {
      if (wasOpen) {
        lastReason = event.reason || (event.code === 1006 ? 'connection lost' : `code ${event.code}`)
        showLink('Disconnected', 'down')
        showBanner(`Connection closed: ${lastReason}. Reconnecting…`)
        setTimeout(connect, 1000)
      } else {
        void explainRefusal()
      }
    }
  }

  /** A browser does not say why an upgrade failed; a plain request shows whether anyone still answers. */
  async function explainRefusal() {
    const before = lastReason ? `Connection closed: ${lastReason}. ` : ''
    attempts += 1
    let isRefused = false
    try {
      const { status, type } = await fetch('/api/state', { cache: 'no-store', redirect: 'manual' })
      isRefused =
        type === 'opaqueredirect' || (status >= 300 && status < 500) || (status === 200 && attempts >= 3)
    } catch {
      // Nobody answers at all: worth another try.
    }
    if (isRefused) {
      showLink('Refused', 'down')
      showBanner(`${before}These values are no longer live. Reload to see why.`, true)
      return
    }
    showLink('No connection', 'down')
    showBanner(`${before}No connection to the panel. Trying again…`)
    setTimeout(connect, 2000)
  }

  // --- live values ------------------------------------------------------------------------------

  const words = {
    running: 'Running',
    starting: 'Starting',
    stopped: 'Stopped',
    held: 'Held',
    suspended: 'Suspended',
  }
  const alarmStates = { unacknowledged: 'New', acknowledged: 'Acknowledged', returned: 'Returned, not seen' }
  const along = (scale, value) =>
    Math.min(100, Math.max(0, (100 * (value - scale.low)) / (scale.high - scale.low)))

  function show(live) {
    setText('[data-clock]', clock(live.at))
    for (const [name, scale] of Object.entries(scales)) {
      setText(`[data-value="${name}"]`, live.values[name].toFixed(scale.decimals))
    }
    for (const [name, value] of Object.entries(live.setpoints))
      setText(`[data-setpoint="${name}"]`, String(value))
    for (const [name, value] of Object.entries(live.actuators)) {
      setText(`[data-actuator="${name}"]`, value.toFixed(0))
    }
    for (const [name, value] of Object.entries(live.buffers))
      setText(`[data-buffer="${name}"]`, String(value))
    for (const [name, value] of Object.entries(live.buffers)) setText(`[data-slot="${name}"]`, String(value))
    setText('[data-slot="state"]', words[live.state])
    setText('[data-slot="good"]', live.counters.good.toLocaleString('en-GB'))
    setText('[data-slot="rejected"]', live.counters.rejected.toLocaleString('en-GB'))
    setText('[data-slot="rejectPercent"]', live.rejectPercent.toFixed(1))
    showIndicators(live)
    showMimic(live)
    showAlarms(live)
    if (document.body.dataset.page === 'trend') extendTrend(live)
  }

  function showIndicators(live) {
    for (const node of all('[data-indicator]')) {
      const name = node.dataset.indicator
      const scale = scales[name]
      const value = live.values[name]
      node.querySelector('.pointer').style.left = `${along(scale, value)}%`
      const setpoint = live.setpoints[name]
      if (setpoint !== undefined) {
        node.querySelector('.setpoint').style.left = `${along(scale, setpoint)}%`
        if (scale.normal.around !== undefined) {
          const from = along(scale, setpoint - scale.normal.around)
          const to = along(scale, setpoint + scale.normal.around)
          const band = node.querySelector('.normal')
          band.style.left = `${from}%`
          band.style.width = `${to - from}%`
        }
      }
      const number = scale.tag.replace(/\D/g, '')
      const alarm = live.alarms.find((each) => each.state !== 'returned' && each.id.endsWith(number))
      node.className = alarm ? `indicator is-beyond p${alarm.priority}` : 'indicator'
    }
  }

  function showMimic(live) {
    const liquid = one('[data-level]')
    if (!liquid) return
    const height = (Number(liquid.dataset.height) * live.values.level) / 100
    liquid.setAttribute('height', height)
    liquid.setAttribute('y', Number(liquid.dataset.bottom) - height)
    for (const group of all('[data-bottles]')) {
      const bottles = [...group.querySelectorAll('.bottle')]
      if (group.dataset.bottles === 'infeed') bottles.reverse()
      const taken = Math.round(live.shares[group.dataset.bottles] * bottles.length)
      bottles.forEach((bottle, index) => bottle.classList.toggle('full', index < taken))
    }
  }

  // --- alarms -----------------------------------------------------------------------------------

  const shapes = { 1: 'M3 3h18v18H3z', 2: 'M12 2.5L22.5 21h-21z', 3: 'M12 21.5L1.5 3h21z' }
  function sign(alarm) {
    const text = create('text', { x: 12, y: alarm.priority === 3 ? 13 : alarm.priority === 2 ? 18.5 : 16.3 })
    text.textContent = alarm.priority
    const label = { role: 'img', 'aria-label': `Priority ${alarm.priority}`, viewBox: '0 0 24 24' }
    const state = alarm.state === 'returned' ? ' is-returned' : ''
    return create(
      'svg',
      { ...label, class: `sign p${alarm.priority}${state}` },
      create('path', { d: shapes[alarm.priority] }),
      text,
    )
  }

  let shownAlarms = ''
  function showAlarms(live) {
    const fingerprint = JSON.stringify(live.alarms)
    if (fingerprint === shownAlarms) return
    shownAlarms = fingerprint
    const count = one('[data-alarm-count]')
    count.textContent = String(live.alarms.length)
    count.hidden = live.alarms.length === 0
    const [worst] = live.alarms
    const strip = one('[data-alarm-strip]')
    if (!worst) {
      strip.replaceChildren(create('span', { class: 'quiet' }, 'No active alarms'))
    } else {
      strip.replaceChildren(
        sign(worst),
        create('strong', {}, worst.text),
        create('span', { class: 'tag' }, `${worst.id} · ${alarmStates[worst.state]}`),
        create(
          'span',
          { class: 'when' },
          live.alarms.length > 1 ? `and ${live.alarms.length - 1} more` : clock(worst.since),
        ),
      )
    }
    if (document.body.dataset.page === 'alarms') {
      showAlarmRows(live.alarms)
      void loadJournal()
    }
  }

  function showAlarmRows(alarms) {
    one('[data-alarm-none]').hidden = alarms.length > 0
    one('[data-alarm-rows]').closest('table').hidden = alarms.length === 0
    one('[data-acknowledge="*"]').disabled = !alarms.some((alarm) => alarm.state !== 'acknowledged')
    one('[data-alarm-rows]').replaceChildren(
      ...alarms.map((alarm) => {
        const button = create('button', { type: 'button', 'data-acknowledge': alarm.id }, 'Acknowledge')
        const kind = { unacknowledged: 'is-new', returned: 'is-returned' }[alarm.state] ?? ''
        return create(
          'tr',
          { class: kind },
          create('td', {}, sign(alarm)),
          create('td', {}, clock(alarm.since)),
          create('td', { class: 'wide' }, alarm.text, ' ', create('span', { class: 'tag' }, alarm.id)),
          create('td', { class: 'wide' }, alarm.response),
          create('td', {}, alarmStates[alarm.state]),
          create('td', {}, alarm.state === 'acknowledged' ? '' : button),
        )
      }),
    )
  }

  async function loadJournal() {
    const rows = one('[data-journal-rows]')
    if (!rows) return
    const { entries } = await (await fetch('/api/journal')).json()
    const kind = rows.dataset.journalRows
    const shown = kind ? entries.filter((entry) => entry.kind === kind).slice(0, 8) : entries
    if (shown.length === 0) shown.push({ at: null, text: 'None yet.', by: '' })
    rows.replaceChildren(
      ...shown.map((entry) =>
        create(
          'tr',
          {},
          create('td', {}, entry.at === null ? '' : clock(entry.at)),
          create('td', { class: 'wide' }, entry.text),
          create('td', {}, entry.by),
        ),
      ),
    )
  }

  document.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-acknowledge]')
    if (!button) return
    button.disabled = true
    await fetch('/api/alarms/acknowledge', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ alarm: button.dataset.acknowledge }),
    }).catch(() => undefined)
  })

  // --- setpoints --------------------------------------------------------------------------------

  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-nudge]')
    if (!button || socket?.readyState !== WebSocket.OPEN) return
    const range = ranges.speed
    const wanted = Number(one('[data-setpoint="speed"]').textContent) + Number(button.dataset.nudge)
    const value = Math.min(range.max, Math.max(range.min, wanted))
    socket.send(JSON.stringify({ type: 'setpoint', name: 'speed', value }))
  })

  one('#setpoint-form')?.addEventListener('submit', async (event) => {
    event.preventDefault()
    const form = event.target
    const result = one('#setpoint-result')
    result.textContent = 'Writing…'
    try {
      const response = await fetch(form.action, {
        method: 'POST',
        headers: { Accept: 'application/json' },
        body: new URLSearchParams(new FormData(form)),
      })
      const answer = await response.json().catch(() => ({}))
      for (const input of form.querySelectorAll('input')) {
        input.classList.toggle('is-refused', input.name === answer.field)
      }
      void loadJournal()
      result.textContent = answer.message ?? `Not written: the panel answered ${response.status}.`
    } catch {
      result.textContent = 'Not written: no connection.'
    }
  })

  // --- trend ------------------------------------------------------------------------------------

  const spanMs = 600_000
  const history = { at: [], values: {}, setpoints: {} }
  let lastDrawn = 0

  async function loadTrend() {
    const loaded = await (await fetch('/api/trend?minutes=10')).json()
    Object.assign(history, loaded)
    drawTrend()
  }
  function extendTrend(live) {
    const last = history.at.at(-1) ?? Infinity
    if (live.at - last < 1000) return
    history.at.push(live.at)
    for (const name of Object.keys(history.values)) history.values[name].push(live.values[name])
    for (const name of Object.keys(history.setpoints)) history.setpoints[name].push(live.setpoints[name])
    while (live.at - history.at[0] > spanMs + 5000) {
      history.at.shift()
      for (const series of [...Object.values(history.values), ...Object.values(history.setpoints)])
        series.shift()
    }
    if (live.at - lastDrawn >= 1000) drawTrend()
  }

  function drawTrend() {
    const end = history.at.at(-1)
    if (end === undefined) return
    lastDrawn = end
    for (const figure of all('[data-chart]'))
      drawChart(figure.querySelector('svg'), figure.dataset.chart, end)
  }

  /** Close enough to see a drift, wide enough that noise stays noise; round figures at the ends. */
  function trendScale(name) {
    const scale = scales[name]
    const seen = [...history.values[name], ...(history.setpoints[name] ?? [])]
    const least = (scale.high - scale.low) * 0.2
    let low = Math.min(...seen)
    let high = Math.max(...seen)
    const pad = Math.max((high - low) * 0.1, (least - (high - low)) / 2)
    low = Math.max(scale.low, low - pad)
    high = Math.min(scale.high, high + pad)
    const rough = (high - low) / 3
    const power = 10 ** Math.floor(Math.log10(rough))
    const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough)
    low = Math.floor(low / step + 1e-9) * step
    high = Math.ceil(high / step - 1e-9) * step
    const decimals =
      Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) +
      (/25/.test(step.toPrecision(2)) && step < 10 ? 1 : 0)
    return { ...scale, low, high, step, decimals }
  }

  function drawChart(svg, name, end) {
    const { width, height } = svg.getBoundingClientRect()
    if (width < 50) return
    const box = { left: 40, right: width - 1, top: 8, bottom: height - 20 }
    const scale = trendScale(name)
    const x = (at) => box.right - ((end - at) / spanMs) * (box.right - box.left)
    const y = (value) => box.bottom - (along(scale, value) / 100) * (box.bottom - box.top)
    const path = (series) => {
      let d = ''
      history.at.forEach((at, index) => {
        if (end - at <= spanMs) d += `${d ? 'L' : 'M'}${x(at).toFixed(1)} ${y(series[index]).toFixed(1)}`
      })
      return d
    }
    const parts = [
      create('rect', {
        class: 'frame',
        x: box.left,
        y: box.top,
        width: box.right - box.left,
        height: box.bottom - box.top,
      }),
    ]
    const label = (text, attributes) => create('text', attributes, text)
    for (let value = scale.low; value <= scale.high + scale.step / 2; value += scale.step) {
      const isEdge = value === scale.low || value > scale.high - scale.step / 2
      if (!isEdge)
        parts.push(create('line', { class: 'grid', x1: box.left, x2: box.right, y1: y(value), y2: y(value) }))
      parts.push(
        label(value.toFixed(scale.decimals), { x: box.left - 6, y: y(value) + 4, 'text-anchor': 'end' }),
      )
    }
    const stepMs = width < 500 ? 240_000 : 120_000
    for (let at = Math.ceil((end - spanMs) / stepMs) * stepMs; at <= end; at += stepMs) {
      parts.push(create('line', { class: 'grid', x1: x(at), x2: x(at), y1: box.top, y2: box.bottom }))
      const text = new Date(at).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
      const anchor = x(at) > box.right - 20 ? 'end' : x(at) < box.left + 20 ? 'start' : 'middle'
      parts.push(label(text, { x: x(at), y: height - 5, 'text-anchor': anchor }))
    }
    for (const bound of [scale.alarmLow, scale.alarmHigh]) {
      if (bound === undefined || bound < scale.low || bound > scale.high) continue
      parts.push(create('line', { class: 'bound', x1: box.left, x2: box.right, y1: y(bound), y2: y(bound) }))
    }
    if (history.setpoints[name])
      parts.push(create('path', { class: 'target', d: path(history.setpoints[name]) }))
    parts.push(create('path', { class: 'curve', d: path(history.values[name]) }))
    svg.replaceChildren(...parts)
  }

  void loadJournal()
  if (document.body.dataset.page === 'trend') {
    void loadTrend()
    addEventListener('resize', drawTrend)
  }
  connect()
})()
