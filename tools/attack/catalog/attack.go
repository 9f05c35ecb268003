// Package catalog is the table of attacks: what each does, where it was described,
// what a server has to do about it, and the function that performs it.
//
//   - resets.go   streams that end early
//   - floods.go   frames that serve no response
//   - headers.go  header blocks
//   - windows.go  clients that do not read
//   - streams.go  numbers of streams
//   - secure.go   TLS and connections
//   - slow.go     requests that come byte by byte
//   - stored.go   what a cache stores
//   - upstream.go origins and those who wait for them
package catalog

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/tools/attack/peer"
	"github.com/e0ac7cd4/hotpath/tools/attack/target"
)

// Attack is a row of the table.
type Attack struct {
	Name      string // as -only takes it
	Reference string // CVE, advisory, paper or RFC
	Does      string // a sentence without its full stop
	Passes    string // what must come of it, in the same form

	// Ends are those that hotpath may give what is tried, of which there has to be one;
	// an End of another kind is a failure. The last one of each client may be Held, as
	// time was over. Nil: any.
	Ends []string

	// Limit is the label of hotpath_limit_breaches_total that counts it; "": none does.
	Limit string

	Short, Long int // clients at once, in either form

	// Takes is how long hotpath's limit needs until it ends an offender.
	Takes Span

	// Rest is between two tries of a client; 0: pause. A try costs a handshake, which
	// has an attack of its own.
	Rest time.Duration

	// PerClient is what memory may grow by for each client, in bytes, if that is more
	// than MaxGrowth; 0: MaxGrowth.
	PerClient int64

	NeedsOrigin bool
	Needs       Needs

	// Try performs it once, until the server ends it or ctx does.
	Try try
}

// Span is a time in the short form, in which the times of limits are a second and an
// attack is performed for so long at least, and in the long one, with the defaults: of
// an attack that is shorter no end is asked for.
type Span struct{ Short, Long time.Duration }

// try is a function that performs an attack once.
type try = func(context.Context, *target.Target) peer.End

// Needs are of a server that is started for the attack. An attack that has any is
// left out against others.
type Needs struct {
	Conns int // max-conns
	Files int // RLIMIT_NOFILE
}

// MaxGrowth is what memory may grow by under a flood or a bomb.
const MaxGrowth = 64 << 20

// perClient is what a slow client may cost.
const perClient = 256 << 10

// pause is the Rest of most, and once that of a client that tries but once.
const (
	pause = 100 * time.Millisecond
	once  = time.Hour
)

// All is the table.
func All() []Attack {
	return slices.Concat(resets(), floods(), headers(), windows(), streams(), secure(), slow(), stored(), upstream())
}

// Tally counts what came of tries. Its zero value is ready.
type Tally struct {
	Tries  int
	Ends   map[string]int // those that ended before time was over, and those that were held
	Frames []int          // of each that was ended
	After  []time.Duration

	mu sync.Mutex
}

func (t *Tally) add(e peer.End) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Ends == nil {
		t.Ends = make(map[string]int)
	}
	t.Tries++
	t.Ends[e.What]++
	if e.What != peer.Held {
		t.Frames, t.After = append(t.Frames, e.Frames), append(t.After, e.After)
	}
}

// Median is how many frames and how much time it took until the end, in the middle of
// all that were ended.
func (t *Tally) Median() (frames int, after time.Duration) {
	if len(t.Frames) == 0 {
		return 0, 0
	}
	slices.Sort(t.Frames)
	slices.Sort(t.After)
	return t.Frames[len(t.Frames)/2], t.After[len(t.After)/2]
}

// Said are the ends with their numbers, the most frequent first.
func (t *Tally) Said() []string {
	all := make([]string, 0, len(t.Ends))
	for what := range t.Ends {
		all = append(all, what)
	}
	slices.SortFunc(all, func(a, b string) int {
		if d := t.Ends[b] - t.Ends[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return all
}

// Wrong returns what hotpath should not have done to the offenders, or "".
func (a *Attack) Wrong(t *Tally, clients int) string {
	if t.Tries == 0 {
		return "nothing was tried"
	}
	if a.Ends == nil {
		return ""
	}
	right := 0
	for what, n := range t.Ends {
		switch {
		case slices.Contains(a.Ends, what):
			right += n
		case what == peer.Held && n <= clients:
			// Each client's last.
		case what == peer.Refused:
			// It never came to an offence: what attacks has no time to spare, and the
			// server's limits go on meanwhile.
		default:
			return "offenders saw " + what + ", want " + strings.Join(a.Ends, " or ")
		}
	}
	if right == 0 {
		return "no offender saw " + strings.Join(a.Ends, " or ")
	}
	return ""
}

// Perform has so many clients try until ctx ends.
func (a *Attack) Perform(ctx context.Context, to *target.Target, clients int, t *Tally) {
	rest := a.Rest
	if rest == 0 {
		rest = pause
	}
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			// A crowd does not come in one moment.
			for wait(ctx, min(time.Duration(i)*200*time.Microsecond, time.Second)); ctx.Err() == nil; wait(ctx, rest) {
				t.add(a.Try(ctx, to))
			}
		})
	}
	all.Wait()
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// script is a try on a connection of HTTP/2, whose end is the connection's.
func script(o peer.Options, play func(*peer.Conn)) try {
	return scriptEnd(o, func(c *peer.Conn) string { play(c); return "" })
}

// scriptEnd is a script that has an end of its own, unless it returns "".
func scriptEnd(o peer.Options, play func(*peer.Conn) string) try {
	return func(ctx context.Context, to *target.Target) peer.End {
		c, err := peer.Open(ctx, to, o)
		if err != nil {
			if ctx.Err() != nil {
				return peer.End{What: peer.Held}
			}
			return peer.End{What: peer.Refused}
		}
		if what := play(c); what != "" {
			end := c.Now(what)
			c.Drop()
			return end
		}
		return c.Finish()
	}
}

// flood sends what batch makes, again and again, until the server ends it.
func flood(o peer.Options, frames int, batch func(*peer.Conn) []byte) try {
	return script(o, func(c *peer.Conn) { again(c, frames, batch) })
}

// again sends what batch makes until the server ends the connection. What it says is
// waited for, for a moment after each: so the frames are known that it took.
func again(c *peer.Conn, frames int, batch func(*peer.Conn) []byte) {
	for c.Send(frames, batch(c)) && c.Pause(moment) {
	}
}

// moment is some times what an answer takes on loopback: with floodBatch a hundred
// thousand frames in a second, of each client.
const moment = time.Millisecond

// calm is the end that most offences have.
var calm = []string{"GOAWAY ENHANCE_YOUR_CALM"}
