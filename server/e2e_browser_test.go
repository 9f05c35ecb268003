package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestBrowser has two persons use a real application behind the edge, as
// browsers do: over HTTP/2, the WebSocket included.
func TestBrowser(t *testing.T) {
	upstreams(t, func(t *testing.T, p *process) {
		b := startChromium(t)
		sessions := make(map[string]bool)
		for i := range 2 {
			if i > 0 {
				b.person()
			}
			b.open(p.url + "/")
			checkPage(t, b, i > 0)
			session := checkSession(t, b)
			if sessions[session] {
				t.Errorf("two persons have the session %q", session)
			}
			sessions[session] = true
			checkUpload(t, b)
			checkEvents(t, b)
			checkSocket(t, b)
		}
		if n := p.sum("hotpath_requests_total", `protocol="h1"`); n != 0 {
			t.Errorf("%v requests came over HTTP/1.1", n)
		}
		if n := p.asked("/assets/style.css"); n != 1 {
			t.Errorf("the application was asked %d times for its style", n)
		}
	})
}

// checkPage checks that the page has loaded with all that belongs to it, from
// memory if another client had it before.
func checkPage(t *testing.T, b *chromium, again bool) {
	t.Helper()
	var page struct {
		Title, Text, Color string
		Image              int
		Protocols          map[string]string
		Status             string
	}
	b.evaluate(`new Promise(done => {
		const look = async () => {
			const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
			done({
				Title: document.title,
				Text: document.getElementById('page').textContent,
				Color: getComputedStyle(document.querySelector('h1')).color,
				Image: document.querySelector('img').naturalWidth,
				Protocols: Object.fromEntries(all.map(e => [new URL(e.name).pathname, e.nextHopProtocol])),
				Status: (await fetch('/assets/style.css', { headers: { 'x-another': 'request' } })).headers.get('cache-status') ?? 'none',
			})
		}
		document.readyState === 'complete' ? look() : addEventListener('load', () => setTimeout(look))
	})`, &page)
	if page.Title != "The application" || page.Text != "ready" || page.Color != "rgb(5, 66, 123)" || page.Image == 0 {
		t.Errorf("the page is %+v", page)
	}
	for _, path := range []string{"/", "/assets/style.css", "/assets/script.js", "/assets/icon.svg"} {
		if page.Protocols[path] != "h2" {
			t.Errorf("%s came over %q, want h2", path, page.Protocols[path])
		}
	}
	if again && !strings.Contains(page.Status, "; hit") {
		t.Errorf("the style sheet came with Cache-Status %q", page.Status)
	}
}

// checkSession gets a session, and returns the name that the application gives it.
func checkSession(t *testing.T, b *chromium) string {
	t.Helper()
	var said struct{ First, Second, Who string }
	b.evaluate(`(async () => {
		const text = async path => (await fetch(path)).text()
		const First = await text('/session')
		return { First, Second: await text('/session?again'), Who: await text('/whoami') }
	})()`, &said)
	if said.First != "new" || said.Second == "" || said.Who != "session="+said.Second {
		t.Errorf("the application says %+v", said)
	}
	return said.Second
}

func checkUpload(t *testing.T, b *chromium) {
	t.Helper()
	var said struct {
		Want, Got string
		Size      int
	}
	b.evaluate(fmt.Sprintf(`(async () => {
		const content = new Uint8Array(%d)
		for (let at = 0; at < content.length; at += 65536) crypto.getRandomValues(content.subarray(at, at + 65536))
		const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', content))
		const answer = await (await fetch('/upload', { method: 'POST', body: content })).json()
		return { Want: Array.from(sum, b => b.toString(16).padStart(2, '0')).join(''), Got: answer.sum, Size: answer.size }
	})()`, uploadBytes), &said)
	if said.Want != said.Got || said.Size != uploadBytes {
		t.Errorf("the application has got %+v", said)
	}
}

// checkEvents checks that events arrive one by one.
func checkEvents(t *testing.T, b *chromium) {
	t.Helper()
	var events [][2]float64 // made, arrived
	b.evaluate(`new Promise(done => {
		const all = []
		const source = new EventSource('/events')
		source.onmessage = e => {
			all.push([Number(e.data), Date.now()])
			document.getElementById('events').textContent = all.length
		}
		source.onerror = () => { source.close(); done(all) }
	})`, &events)
	if len(events) != 5 {
		t.Fatalf("%d events", len(events))
	}
	for i := range 3 {
		if events[i][1] >= events[i+2][0] {
			t.Errorf("event %d arrived %v ms after it was made", i, events[i][1]-events[i][0])
		}
	}
}

// checkSocket sends messages through a WebSocket, which is a stream of the
// connection that there is (RFC 8441).
func checkSocket(t *testing.T, b *chromium) {
	t.Helper()
	var said struct {
		Greeting, Text, Large, Binary string
		Code                          int
		Clean                         bool
	}
	b.evaluate(`new Promise((done, failed) => {
		const socket = new WebSocket('wss://' + location.host + '/socket')
		socket.binaryType = 'arraybuffer'
		const large = 'x'.repeat(300000), said = {}
		socket.onerror = () => failed(new Error('the WebSocket has failed after ' + JSON.stringify(said)))
		const steps = [
			data => { said.Greeting = data; socket.send('hello') },
			data => { said.Text = data; socket.send(large) },
			data => { said.Large = data === large ? 'the same' : data.length + ' characters'; socket.send(new Uint8Array([1, 2, 255])) },
			data => {
				said.Binary = String(new Uint8Array(data))
				document.getElementById('socket').textContent = 'open'
				socket.close(1000, 'bye')
			},
		]
		socket.onmessage = e => steps.shift()(e.data)
		socket.onclose = e => done({ ...said, Code: e.code, Clean: e.wasClean })
	})`, &said)
	if said.Greeting != "via 2.0 hotpath" {
		t.Errorf("the application was asked with %q, want over HTTP/2", said.Greeting)
	}
	if said.Text != "hello" || said.Large != "the same" || said.Binary != "1,2,255" || said.Code != 1000 || !said.Clean {
		t.Errorf("the WebSocket: %+v", said)
	}
}
