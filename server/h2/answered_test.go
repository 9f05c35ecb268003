package h2

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// early answers without reading the request.
var early = setup{handler: func(_ *peer, w writer, _ *http.Request) {
	_, _ = w.WriteString("early")
}, source: stored("/", "hit")}

// TestAnsweredStream: what may come on a stream whose response has ended before
// its request, half-closed (local).
func TestAnsweredStream(t *testing.T) {
	const id = 1
	big := strings.Repeat("x", 16000)
	tests := map[string]struct {
		head []string // beside the pseudo-fields
		then func(p *peer)
	}{
		"the rest, and nothing is said": {then: func(p *peer) {
			p.Write(data(id, "the rest", true))
			p.WantAlive()
			time.Sleep(2 * lateTime)
			p.WantSilence()
			p.Write(data(id, "more", false)) // closed now
			p.WantReset(id, frame.StreamClosed)
		}},
		"trailers": {then: func(p *peer) {
			p.Write(headers(id, true, "x-sum", "1"))
			p.WantAlive()
		}},
		"nothing for too long": {then: func(p *peer) {
			start := time.Now()
			p.WantReset(id, frame.NoError)
			if waited := time.Since(start); waited != lateTime {
				p.Errorf("reset after %v, want %v", waited, lateTime)
			}
			p.Write(data(id, "under way", true))
			p.WantAlive()
		}},
		"too much": {then: func(p *peer) {
			for range lateBody / len(big) {
				p.Write(data(id, big, false))
			}
			p.WantAlive()
			p.Write(data(id, big, false))
			p.WantReset(id, frame.NoError)
		}},
		"less than content-length": {head: []string{"content-length", "5"}, then: func(p *peer) {
			p.Write(data(id, "four", true))
			p.WantReset(id, frame.ProtocolError)
		}},
		"RST_STREAM": {then: func(p *peer) {
			p.Write(frame.AppendRSTStream(nil, id, frame.Cancel))
			p.WantAlive()
			time.Sleep(2 * lateTime)
			p.WantSilence()
		}},
		"WINDOW_UPDATE sends nothing again": {then: func(p *peer) {
			p.Write(frame.AppendWindowUpdate(nil, id, 1000))
			p.WantAlive()
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			run(t, early, func(p *peer) {
				p.Write(post(id, "/up", tt.head...))
				p.wantBody(id, 200, "early")
				tt.then(p)
				synctest.Wait()
				if n := p.metrics.ProtocolErrors.Value(metrics.NoError, metrics.ScopeStream); n != 0 {
					t.Errorf("%d errors counted", n)
				}
			})
		})
	}
}
