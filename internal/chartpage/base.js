'use strict'

// How figures are written, and short hands for the document: for the scripts of
// all pages.

const three = v => v < 9.995 ? v.toFixed(2) : v < 99.95 ? v.toFixed(1) : v.toFixed(0)
const short = v => String(+three(v))

// clock writes seconds: "90s" as "1m30s".
const clock = s => {
  const whole = Math.floor(s + 1e-9)
  const [h, m] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  const rest = +(s - h * 3600 - m * 60).toFixed(2)
  return (h ? h + 'h' : '') + (m ? m + 'm' : '') + (rest || !whole ? rest + 's' : '')
}
const duration = (ms, digits = three) =>
  ms >= 60e3 ? clock(ms / 1e3)
    : ms >= 999.5 ? digits(ms / 1e3) + 's'
      : ms >= .9995 ? digits(ms) + 'ms'
        : ms > 0 ? digits(ms * 1e3) + 'µs' : '0'
const rate = v => (v < 100 ? +v.toFixed(1) : Math.round(v).toLocaleString('en-US')) + '/s'

const root = document.documentElement
const css = name => getComputedStyle(root).getPropertyValue(name).trim()
const font = (size, ratio) => `${size * ratio}px system-ui, sans-serif`
const element = (name, attributes, ...children) => {
  const e = document.createElement(name)
  for (const [key, v] of Object.entries(attributes)) e.setAttribute(key, v)
  e.append(...children)
  return e
}
