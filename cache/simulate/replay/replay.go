// Package replay plays traces on policies and prints their hit ratios.
package replay

import (
	"fmt"
	"io"
	"runtime"
	"sync"
	"text/tabwriter"

	"github.com/e0ac7cd4/hotpath/cache/simulate/policy"
	"github.com/e0ac7cd4/hotpath/cache/simulate/trace"
)

// Ratio is what a cache answered, in percent.
type Ratio struct {
	Objects float64 // of the requests
	Bytes   float64 // of their bytes
}

// warm is the part of a trace that fills the caches and is not counted: a fifth.
const warm = 5

// Sizes are the caches that are compared, as parts of the bytes of all objects.
var Sizes = []float64{0.003, 0.01, 0.03, 0.1}

// count plays requests on p and returns the ratio of those from a place on, of
// objects for which counted returns true.
func count(p policy.Policy, requests []trace.Request, from int, counted func(id uint64) bool) Ratio {
	var n, hits, bytes, hitBytes int64
	for i, r := range requests {
		hit := p.Access(r.ID, r.Size+policy.Overhead)
		if i < from || !counted(r.ID) {
			continue
		}
		n++
		bytes += r.Size
		if hit {
			hits++
			hitBytes += r.Size
		}
	}
	return Ratio{100 * float64(hits) / float64(max(n, 1)), 100 * float64(hitBytes) / float64(max(bytes, 1))}
}

func all(uint64) bool { return true }

// Table prints the object and byte hit ratio of each policy for each of Sizes.
func Table(out io.Writer, t trace.Trace, policies []policy.Named) error {
	facts := t.Facts()
	fmt.Fprintf(out, "%s: %s.\n%d requests, %d objects of %.1f GiB, %.0f %% of them requested once.\n",
		t.Name, t.About, facts.Requests, facts.Objects, float64(facts.Bytes)/(1<<30), 100*facts.Once)
	ratios := each(len(policies), len(Sizes), func(i, j int) Ratio {
		p := policies[i].Make(max(int64(Sizes[j]*float64(facts.Bytes)), 1))
		return count(p, t.Requests, len(t.Requests)/warm, all)
	})
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "cache, % of the objects' bytes")
	for _, size := range Sizes {
		fmt.Fprintf(w, "\t%g", 100*size)
	}
	fmt.Fprintln(w)
	for i, p := range policies {
		fmt.Fprint(w, p.Name)
		for _, r := range ratios[i] {
			fmt.Fprintf(w, "\t%.1f  %.1f", r.Objects, r.Bytes)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	return w.Flush()
}

// scanID is the first ID of a scan: above those of all traces.
const scanID = 1 << 50

// Scan prints the object hit ratio of t's requests alone and beside a scan of ten
// times the cache, whose requests come in turns with them. The cache is a
// hundredth of the objects' bytes.
func Scan(out io.Writer, t trace.Trace, policies []policy.Named) error {
	const part, times = 0.01, 10
	limit := int64(part * float64(t.Facts().Bytes))
	from := len(t.Requests) / 2
	beside := append([]trace.Request(nil), t.Requests[:from]...)
	var scanned int64
	to := from
	for n := uint64(0); scanned < times*limit && to < len(t.Requests); n++ {
		r := trace.Request{ID: scanID + n, Size: t.Requests[to].Size}
		beside = append(beside, t.Requests[to], r)
		scanned += r.Size
		to++
	}
	if scanned < times*limit {
		return fmt.Errorf("trace %s is too short for a scan of %d bytes", t.Name, times*limit)
	}
	load := func(id uint64) bool { return id < scanID }
	ratios := each(len(policies), 2, func(i, j int) Ratio {
		return count(policies[i].Make(limit), [][]trace.Request{t.Requests[:to], beside}[j], from, load)
	})
	fmt.Fprintf(out, "scan: %s, and in turns with %d of its requests as many for what is never asked for again, ten times the cache, which has 1 %% of the objects' bytes.\n", t.Name, to-from)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "objects hit, %\talone\tbeside the scan\tfall")
	for i, p := range policies {
		alone, scan := ratios[i][0].Objects, ratios[i][1].Objects
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\n", p.Name, alone, scan, alone-scan)
	}
	fmt.Fprintln(w)
	return w.Flush()
}

// each calls play for all pairs, as many at a time as there are cores.
func each(rows, columns int, play func(i, j int) Ratio) [][]Ratio {
	ratios := make([][]Ratio, rows)
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i := range ratios {
		ratios[i] = make([]Ratio, columns)
		for j := range columns {
			wg.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				ratios[i][j] = play(i, j)
			})
		}
	}
	wg.Wait()
	return ratios
}
