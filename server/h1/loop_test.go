package h1

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

func TestHit(t *testing.T) {
	p := connect(t, testConfig(storing("/", "home", "/a?b=c", "query")))
	p.Write(get("/"))
	a := p.WantResponse(200, "home")
	if byHandler(a) {
		t.Error("the handler answered")
	}
	for name, want := range map[string]string{
		"Server": "hotpath", "Content-Length": "4", "Etag": `"tag"`, "Last-Modified": modified.Format(http.TimeFormat),
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if date, err := http.ParseTime(a.Header.Get("Date")); err != nil || time.Since(date).Abs() > patience {
		t.Errorf("the date is %q: %v", a.Header.Get("Date"), err)
	}
	p.Write(get("/a?b=c"))
	p.WantResponse(200, "query")
	p.wantHits(metrics.Class2xx, 2)
}

func TestHead(t *testing.T) {
	p := connect(t, testConfig(storing("/", "home", "/large", strings.Repeat("x", 1<<20))))
	for _, path := range []string{"/", "/large", "/"} {
		head := strings.Replace(get(path), "GET", "HEAD", 1)
		p.Write(head + head)
		for range 2 {
			if a := p.Response("HEAD"); a.StatusCode != 200 || a.ContentLength <= 0 || a.Content != "" {
				t.Errorf("HEAD %s: %d, %d bytes announced, body %.20q", path, a.StatusCode, a.ContentLength, a.Content)
			}
		}
		p.Write(get("/"))
		p.WantResponse(200, "home") // not taken for the HEAD that came before
	}
}

func TestNotModified(t *testing.T) {
	p := connect(t, testConfig(storing("/", "home")))
	for _, c := range []struct {
		field string
		want  int
	}{
		{`If-None-Match: "tag"`, 304},
		{`If-None-Match: "other"`, 200},
		{"If-Modified-Since: " + modified.Format(http.TimeFormat), 304},
		{"If-Modified-Since: " + modified.Add(-time.Hour).Format(http.TimeFormat), 200},
	} {
		for range 2 { // a repeat is judged again
			p.Write(get("/", c.field))
			a := p.Response("GET")
			if a.StatusCode != c.want || byHandler(a) {
				t.Errorf("%s: %d, by the handler: %v; want %d from memory", c.field, a.StatusCode, byHandler(a), c.want)
			}
			if a.StatusCode == 304 && (a.Content != "" || a.Header.Get("Etag") == "") {
				t.Errorf("the 304 has the body %q and the fields %v", a.Content, a.Header)
			}
		}
	}
	p.wantHits(metrics.Class3xx, 4)
	p.wantHits(metrics.Class2xx, 4)
}

// What the source holds is counted by its class, whatever that is.
func TestHitsByClass(t *testing.T) {
	s := storing()
	s.stored["/gone"] = message.New(http.StatusNotFound, nil, []byte("no"), "", time.Time{})
	p := connect(t, testConfig(s))
	p.Write(get("/gone"))
	p.WantResponse(404, "no")
	p.wantHits(metrics.Class4xx, 1)
}

func TestLargeBodies(t *testing.T) {
	sizes := []int{0, 1, inlineBody - 1, inlineBody, inlineBody + 1, turnBytes, turnBytes + 1, 5 << 20}
	var pairs []string
	for _, n := range sizes {
		pairs = append(pairs, fmt.Sprintf("/%d", n), strings.Repeat("0123456789abcdef", n/16+1)[:n])
	}
	s := storing(pairs...)
	for name, pipe := range map[string]bool{"TCP": false, "pipe": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p *peer
			if pipe {
				server, client := net.Pipe()
				p = attach(t, testConfig(s), server, client)
			} else {
				p = connect(t, testConfig(s))
			}
			go func() {
				for range 2 {
					for _, n := range sizes {
						p.Write(get(fmt.Sprintf("/%d", n)))
					}
				}
			}()
			for range 2 {
				for i := range sizes {
					p.WantResponse(200, pairs[2*i+1])
				}
			}
		})
	}
}

func TestHeadByteByByte(t *testing.T) {
	p := connect(t, testConfig(storing("/", "home")))
	for range 2 {
		for _, b := range []byte(get("/", "Accept: */*")) {
			p.Write(string(b))
		}
		p.WantResponse(200, "home")
	}
}

// A hundred requests in one segment are answered in order and in one batch.
func TestPipelining(t *testing.T) {
	s := storing("/even", "even", "/odd", "odd", "/large", strings.Repeat("L", inlineBody+1))
	p := connect(t, testConfig(s))
	var all strings.Builder
	var want []string
	for i := range 100 {
		path := [...]string{"/even", "/odd", "/even", "/large"}[i%4]
		all.WriteString(get(path, fmt.Sprint("N: ", i)))
		want = append(want, string(s.stored[path].Body))
	}
	p.Write(all.String())
	for _, body := range want {
		p.WantResponse(200, body)
	}
	p.wantHits(metrics.Class2xx, 100)
}

// A repeat is answered without another look-up in the same turn, and with what
// is stored by then in the next.
func TestRepeats(t *testing.T) {
	s := storing("/", "old")
	p := connect(t, testConfig(s))
	const n = 50
	p.Write(strings.Repeat(get("/"), n))
	for range n {
		p.WantResponse(200, "old")
	}
	p.wantHits(metrics.Class2xx, n) // the turn is over
	if found := s.found(); found > n/2 {
		t.Errorf("%d look-ups for %d requests, nearly all of them repeats", found, n)
	}
	s.put("/", "new")
	p.Write(get("/"))
	p.WantResponse(200, "new")
	s.put("/", "")
	p.Write(get("/"))
	if a := p.Response("GET"); !byHandler(a) {
		t.Error("what is not stored any more was answered as a hit")
	}
}

// A head that begins as the known one does is not the known one.
func TestNotARepeat(t *testing.T) {
	p := connect(t, testConfig(storing("/", "home", "/a", "a")))
	p.Write(get("/a") + get("/a", `If-None-Match: "tag"`) + get("/a", "X: y") + get("/"))
	p.WantResponse(200, "a")
	p.WantResponse(304, "")
	p.WantResponse(200, "a")
	p.WantResponse(200, "home")
}

// A client that has said all it has to say still gets its answers, however
// slowly it reads.
func TestHalfClosed(t *testing.T) {
	large := strings.Repeat("x", 8<<20)
	for name, last := range map[string]string{"whole": "", "and part of a head": "GET / HT"} {
		t.Run(name, func(t *testing.T) {
			p := connect(t, testConfig(storing("/", "home", "/large", large)))
			p.Write(get("/") + get("/large") + get("/") + last)
			if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			p.WantResponse(200, "home")
			time.Sleep(50 * time.Millisecond) // slow
			p.WantResponse(200, large)
			p.WantResponse(200, "home")
			p.WantEOF()
			p.wait()
			if p.reason != metrics.ClosePeer {
				t.Errorf("ended for %v", p.reason)
			}
		})
	}
}

func TestClientGone(t *testing.T) {
	p := connect(t, testConfig(storing("/", strings.Repeat("x", 64<<20))))
	p.Write(get("/"))
	if _, err := io.CopyN(io.Discard, p.R, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := p.Conn.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	p.Conn.Close()
	p.wait()
	if p.reason != metrics.CloseError {
		t.Errorf("ended for %v, want an error", p.reason)
	}
}

// TestLargeHitTakesToItsEnd: a body that outlasts its turn is counted at once,
// and its duration, once, is that of all of it.
func TestLargeHitTakesToItsEnd(t *testing.T) {
	large := strings.Repeat("x", 5<<20)
	onFakeTime(t, storing("/", large), func(t *testing.T, p *peer) {
		p.Write(get("/"))
		if _, err := p.R.Peek(1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		p.WantResponse(200, large)
		synctest.Wait()
		p.wantHits(metrics.Class2xx, 1)
		if d := p.metrics.RequestDuration.Distribution(); d.Count() != 1 || d.Sum != 3*time.Second {
			t.Errorf("%d durations of %v in all, want one of 3 s", d.Count(), d.Sum)
		}
	})
}
