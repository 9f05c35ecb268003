package fleet

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// stage is a coordinator whose agents are played by the test, in fake time.
type stage struct {
	*collector
	*record
	agents []*actor
	played sync.WaitGroup
}

// actor plays an agent. It answers pings unless it is silent.
type actor struct {
	*link
	silent chan struct{} // closed: it takes nothing any more
	stops  chan time.Time
}

// play has n agents of an attack of 10 requests per second and connection.
func play(t *testing.T, n int, d time.Duration) *stage {
	t.Helper()
	cfg := (&target{url: "https://localhost"}).config(10*n, d, 0)
	cfg.Connections = n
	s := &stage{record: newRecord(cfg)}
	f, err := newFleet(Options{Workers: []string{"one", "two", "three"}[:n]}, cfg, s.record.hooks())
	if err != nil {
		t.Fatal(err)
	}
	s.collector = &collector{fleet: f, epoch: time.Now(), merger: newMerger(f.hooks.Interval)}
	for _, w := range f.workers {
		ours, theirs := net.Pipe()
		w.link = newLink(ours)
		if err := w.link.watch(); err != nil {
			t.Fatal(err)
		}
		a := &actor{newLink(theirs), make(chan struct{}), make(chan time.Time, 1)}
		s.agents = append(s.agents, a)
		f.attend(w)
		s.played.Go(a.play)
	}
	return s
}

func (a *actor) play() {
	defer a.close()
	for {
		var m message
		if err := a.recv(&m, maxMessage); err != nil {
			return
		}
		if m.Kind == kindStop {
			a.stops <- time.Now()
		}
		select {
		case <-a.silent:
			time.Sleep(time.Minute)
			return
		default:
		}
		if m.Kind == kindPing && a.send(message{Kind: kindPong, At: m.At}) != nil {
			return
		}
	}
}

// report sends an interval with n requests.
func (a *actor) report(t *testing.T, index, n int) {
	t.Helper()
	if err := a.send(message{Kind: kindInterval, Interval: intervalOf(index, n)}); err != nil {
		t.Fatal(err)
	}
}

func (a *actor) done(t *testing.T, scheduled uint64) {
	t.Helper()
	if err := a.send(message{Kind: kindDone, Summary: &attack.Summary{Scheduled: scheduled, Duration: 2 * time.Second}}); err != nil {
		t.Fatal(err)
	}
}

// end returns the summary, and how long it took since the attack began.
func (s *stage) end(t *testing.T, ctx context.Context) (attack.Summary, time.Duration) {
	t.Helper()
	s.collect(ctx)
	took := time.Since(s.epoch)
	summary, err := s.summary()
	if err != nil {
		t.Fatal(err)
	}
	s.release()
	s.played.Wait()
	return summary, took
}

// TestSilentAgent: the intervals of the others go on, and an agent that is dead
// without a word is lost after 10 s.
func TestSilentAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, 2, 2*time.Second)
		close(s.agents[1].silent)
		go func() {
			time.Sleep(time.Second)
			s.agents[0].report(t, 0, 10)
			time.Sleep(time.Second)
			s.agents[0].report(t, 1, 10)
			s.agents[0].done(t, 20)
		}()
		summary, took := s.end(t, t.Context())
		if took < silence || took > silence+beat {
			t.Errorf("the agent was lost after %v", took)
		}
		if summary.Scheduled != 40 || s.total.Requests() != 40 || s.total.Failed[exchange.Lost] != 20 || s.due != 40 {
			t.Errorf("%d requests, %d due, %v: %+v", s.total.Requests(), s.due, s.total.Errors, summary)
		}
	})
}

// TestStuckAgent: one that does not report after a stop is lost, and of its
// share what was due until then.
func TestStuckAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, 2, time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		go func() {
			time.Sleep(time.Second)
			for _, a := range s.agents {
				a.report(t, 0, 10)
			}
			at := <-s.agents[0].stops
			if d := at.Sub(s.epoch); d != 1500*time.Millisecond {
				t.Errorf("stopped after %v", d)
			}
			s.agents[0].report(t, 1, 5)
			s.agents[0].done(t, 15)
		}()
		summary, took := s.end(t, ctx)
		if took != 1500*time.Millisecond+stopTime {
			t.Errorf("it took %v", took)
		}
		// Of 20 per second, 31 were due; the second connection had 16 of these:
		// numbers 1, 2, 5, 6, … 29, 30.
		if summary.Scheduled != 31 || s.total.Requests() != 31 || s.total.Failed[exchange.Lost] != 6 || !summary.Interrupted || summary.Duration != 2*time.Second {
			t.Errorf("%d requests, %v: %+v", s.total.Requests(), s.total.Errors, summary)
		}
	})
}

// TestBrokenProtocol: an agent that says what it must not is lost.
func TestBrokenProtocol(t *testing.T) {
	for name, m := range map[string]message{
		"ready again":        {Kind: kindReady},
		"a start":            {Kind: kindStart, Start: &start{}},
		"no kind":            {},
		"no interval":        {Kind: kindInterval},
		"no tally":           {Kind: kindInterval, Interval: &measure.Interval{}},
		"no distributions":   {Kind: kindInterval, Interval: &measure.Interval{Tally: &measure.Tally{}}},
		"the wrong interval": {Kind: kindInterval, Interval: intervalOf(1, 1)},
		"no summary":         {Kind: kindDone},
		"another target":     {Kind: kindOutcomes, Outcomes: []outcome{{Target: 2}}},
		"a failure":          {Kind: kindFailed, Text: "no more memory"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(t, 2, 2*time.Second)
				go func() {
					_ = s.agents[0].send(m)
					s.agents[1].report(t, 0, 20)
					s.agents[1].done(t, 20)
				}()
				summary, took := s.end(t, t.Context())
				if took > 0 || s.total.Failed[exchange.Lost] != 20 || summary.Scheduled != 40 || !strings.Contains(s.obituaries(), "one") {
					t.Errorf("after %v: %v, %+v", took, s.total.Errors, summary)
				}
			})
		})
	}
}

func (s *stage) obituaries() (all string) {
	for text := range s.total.Errors {
		all += text
	}
	return all
}

// TestSilentCoordinator: an agent waits 10 s for whatever is to come, and goes
// on as long as there are pings.
func TestSilentCoordinator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		l := newLink(ours)
		if err := l.watch(); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		const pings = 10
		go func() {
			coordinator := newLink(theirs)
			for range pings {
				_ = coordinator.send(message{Kind: kindPing})
				time.Sleep(beat)
			}
		}()
		began, released := time.Now(), false
		err := newSession(t.Context(), l).run(func() { released = true })
		if took := time.Since(began); took != (pings-1)*beat+silence || !released || err == nil || !strings.Contains(err.Error(), "the coordinator is gone") {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// TestMoment: a begin that is under way for long names the same moment.
func TestMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const way = 40 * time.Millisecond
		near, a := net.Pipe()
		far, b := net.Pipe()
		for _, d := range [][2]net.Conn{{a, b}, {b, a}} {
			go func() {
				for p := make([]byte, chunk); ; {
					n, err := d[0].Read(p)
					if err != nil {
						_ = d[1].Close()
						return
					}
					time.Sleep(way)
					_, _ = d[1].Write(p[:n])
				}
			}()
		}
		s := newSession(t.Context(), newLink(far))
		go s.read()
		w := newWorker("far", attack.Config{})
		w.link = newLink(near)
		go w.read(nil, func(*worker, *message, error) {})
		w.measureTrip(t.Context())
		if w.trip != 2*way {
			t.Errorf("a round trip of %v", w.trip)
		}
		epoch := time.Now().Add(time.Second)
		s.next = kindBegin
		if err := w.link.send(w.begin(epoch)); err != nil {
			t.Fatal(err)
		}
		if got := <-s.begins; !got.Equal(epoch) {
			t.Errorf("the agent begins %v later", got.Sub(epoch))
		}
		w.link.close()
		<-s.gone
		<-w.gone
	})
}
