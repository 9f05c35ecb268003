
// How the page writes figures, and fills its tables.

const none = '–' // of a time without a request
const count = v => Math.round(v).toLocaleString('en-US')
const perSecond = v => v === 0 || v >= 10 ? count(v) : String(+v.toFixed(v < .1 ? 3 : 2))
const percent = v => v === 0 || v === 1 ? v * 100 + '%'
  : v < .0001 ? '<0.01%'
  : v > .9995 ? (Math.floor(v * 1e4) / 100).toFixed(2) + '%' // 100 % is said of all alone
    : (v * 100).toFixed(v < .0995 ? 2 : 1) + '%'
const bytes = v => {
  let i = 0
  for (; v >= 1000 && i < 4; i++) v /= 1024
  return (i ? short(v) : v.toFixed(0)) + ' ' + ['B', 'KiB', 'MiB', 'GiB', 'TiB'][i]
}
const ofDay = (ms, seconds = true) => new Date(ms).toLocaleTimeString('en-GB', seconds ? {} : { hour: '2-digit', minute: '2-digit' })
const age = ms => {
  const m = Math.floor(ms / 60e3)
  const [d, h] = [Math.floor(m / 1440), Math.floor(m / 60) % 24]
  return d ? `${d} d ${h} h` : h ? `${h} h ${m % 60} min` : m ? `${m} min` : `${Math.max(0, Math.floor(ms / 1e3))} s`
}
const seconds = n => n < 120 ? n + ' s' : age(n * 1e3)
const times = n => n === 1 ? 'once' : count(n) + ' times'

const put = (e, text) => { if (e.textContent !== text) e.textContent = text }

// moment is a time of day, with its date if that is not today's.
const moment = ms => {
  const at = new Date(ms)
  return (at.toDateString() === new Date().toDateString() ? '' : at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' }) + ', ') + ofDay(ms)
}

// fill puts children into a place, and the focus back where it was.
const fill = (place, children) => {
  const all = () => [...place.querySelectorAll('a')]
  const focused = all().indexOf(document.activeElement)
  place.replaceChildren(...children)
  if (focused >= 0) all()[Math.min(focused, all().length - 1)]?.focus({ preventScroll: true })
}

// list fills the rows of a table, or the items of a list, which is hidden if there are
// none; then its text for that is shown. Rows that are the same stay.
const shown = new Map()
const list = (id, data, row) => {
  const text = new Date().toDateString() + JSON.stringify(data) // days that are left are of today
  if (shown.get(id) === text) return
  shown.set(id, text)
  const place = document.getElementById(id)
  const empty = document.getElementById(id + '-empty')
  empty.hidden = data.length > 0
  empty.textContent = empty.dataset.none || empty.textContent // it says so from the first state on
  place.hidden = data.length === 0
  fill(place.querySelector('tbody') ?? place, data.map(row))
}

// line is the row of a table: what it is about, and cells, each the text of a figure
// with what that is, for screens that have no room for a head.
const line = (head, ...cells) => element('tr', {}, element('th', { scope: 'row' }, ...[head].flat()),
  ...cells.map(([label, text, kind]) => element('td', { 'data-label': label, ...kind && { class: kind } }, ...[text].flat())))

// note is the small line below another.
const note = text => element('small', {}, text)

// coded is a text whose parts between backquotes are code.
const coded = text => text.split('`').map((part, i) => i % 2 ? element('code', {}, part) : part)
