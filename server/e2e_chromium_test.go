package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// chromium is a headless browser with one page, driven by the DevTools
// protocol over a pair of pipes: messages in JSON, each ended by a NUL.
type chromium struct {
	t       *testing.T
	in      io.Writer
	out     *bufio.Reader
	id      int
	session string
}

// devtools is a message of the protocol, in either direction.
type devtools struct {
	ID        int             `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    any             `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// startChromium starts one that speaks no QUIC, unless flags say so.
func startChromium(t *testing.T, flags ...string) *chromium {
	t.Helper()
	if flags == nil {
		flags = []string{"--disable-quic"}
	}
	testkit.Need(t, "chromium")
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp(scratch, "chromium")
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--ignore-certificate-errors-spki-list="+testKey(t), "--user-data-dir="+profile, "--remote-debugging-pipe")
	cmd.Args = append(cmd.Args, flags...)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // descriptors 3 and 4
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(theirIn.Close(), theirOut.Close(), ourIn.SetReadDeadline(time.Now().Add(3*patience))); err != nil {
		t.Fatal(err)
	}
	b := &chromium{t: t, in: ourOut, out: bufio.NewReader(ourIn)}
	t.Cleanup(func() {
		_ = ourOut.Close() // without its driver it ends, and takes its children along
		timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // however it ended
		timer.Stop()
		_ = ourIn.Close()
		if t.Failed() {
			t.Logf("chromium says:\n%s", tail(stderr.String()))
		}
	})
	b.person()
	return b
}

// testKey is the SHA-256 of the test certificate's key. A browser that trusts it
// does all that it does with a certificate of an authority; one that only ignores
// errors takes no dictionary, and speaks no QUIC.
func testKey(t *testing.T) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(testIdentity(t).cert, testIdentity(t).key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(pair.Leaf.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// person goes on as another: without cookies and with an empty cache.
func (b *chromium) person() {
	b.t.Helper()
	b.session = ""
	var profile struct{ BrowserContextID string }
	b.call("Target.createBrowserContext", map[string]any{}, &profile)
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": profile.BrowserContextID}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
}

// call calls a method and waits for its result.
func (b *chromium) call(method string, params, result any) {
	b.t.Helper()
	b.id++
	request, err := json.Marshal(devtools{ID: b.id, SessionID: b.session, Method: method, Params: params})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(request, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	for {
		text, err := b.out.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		var answer devtools
		if err := json.Unmarshal(text[:len(text)-1], &answer); err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		switch {
		case answer.ID != b.id: // an event
			continue
		case answer.Error != nil:
			b.t.Fatalf("%s: %s", method, answer.Error.Message)
		case result != nil:
			if err := json.Unmarshal(answer.Result, result); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

// open goes to a page.
func (b *chromium) open(url string) {
	b.t.Helper()
	var r struct{ ErrorText string }
	if b.call("Page.navigate", map[string]any{"url": url}, &r); r.ErrorText != "" {
		b.t.Fatalf("opening %s: %s", url, r.ErrorText)
	}
}

// evaluate gives the value of a promise on the page.
func (b *chromium) evaluate(script string, value any) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	b.call("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatal(r.ExceptionDetails.Exception.Description)
	}
	if err := json.Unmarshal(r.Result.Value, value); err != nil {
		b.t.Fatal(err)
	}
}

// TestChromiumDemo opens the demo site as a person does.
func TestChromiumDemo(t *testing.T) {
	b := startChromium(t)
	p := start(t)
	b.open(p.url + "/")
	var page struct {
		Title, Heading string
		Protocols      map[string]string // by path, the page itself included
		Styled         bool
	}
	b.evaluate(`new Promise(done => {
		const look = () => {
			const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
			done({
				Title: document.title,
				Heading: document.querySelector('h1').textContent,
				Protocols: Object.fromEntries(all.map(e => [new URL(e.name).pathname, e.nextHopProtocol])),
				Styled: [...document.styleSheets].some(s => s.href.endsWith('/style.css') && s.cssRules.length > 10),
			})
		}
		document.readyState === 'complete' ? look() : addEventListener('load', () => setTimeout(look))
	})`, &page)
	if !strings.HasPrefix(page.Title, "hotpath") || page.Heading == "" {
		t.Errorf("the page is %+v", page)
	}
	if !page.Styled {
		t.Error("the style sheet is not applied")
	}
	for _, path := range []string{"/", "/style.css", "/favicon.svg"} {
		if page.Protocols[path] != "h2" {
			t.Errorf("%s came over %q, want h2", path, page.Protocols[path])
		}
	}
}

// TestChromiumDirectory has a page fetch every file of the site and compare
// its SHA-256.
func TestChromiumDirectory(t *testing.T) {
	b := startChromium(t)
	s := testSite(t)
	p := start(t, append([]string{"-root", s.root}, cached...)...)
	b.open(p.url + "/sub/")
	var list [][2]string
	for _, r := range s.resources {
		list = append(list, [2]string{r.path, r.hex()})
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	var result struct {
		Right int
		Wrong []string
	}
	b.evaluate(fmt.Sprintf(`(async list => {
		const hex = buffer => Array.from(new Uint8Array(buffer), b => b.toString(16).padStart(2, '0')).join('')
		let Right = 0
		const Wrong = []
		const work = async () => {
			for (let next = list.pop(); next; next = list.pop()) {
				const [path, want] = next
				try {
					const r = await fetch(path, { cache: 'no-store' })
					const got = hex(await crypto.subtle.digest('SHA-256', await r.arrayBuffer()))
					if (r.status === 200 && got === want) Right++
					else Wrong.push(path + ': ' + r.status + ' ' + got)
				} catch (e) {
					Wrong.push(path + ': ' + e)
				}
			}
		}
		await Promise.all(Array.from({ length: 16 }, work))
		return { Right, Wrong }
	})(%s)`, text), &result)
	for _, wrong := range result.Wrong {
		t.Error(wrong)
	}
	if result.Right != len(list) {
		t.Errorf("%d of %d files are right", result.Right, len(list))
	}
	if n := p.sum("hotpath_requests_total", `protocol="h1"`); n != 0 {
		t.Errorf("%v requests came over HTTP/1.1", n)
	}
}
