package fleet

import (
	"bytes"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// replay is a connection from which a stream is read.
type replay struct {
	net.Conn
	bytes.Reader
}

func (r *replay) Read(p []byte) (int, error) { return r.Reader.Read(p) }

func received(stream []byte) *link {
	r := new(replay)
	r.Reset(stream)
	return newLink(r)
}

// TestLimit: a value may take exactly so many bytes, and each has its own
// limit.
func TestLimit(t *testing.T) {
	first, second := message{Kind: kindFailed, Text: strings.Repeat("x", 1000)}, message{Kind: kindFailed, Text: "y"}
	one, both := len(encoded(t, first)), encoded(t, first, second)
	for _, tt := range []struct {
		limits []int
		want   error
	}{
		{[]int{one, len(both) - one}, nil},
		{[]int{one - 1}, errTooLarge},
		{[]int{one, len(both) - one - 1}, errTooLarge},
		{[]int{0}, errTooLarge},
	} {
		l := received(both)
		var err error
		for _, limit := range tt.limits {
			var m message
			if err = l.recv(&m, limit); err != nil {
				break
			}
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("limits %v of %d and %d: %v, want %v", tt.limits, one, len(both)-one, err, tt.want)
		}
	}
}

// TestHelloFits: a hello with the types of its gob stream is far below what is
// allowed.
func TestHelloFits(t *testing.T) {
	if n := len(encoded(t, hello{version, strings.Repeat("x", 200)})); n > maxHello/2 {
		t.Errorf("a hello takes %d bytes", n)
	}
}

// TestTruncated: a stream that ends early is an error, wherever it ends.
func TestTruncated(t *testing.T) {
	i := &measure.Interval{Tally: measure.NewTally()}
	i.Tally.Success.Record(time.Millisecond)
	whole := encoded(t, message{Kind: kindInterval, Interval: i})
	for n := range whole {
		if received(whole[:n]).recv(new(message), maxMessage) == nil {
			t.Fatalf("%d bytes of %d were a message", n, len(whole))
		}
	}
}

// TestSilence: a side that says or takes nothing for 10 s is gone, and one that
// says or takes little is not.
func TestSilence(t *testing.T) {
	const piece = 9 * time.Second
	for name, tt := range map[string]struct {
		do   func(l *link) error
		peer func(nc net.Conn)
		want error
		took time.Duration
	}{
		"quiet": {
			func(l *link) error { return l.recv(new(message), maxMessage) },
			func(nc net.Conn) { time.Sleep(time.Minute) }, os.ErrDeadlineExceeded, silence,
		},
		"slow": {
			func(l *link) error { return l.recv(new(message), maxMessage) },
			func(nc net.Conn) {
				whole := encoded(t, message{Text: "hello"})
				for part := range slices.Chunk(whole, len(whole)/4+1) {
					_, _ = nc.Write(part)
					time.Sleep(piece)
				}
			}, nil, 3 * piece,
		},
		"takes nothing": {
			func(l *link) error { return l.send(message{Text: "hello"}) },
			func(nc net.Conn) { time.Sleep(time.Minute) }, os.ErrDeadlineExceeded, silence,
		},
		"takes little": {
			func(l *link) error { return l.send(message{Text: strings.Repeat("x", 4*chunk)}) },
			func(nc net.Conn) {
				for p := make([]byte, chunk); ; time.Sleep(piece) {
					if n, err := nc.Read(p); err != nil || n < chunk {
						return
					}
				}
			}, nil, 4 * piece,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				done := make(chan struct{})
				go func() {
					defer close(done)
					tt.peer(b)
				}()
				l := newLink(a)
				if err := l.watch(); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				err := tt.do(l)
				if took := time.Since(began); !errors.Is(err, tt.want) || took != tt.took {
					t.Errorf("%v after %v, want %v after %v", err, took, tt.want, tt.took)
				}
				l.close()
				_ = b.Close()
				<-done
			})
		})
	}
}

// FuzzMessage: whatever an agent says, a coordinator fails at worst.
func FuzzMessage(f *testing.F) {
	i := &measure.Interval{Tally: measure.NewTally()}
	i.Tally.Success.Record(time.Millisecond)
	i.Tally.Errors["404 Not Found"] = 3
	for _, m := range []message{
		{Kind: kindPong, At: time.Second},
		{Kind: kindInterval, Interval: i},
		{Kind: kindOutcomes, Outcomes: []outcome{{Target: 1, Seq: 7, Status: 200}}},
		{Kind: kindStart, Start: &start{Config: (&target{url: "https://localhost"}).config(100, time.Second, 0)}},
	} {
		var t testing.T
		f.Add(encoded(&t, m))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		l := received(stream)
		for {
			var m message
			if l.recv(&m, 1<<20) != nil {
				return
			}
			if m.Kind == kindInterval {
				w := newWorker("", attack.Config{})
				if w.count(m.Interval) == nil {
					newMerger(nil).add(m.Interval, time.Time{})
				}
			}
		}
	})
}
