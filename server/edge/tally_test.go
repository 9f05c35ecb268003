package edge

import (
	"context"
	"errors"
	"testing"

	"github.com/e0ac7cd4/hotpath/server/origin"
)

// TestTallyOfEveryAnswer: whatever becomes of a request, its answer names the tally of
// its site.
func TestTallyOfEveryAnswer(t *testing.T) {
	r := newRig(t, knobs{}, func(_ int, _ context.Context, r *origin.Request, sink origin.Sink) error {
		switch r.Path {
		case "/fails":
			return errors.New("it is down")
		case "/private":
			return give(sink, 200, "mine", "cache-control", "private")
		}
		return give(sink, 200, "a", "cache-control", "max-age=60")
	})
	tally := r.sites.Load().Sites()[0].Tally
	if tally == nil {
		t.Fatal("the site of a table has none")
	}
	for _, tt := range []struct {
		name, method, path string
		fields             []string
	}{
		{name: "a miss", method: "GET", path: "/a"},
		{name: "a hit", method: "GET", path: "/a"},
		{name: "an answer that is not stored", method: "GET", path: "/private"},
		{name: "a failure", method: "GET", path: "/fails"},
		{name: "one that takes nothing but what is stored", method: "GET", path: "/b", fields: []string{"cache-control", "only-if-cached"}},
		{name: "a POST", method: "POST", path: "/a"},
		{name: "a method that is refused", method: "TRACE", path: "/a"},
		{name: "one without a key", method: "GET", path: "*"},
	} {
		c := r.ask(tt.method, tt.path, tt.fields...)
		if got := c.outcome.Tally; c.hit && c.looked.Tally != tally || !c.hit && got != tally {
			t.Errorf("%s counts in %p, want %p", tt.name, got, tally)
		}
	}
}
