package h2

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// turnOf is n requests of a client that indexes what it sends: from its second
// request on every block is the same.
func (p *peer) turnOf(n int, first uint32, method, path string) {
	p.Helper()
	var b []byte
	for i := range uint32(n) {
		var block []byte
		for _, f := range []hpack.Field{{Name: ":method", Value: method}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: "test"}, {Name: ":path", Value: path}} {
			block = p.encoder.AppendField(block, f, true)
		}
		b = frame.AppendHeaders(b, first+2*i, true, block, frame.MinMaxSize)
	}
	p.Write(b)
}

func TestRepeats(t *testing.T) {
	for name, body := range map[string]string{
		"in a frame":                     "hit",
		"in two, on a stream that stays": strings.Repeat("a", maxData+1),
	} {
		t.Run(name, func(t *testing.T) {
			source := stored("/", body)
			run(t, setup{source: source}, func(p *peer) {
				p.Write(frame.AppendWindowUpdate(nil, 0, 1<<24))
				var first response
				for id := uint32(1); id < 40; id += 2 {
					p.turnOf(1, id, "GET", "/")
					r := p.wantBody(id, 200, body)
					if id == 1 {
						first = r
						continue
					}
					wantSameFields(p, id, r, first)
				}
				looks, agains := source.counts()
				// The first block enters fields, the second is seen, the third kept.
				if looks != 3 || agains != 17 {
					p.Errorf("the source was asked %d times, and %d times again, want 3 and 17", looks, agains)
				}
			})
		})
	}
}

func wantSameFields(p *peer, id uint32, got, want response) {
	p.Helper()
	if len(got.Fields) != len(want.Fields) {
		p.Fatalf("stream %d: fields %v, want %v", id, got.Fields, want.Fields)
	}
	for i := range got.Fields {
		if got.Fields[i] != want.Fields[i] {
			p.Errorf("stream %d: field %v, want %v", id, got.Fields[i], want.Fields[i])
		}
	}
}

// TestRepeatsShrink: a repeated answer goes out as references.
func TestRepeatsShrink(t *testing.T) {
	run(t, setup{source: stored("/", "hit")}, func(p *peer) {
		p.turnOf(10, 1, "GET", "/")
		var last response
		for id := uint32(1); id < 20; id += 2 {
			last = p.wantBody(id, 200, "hit")
		}
		if n := len(last.Payload); n != len(last.Fields) {
			p.Errorf("the last head takes %d bytes for %d fields: %x", n, len(last.Fields), last.Payload)
		}
	})
}

func TestRepeatsOfHead(t *testing.T) {
	run(t, setup{source: stored("/", "hit")}, func(p *peer) {
		for id := uint32(1); id < 40; id += 4 {
			p.turnOf(1, id, "HEAD", "/")
			if r := p.wantBody(id, 200, ""); r.Field("content-length") != "3" || !r.Ends() {
				p.Errorf("stream %d: %v", id, r.Fields)
			}
			p.turnOf(1, id+2, "GET", "/")
			p.wantBody(id+2, 200, "hit")
		}
	})
}

// TestRepeatsOfManyPaths: more paths than there are slots.
func TestRepeatsOfManyPaths(t *testing.T) {
	run(t, setup{source: storedPaths(12)}, func(p *peer) {
		id := uint32(1)
		for range 5 {
			for i := range 12 {
				path := "/" + strconv.Itoa(i)
				p.turnOf(1, id, "GET", path)
				p.wantBody(id, 200, path)
				id += 2
			}
		}
	})
}

func storedPaths(n int) *store {
	s := stored()
	for i := range n {
		s.put("/"+strconv.Itoa(i), "/"+strconv.Itoa(i))
	}
	return s
}

// TestRepeatsSeeTheTable: the same bytes mean another path once the client's
// table has another first entry.
func TestRepeatsSeeTheTable(t *testing.T) {
	run(t, setup{source: storedPaths(4)}, func(p *peer) {
		newest := []byte{0x82, 0x87, 0x01, 4, 't', 'e', 's', 't', 0x80 | 62} // GET, https, :authority, the newest entry
		id := uint32(1)
		for i := range 4 {
			path := "/" + strconv.Itoa(i)
			enter := append([]byte{0x82, 0x87, 0x01, 4, 't', 'e', 's', 't', 0x40 | 4, byte(len(path))}, path...) // :path, with indexing
			p.Write(frame.AppendHeaders(nil, id, true, enter, frame.MinMaxSize))
			p.wantBody(id, 200, path)
			for range 4 {
				id += 2
				p.Write(frame.AppendHeaders(nil, id, true, newest, frame.MinMaxSize))
				p.wantBody(id, 200, path)
			}
			id += 2
		}
		// A table size update in front makes another block of it, and empties
		// the table: the reference is one to nothing.
		p.Write(frame.AppendHeaders(nil, id, true, append([]byte{0x20}, newest...), frame.MinMaxSize))
		f := p.Want(frame.GoAway, 0, 0)
		if _, code := frame.LastStream(f.Payload); code != frame.CompressionError {
			p.Errorf("%v", code)
		}
	})
}

func TestRepeatsSeeTheDate(t *testing.T) {
	run(t, setup{source: stored("/", "hit")}, func(p *peer) {
		id := uint32(1)
		for range 3 {
			want := time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
			p.turnOf(5, id, "GET", "/")
			for range 5 {
				if r := p.wantBody(id, 200, "hit"); r.Field("date") != want {
					p.Errorf("stream %d: date %q, want %q", id, r.Field("date"), want)
				}
				id += 2
			}
			time.Sleep(time.Second)
		}
	})
}

// TestRepeatsSeeTheEntry: replaced, gone and back between turns.
func TestRepeatsSeeTheEntry(t *testing.T) {
	source := stored("/", "old")
	run(t, setup{source: source}, func(p *peer) {
		id := uint32(1)
		turn := func(want string) {
			p.turnOf(4, id, "GET", "/")
			for range 4 {
				if r := p.wantBody(id, 200, want); r.Field("content-length") != strconv.Itoa(len(want)) {
					p.Errorf("content-length %q", r.Field("content-length"))
				}
				id += 2
			}
		}
		turn("old")
		turn("old")
		source.put("/", "replaced")
		turn("replaced")
		source.put("/", "")
		p.turnOf(1, id, "GET", "/")
		if r := p.wantBody(id, 200, ""); !r.Ends() {
			p.Error("DATA for an empty body")
		}
		id += 2
		source.mu.Lock()
		delete(source.m, "/")
		source.mu.Unlock()
		p.turnOf(1, id, "GET", "/")
		p.wantBody(id, 200, "/") // by the handler
		id += 2
		source.put("/", "back")
		turn("back")
	})
}

// TestRepeatsSeeTheEncoder: the peer shrinks the table that answers refer to.
func TestRepeatsSeeTheEncoder(t *testing.T) {
	run(t, setup{source: stored("/", "hit")}, func(p *peer) {
		id := uint32(1)
		for _, size := range []uint32{4096, 100, 0, 60, 4096} {
			p.Write(frame.AppendSettings(nil, frame.Setting{ID: frame.HeaderTableSize, Value: size}))
			p.Want(frame.Settings, 0, frame.FlagAck)
			p.turnOf(5, id, "GET", "/")
			for range 5 {
				r := p.wantBody(id, 200, "hit")
				if r.Field("server") != "hotpath" || r.Field("etag") != `"3"` || r.Field("date") == "" {
					p.Errorf("table of %d: %v", size, r.Fields)
				}
				id += 2
			}
		}
	})
}

// TestConditionalRequestsAreNotRepeats: their answer depends on the entry.
func TestConditionalRequestsAreNotRepeats(t *testing.T) {
	source := stored("/", "hit")
	run(t, setup{source: source}, func(p *peer) {
		id := uint32(1)
		for _, want := range []int{304, 304, 304, 200, 200, 304} {
			switch id {
			case 7:
				source.put("/", "other")
			case 11:
				source.put("/", "yes")
			}
			p.Write(get(id, "/", "if-none-match", `"3"`))
			p.wantResponse(id, want)
			id += 2
		}
	})
}

func TestLongRequestsAreNotRepeats(t *testing.T) {
	source := stored("/", "hit")
	run(t, setup{source: source}, func(p *peer) {
		for id := uint32(1); id < 10; id += 2 {
			p.Write(get(id, "/", "x-long", strings.Repeat("~", maxRepeat)))
			p.wantBody(id, 200, "hit")
		}
		if looks, _ := source.counts(); looks != 5 {
			p.Errorf("%d looks for 5 requests", looks)
		}
	})
}

// TestTheSameBlockWithABody is not the same request.
func TestTheSameBlockWithABody(t *testing.T) {
	run(t, setup{source: stored("/", "hit")}, func(p *peer) {
		for id := uint32(1); id < 12; id += 2 {
			p.Write(get(id, "/"))
			p.wantBody(id, 200, "hit")
		}
		p.Write(headers(13, false, pseudo("GET", "/")...))
		p.wantHead(13, 200)
		p.Want(frame.Data, 13, frame.FlagEndStream)
		p.WantReset(13, frame.NoError) // the handler did not read it
	})
}

// TestRepeatsSeeTheAge: another server's response keeps its date, and its age is
// that of the second, once.
func TestRepeatsSeeTheAge(t *testing.T) {
	source := stored()
	run(t, setup{source: source}, func(p *peer) {
		const date = "Sat, 01 Jan 2000 00:00:00 GMT"
		source.mu.Lock()
		source.m["/"] = message.Stored(200, []hpack.Field{{Name: "date", Value: date}}, []byte("hit"), time.Now().Unix()-7)
		source.mu.Unlock()
		id := uint32(1)
		for second := range 3 {
			p.turnOf(5, id, "GET", "/")
			for range 5 {
				r := p.wantBody(id, 200, "hit")
				ages := 0
				for _, f := range r.Fields {
					if f.Name == "age" {
						ages++
					}
				}
				if want := strconv.Itoa(7 + second); r.Field("age") != want || ages != 1 || r.Field("date") != date {
					p.Errorf("stream %d: %v, want the age %s and the response's date", id, r.Fields, want)
				}
				id += 2
			}
			time.Sleep(time.Second)
		}
	})
}
