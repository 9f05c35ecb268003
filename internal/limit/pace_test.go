package limit

import (
	"testing"
	"time"
)

// step is what happens to a pace at a second.
type step struct {
	at time.Duration // seconds
	do func(p *Pace, now time.Time)
}

func bytesMove(n int) func(*Pace, time.Time) { return func(p *Pace, now time.Time) { p.Moved(n, now) } }
func peersTurn(p *Pace, now time.Time)       { p.Wait(now) }
func ourTurn(p *Pace, now time.Time)         { p.Pause(now) }
func everythingMoved(p *Pace, _ time.Time)   { p.Restart() }

// TestPace: a rate of 10 bytes a second, watched over 3 s. deadline is when the
// peer is too slow, -1: never as things stand.
func TestPace(t *testing.T) {
	for name, tt := range map[string]struct {
		steps    []step
		deadline time.Duration
	}{
		"not the peer's turn: no deadline":               {nil, -1},
		"a peer that moves nothing has the whole time":   {[]step{{0, peersTurn}}, 3 * time.Second},
		"its turn begins once":                           {[]step{{0, peersTurn}, {2, peersTurn}}, 3 * time.Second},
		"a byte earns its share, not the time anew":      {[]step{{0, peersTurn}, {2, bytesMove(1)}}, 3100 * time.Millisecond},
		"a quantum earns the whole":                      {[]step{{0, peersTurn}, {2, bytesMove(30)}}, 5 * time.Second},
		"more than a quantum earns no more":              {[]step{{0, peersTurn}, {2, bytesMove(1 << 30)}}, 5 * time.Second},
		"nor does a quantum in two parts":                {[]step{{0, peersTurn}, {1, bytesMove(20)}, {1, bytesMove(20)}}, 4 * time.Second},
		"the quantum at the last moment is in time":      {[]step{{0, peersTurn}, {3, bytesMove(30)}}, 6 * time.Second},
		"we looked late: what moved counts all the same": {[]step{{0, peersTurn}, {9, bytesMove(30)}}, 12 * time.Second},
		"while we hold it back no time passes":           {[]step{{0, peersTurn}, {2, ourTurn}, {100, peersTurn}}, 101 * time.Second},
		"and it has no deadline":                         {[]step{{0, peersTurn}, {2, ourTurn}}, -1},
		"turns in turn are added up":                     {[]step{{0, peersTurn}, {2, ourTurn}, {3, peersTurn}, {3, ourTurn}, {9, peersTurn}}, 10 * time.Second},
		"bytes count while it is our turn":               {[]step{{0, peersTurn}, {2, ourTurn}, {3, bytesMove(10)}, {4, peersTurn}}, 6 * time.Second},
		"all has moved: the whole time for what follows": {[]step{{0, peersTurn}, {2, everythingMoved}, {3, peersTurn}}, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			p := NewPace(Rate{Within: 3 * time.Second, Quantum: 30})
			var now time.Time
			for _, s := range tt.steps {
				now = start.Add(s.at * time.Second)
				s.do(&p, now)
			}
			deadline, _ := p.Due(now)
			switch {
			case tt.deadline < 0 && !deadline.IsZero():
				t.Errorf("a deadline at %v", deadline.Sub(start))
			case tt.deadline >= 0 && !deadline.Equal(start.Add(tt.deadline)):
				t.Errorf("the deadline is at %v, want %v", deadline.Sub(start), tt.deadline)
			}
			if tt.deadline < 0 {
				return
			}
			if _, broken := p.Due(deadline.Add(-1)); broken {
				t.Error("broken before its deadline")
			}
			if _, broken := p.Due(deadline); !broken {
				t.Error("not broken at its deadline")
			}
		})
	}
}

// TestPaceOfPeers: for an hour, a peer that moves part bytes every so often.
func TestPaceOfPeers(t *testing.T) {
	const quantum = 30 << 10 // 1 KiB a second
	for name, tt := range map[string]struct {
		part  int
		every time.Duration
		cut   time.Duration // 0: never
	}{
		"at the rate, byte by byte":        {1, time.Second / 1024, 0},
		"at the rate, a KiB at a time":     {1 << 10, time.Second, 0},
		"at the rate, 20 KiB at a time":    {20 << 10, 20 * time.Second, 0},
		"at the rate, a quantum at a time": {quantum, 30 * time.Second, 0},
		"a byte a second":                  {1, time.Second, 31 * time.Second},
		"a byte every 29 s":                {1, 29 * time.Second, 58 * time.Second},
		"half the rate has twice the time": {1 << 9, time.Second, time.Minute},
		"nine tenths have ten times that":  {921, time.Second, 289 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			p := NewPace(Rate{Within: 30 * time.Second, Quantum: quantum})
			p.Wait(start)
			cut := time.Duration(0)
			end := min(time.Hour, 2000*tt.every) // byte by byte, a few seconds say it
			if tt.cut > 0 {
				end = time.Hour
			}
			for at := tt.every; at < end; at += tt.every {
				now := start.Add(at)
				if deadline, _ := p.Due(now); now.After(deadline) {
					cut = at
					break
				}
				p.Moved(tt.part, now)
			}
			if cut < tt.cut || cut > tt.cut+tt.cut/20 {
				t.Errorf("cut after %v, want %v", cut, tt.cut)
			}
		})
	}
}
