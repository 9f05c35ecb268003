package h2

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// TestShedSparesAnswers: of a connection that has nearly all that exchanges may take, the
// newest request gives way when another needs room, but none whose answer has begun.
func TestShedSparesAnswers(t *testing.T) {
	for _, begun := range []string{"", "/flushed"} {
		synctest.Test(t, func(t *testing.T) {
			s := setup{look: none{}, ledger: newShelf(t, 4*mib, mib).store.Ledger(), handler: func(p *peer, w writer, r *http.Request) {
				if r.URL.Path == "/flushed" {
					w.WriteHeader(http.StatusOK)
					w.Flush()
				}
				stall(p, w, r)
			}}
			greedy, other := newPeer(t, s), newPeer(t, s)
			defer greedy.close()
			defer other.close()
			greedy.SayHello()
			other.SayHello()
			ask := func(p *peer, id uint32, path string) {
				p.Write(get(id, path))
				<-p.entered
				time.Sleep(time.Millisecond) // so that one is the newest
			}
			id := uint32(1)
			for ; id < 2*100; id += 2 {
				ask(greedy, id, "/")
			}
			newest := id - 2
			if begun == "/flushed" {
				ask(greedy, id, begun)
				greedy.wantHead(id, http.StatusOK)
			}
			for id := uint32(1); greedy.metrics.LimitBreaches.Value(metrics.LimitExchanges) == 0; id += 2 {
				if id > 2*70 {
					t.Fatal("nothing gives way")
				}
				ask(other, id, "/")
			}
			greedy.WantReset(newest, frame.Cancel)
			other.wantBreaches(metrics.LimitExchanges, 0)
			close(greedy.release)
			close(other.release)
		})
	}
}
