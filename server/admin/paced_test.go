package admin

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// Others have a turn between the parts of a long answer, on one core too.
func TestLongAnswersArePaced(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const parts = 50
	var turns atomic.Int64
	var done atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for !done.Load() {
			turns.Add(1)
			runtime.Gosched()
		}
	}()
	recorded := httptest.NewRecorder()
	paced(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range parts {
			for begun := time.Now(); time.Since(begun) < 200*time.Microsecond; { // computes
			}
			_, _ = w.Write([]byte("part\n"))
		}
	})).ServeHTTP(recorded, httptest.NewRequest(http.MethodGet, "/", nil))
	done.Store(true)
	<-ended
	if got := recorded.Body.Len(); got != parts*len("part\n") {
		t.Errorf("%d bytes are written, want %d parts", got, parts)
	}
	if got := turns.Load(); got < parts/2 {
		t.Errorf("another goroutine had %d turns between %d parts of 200 µs each", got, parts)
	}
}
