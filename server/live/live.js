
// Shows the event stream of /live: sample.go says what is in a sample. All figures are
// of one moment: the latest, or the one under the cursor of a chart.
{
  const facts = JSON.parse(document.getElementById('facts').textContent)
  const samples = [] // the oldest first; if some are missing, one without figures
  const at = { index: null } // of the sample under the cursor; null: the latest

  // figures are what stands large, of what, how full its bar is, and a note.
  const figures = {
    rate: { text: s => perSecond(s.rate) },
    mean: { text: s => duration(s.mean), missed: s => s.mean > facts.latency },
    p99: { text: s => duration(s.p99) },
    p50: { text: s => duration(s.p50) },
    hits: {
      text: s => percent(s.hits),
      note: s => `${count(s.cache_entries)} of ${count(facts.cache_entries)} entries, ${bytes(s.cache_bytes)} of ${bytes(facts.cache_bytes)}`,
    },
    server_errors: {
      text: s => percent(s.server_errors), missed: s => s.server_errors > 0,
      note: s => s.client_errors == null ? '' : `and ${percent(s.client_errors)} 4xx`,
    },
    permits_used: {
      text: s => count(s.permits_used), of: s => `of ${count(s.permits)}`, bar: s => s.permits_used / s.permits,
      missed: s => s.refused > 0,
      note: ({ connections: c, refused }) => [['h3', c.h3], ['h2', c.h2], ['h1', c.h1], ['in handshake', c.handshake]]
        .filter(([, n]) => n > 0).map(([name, n]) => `${count(n)} ${name}`).concat(refused > 0 ? `${count(refused)}/s refused` : []).join(', '),
    },
    memory: {
      text: s => bytes(s.memory), of: () => facts.memory_limit ? `of ${bytes(facts.memory_limit)}` : '', bar: s => facts.memory_limit ? s.memory / facts.memory_limit : 0,
      note: s => `${bytes(s.heap)} in objects` + (facts.memory_limit ? '' : '; no limit is set'),
    },
    cpu: {
      text: s => s.cpu.toFixed(2), of: () => `of ${facts.cores} cores`, bar: s => s.cpu / facts.cores,
      note: s => s.cpu_request != null && s.rate >= 1 ? `${duration(s.cpu_request)} a request` : '',
    },
    sent: { text: s => bytes(s.sent) + '/s', note: s => `received ${bytes(s.received)}/s` },
  }
  const all = name => document.querySelectorAll(`[data-${name}]`)

  // write puts a text such as "2.41ms" into a place for large figures.
  const write = (place, text) => {
    const number = text.match(/^[\d.,–]*/)[0]
    if (place.dataset.text === text) return
    place.dataset.text = text
    place.replaceChildren(number, element('small', {}, text.slice(number.length).trim()))
  }

  // show shows a sample everywhere.
  const show = s => {
    const known = (f, key) => s.state !== undefined && s[key] != null ? f(s) : none
    for (const place of all('figure')) {
      const key = place.dataset.figure
      write(place, known(figures[key].text, key))
      place.classList.toggle('missed', s.state !== undefined && !!figures[key].missed?.(s))
    }
    for (const place of all('of')) put(place, s.state === undefined ? '' : figures[place.dataset.of].of?.(s) ?? '')
    for (const place of all('bar')) {
      place.style.width = s.state === undefined ? 0 : Math.min(1, figures[place.dataset.bar].bar(s)) * 100 + '%'
    }
    for (const place of all('note')) {
      const key = place.dataset.note
      put(place, (notes[key] ?? (s.state === undefined ? () => '' : figures[key].note))(s))
    }
  }

  // notes are about all that is kept, and about the window of a sample that is longer
  // than its second.
  const whole = key => samples.filter(s => s[key] != null)
  const over = s => s.rate > 0 && s.window > 1 ? `over ${s.window} s; ` : ''
  const notes = {
    rate: s => `${over(s)}highest in ten minutes: ${perSecond(Math.max(0, ...whole('rate').map(s => s.rate)))}`,
    latency: s => {
      const busy = whole('mean')
      const held = busy.filter(s => s.mean <= facts.latency).length
      const share = held === busy.length ? 'always' : percent(held / busy.length) + ' of the time'
      return busy.length ? `mean within ${facts.latency} ms: ${share}` : ''
    },
  }

  // charts are lines by their keys. A bound is what was shown, or is aimed at; 0: none.
  const rates = v => v >= 1e6 ? short(v / 1e6) + 'M' : v >= 1e3 ? short(v / 1e3) + 'k' : String(+v.toFixed(2))
  const decades = (u, axis, min, max) => {
    const all = []
    for (let v = 10 ** Math.ceil(Math.log10(min) - 1e-9); v <= max; v *= 10) all.push(v)
    return all
  }
  const curve = (key, color, more) => ({ key, color, width: 2, ...more })
  const charts = [
    { id: 'rate', lines: [curve('rate', '--accent', { fill: true })], bound: facts.capacity, label: `${count(facts.capacity)}/s in a load test`, axis: rates },
    {
      id: 'latency', bound: facts.latency, label: facts.latency + ' ms', axis: v => duration(v, short), log: true,
      lines: [curve('p99', '--accent', { width: 1.25 }), curve('mean', '--ink', { dash: [4, 3], width: 1.5 }), curve('p50', '--blue', { width: 1.5 })],
    },
    { id: 'hits', lines: [curve('hits', '--blue', { fill: true })], most: 1 },
    { id: 'server_errors', lines: [curve('server_errors', '--missed', { fill: true })], least: .01 },
    { id: 'permits_used', lines: [curve('permits_used', '--blue', { fill: true })] },
    { id: 'memory', lines: [curve('memory', '--blue', { fill: true })] },
    { id: 'cpu', lines: [curve('cpu', '--blue', { fill: true })] },
    { id: 'sent', lines: [curve('sent', '--blue', { fill: true })] },
  ]

  class Chart {
    constructor({ id, lines, bound, label, axis, log, most, least = 0 }) {
      this.place = document.getElementById(id)
      this.keys = lines.map(l => l.key)
      const look = { stroke: () => css('--soft'), grid: { stroke: () => css('--faint'), width: 1 }, ticks: { show: false }, font: font(12, 1) }
      const reach = (u, min, max) => {
        if (log) return [10 ** Math.floor(Math.log10(Math.min(min ?? bound, bound))), Math.max(max ?? 0, bound) * 2]
        if (bound < 2.5 * max) max = Math.max(max, bound) // a bound far off would make the lines small
        return [0, most ? most * 1.05 : Math.max(max ?? 0, least) * 1.12 || 1]
      }
      this.plot = new uPlot({
        ...this.size(),
        legend: { show: false },
        padding: axis ? [16, 20, 0, 0] : [2, 0, 2, 0],
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
        scales: { x: { time: false, range: () => this.span() }, y: { distr: log ? 3 : 1, range: reach } },
        axes: [
          { ...look, show: !!axis, size: 28, space: 60, incrs: [60, 120, 300], values: (u, splits) => splits.map(v => ofDay(v * 1e3, false)) },
          { ...look, show: !!axis, size: 52, space: 40, ...log && { splits: decades }, values: (u, splits) => splits.map(v => v == null ? '' : axis(v)) },
        ],
        series: [{}, ...lines.map(l => ({
          stroke: () => css(l.color), width: axis ? l.width : 1.25, dash: l.dash,
          fill: l.fill && (() => css(l.color) + '1c'), points: { show: (u, _, from, to) => to === from, size: 5 },
        }))],
        hooks: { draw: [u => { bound && this.boundary(u, bound, label); this.place.dataset.drawn = samples.length }] },
      }, this.data(), this.place)
      this.plot.over.addEventListener('mousemove', e => look(this.plot.posToIdx(e.offsetX)))
      this.plot.over.addEventListener('mouseleave', () => look(null))
      this.place.addEventListener('keydown', e => this.key(e))
      new ResizeObserver(() => this.plot.setSize(this.size())).observe(this.place)
    }

    size() { return { width: this.place.clientWidth, height: this.place.clientHeight } }

    // span is all that can be kept, in s: lines come in from the right.
    span() {
      const last = (samples.at(-1)?.t ?? Date.now()) / 1e3
      return [last - facts.kept, last]
    }

    data() { return [samples.map(s => s.t / 1e3), ...this.keys.map(k => samples.map(s => s[k] ?? null))] }

    // boundary draws a bound across the chart, and says which way it lies if it
    // is outside.
    boundary(u, bound, label) {
      const { ctx, bbox: box } = u
      const ratio = devicePixelRatio
      const inside = bound <= u.scales.y.max
      const y = inside ? u.valToPos(bound, 'y', true) : box.top
      ctx.save()
      ctx.strokeStyle = ctx.fillStyle = css('--soft')
      ctx.lineWidth = 1.25 * ratio
      ctx.font = font(12, ratio)
      ctx.textAlign = 'left'
      ctx.textBaseline = 'alphabetic'
      if (inside) {
        ctx.setLineDash([6 * ratio, 4 * ratio])
        ctx.beginPath()
        ctx.moveTo(box.left, y)
        ctx.lineTo(box.left + box.width, y)
        ctx.stroke()
      }
      const text = [label + (inside ? '' : ' ↑'), box.left + 4 * ratio, y - 5 * ratio]
      ctx.setLineDash([])
      ctx.lineWidth = 4 * ratio
      ctx.lineJoin = 'round'
      ctx.strokeStyle = css('--paper')
      ctx.strokeText(...text) // so that it is read on top of lines
      ctx.fillText(...text)
      ctx.restore()
    }

    // point puts the cursor where all charts have it.
    point() {
      const left = at.index == null ? -10 : this.plot.valToPos(samples[at.index].t / 1e3, 'x')
      this.plot.setCursor({ left, top: Math.min(left, 1) }, false, false)
    }

    key(e) {
      const last = samples.length - 1
      const step = e.shiftKey ? 60 : 1
      const from = at.index ?? last
      const to = { ArrowRight: from + step, ArrowLeft: from - step, Home: 0, End: last }[e.key]
      if (e.key === 'Escape') look(null)
      if (to === undefined || last < 0) return
      e.preventDefault()
      look(Math.min(Math.max(to, 0), last))
      say(sentence(samples[at.index]))
    }
  }

  // look shows a moment, or with null the present.
  const look = index => {
    if (index === at.index || !samples.length) return
    at.index = index
    for (const c of drawn) c.point()
    refresh()
  }

  const status = document.getElementById('status')
  const stream = { state: 'waiting', text: 'connecting' }
  const refresh = () => {
    const s = at.index == null ? samples.at(-1) : samples[at.index]
    if (s) show(s)
    const past = at.index != null && stream.state !== 'lost'
    status.dataset.state = past ? 'past' : stream.state
    put(document.getElementById('state'), past ? 'at ' + ofDay(s.t) : stream.text)
    put(document.getElementById('moment'), s && stream.state === 'lost' ? 'last sample ' + ofDay(samples.at(-1).t) : '')
    document.body.classList.toggle('lost', stream.state === 'lost')
  }

  // say is for screen readers: once a minute, and what changes the picture.
  const said = document.getElementById('said')
  const say = text => put(said, text)
  const sentence = s => s.state === undefined ? `${ofDay(s.t)}: nothing is known`
    : `${ofDay(s.t)}: ${perSecond(s.rate)} requests per second` + (s.mean == null ? '' : `, mean ${duration(s.mean)}, 99th percentile ${duration(s.p99)}`)
  const turn = (state, text) => {
    if (stream.state === state && stream.text === text) return
    say(text)
    Object.assign(stream, { state, text })
    refresh()
  }

  const drawn = charts.map(c => new Chart(c))
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => drawn.forEach(c => c.plot.redraw(false)))

  // draw draws once for all samples that have come together.
  let due = false
  const draw = () => {
    if (due) return
    due = true
    requestAnimationFrame(() => {
      due = false
      for (const c of drawn) c.plot.setData(c.data())
      queueMicrotask(() => drawn.forEach(c => c.point())) // behind uPlot's own: the moment has moved
      refresh()
      put(document.getElementById('up'), age(samples.at(-1).t - facts.start))
      if (minutes.open) tabulate()
    })
  }

  const add = s => {
    const last = samples.at(-1)
    if (last && s.t <= last.t) return // sent again
    if (last && s.t - last.t > 2500) samples.push({ t: last.t + 1000 })
    samples.push(s)
    while (samples[0].t <= s.t - facts.kept * 1e3) {
      samples.shift()
      if (at.index != null) at.index = Math.max(0, at.index - 1)
    }
    if (!last || Math.floor(s.t / 60e3) !== Math.floor(last.t / 60e3)) say(sentence(s))
  }

  // tabulate writes a row for each minute, the latest first.
  const minutes = document.getElementById('minutes')
  const tabulate = () => {
    const rows = new Map()
    for (const s of samples) {
      const m = Math.floor(s.t / 60e3)
      rows.set(m, [...rows.get(m) ?? [], s])
    }
    const mean = (list, key, by = () => 1) => {
      const known = list.filter(s => s[key] != null)
      const weight = known.reduce((sum, s) => sum + by(s), 0)
      return weight ? known.reduce((sum, s) => sum + s[key] * by(s), 0) / weight : null
    }
    const cell = (v, write) => v == null ? none : write(v)
    minutes.querySelector('tbody').replaceChildren(...[...rows].reverse().map(([m, list]) => element('tr', {},
      element('th', { scope: 'row' }, ofDay(m * 60e3, false)),
      ...[
        cell(mean(list, 'rate'), perSecond),
        cell(mean(list, 'mean', s => s.rate), duration),
        cell(list.reduce((most, s) => s.p99 > (most ?? -1) ? s.p99 : most, null), duration),
        cell(mean(list, 'hits', s => s.rate), percent),
        cell(mean(list, 'server_errors', s => s.rate), percent),
        cell(mean(list, 'permits_used'), count),
        cell(mean(list, 'memory'), bytes),
        cell(mean(list, 'cpu'), v => v.toFixed(2)),
      ].map(text => element('td', {}, text)))))
  }
  minutes.addEventListener('toggle', () => minutes.open && tabulate())

  // The browser connects again by itself, but not after a refusal. While
  // the page is hidden, the place is free for another.
  let source, retry
  const connect = () => {
    clearTimeout(retry)
    source?.close()
    if (document.hidden) return
    source = new EventSource('/live')
    source.addEventListener('start', e => {
      if (+e.data === facts.start) return
      facts.start = +e.data // samples from before stay on the page
      document.getElementById('restarted').hidden = false
    })
    source.addEventListener('sample', e => {
      const s = JSON.parse(e.data)
      add(s)
      turn(s.state === 'ready' ? 'ready' : 'waiting', s.state)
      draw()
    })
    source.addEventListener('keys', e => showKeys(JSON.parse(e.data)))
    source.addEventListener('state', e => showState(JSON.parse(e.data)))
    source.addEventListener('log', e => entries('log', JSON.parse(e.data)))
    source.addEventListener('notes', e => entries('notes', JSON.parse(e.data)))
    source.addEventListener('error', () => {
      const refused = source.readyState === EventSource.CLOSED
      turn('lost', refused ? 'refused: other pages take all places, or the token is wrong' : 'stream lost, connecting again')
      if (refused) retry = setTimeout(connect, 5000)
    })
  }
  document.addEventListener('visibilitychange', connect)
  connect()
}
