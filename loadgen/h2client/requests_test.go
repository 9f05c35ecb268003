package h2client

import (
	"fmt"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// targets are so many requests that differ in their paths, and some in more.
func targets(t testing.TB, n int) (all []*exchange.Request) {
	for i := range n {
		method, body, header := "GET", "", []string{"Accept", "*/*"}
		switch i % 5 {
		case 1:
			method = "HEAD"
		case 2:
			method, body = "POST", strings.Repeat("b", i)
		case 3:
			header = append(header, "Cookie", strings.Repeat(fmt.Sprintf("crumb-%d; ", i), 8), "X-Twice", "1", "X-Twice", "2")
		}
		all = append(all, request(t, i, method, fmt.Sprintf("https://test.example/a/path/%d?q=%d", i, i*i), body, header...))
	}
	return all
}

// exchangeAll has the requests sent in turns, rounds times, and answers them.
func (p *peer) exchangeAll(id uint32, rounds int, requests []*exchange.Request, sent func(round int, f h2peer.Frame)) uint32 {
	p.Helper()
	for round := range rounds {
		for _, r := range requests {
			p.ask(r)
			f := p.wantRequest(id, r)
			if len(r.Body) > 0 {
				p.wantBody(id, string(r.Body))
			}
			if sent != nil {
				sent(round, f)
			}
			p.Send(frame.AppendWindowUpdate(nil, 0, 1<<16), headers(id, true, ":status", "200"))
			id += 2
		}
	}
	return id
}

// What the server decodes is what was asked for, however many targets there
// are, and whatever table it has.
func TestRequests(t *testing.T) {
	for _, n := range []int{1, 3, 40} {
		for _, size := range []uint32{4096, 65536, 100, 0} {
			t.Run(fmt.Sprintf("%d targets, table of %d", n, size), func(t *testing.T) {
				table := frame.Setting{ID: frame.HeaderTableSize, Value: size}
				t.Run("from the beginning", func(t *testing.T) {
					run(t, setup{settings: []frame.Setting{table}}, func(p *peer) {
						p.exchangeAll(1, 3, targets(p, n), nil)
						p.wantCounts(3*n, 0)
					})
				})
				t.Run("after the first requests", func(t *testing.T) {
					run(t, setup{silent: true}, func(p *peer) {
						all := targets(p, n)
						p.ask(all[0])
						p.wantRequest(1, all[0])
						p.Settings(table)
						p.Send(headers(1, true, ":status", "200"))
						p.exchangeAll(3, 3, all, nil)
						p.wantCounts(1+3*n, 0)
					})
				})
				t.Run("in the middle and back", func(t *testing.T) {
					run(t, setup{}, func(p *peer) {
						all := targets(p, n)
						id := p.exchangeAll(1, 3, all, nil)
						for _, size := range []uint32{size, 4096, 2000} {
							p.Settings(frame.Setting{ID: frame.HeaderTableSize, Value: size})
							id = p.exchangeAll(id, 3, all, nil)
						}
						p.wantCounts(12*n, 0)
					})
				})
				t.Run("to and fro between two requests", func(t *testing.T) {
					run(t, setup{}, func(p *peer) {
						all := targets(p, n)
						id := p.exchangeAll(1, 2, all, nil)
						sizes := []frame.Setting{table, {ID: frame.HeaderTableSize, Value: 4096}}
						p.Settings(sizes...)
						id = p.exchangeAll(id, 2, all, nil)
						p.Settings(sizes[0])
						p.Settings(sizes[1])
						p.exchangeAll(id, 2, all, nil)
					})
				})
			})
		}
	}
}

// A lone target's request is a reference for each field from the second time
// on, also after the server has made its table smaller and larger again.
func TestBlockSize(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		all := []*exchange.Request{request(p, 0, "GET", "https://test.example/a/path", "", "Accept", "*/*", "X-Trace", "on")}
		var first []byte
		size := func(most int) func(int, h2peer.Frame) {
			return func(round int, f h2peer.Frame) {
				if round == 0 {
					first = f.Payload
				} else if len(f.Payload) > most || len(f.Payload) >= len(first) {
					t.Errorf("request %d has a block of %d octets, the first %d", 1+round, len(f.Payload), len(first))
				}
			}
		}
		id := p.exchangeAll(1, 5, all, size(len(all[0].Fields)))
		p.Settings(frame.Setting{ID: frame.HeaderTableSize, Value: 0})
		id = p.exchangeAll(id, 5, all, func(round int, f h2peer.Frame) {
			if resizes := f.Payload[0]&0xe0 == 0x20; resizes != (round == 0) {
				t.Errorf("request %d begins with a size update: %v", 1+round, resizes)
			}
		})
		p.Settings(frame.Setting{ID: frame.HeaderTableSize, Value: 4096})
		p.exchangeAll(id, 5, all, size(len(all[0].Fields)))
	})
}

// Many targets' paths do not push what they share out of the table.
func TestManyPaths(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		var all []*exchange.Request
		path := strings.Repeat("~", 200)
		for i := range 100 {
			all = append(all, request(p, i, "GET", fmt.Sprintf("https://test.example/%s%03d", path, i), "", "Accept", "*/*", "X-Trace", "on"))
		}
		p.exchangeAll(1, 3, all, func(round int, f h2peer.Frame) {
			if n := len(f.Payload); round > 0 && n > len(path)+len(f.Fields)+8 {
				t.Fatalf("round %d, stream %d: a block of %d octets", round, f.StreamID, n)
			}
		})
	})
}

// Requests that are due together leave together, in order.
func TestBatch(t *testing.T) {
	run(t, setup{streams: 100}, func(p *peer) {
		all := targets(p, 40)
		p.ask(all...)
		for i, r := range all {
			id := uint32(1 + 2*i)
			p.wantRequest(id, r)
			if len(r.Body) > 0 {
				p.wantBody(id, string(r.Body))
			}
		}
		var answers []byte
		for i := range all {
			answers = append(answers, headers(uint32(1+2*i), true, ":status", "204")...)
		}
		p.Send(answers)
		p.wantCounts(len(all), 0)
	})
}

// A header block larger than a frame goes on in CONTINUATION frames, within
// the server's frame size.
func TestLargeRequest(t *testing.T) {
	large := strings.Repeat("~", 40_000) // has no shorter code
	for size, frames := range map[uint32]int{16 << 10: 3, 20_000: 3, 1 << 20: 1} {
		run(t, setup{settings: []frame.Setting{{ID: frame.MaxFrameSize, Value: size}}}, func(p *peer) {
			r := request(p, 0, "GET", "https://test/", "", "Large", large)
			p.ask(r)
			if f := p.wantRequest(1, r); f.Frames != frames {
				p.Errorf("%d octets in %d frames of up to %d, want %d", len(f.Payload), f.Frames, size, frames)
			}
			p.Send(ok(1))
			p.wantOutcome(0, 200, nil)
		})
	}
}
