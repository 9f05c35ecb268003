package listen

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/server/message"
)

// missing is a store that has to fetch everything, which takes until release,
// and then brings nothing that the loop can send.
type missing struct {
	entered, release chan struct{}
}

func (s *missing) Key(dst []byte, r *message.Request) ([]byte, bool) {
	return append(dst, r.Path...), true
}

func (s *missing) Find(string, time.Time) *message.Response { return nil }

func (s *missing) Get(context.Context, string) (*message.Response, http.Handler, error) {
	close(s.entered)
	<-s.release
	return nil, nil, nil
}

// A request whose fetch is in flight when the drain begins is answered, also
// where net/http has to do it.
func TestDrainBeforeTheHandOver(t *testing.T) {
	misses := &missing{entered: make(chan struct{}), release: make(chan struct{})}
	s := start(t, echo, func(c *Config) { c.H1.Source, c.H1.Fetcher = misses, misses })
	c := s.dialH1()
	c.send("", "GET /miss HTTP/1.1", "Host: a")
	<-misses.entered
	done := s.shutdown(t.Context())
	close(misses.release)
	if r := c.want(http.StatusOK, ""); !r.Close {
		t.Error("the answer does not say that it is the last")
	}
	c.wantEnd()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
