package metrics

// Tally counts the answers of one part of a server, such as a site, beside the
// instruments: it is none itself, since there may be any number of them. The methods
// of a nil Tally do nothing.
type Tally struct{ cells cells }

// tallyStripes is how many stripes a Tally has: each is a cache line, and a server
// may have a thousand sites. Hits are added once a turn, so that more cores than that
// rarely meet.
const tallyStripes = 8

// The cells of a Tally, all on one line: results, and behind them the classes that say
// that something is wrong.
const (
	tally4xx = int(Bypass) + 1 + iota
	tally5xx
)

// Tallied is what a [Tally] has counted. All answers are the sum of the first three.
type Tallied struct {
	Hits, Misses, Bypasses     uint64
	ClientErrors, ServerErrors uint64 // of these, statuses of 4xx and 5xx
}

// NewTally makes a Tally, at zero.
func NewTally() *Tally {
	return &Tally{cells{base: alignedCells(tallyStripes * lineCells), row: lineCells, mask: tallyStripes - 1}}
}

// Add counts n answers.
func (t *Tally) Add(s Stripe, class Class, result CacheResult, n uint64) {
	if t == nil {
		return
	}
	t.cells.at(s, int(result)).Add(n)
	switch class {
	case Class4xx:
		t.cells.at(s, tally4xx).Add(n)
	case Class5xx:
		t.cells.at(s, tally5xx).Add(n)
	}
}

// Value returns the sums of all stripes.
func (t *Tally) Value() Tallied {
	if t == nil {
		return Tallied{}
	}
	sum := t.cells.sum
	return Tallied{sum(int(Hit)), sum(int(Miss)), sum(int(Bypass)), sum(tally4xx), sum(tally5xx)}
}

// Requests is how many answers there were.
func (t Tallied) Requests() uint64 { return t.Hits + t.Misses + t.Bypasses }

// Since is what was counted after an earlier moment.
func (t Tallied) Since(earlier Tallied) Tallied {
	return Tallied{
		t.Hits - earlier.Hits, t.Misses - earlier.Misses, t.Bypasses - earlier.Bypasses,
		t.ClientErrors - earlier.ClientErrors, t.ServerErrors - earlier.ServerErrors,
	}
}

// Plus is the sum of both.
func (t Tallied) Plus(o Tallied) Tallied {
	return Tallied{
		t.Hits + o.Hits, t.Misses + o.Misses, t.Bypasses + o.Bypasses,
		t.ClientErrors + o.ClientErrors, t.ServerErrors + o.ServerErrors,
	}
}
