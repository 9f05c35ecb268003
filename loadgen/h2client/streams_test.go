package h2client

import (
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

func TestSlotsFor(t *testing.T) {
	for streams, want := range map[int]int{0: 2, 1: 2, 2: 4, 3: 8, 4: 8, 5: 16, 100: 256, 128: 256, 10_000: 32_768} {
		if got := slotsFor(streams); got != want {
			t.Errorf("%d slots for %d streams, want %d", got, streams, want)
		}
	}
}

// opened reads a request and returns its identifier, which is to be more than
// the one before.
func (p *peer) opened(before uint32) uint32 {
	p.Helper()
	f := p.NextFrame()
	if f.Type != frame.Headers || f.StreamID <= before || f.StreamID%2 == 0 {
		p.Fatalf("%v, behind stream %d", f, before)
	}
	return f.StreamID
}

// Streams that are slower than thousands around them keep their slots: the
// identifiers that would fall on these are skipped, and count as closed.
func TestSlowStreams(t *testing.T) {
	const rounds = 3000
	for streams, slow := range map[int]int{2: 1, 4: 3, 100: 99, 7: 2} {
		run(t, setup{streams: streams}, func(p *peer) {
			r := request(p, 0, "GET", "https://test/", "")
			id, skipped := uint32(0), uint32(0)
			var open []uint32
			next := func() {
				p.ask(r)
				before := id
				id = p.opened(before)
				if id-before > 2 && before > 0 {
					skipped = id - 2
				}
			}
			for range slow {
				next()
				open = append(open, id)
			}
			for range rounds {
				next()
				p.Send(ok(id))
			}
			if skipped == 0 || skipped%2 == 0 {
				t.Fatalf("of %d streams, with %d slow ones, identifier %d was skipped", streams, slow, skipped)
			}
			p.Send(frame.AppendRSTStream(nil, skipped, frame.Cancel), data(skipped, "?", false), frame.AppendWindowUpdate(nil, skipped, 1))
			p.wantCounts(rounds, 0)
			for _, id := range open {
				p.Send(ok(id))
			}
			p.wantCounts(rounds+slow, 0)
			for _, o := range p.ends() {
				if o.Status != 200 || o.Failure != nil || o.BytesIn != 2 {
					t.Fatalf("%+v", o)
				}
			}
		})
	}
}

// A connection whose identifiers are used up ends when its streams have, for a
// reason that has another one made.
func TestIdentifiersRunOut(t *testing.T) {
	from := uint32(maxStreamID - 4)
	run(t, setup{prepare: func(c *Conn) { c.nextID = from }}, func(p *peer) {
		r := request(p, 0, "GET", "https://test/", "")
		p.ask(r, r, r, r, r)
		for id := from; id <= maxStreamID; id += 2 {
			p.wantRequest(id, r)
		}
		p.WantSilence()
		p.Send(ok(from+2), ok(from))
		p.WantSilence()
		p.Send(ok(from + 4))
		p.wantGoAway(frame.NoError)
		p.wantEnd(&exchange.Failure{Kind: exchange.Closed, Detail: "all stream identifiers are used up"})
		p.wantCounts(3, 0)
		if n := p.left(); n != 2 {
			t.Errorf("%d tickets are left", n)
		}
	})
}

// No identifier of more than 31 bits is used, however many are skipped.
func TestLastIdentifier(t *testing.T) {
	if slots := uint32(slotsFor(10_000)); frame.MaxStreamID-maxStreamID < 2*slots {
		t.Errorf("identifiers up to %d, and a table of %d", maxStreamID, slots)
	}
}
