
// Shows how things stand: state.go says what is in a state. All texts of clients and
// upstreams are put in as text, never as markup.

// marks stand before the words that say how something is: colour is not all that does.
const marks = { bad: '✕', warning: '▲', well: '●', begins: '◐' }
const marked = (level, text) => element('span', { class: 'mark ' + level }, element('span', { 'aria-hidden': 'true' }, marks[level]), ' ', text)

const showNotices = notices => list('notices', notices, n =>
  element('li', {}, element('a', { href: '#' + n.at }, marked(n.level, n.text))))

const showSites = s => {
  const sites = s.rest ? [...s.sites, { ...s.rest, name: `${count(s.rest_sites)} more` }] : s.sites
  list('sites', sites, site => line(site.name,
    ['requests/s', perSecond(site.rate)],
    ['requests', count(site.requests)],
    ['hit ratio', site.hits == null ? none : percent(site.hits)],
    ['4xx', count(site.client_errors)],
    ['5xx', site.server_errors ? marked('bad', count(site.server_errors)) : '0']))
}

const states = {
  up: u => marked('well', 'up'),
  starting: u => marked('begins', 'up, less than its share yet'),
  ejected: u => marked('bad', `ejected for ${seconds(u.ejected)} more`),
  unhealthy: u => marked('bad', 'unhealthy, by its checks'),
}
const showUpstreams = s => {
  const more = document.getElementById('upstreams-more')
  more.hidden = !s.unshown_upstreams
  put(more, `${count(s.unshown_upstreams)} more are not shown: those above are the least well.`)
  list('upstreams', s.upstreams, u => line(
    [u.url, note(u.site), ...u.failed_at ? [note(`last failure ${moment(u.failed_at)}: ${u.failure}`)] : []],
    ['state', states[u.state](u)],
    ['in flight', count(u.in_flight)],
    ['waiting', count(u.queued)],
    ['failures', `${count(u.failures)} of ${count(u.fetches)} fetches`]))
}

const showReasons = reasons => list('reasons', reasons, r => line([r.because, note(r.reason)], ['answers', count(r.count)]))

// path is a path, and leads to its explanation if it is a whole URL's.
const path = p => {
  if (!p.url) return p.path
  const link = element('a', { href: '#explain' }, p.path)
  link.addEventListener('click', () => { document.forms[0].elements.url.value = p.url })
  return link
}
const showMisses = paths => list('misses', paths, p => line(
  [path(p), note(p.because + (p.values > 1 ? ` About ${count(p.keys)} keys; ${p.part} has about ${count(p.values)} values.` : ''))],
  ['misses', count(p.misses)]))
const showSlowest = paths => list('slowest', paths, p => line(
  [path(p), note(p.site)],
  ['longest', duration(p.longest_ms)], ['mean', duration(p.mean_ms)], ['fetches', count(p.fetches)]))

const showLimits = limits => list('limits', limits, l => element('li', {},
  element('p', { class: 'what' }, l.recent && !l.ordinary ? marked('warning', l.short) : l.short),
  element('p', { class: 'when' }, `${l.recent ? times(l.recent) : 'not'} in the last minutes, ${times(l.count)} since the start` + (l.last ? `, last at ${moment(l.last)}` : '')),
  element('p', {}, ...coded(l.means)),
  element('p', {}, element('b', {}, 'Do: '), ...coded(l.do)),
  element('p', { class: 'when' }, element('code', {}, l.name))))

const remains = at => {
  const days = (at * 1e3 - Date.now()) / 864e5
  const text = days < 0 ? 'expired' : days < 1 ? 'less than a day' : Math.floor(days) === 1 ? '1 day' : `${count(Math.floor(days))} days`
  return marked(days < 3 ? 'bad' : days < 14 ? 'warning' : 'well', text)
}
const showCertificates = c => {
  list('certificates', c.ends, e => line(e.name,
    ['ends', new Date(e.at * 1e3).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })], ['left', remains(e.at)]))
  list('broken', c.broken ?? [], b => line([b.file], ['problem', marked('warning', b.problem), 'text']))
  const acme = document.getElementById('acme')
  acme.hidden = !c.acme
  put(acme, `ACME: ${count(c.acme)} names, ${c.acme_missing ? count(c.acme_missing) + ' of them without a certificate' : 'all with a certificate'}.`)
}

const showChanges = s => {
  const outcomes = s.reloads.outcomes.filter(o => o.count).map(o => `${count(o.count)} ${o.name}`).join(', ')
  const rows = [
    ['in use since', moment(s.reloads.loaded * 1e3)],
    ['reloads', (outcomes || 'none') + (s.reloads.refused ? `; last refused at ${moment(s.reloads.refused * 1e3)}` : '')],
    ['purged', (s.purges ?? []).map(p => `${count(p.count)} by ${p.name}`).join(', ') || 'nothing'],
  ]
  fill(document.getElementById('changes'), rows.map(([name, text]) => element('div', {}, element('dt', {}, name), element('dd', {}, text))))
}

const showState = s => {
  for (const place of document.querySelectorAll('[data-span]')) put(place, s.span < 90 ? `last ${s.span} s` : `last ${Math.round(s.span / 60)} min`)
  showNotices(s.notices ?? [])
  showSites(s)
  showUpstreams({ ...s, upstreams: s.upstreams ?? [] })
  showReasons(s.reasons ?? [])
  showMisses(s.misses ?? [])
  showSlowest(s.slowest ?? [])
  showLimits(s.limits ?? [])
  showCertificates(s.certificates)
  showChanges(s)
}

const showKeys = keys => list('keys', keys, ({ key, share }) => {
  const bar = element('div', {})
  bar.style.width = share / keys[0].share * 100 + '%'
  return line(key, ['share', [element('div', { class: 'bar', 'aria-hidden': 'true' }, bar), percent(share)]])
})

// entries shows those of the log, or notes, the latest first.
const entries = (id, all) => list(id, all.reverse(), ({ t, level, message, details }) => element('tr', {},
  element('th', { scope: 'row' }, moment(t)),
  ...id === 'log' ? [element('td', { class: level === 'ERROR' ? 'missed' : '' }, level)] : [],
  element('td', {}, message, ' ', element('small', {}, details))))
