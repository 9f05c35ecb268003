package h2

import (
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/perclient"
)

// wantRefused reads the answer to a request beyond its client's limit: a head
// that ends the stream.
func (p *peer) wantRefused(id uint32) {
	p.Helper()
	f := p.wantHead(id, http.StatusTooManyRequests)
	if !f.Ends() || f.Field("retry-after") != "1" || f.Field("ratelimit") != `"requests";r=0;t=1` || f.Field("ratelimit-policy") != `"requests";q=1;w=1` {
		p.Errorf("stream %d: %v, ends: %v", id, f.Fields, f.Ends())
	}
}

// twoAtOnce lets a client send two requests at once, and one more each second.
func twoAtOnce() *perclient.Config { return &perclient.Config{Requests: 1, Burst: 2, Clients: 10} }

// TestPerClient: every kind of request counts, and beyond the limit each is
// answered 429 on its stream. The connection goes on, and time gives back.
func TestPerClient(t *testing.T) {
	for name, tt := range map[string]struct {
		request func(id uint32) []byte
		open    bool // the client has more to send
	}{
		"a hit":           {func(id uint32) []byte { return get(id, "/") }, false},
		"a condition":     {func(id uint32) []byte { return get(id, "/", "if-none-match", `"3"`) }, false},
		"HEAD":            {func(id uint32) []byte { return headers(id, true, pseudo("HEAD", "/")...) }, false},
		"for the handler": {func(id uint32) []byte { return get(id, "/miss") }, false},
		"with content":    {func(id uint32) []byte { return append(post(id, "/post"), data(id, "content", true)...) }, false},
		"an upload":       {func(id uint32) []byte { return append(post(id, "/post"), data(id, "content", false)...) }, true},
		"a tunnel": {func(id uint32) []byte {
			return headers(id, false, append(pseudo("CONNECT", "/"), ":protocol", "websocket")...)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{source: stored("/", "hit"), perClient: twoAtOnce()}, func(p *peer) {
				p.Write(get(1, "/"))
				p.wantBody(1, 200, "hit")
				refused := uint64(0)
				refuse := func(id uint32) {
					p.Helper()
					p.Write(tt.request(id))
					p.wantRefused(id)
					if refused++; tt.open {
						p.Write(frame.AppendRSTStream(nil, id, frame.Cancel))
					}
				}
				if tt.open {
					p.Write(get(3, "/"))
					p.wantBody(3, 200, "hit")
				} else { // it counts itself
					p.Write(tt.request(3))
					for f := p.NextFrame(); !f.Ends(); f = p.NextFrame() {
					}
				}
				refuse(5)
				refuse(7)
				p.WantAlive()
				time.Sleep(time.Second)
				p.Write(get(9, "/"))
				p.wantBody(9, 200, "hit")
				refuse(11)
				synctest.Wait()
				if n := p.metrics.Limited.Value(metrics.LimitedRequests, metrics.LimitRefuse); n != refused {
					p.Errorf("%d were counted, want %d", n, refused)
				}
				if n := p.metrics.Requests.Value(metrics.H2, metrics.Class4xx, metrics.Bypass); n != refused {
					p.Errorf("%d requests were answered with 4xx, want %d", n, refused)
				}
			})
		})
	}
}

// TestPerClientOfForgottenRepeats: a repeat that is not answered from what is
// remembered counts once.
func TestPerClientOfForgottenRepeats(t *testing.T) {
	source := stored("/", "hit")
	run(t, setup{source: source, perClient: &perclient.Config{Requests: 1, Burst: 5, Clients: 10}}, func(p *peer) {
		id := uint32(1)
		for range 4 { // the third is remembered
			p.turnOf(1, id, "GET", "/")
			p.wantBody(id, 200, "hit")
			id += 2
		}
		synctest.Wait()
		source.mu.Lock()
		delete(source.m, "/")
		source.mu.Unlock()
		p.turnOf(1, id, "GET", "/") // the fifth of five
		p.wantBody(id, 200, "/")    // by the handler
		p.turnOf(1, id+2, "GET", "/")
		p.wantRefused(id + 2)
	})
}

// TestPerClientOfRepeats: a request that repeats byte for byte counts as any
// other, and the same block is answered again when there is a token.
func TestPerClientOfRepeats(t *testing.T) {
	run(t, setup{source: stored("/", "hit"), perClient: &perclient.Config{Requests: 1, Burst: 5, Clients: 10}}, func(p *peer) {
		p.turnOf(7, 1, "GET", "/")
		for id := uint32(1); id <= 9; id += 2 {
			p.wantBody(id, 200, "hit")
		}
		p.wantRefused(11)
		p.wantRefused(13)
		time.Sleep(time.Second)
		p.turnOf(2, 15, "GET", "/")
		p.wantBody(15, 200, "hit")
		p.wantRefused(17)
	})
}

// A client that does not let us send anything is refused all the same, and holds
// no stream.
func TestPerClientWithoutAWindow(t *testing.T) {
	run(t, setup{source: stored("/", "hit"), perClient: twoAtOnce(), settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 0}}}, func(p *peer) {
		p.Write(get(1, "/"), get(3, "/"))
		p.wantHead(1, 200)
		p.wantHead(3, 200)
		for id := uint32(5); id < 105; id += 2 {
			p.Write(get(id, "/"))
			p.wantRefused(id)
		}
		synctest.Wait()
		if n := p.metrics.StreamsOpen.Value(); n != 2 {
			p.Errorf("%d streams are open, want 2", n)
		}
	})
}

// TestPerClientInTheLog: what is beyond the limit is marked, refused or not, and
// nothing else.
func TestPerClientInTheLog(t *testing.T) {
	for name, tt := range map[string]struct {
		dryRun bool
		want   []string
	}{
		"refused": {false, []string{"GET / 200 3 hit", "GET / 200 3 hit", "GET / 429 0 bypass limited", "GET /miss 429 0 bypass limited", "GET / 200 3 hit"}},
		"dry run": {true, []string{"GET / 200 3 hit", "GET / 200 3 hit", "GET / 200 3 hit limited", "GET /miss 200 5 bypass limited", "GET / 200 3 hit"}},
	} {
		t.Run(name, func(t *testing.T) {
			limits, file := twoAtOnce(), filepath.Join(t.TempDir(), "access.log")
			limits.DryRun = tt.dryRun
			run(t, setup{source: stored("/", "hit"), perClient: limits, access: &access.Config{Mode: access.All, Format: access.JSON, File: file}}, func(p *peer) {
				p.Write(get(1, "/"), get(3, "/"), get(5, "/"))
				for id := uint32(1); id <= 5; id += 2 {
					if f := p.NextFrame(); !f.Ends() {
						p.NextFrame()
					}
				}
				p.Write(get(7, "/miss"))
				for f := p.NextFrame(); !f.Ends(); f = p.NextFrame() {
				}
				time.Sleep(time.Second)
				p.Write(get(9, "/"))
				p.wantBody(9, 200, "hit")
			})
			var got []string
			for _, l := range accessLines(t, file) {
				got = append(got, l.String())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("the log has\n%q, want\n%q", got, tt.want)
			}
		})
	}
}
