package main

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/server/admin"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/origin/proxy"
)

// sited is the defaults with so many sites with a root and so many upstreams.
func sited(roots, upstreams int) *config.Config {
	c := config.Default()
	c.Sites = nil
	for range roots {
		c.Sites = append(c.Sites, config.Site{Root: "/srv"})
	}
	for range upstreams {
		c.Sites = append(c.Sites, config.Site{Upstreams: []string{"http://a"}})
	}
	return &c
}

// spent is what a division comes to at most.
func (d *descriptors) spent(roots, upstreams int) int {
	n := d.conns + restDescriptors + admin.MaxConns + upstreams*(d.upstream+proxy.SpareSockets)
	if roots > 0 {
		n += roots*(rootDescriptors+d.open) + d.fetches*fetchDescriptors
	}
	return n
}

func TestDivide(t *testing.T) {
	for name, tt := range map[string]struct {
		limit            uint64
		conns, fetches   int // settings; 0: the default
		roots, upstreams int
		want             descriptors // but for needed
	}{
		"enough for all": {1 << 20, 0, 0, 1, 2, descriptors{conns: 25000, fetches: 256, open: 192, upstream: 512}},
		"no limit":       {math.MaxUint64, 0, 0, 1, 2, descriptors{conns: 25000, fetches: 256, open: 192, upstream: 512}},
		"exactly enough": {25820, 0, 0, 1, 0, descriptors{conns: 25000, fetches: 256, open: 192}},
		"one too few takes a connection: the others are within a half": {25819, 0, 0, 1, 0, descriptors{conns: 24999, fetches: 256, open: 192}},
		"nothing but the demo site: no files":                          {600, 0, 0, 0, 0, descriptors{conns: 504, fetches: 256}},
		"a common hard limit":                                          {4096, 0, 0, 1, 1, descriptors{conns: 2762, fetches: 256, open: 192, upstream: 512}},
		"half for connections, half for the rest":                      {1024, 0, 0, 0, 4, descriptors{conns: 460, fetches: 256, upstream: 115}},
		"few connections are wanted: the rest has what they leave":     {1024, 100, 0, 0, 4, descriptors{conns: 100, fetches: 256, upstream: 205}},
		"the rest shrinks alike":                                       {700, 0, 0, 1, 2, descriptors{conns: 291, fetches: 44, open: 31, upstream: 85}},
		"open files are shared by sites":                               {1 << 20, 0, 0, 4, 0, descriptors{conns: 25000, fetches: 256, open: 48}},
		"more sites than open files":                                   {1 << 20, 0, 0, 500, 0, descriptors{conns: 25000, fetches: 256, open: 1}},
		"enormous settings":                                            {4096, math.MaxInt32, math.MaxInt32, 1, 0, descriptors{conns: 1991, fetches: 994, open: 1}},
		"the least that works":                                         {153, 0, 0, 1, 2, descriptors{conns: 16, fetches: 4, open: 1, upstream: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			c := sited(tt.roots, tt.upstreams)
			if tt.conns > 0 {
				c.MaxConns = tt.conns
			}
			if tt.fetches > 0 {
				c.MaxFetches = tt.fetches
			}
			got, err := divide(tt.limit, c)
			if err != nil {
				t.Fatal(err)
			}
			needed := got.needed
			if got.needed = 0; got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			spent := got.spent(tt.roots, tt.upstreams)
			if uint64(spent) > tt.limit {
				t.Errorf("%d may be open at once, of %d", spent, tt.limit)
			}
			if uint64(needed) <= tt.limit && int64(spent) != needed {
				t.Errorf("%d are needed, and %d used", needed, spent)
			}
		})
	}
}

// TestDivideAnyLimit: whatever the limit and the sites are, no division exceeds
// it, connections have half of what yields or max-conns, and one descriptor
// less than the least is an error that says how many it takes.
func TestDivideAnyLimit(t *testing.T) {
	for roots := range 3 {
		for upstreams := range 5 {
			c := sited(roots, upstreams)
			fixed := (&descriptors{}).spent(roots, upstreams)
			least := (&descriptors{fetches: leastFetches, open: leastOpen, upstream: leastUpstream}).spent(roots, upstreams) - fixed
			refused := true
			for limit := range uint64(30000) {
				d, err := divide(limit, c)
				if err != nil {
					if !refused || !strings.Contains(err.Error(), "at least ") {
						t.Fatalf("%d roots, %d upstreams, %d descriptors: %v", roots, upstreams, limit, err)
					}
					continue
				}
				refused = false
				spent := d.spent(roots, upstreams)
				fair := min(c.MaxConns, (int(limit)-fixed)/2, int(limit)-fixed-least)
				if spent > int(limit) || d.conns < leastConns || d.conns < fair || d.upstream < leastUpstream && upstreams > 0 {
					t.Fatalf("%d roots, %d upstreams, %d descriptors: %+v, %d in all", roots, upstreams, limit, d, spent)
				}
			}
		}
	}
}

// TestDivideAgain: another configuration keeps the connections and fetches of the
// start, its sites share the rest, and what does not fit is an error.
func TestDivideAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		limit         uint64
		before, after [2]int      // sites with a root, upstreams
		want          descriptors // but for needed; zero: an error
	}{
		"enough for all":                         {1 << 20, [2]int{1, 0}, [2]int{4, 2}, descriptors{conns: 25000, fetches: 256, open: 48, upstream: 512}},
		"as many sites: the same, rounding too":  {700, [2]int{1, 2}, [2]int{1, 2}, descriptors{conns: 291, fetches: 44, open: 31, upstream: 85}},
		"more upstreams: less for each":          {1024, [2]int{0, 4}, [2]int{0, 8}, descriptors{conns: 460, fetches: 256, upstream: 56}},
		"fewer upstreams: more for each":         {1024, [2]int{0, 4}, [2]int{0, 2}, descriptors{conns: 460, fetches: 256, upstream: 232}},
		"connections have taken what files need": {600, [2]int{0, 0}, [2]int{1, 0}, descriptors{}},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := sited(tt.before[0], tt.before[1]), sited(tt.after[0], tt.after[1])
			first, err := divide(tt.limit, before)
			if err != nil {
				t.Fatal(err)
			}
			got, err := first.again(tt.limit, before, *after)
			if tt.want == (descriptors{}) {
				const want = "with the 504 connections and 256 fetches of the start, of which a restart may allow fewer: RLIMIT_NOFILE allows 600 open files: at least "
				if !strings.HasPrefix(fmt.Sprint(err), want) {
					t.Errorf("%v, want %q", err, want)
				}
				return
			}
			if got.needed = 0; err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
			if spent := got.spent(tt.after[0], tt.after[1]); uint64(spent) > tt.limit {
				t.Errorf("%d may be open at once, of %d", spent, tt.limit)
			}
		})
	}
}

// TestDocumentedDescriptors: the limits of open files in documents and examples do
// for what docs/operations.md says, whose figures are those of the code.
func TestDocumentedDescriptors(t *testing.T) {
	testkit.NeedTree(t)
	needed := func(roots, upstreams int) int64 {
		d, err := divide(math.MaxUint64, sited(roots, upstreams))
		if err != nil {
			t.Fatal(err)
		}
		return d.needed
	}
	text := document(t, "docs/operations.md")
	says := fmt.Sprintf("With one root that is %s, with upstreams alone %s and %d for each.",
		thousands(needed(1, 0)), thousands(needed(0, 0)), needed(0, 1)-needed(0, 0))
	if !strings.Contains(text, says) {
		t.Errorf("docs/operations.md does not say %q", says)
	}
	for _, name := range []string{"docs/operations.md", "dashboards/compose.yaml", "examples/hotpath.service"} {
		m := regexp.MustCompile(`(?i)nofile[:=] *(\d+)`).FindStringSubmatch(document(t, name))
		if m == nil {
			t.Errorf("%s has no limit of open files", name)
			continue
		}
		if n, err := strconv.ParseInt(m[1], 10, 64); err != nil || n < needed(1, 13) {
			t.Errorf("%s has %s descriptors, want %d (%v)", name, m[1], needed(1, 13), err)
		}
	}
}
