'use strict'

// Draws the charts that the page holds as JSON: chart.go says what is in it.
// Those over time share a cursor.
{
  // units write a value for the legend, and for an axis if that is shorter.
  const thousands = v => v >= 1e6 ? short(v / 1e6) + 'M' : v >= 1e3 ? short(v / 1e3) + 'k' : String(+v.toFixed(2))
  const units = {
    time: { value: s => 'at ' + clock(s), axis: clock },
    duration: { value: v => duration(v), axis: v => duration(v, short) },
    rate: { value: rate, axis: thousands },
    count: { value: v => v.toLocaleString('en-US'), axis: thousands },
    percentile: {
      value: x => (100 - 100 * 10 ** -x).toFixed(Math.max(0, Math.floor(x))) + '%',
      axis: x => (100 - 100 * 10 ** -x).toFixed(Math.max(0, x - 2)) + '%',
    },
  }

  // styles are the looks of lines: none differs from another by colour alone.
  const styles = {
    max: { color: '--gray', width: 1, dash: [2, 3] },
    p999: { color: '--purple', width: 1.25, dash: [7, 3] },
    p99: { color: '--accent', width: 2 },
    mean: { color: '--ink', width: 1.25, dash: [4, 3] },
    p50: { color: '--blue', width: 2 },
    asked: { color: '--gray', width: 1.5, dash: [5, 4] },
    answered: { color: '--blue', width: 1.25, dash: [7, 3] },
    reached: { color: '--accent', width: 2 },
    count: { color: '--blue', bars: true },
    '2xx': { color: '--met', bars: true },
    '3xx': { color: '--gray', bars: true },
    '4xx': { color: '--declined', bars: true },
    '5xx': { color: '--missed', bars: true },
    failed: { color: '--failed', bars: true },
  }
  const states = { met: '--met', missed: '--missed', '': '--soft' }

  // swatch is the line as it is drawn, for the legend.
  const swatch = style => {
    const ns = 'http://www.w3.org/2000/svg' // a name, never loaded
    const svg = document.createElementNS(ns, 'svg')
    const line = document.createElementNS(ns, style.bars ? 'rect' : 'line')
    const look = style.bars
      ? { x: 1, y: 1, width: 10, height: 10, fill: `var(${style.color})` }
      : { x1: 0, y1: 6, x2: 24, y2: 6, stroke: `var(${style.color})`, 'stroke-width': style.width + .5, 'stroke-dasharray': (style.dash || []).join(' ') }
    svg.setAttribute('viewBox', style.bars ? '0 0 12 12' : '0 0 24 12')
    if (style.bars) svg.setAttribute('class', 'bar')
    svg.setAttribute('aria-hidden', 'true')
    for (const [key, v] of Object.entries(look)) line.setAttribute(key, v)
    svg.append(line)
    return svg
  }

  // bars are the unit of an axis on which each bar is one further: it is of a span.
  const bars = edges => ({
    value: i => duration(edges[i]) + ' to ' + duration(edges[i + 1]),
    axis: i => edges[i] == null ? '' : duration(edges[i], short),
  })

  class Chart {
    constructor(figure, data) {
      this.figure = figure
      this.data = data
      this.x = data.edges ? bars(data.edges) : units[data.x_unit]
      this.log = data.log
      this.place = figure.querySelector('.plot')
      this.legend = figure.querySelector('.legend')
      this.hidden = new Set()
      this.at = null // index of the cursor
      figure.hidden = false
      this.makeLegend()
      this.draw()
      this.place.addEventListener('keydown', e => this.key(e))
      // Screen readers announce every value only while the keyboard moves the cursor.
      this.place.addEventListener('focus', () => this.legend.setAttribute('aria-live', 'polite'))
      this.place.addEventListener('blur', () => this.legend.removeAttribute('aria-live'))
      new ResizeObserver(() => this.resize(this.place.clientWidth)).observe(this.place)
    }

    makeLegend() {
      this.values = this.data.series.map((s, i) => {
        const text = element('span', { class: 'value' })
        const button = element('button', { type: 'button', 'aria-pressed': 'true' }, swatch(styles[s.style]), element('span', { class: 'name' }, s.name), text)
        button.addEventListener('click', () => {
          const show = this.hidden.delete(i)
          if (!show) this.hidden.add(i)
          button.setAttribute('aria-pressed', show)
          if (this.data.stack) this.draw()
          else this.plot.setSeries(i + 1, { show })
        })
        this.legend.append(button)
        return text
      })
      // Bounds are named here: beside their lines the names would be over the curves.
      for (const b of this.data.bounds) {
        const look = { color: states[b.state], width: 1.25, dash: [6, 4] }
        this.legend.append(element('span', { class: 'bound' }, swatch(look), element('span', {}, b.text + (b.state === 'missed' ? ' missed' : ''))))
      }
      this.legend.append(this.where = element('span', { class: 'value' }))
      if (this.data.y_unit === 'rate') return
      const toggle = element('button', { type: 'button', class: 'log', 'aria-pressed': this.log }, 'log axis')
      toggle.addEventListener('click', () => {
        this.log = !this.log
        toggle.setAttribute('aria-pressed', this.log)
        this.draw()
      })
      this.legend.append(toggle)
    }

    // tell writes the values under the cursor into the legend.
    tell(at) {
      this.at = at
      const { data } = this
      this.where.textContent = at == null ? '' : this.x.value(data.x[at])
      data.series.forEach((s, i) => {
        const v = at == null ? null : s.y[at]
        this.values[i].textContent = v == null ? '' : units[data.y_unit].value(v)
      })
    }

    key(e) {
      const last = this.data.x.length - 1
      const step = e.shiftKey ? Math.ceil(last / 20) : 1
      const from = this.at ?? (e.key === 'ArrowLeft' ? last + 1 : -1)
      const to = { ArrowRight: from + step, ArrowLeft: from - step, Home: 0, End: last }[e.key]
      if (e.key === 'Escape') {
        this.plot.setScale('x', this.span())
        this.plot.setCursor({ left: -10, top: -10 }, true, true)
      } else if (to !== undefined) {
        e.preventDefault()
        const at = Math.min(Math.max(to, 0), last)
        this.plot.setCursor({ left: this.plot.valToPos(this.data.x[at], 'x'), top: 1 }, true, true)
      }
    }

    // span is the whole of the x axis, wider than a single value.
    span() {
      const { x, held } = this.data
      const [min, max] = [x[0], x[x.length - 1]]
      if (min === max) return held ? { min: min * .9, max: max * 1.1 || 1 } : { min, max: max + 1 }
      // A bar stands on its span, which begins at its place.
      if (this.data.series.some(s => styles[s.style].bars)) return { min, max: max + (x[1] - min) }
      const margin = held ? (max - min) / 50 : 0 // marks are wider than lines
      return { min: min - margin, max: max + margin }
    }

    // reach is the range of the y axis: from the values, and the bounds if
    // they do not make them small.
    reach(min, max) {
      if (min == null) return this.log ? [1, 10] : [0, 1]
      const near = this.data.bounds.map(b => b.y).filter(y => y > 0 && (this.log ? y < 30 * max && y > min / 30 : y < 2.5 * max))
      min = Math.min(min, ...near)
      max = Math.max(max, ...near)
      if (!this.log) return [0, max * 1.08 || 1]
      const below = 10 ** Math.floor(Math.log10(min * .95))
      const above = 10 ** Math.floor(Math.log10(max))
      return [Math.floor(min * .95 / below) * below, Math.ceil(max * 1.1 / above) * above]
    }

    draw() {
      this.plot?.destroy()
      const { data } = this
      const y = v => this.log && !(v > 0) ? null : v
      this.plot = new uPlot(this.options(), [data.x, ...this.heights().map(s => s.map(y))], this.place)
      this.tell(null)
    }

    // heights are up to where each series is drawn: in a stack from the floor that
    // those behind it make, as far as they are shown.
    heights() {
      const { series, stack } = this.data
      if (!stack) return series.map(s => s.y)
      let floor = series[0].y.map(() => 0)
      const tops = []
      this.floors = []
      for (let i = series.length - 1; i >= 0; i--) {
        const below = floor
        this.floors[i] = below
        tops[i] = series[i].y.map((v, at) => v == null ? null : below[at] + v)
        if (!this.hidden.has(i)) floor = tops[i].map((v, at) => v ?? below[at])
      }
      return tops
    }

    options() {
      const { data } = this
      const narrow = this.place.clientWidth < 600
      const axis = { stroke: () => css('--soft'), grid: { stroke: () => css('--faint'), width: 1 }, ticks: { show: false }, font: font(12, 1) }
      const o = {
        width: this.place.clientWidth,
        height: narrow ? 230 : 300,
        legend: { show: false },
        padding: [20, data.edges ? 32 : narrow ? 12 : 20, 0, 0], // the last edge of bars has its figure at the end
        cursor: { y: false, points: { size: 7, show: !data.stack && !data.edges }, drag: { x: true, y: false, dist: 8 } },
        scales: {
          x: { time: false, range: (u, min, max) => data.x.length === 1 || min === data.x[0] && max === data.x[data.x.length - 1] ? [this.span().min, this.span().max] : [min, max] },
          y: { distr: this.log ? 3 : 1, range: (u, min, max) => this.reach(min, max) },
        },
        axes: [
          { ...axis, size: 32, space: narrow ? 50 : 70, ...this.xSteps(), values: (u, splits) => splits.map(this.x.axis) },
          { ...axis, size: narrow ? 48 : 60, space: 36, values: (u, splits) => splits.map(v => v == null ? '' : units[data.y_unit].axis(v)) },
        ],
        series: [{}, ...data.series.map((s, i) => this.line(s, i))],
        hooks: { setCursor: [u => this.tell(u.cursor.idx)], draw: [u => this.overlay(u)] },
      }
      if (data.x_unit === 'time') o.cursor.sync = { key: 'time' }
      return o
    }

    // xSteps says where the x axis has its figures.
    xSteps() {
      const steps = { // in seconds, such as a clock has
        time: [.01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400],
        rate: undefined,
        bar: [1, 2, 5, 10, 20],
        percentile: [1, 2, 3, 4, 5],
      }[this.data.x_unit]
      return steps ? { incrs: steps } : {}
    }

    line(s, i) {
      const style = styles[s.style]
      const few = (u, _, from, to) => to - from < 24 // few enough to be seen as what they are
      const color = () => css(style.color)
      const line = { label: s.name, show: !this.hidden.has(i), stroke: color, width: style.width, dash: style.dash, points: { show: few, size: 5, fill: color } }
      if (style.bars) {
        const disp = { y0: { unit: 1, values: () => this.floors[i] }, y1: { unit: 1, values: u => u.data[i + 1] } }
        const paths = uPlot.paths.bars({ size: [.8, 24], align: 1, ...this.data.stack && { disp } })
        return { ...line, fill: color, width: 0, paths, points: { show: false } }
      }
      if (this.data.held) line.points = { show: false } // see overlay
      return line
    }

    // overlay draws bounds over the lines and, if there are any, verdicts.
    overlay(u) {
      const { ctx } = u
      const ratio = devicePixelRatio
      const box = u.bbox
      ctx.save()
      ctx.beginPath()
      ctx.rect(box.left, box.top - 20 * ratio, box.width + 20 * ratio, box.height + 20 * ratio)
      ctx.clip()
      ctx.lineWidth = 1.25 * ratio
      for (const b of this.data.bounds) {
        ctx.strokeStyle = ctx.fillStyle = css(states[b.state])
        this.bound(u, b, ratio)
      }
      if (this.data.held) this.verdicts(u, ratio)
      ctx.restore()
      this.figure.dataset.drawn = this.data.x.length
    }

    // bound draws a line across, one upright, or both with a mark where they meet.
    bound(u, b, ratio) {
      const { ctx, bbox: box } = u
      const x = b.x == null ? null : u.valToPos(b.x, 'x', true)
      const y = b.y == null ? null : u.valToPos(b.y, 'y', true)
      const outside = y != null && !(y >= box.top - 1 && y <= box.top + box.height + 1)
      ctx.setLineDash([6 * ratio, 4 * ratio])
      ctx.beginPath()
      if (y != null && !outside) {
        ctx.moveTo(box.left, y)
        ctx.lineTo(box.left + box.width, y)
      }
      if (y == null) {
        ctx.moveTo(x, box.top)
        ctx.lineTo(x, box.top + box.height)
      }
      ctx.stroke()
      ctx.setLineDash([])
      if (x != null && y != null && !outside) {
        ctx.beginPath()
        ctx.arc(x, y, 4 * ratio, 0, 2 * Math.PI)
        ctx.stroke()
      }
    }

    // verdicts marks every value: a disc if the objectives held, a cross
    // if not.
    verdicts(u, ratio) {
      const { ctx } = u
      ctx.lineWidth = 2 * ratio
      this.data.series.forEach((s, i) => {
        if (this.hidden.has(i)) return
        ctx.strokeStyle = ctx.fillStyle = css(styles[s.style].color)
        s.y.forEach((v, k) => {
          if (v == null || this.log && !(v > 0)) return
          const [x, y, r] = [u.valToPos(this.data.x[k], 'x', true), u.valToPos(v, 'y', true), 4 * ratio]
          ctx.beginPath()
          if (this.data.held[k]) {
            ctx.arc(x, y, r, 0, 2 * Math.PI)
            ctx.fill()
          } else {
            ctx.moveTo(x - r, y - r)
            ctx.lineTo(x + r, y + r)
            ctx.moveTo(x - r, y + r)
            ctx.lineTo(x + r, y - r)
            ctx.stroke()
          }
        })
      })
    }

    resize(width) {
      if (width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: this.plot.height })
    }
  }

  const charts = JSON.parse(document.getElementById('data').textContent || '[]') || []
  const drawn = charts.map(data => new Chart(document.getElementById(data.id), data))
  const redraw = () => drawn.forEach(c => c.plot.redraw(false))
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw)

  // On paper the page is light and as wide as the sheet.
  const sheet = 680
  addEventListener('beforeprint', () => {
    root.classList.add('printing')
    drawn.forEach(c => c.resize(sheet))
    redraw()
  })
  addEventListener('afterprint', () => {
    root.classList.remove('printing')
    drawn.forEach(c => c.resize(c.place.clientWidth))
    redraw()
  })
}
