package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// browser is a headless Chromium with one page.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu      sync.Mutex
	console []string // what scripts, the policy and the network had to say
	urls    []string // of all requests
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	testkit.Need(t, "chromium")
	profile, err := os.MkdirTemp(scratch, "chromium")
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	return b
}

// note keeps events; chromedp calls it one at a time, on a goroutine of its own.
func (b *browser) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		for _, arg := range e.Args {
			b.console = append(b.console, fmt.Sprintf("%s: %s", e.Type, arg.Value))
		}
	case *runtime.EventExceptionThrown:
		b.console = append(b.console, e.ExceptionDetails.Text+" "+e.ExceptionDetails.Exception.Description)
	case *log.EventEntryAdded:
		b.console = append(b.console, fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *network.EventRequestWillBeSent:
		b.urls = append(b.urls, e.Request.URL)
	}
}

// logged returns the console's lines since the last call.
func (b *browser) logged() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := b.console
	b.console = nil
	return lines
}

// do does things in order, each of which may take as long as a busy machine
// needs.
func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

func call[P, R any](b *browser, command cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		b.t.Fatal(err)
	}
}

// part runs a part of the test, which the browser's failures are then of.
func (b *browser) part(t *testing.T, name string, f func(*testing.T)) {
	t.Run(name, func(part *testing.T) {
		b.t = part
		defer func() { b.t = t }()
		f(part)
	})
}

// text is what a script evaluates to.
func (b *browser) text(script string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("String("+script+")"))
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// until waits until a script evaluates to true.
func (b *browser) until(what, script string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](script, chromedp.WithPollingTimeout(patience))); err != nil {
		b.t.Fatalf("waiting for %s: %v; the page says:\n%s", what, err, b.text("document.body.innerText"))
	}
}

// load asks for hits, misses and what does not exist until the test ends.
func (p *process) load() {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	var workers sync.WaitGroup
	p.t.Cleanup(func() { cancel(); workers.Wait() })
	for range 4 {
		c := p.client("h2")
		workers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				path := "/bench/1k.txt"
				if n%100 == 99 {
					path = "/nothing/" + strconv.Itoa(n)
				}
				if r, err := c.Get(p.url + path); err == nil {
					r.Body.Close()
				}
			}
		})
	}
}

// hitLimit sends a request with more fields than may be.
func (p *process) hitLimit() {
	p.t.Helper()
	request, err := http.NewRequest("GET", p.url+"/", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("X-Large", strings.Repeat("x", 20<<10))
	r, err := p.client("http/1.1").Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		p.t.Fatalf("too many fields are answered with %s", r.Status)
	}
}

// askAsIs sends a request for a path as it stands.
func (p *process) askAsIs(path string) {
	p.t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "https://"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path); err != nil {
		p.t.Fatal(err)
	}
	if answer, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 404") {
		p.t.Fatalf("%s is answered with %.40q, %v", path, answer, err)
	}
}

// TestLivePage opens the page under load as an operator does: figures and charts
// move, a reload has what was there, keyboard and table work, the policy holds,
// nothing comes from elsewhere, and a server that was away is found again.
func TestLivePage(t *testing.T) {
	b := startBrowser(t)
	p := start(t, "-cache-entries", "512")
	p.load()
	b.do(chromedp.Navigate(p.admin + "/"))

	const (
		state = `document.getElementById('status').dataset.state`
		drawn = `+document.getElementById('rate').dataset.drawn`
		shown = `document.querySelector('[data-figure=rate]').dataset.text`
	)
	b.until("figures", state+` === 'ready' && `+drawn+` >= 3 && /^[1-9]/.test(`+shown+`)`)
	first := b.text(shown)
	if b.text(`document.getElementById('restarted').hidden`) != "true" {
		t.Error("the page says that the server has restarted")
	}
	b.until("figures to move", shown+` !== '`+first+`'`)
	for _, chart := range []string{"rate", "latency", "hits", "server_errors", "permits_used", "memory", "cpu", "sent"} {
		b.until("the chart of "+chart, `+document.getElementById('`+chart+`').dataset.drawn >= 4`)
	}
	for _, figure := range []string{"mean", "p99", "p50", "hits", "server_errors", "permits_used", "memory", "cpu", "sent"} {
		if text := b.text(`document.querySelector('[data-figure=` + figure + `]').textContent`); !strings.ContainsAny(text, "0123456789") {
			t.Errorf("%s says %q", figure, text)
		}
	}
	if page := b.text("document.body.innerText"); !strings.Contains(page, "cache-entries\n512 default 1024") {
		t.Errorf("the setting that was changed is not on the page:\n%s", page)
	}

	b.part(t, "keyboard", func(t *testing.T) {
		b.do(chromedp.Focus(chromedp.CSS("#rate")), chromedp.KeyEvent(kb.ArrowLeft))
		b.until("the past", state+` === 'past' && document.getElementById('state').textContent.startsWith('at ')`)
		b.do(chromedp.KeyEvent(kb.Escape))
		b.until("the present", state+` === 'ready'`)
		b.do(chromedp.Focus(chromedp.CSS("#minutes summary")), chromedp.KeyEvent(kb.Enter))
		b.until("the table", `document.querySelectorAll('#minutes tbody tr').length > 0`)
		b.do(chromedp.KeyEvent(kb.Enter))
	})

	b.part(t, "reload", func(t *testing.T) {
		before := b.text(drawn)
		b.do(chromedp.Reload())
		// The first drawing has all that is kept: no second passes.
		b.until("the charts", drawn+` > 0`)
		if after := b.text(drawn); atoi(after) < atoi(before) {
			t.Errorf("%s samples are drawn after a reload, %s were before", after, before)
		}
	})

	b.part(t, "explain", func(t *testing.T) {
		ask := func(url string) {
			b.do(chromedp.SetValue(chromedp.CSS("#explain input[name=url]"), url), chromedp.Click(chromedp.CSS("#explain button")))
		}
		said := func(text string) string {
			return `document.getElementById('explained').innerText.includes('` + text + `')`
		}
		ask(p.url + "/\u00e4")
		b.until("what is wrong", said("is not allowed in a URL"))
		if lines := b.logged(); len(lines) != 1 || !strings.Contains(lines[0], "400") {
			t.Errorf("on the console: %q, want the refusal alone", lines)
		}
		for _, evil := range []string{"/<img/src=x/onerror=window.ran=true>", "/%3Cimg/src=x/onerror=window.ran=true%3E?<h1>"} {
			ask(p.url + evil)
			b.until("what becomes of markup", `/img.src=x/.test(document.getElementById('explained').innerText)`)
			if n := b.text(`document.querySelectorAll('#explained img, #explained h1').length + ' ' + window.ran`); n != "0 undefined" {
				t.Errorf("%s became markup: %s", evil, n)
			}
		}
		b.logged() // of refusals
		ask(p.url + "/bench/1k.txt")
		b.until("an explanation", said("a hit: what is stored answers")+" && "+said("compared with the disk every"))
		b.do(chromedp.SetValue(chromedp.CSS("#explain input[name=client]"), "nobody"), chromedp.Click(chromedp.CSS("#explain button")))
		b.until("that it is no address", said("allowed is an IP address"))
		if lines := b.logged(); len(lines) != 1 || !strings.Contains(lines[0], "400") {
			t.Errorf("on the console: %q, want the refusal alone", lines)
		}
		b.do(chromedp.SetValue(chromedp.CSS("#explain input[name=client]"), "203.0.113.7"), chromedp.Click(chromedp.CSS("#explain button")))
		b.until("the explanation for one", said("a hit: what is stored answers"))
		b.until("what misses", `document.getElementById('misses').innerText.includes('/nothing/')`)
	})

	b.part(t, "state", func(t *testing.T) {
		b.until("the site", `/demo\s+[1-9]/.test(document.getElementById('sites').innerText)`)
		b.until("a certificate", `document.getElementById('certificates').innerText.includes('less than a day')`)
		if said := b.text(`document.getElementById('limits-section').innerText`); !strings.Contains(said, "None since the start") {
			t.Errorf("limits that were hit: %s", said)
		}
		p.hitLimit()
		b.until("the limit, and what to do", `(s => s.includes('limit="header_list"') && s.includes('Do:') && s.includes('-max-header-bytes'))(document.getElementById('limits').innerText)`)
		b.until("the notice of it", `document.querySelector('#notices a[href="#limits-section"]')?.innerText.includes('limit header_list hit')`)
		b.do(chromedp.Focus(chromedp.CSS(`#notices a[href="#limits-section"]`)))
		p.hitLimit()
		b.until("the next time", `document.getElementById('limits').innerText.includes('2 times since the start')`)
		if at := b.text(`document.activeElement.getAttribute('href')`); at != "#limits-section" {
			t.Errorf("a state that came took the focus to %q", at)
		}
	})

	b.part(t, "texts of clients", func(t *testing.T) {
		// As markup it would run, if the policy let it; and be seen in any case.
		const evil = `/<img/src=x/onerror=window.ran=true></table><h1>evil`
		for range 50 { // so that it is among those that miss most
			p.askAsIs(evil)
		}
		b.until("the path as text", `document.getElementById('misses').innerText.includes('`+evil+`')`)
		if n := b.text(`document.querySelectorAll('main img, main h1').length + ' ' + window.ran`); n != "0 undefined" {
			t.Errorf("a path became markup: %s", n)
		}
	})

	b.part(t, "looks", func(t *testing.T) {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1600, 768, 360} {
				call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
				})
				b.do(chromedp.EmulateViewport(width, 900))
				b.until("the layout", `document.querySelector('#rate canvas').getBoundingClientRect().width === document.getElementById('rate').clientWidth`)
				if wide := b.text("document.documentElement.scrollWidth"); atoi(wide) > int(width) {
					t.Errorf("%s, %d px: the page is %s px wide", scheme, width, wide)
				}
				picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				name := filepath.Join(testkit.Outputs(t), fmt.Sprintf("live-%s-%d.png", scheme, width))
				if err := os.WriteFile(name, picture, 0o644); err != nil {
					t.Fatal(err)
				}
				t.Log(name)
			}
		}
	})

	for _, line := range b.logged() {
		t.Errorf("on the console: %s", line)
	}
	b.mu.Lock()
	for _, url := range b.urls {
		if !strings.HasPrefix(url, p.admin+"/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asked for %s", url)
		}
	}
	b.mu.Unlock()

	b.part(t, "policy", func(t *testing.T) {
		if got := b.text(`(() => {
			const s = document.createElement('script')
			s.textContent = 'window.ran = true'
			document.body.append(s)
			return window.ran
		})()`); got != "undefined" || len(b.logged()) == 0 {
			t.Errorf("a script that is not the policy's: ran is %s, and the console should report it", got)
		}
	})

	b.part(t, "lost and found", func(t *testing.T) {
		kept := b.text(drawn)
		p.signal(syscall.SIGTERM)
		b.until("the loss", state+` === 'lost'`)
		p.wantStopped()
		if _, slow := p.logged("stopping the admin listener"); slow {
			t.Error("the open page held up the server's end")
		}
		start(t, "-admin", strings.TrimPrefix(p.admin, "http://"))
		b.until("the server", state+` === 'ready' && `+drawn+` > `+kept+` && !document.getElementById('restarted').hidden`)
	})
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}
