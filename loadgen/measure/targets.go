package measure

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// MaxTargets is how many targets are counted apart, the first of an attack: 2 MiB
// for a tally of latencies that are alike. All others are counted together. Which
// these are follows from the attack alone, so tallies of several machines are of
// the same targets.
const MaxTargets = 1000

// Name is a target's.
type Name struct{ Method, URL string }

// Target is what became of the requests of one target, or of several.
type Target struct {
	Ends    [exchange.Ends]uint64
	Failed  [16]uint64 // those without a whole response, by exchange.Kind
	Classes [6]uint64  // of whole responses, by the first digit of their status
	Latency Coarse     // as Tally.Latency has it
}

func (t *Target) add(o *exchange.Outcome, end exchange.End) {
	t.Ends[end]++
	if end == exchange.Succeeded || end.Late() {
		t.Latency.record(o.Latency())
	}
	if !end.Answered() {
		t.Failed[o.Failure.Kind]++
	} else if class := o.Status / 100; class < len(t.Classes) {
		t.Classes[class]++
	}
}

// Add adds what another target, or the same one elsewhere, counted.
func (t *Target) Add(o *Target) {
	for i, n := range o.Ends {
		t.Ends[i] += n
	}
	for i, n := range o.Failed {
		t.Failed[i] += n
	}
	for i, n := range o.Classes {
		t.Classes[i] += n
	}
	t.Latency.merge(&o.Latency)
}

// Requests is how many ended, whichever way.
func (t *Target) Requests() (n uint64) {
	for _, count := range t.Ends {
		n += count
	}
	return n
}

// Answered is how many had a whole response, of whatever status.
func (t *Target) Answered() uint64 {
	return t.Ends[exchange.Succeeded] + t.Ends[exchange.Declined]
}

func (t *Target) empty() bool { return t.Ends == [exchange.Ends]uint64{} }

// Targets are the targets of an attack that has several. The zero value is empty.
type Targets struct {
	rows []*Target // by exchange.Request.Row, from 1; the last of MaxTargets+1 is all others; nil: none was asked
}

// row is where the requests of a row are counted.
func (t *Targets) row(row int) *Target {
	i := min(row-1, MaxTargets)
	for len(t.rows) <= i {
		t.rows = append(t.rows, nil)
	}
	if t.rows[i] == nil {
		t.rows[i] = new(Target)
	}
	return t.rows[i]
}

// Each is called with each target that had requests, and its row. That of all
// others is MaxTargets + 1. A target is to be read only.
func (t *Targets) Each(call func(row int, target *Target)) {
	for i, target := range t.rows {
		if target != nil && !target.empty() {
			call(i+1, target)
		}
	}
}

func (t *Targets) merge(o *Targets) {
	o.Each(func(row int, target *Target) { t.row(row).Add(target) })
}

// reset empties them and keeps their memory.
func (t *Targets) reset() {
	t.Each(func(_ int, target *Target) {
		target.Latency.reset()
		*target = Target{Latency: target.Latency}
	})
}

// GobEncode implements [encoding/gob.GobEncoder]: of each target its row, its counts
// and the steps of its latencies, with their places, that are not 0. All are varints
// (encoding/binary).
func (t Targets) GobEncode() ([]byte, error) {
	var b []byte
	counts := func(all []uint64) {
		for _, n := range all {
			b = binary.AppendUvarint(b, n)
		}
	}
	t.Each(func(row int, target *Target) {
		counts([]uint64{uint64(row)})
		counts(target.Ends[:])
		counts(target.Failed[:])
		counts(target.Classes[:])
		counts([]uint64{uint64(target.Latency.max)})
		for i, steps := range target.Latency.steps {
			if steps == nil {
				continue
			}
			for k, n := range steps {
				if n > 0 {
					counts([]uint64{uint64(i*coarseSteps+k) + 1, n})
				}
			}
		}
		counts([]uint64{0})
	})
	return b, nil
}

var errTargets = errors.New("decoding targets: no such row, or cut off")

// GobDecode implements [encoding/gob.GobDecoder].
func (t *Targets) GobDecode(p []byte) error {
	*t = Targets{}
	bad := false
	next := func() uint64 {
		n, size := binary.Uvarint(p)
		if size <= 0 {
			bad, p = true, nil
			return 0
		}
		p = p[size:]
		return n
	}
	counts := func(all []uint64) {
		for i := range all {
			all[i] = next()
		}
	}
	for len(p) > 0 {
		row := next()
		if row == 0 || row > MaxTargets+1 {
			return errTargets
		}
		target := new(Target)
		counts(target.Ends[:])
		counts(target.Failed[:])
		counts(target.Classes[:])
		target.Latency.max = time.Duration(min(next(), uint64(Highest)))
		for at := next(); at != 0; at = next() {
			if at > coarsePowers*coarseSteps {
				return errTargets
			}
			n := next()
			target.Latency.power(int(at-1) / coarseSteps)[(at-1)%coarseSteps] += n
			target.Latency.number += n
		}
		if bad {
			return errTargets
		}
		t.row(int(row)).Add(target)
	}
	return nil
}
