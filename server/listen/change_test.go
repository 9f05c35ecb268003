package listen

import (
	"net/http"
	"slices"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
)

// TestSetConns: a connection that is open keeps its limits, a new one gets the new
// ones, and neither is closed for it.
func TestSetConns(t *testing.T) {
	s := start(t, teapot, nil)
	many := slices.Repeat([]string{"X-One: more"}, 9)
	open := s.dialH1()
	open.Write(h1peer.Get("/hit", many...))
	open.WantResponse(http.StatusOK, body)
	c := *s.conf.Load()
	h1 := *c.H1
	h1.HeaderFields = 8
	c.H1 = &h1
	s.SetConns(c)
	fresh := s.dialH1()
	fresh.Write(h1peer.Get("/hit"))
	fresh.WantResponse(http.StatusOK, body)
	fresh.Write(h1peer.Get("/hit", many...))
	if r := fresh.Response(http.MethodGet); r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a new connection: %s, want 431", r.Status)
	}
	open.Write(h1peer.Get("/hit", many...))
	open.WantResponse(http.StatusOK, body)
}
