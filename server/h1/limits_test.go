package h1

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// onFakeTime runs f with a connection over a pipe, on time of its own.
func onFakeTime(t *testing.T, s *store, f func(*testing.T, *peer)) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		p := attach(t, testConfig(s), server, client)
		f(t, p)
		client.Close()
		synctest.Wait()
	})
}

// wantClosedAfter waits for the connection's end and compares when it came and
// why.
func (p *peer) wantClosedAfter(began time.Time, d time.Duration, reason metrics.CloseReason, limit metrics.Limit) {
	p.Helper()
	if _, err := io.Copy(io.Discard, p.R); err != nil {
		p.Fatal(err)
	}
	<-p.ended
	if got := time.Since(began); got != d {
		p.Errorf("closed after %v, want %v", got, d)
	}
	if p.reason != reason {
		p.Errorf("closed for reason %d, want %d", p.reason, reason)
	}
	if n := p.metrics.LimitBreaches.Value(limit); n != 1 {
		p.Errorf("%d breaches were counted, want 1", n)
	}
}

func TestHeadTimeout(t *testing.T) {
	onFakeTime(t, storing("/", "home"), func(t *testing.T, p *peer) {
		p.Write(get("/"))
		p.WantResponse(200, "home")
		time.Sleep(30 * time.Second) // idle, which is allowed
		began := time.Now()
		for _, b := range []byte("GET / ") { // bytes that come do not put it off
			p.Write(string(b))
			time.Sleep(time.Second)
		}
		p.wantClosedAfter(began, 10*time.Second, metrics.CloseTimeout, metrics.LimitHeadTimeout)
	})
}

// The time for a head begins anew with each head.
func TestHeadTimeoutIsPerHead(t *testing.T) {
	onFakeTime(t, storing("/", "home"), func(t *testing.T, p *peer) {
		half := len(get("/")) / 2
		for range 5 {
			p.Write(get("/")[:half])
			time.Sleep(8 * time.Second)
			p.Write(get("/")[half:])
			p.WantResponse(200, "home")
		}
		p.Write(get("/")[:half])
		time.Sleep(8 * time.Second)
		p.Write(get("/")[half:] + "GET / HTTP/1.1\r\n") // the next begins with this one's end
		p.WantResponse(200, "home")
		p.wantClosedAfter(time.Now(), 10*time.Second, metrics.CloseTimeout, metrics.LimitHeadTimeout)
	})
}

func TestIdleTimeout(t *testing.T) {
	onFakeTime(t, storing("/", "home"), func(t *testing.T, p *peer) {
		for range 3 {
			time.Sleep(50 * time.Second)
			p.Write(get("/"))
			p.WantResponse(200, "home")
		}
		p.wantClosedAfter(time.Now(), 60*time.Second, metrics.CloseIdle, metrics.LimitIdleTimeout)
	})
}

func TestIdleTimeoutWithoutARequest(t *testing.T) {
	onFakeTime(t, storing(), func(t *testing.T, p *peer) {
		p.wantClosedAfter(time.Now(), 60*time.Second, metrics.CloseIdle, metrics.LimitIdleTimeout)
	})
}

// A fetch is neither idle time nor a head that is late.
func TestNoTimeoutDuringAFetch(t *testing.T) {
	s := storing("/", "home")
	s.fetch = func(context.Context, string) (*message.Response, error) {
		time.Sleep(5 * time.Minute)
		return response("fetched"), nil
	}
	onFakeTime(t, s, func(t *testing.T, p *peer) {
		p.Write(get("/slow") + "GET / HTTP")
		p.WantResponse(200, "fetched")
		p.Write("/1.1\r\nHost: test\r\n\r\n")
		p.WantResponse(200, "home")
	})
}

// A client that reads slowly, as it may, is neither idle nor late, however many
// of its requests wait: it gets every byte.
func TestNoTimeoutWhileTheClientReads(t *testing.T) {
	body := strings.Repeat("x", inlineBody)
	const requests = 40 // more than OutputBytes holds
	onFakeTime(t, storing("/", body), func(t *testing.T, p *peer) {
		go io.WriteString(p.Conn, strings.Repeat(get("/"), requests)+"GET / HT")
		if err := p.Conn.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		// 32 KiB, the quantum, have to be read within patience: this takes
		// half of it, and three minutes in all.
		p.R.Reset(slowReader{p.Conn, 3 << 10, time.Second})
		for range requests {
			p.WantResponse(200, body)
		}
		if n := p.metrics.LimitBreaches.Value(metrics.LimitHeadTimeout) + p.metrics.LimitBreaches.Value(metrics.LimitIdleTimeout); n != 0 {
			t.Errorf("%d timeouts were counted", n)
		}
	})
}

// slowReader reads n bytes each pause.
type slowReader struct {
	r     io.Reader
	n     int
	pause time.Duration
}

func (s slowReader) Read(b []byte) (int, error) {
	time.Sleep(s.pause)
	return s.r.Read(b[:min(len(b), s.n)])
}

// A client that does not read is cut off by the write timeout.
func TestClientThatDoesNotRead(t *testing.T) {
	onFakeTime(t, storing("/", strings.Repeat("x", 1<<20)), func(t *testing.T, p *peer) {
		began := time.Now()
		go io.WriteString(p.Conn, strings.Repeat(get("/"), 100))
		<-p.ended
		if got := time.Since(began); got != patience {
			t.Errorf("cut off after %v, want %v", got, patience)
		}
		if n := p.metrics.LimitBreaches.Value(metrics.LimitWriteTimeout); n != 1 || p.reason != metrics.CloseError {
			t.Errorf("%d breaches, reason %d", n, p.reason)
		}
	})
}

// What a client that pipelines and does not read makes us hold is bounded.
func TestOutputIsBounded(t *testing.T) {
	p := connect(t, testConfig(storing("/", strings.Repeat("x", inlineBody))))
	go io.WriteString(p.Conn, strings.Repeat(get("/"), 5000)) // 80 MB of answers; ends with the test
	deadline := time.Now().Add(patience)
	for p.loop.wire.Buffered() == 0 {
		if time.Now().After(deadline) {
			t.Fatal("no backlog: nothing was tested")
		}
		time.Sleep(time.Millisecond)
	}
	most := 0
	for range 200 {
		most = max(most, p.loop.wire.Buffered())
		time.Sleep(100 * time.Microsecond)
	}
	if limit := p.loop.cfg.OutputBytes + 128<<10; most > limit { // and a batch
		t.Errorf("%d bytes wait, want at most %d", most, limit)
	}
}
