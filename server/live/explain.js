
// What is asked for, and not streamed: it is shown for who reads it.
{
  const ask = async path => {
    const answer = await fetch(path)
    if (!answer.ok) throw new Error((await answer.text()).trim())
    return answer.json()
  }

  const form = document.querySelector('#explain form')
  const explained = document.getElementById('explained')
  const row = (name, ...text) => element('div', {}, element('dt', {}, name), element('dd', {}, ...text))
  const heldRows = (h, several) => [
    row('stored', `status ${h.status}, ${bytes(h.bytes)}${several && h.selected ? ', the one for this request' : ''}`),
    ...h.codings ? [row('coded', h.codings.map(c => `${c.coding}, ${bytes(c.bytes)}`).join('; '))] : [],
    row('hits', String(h.hits)),
    ...h.file ? [row('file', `compared with the disk every ${seconds(h.lifetime_s)}`)] : [
      row('age', `${seconds(h.age_s)} of ${seconds(h.lifetime_s)}${h.lifetime_from ? ', from ' + h.lifetime_from : ''}`),
      row(h.fresh_s > 0 ? 'fresh' : 'stale', h.fresh_s > 0 ? `for ${seconds(h.fresh_s)} more`
        : `for ${seconds(-h.fresh_s)}; served so while it is revalidated for ${seconds(h.stale_while_revalidate_s)}, if the origin fails for ${seconds(h.stale_if_error_s)}`),
    ],
    ...h.tags?.length ? [row('tags', h.tags.join(', '))] : [],
    ...h.fields.length ? [row('fields', ...h.fields.flatMap((f, i) => i ? [element('br', {}), f] : [f]))] : [],
  ]
  const explanation = x => [
    element('p', { class: 'outcome' }, x.outcome),
    element('p', {}, x.because, x.reason ? element('small', {}, ' ' + x.reason) : ''),
    ...(x.assumed || []).map(sentence => element('p', {}, element('small', {}, 'Assumed: '), sentence)),
    element('dl', {}, ...[
      x.site && row('site', x.site), x.key && row('key', x.key), ...(x.keyed || []).map(text => row('in the key', text)),
      x.vary && row('vary', x.vary + (x.selecting ? '; the request has ' + x.selecting.join(', ') : '; the request has none of it')),
      x.purged && row('purged', 'last at ' + x.purged), x.not_stored && row('not stored', x.not_stored),
      x.last_miss && row('last miss', `${seconds(x.last_miss.ago_s)} ago${x.last_miss.query ? ', with ' + x.last_miss.query : ''}: ${x.last_miss.because} (${x.last_miss.reason})`),
      x.fetching_s && row('fetching', 'for ' + seconds(Math.round(x.fetching_s))),
    ].filter(Boolean)),
    ...x.stored.map(h => element('dl', { class: h.selected ? 'selected' : '' }, ...heldRows(h, x.vary))),
  ]
  form.addEventListener('submit', async e => {
    e.preventDefault()
    const question = new URLSearchParams({ url: form.elements.url.value })
    for (const name of ['field', 'client']) {
      if (form.elements[name].value) question.set(name, form.elements[name].value)
    }
    try {
      explained.replaceChildren(...explanation(await ask('/explain?' + question)))
    } catch (error) {
      explained.replaceChildren(element('p', { class: 'missed' }, error.message))
    }
  })
}
