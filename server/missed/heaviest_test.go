package missed

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
)

// TestHeaviest: of a whole period the paths with a good part of all misses are named,
// until the next one is over; there are none if misses are few, or of very many paths.
func TestHeaviest(t *testing.T) {
	var c Counter
	at := noon
	note := func(path string, times int) {
		for range times {
			c.Note(&Miss{Site: "a", Path: path, Reason: rfc9111.Miss}, at)
		}
	}
	want := func(what string, want ...Heavy) {
		t.Helper()
		if got := c.Heaviest(at); len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	note("h/a", 3000)
	note("h/b", 600)
	note("h/few", minHeavy-1)
	want("while the first period is under way")

	at = noon.Add(period)
	first := []Heavy{{"a", "h/a", 10}, {"a", "h/b", 2}}
	want("when it is over", first...)
	for i := range 100 * places {
		note(fmt.Sprint("h/", i), minHeavy)
	}
	at = at.Add(period - 1)
	want("all the next period", first...)
	at = at.Add(1)
	want("after misses of very many paths")

	for i := range 2 * maxHeavy {
		note(fmt.Sprint("h/", i), 1000+i)
	}
	at = at.Add(period)
	got := c.Heaviest(at)
	if len(got) != maxHeavy || got[0].Path != fmt.Sprint("h/", 2*maxHeavy-1) {
		t.Errorf("of many heavy ones: %+v", got)
	}
	at = at.Add(2 * period)
	want("after a time without misses")
}
