package h2client

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// Heads that enter the table, refer to it and push each other out mean what
// they say, although the engine does not decode what it remembers.
func TestHeadsThatRepeat(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		all := targets(p, 20)
		var encoder hpack.Encoder
		id := uint32(1)
		exchangeOne := func(r *exchange.Request, status int, length string) {
			p.ask(r)
			p.wantRequest(id, r)
			if len(r.Body) > 0 {
				p.wantBody(id, string(r.Body))
			}
			b := encoder.AppendBlockStart(nil)
			for _, f := range []hpack.Field{
				{Name: ":status", Value: strconv.Itoa(status)}, {Name: "server", Value: "test"}, {Name: "content-length", Value: length},
			} {
				b = encoder.AppendField(b, f, true)
			}
			p.Send(frame.AppendHeaders(nil, id, r.HeadOnly(), b, frame.MinMaxSize))
			if !r.HeadOnly() {
				p.Send(data(id, "four", true))
			}
			failure := lengthDiffers
			if length == "4" || r.HeadOnly() {
				failure = nil
			}
			p.wantOutcome(uint64(id/2), status, failure)
			id += 2
		}
		for round := range 4 {
			for i, r := range all {
				exchangeOne(r, 200+i%3, "4")
				exchangeOne(r, 404, []string{"4", "5"}[(i+round)%2])
			}
			// The same octets mean something else from here.
			encoder.SetMaxTableSize(0)
			exchangeOne(all[0], 207, "4")
			encoder.SetMaxTableSize(4096)
			exchangeOne(all[0], 208, "5")
		}
	})
}

// What a stream that is gone was sent changes the table all the same.
func TestHeadsOfStreamsThatAreGone(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		p.get(1, "/")
		p.Send(headers(1, true))
		p.WantReset(1, frame.ProtocolError)
		var encoder hpack.Encoder
		b := encoder.AppendField([]byte{0x88}, hpack.Field{Name: "x-length", Value: "large"}, true)
		p.Send(frame.AppendHeaders(nil, 1, false, b, frame.MinMaxSize))
		p.get(3, "/")
		p.Send(raw(frame.Headers, frame.FlagEndStream|frame.FlagEndHeaders, 3, "\x88\xbe"))
		p.wantOutcome(1, 200, nil)
	})
}

func TestDigests(t *testing.T) {
	sum := sha256.Sum256([]byte("ok"))
	for _, spec := range []string{hex.EncodeToString(sum[:]), exchange.DigestFirst} {
		t.Run(spec[:5], func(t *testing.T) {
			digests, err := exchange.NewDigests(spec, 2)
			if err != nil {
				t.Fatal(err)
			}
			run(t, setup{digests: digests}, func(p *peer) {
				for i, c := range []struct {
					method  string
					status  int
					content []string
					failure *exchange.Failure
				}{
					{"GET", 503, []string{"no!"}, nil}, // its content is none
					{"GET", 204, nil, nil},
					{"HEAD", 200, nil, nil},
					{"GET", 200, []string{"ok"}, nil},
					{"GET", 200, []string{"no"}, digestDiffers},
					{"GET", 200, nil, digestDiffers},
					{"GET", 200, []string{"o", "", "k"}, nil},
					{"GET", 304, nil, nil},
					{"GET", 404, []string{"ok?"}, nil},
					{"HEAD", 200, nil, nil},
					{"GET", 302, []string{"moved"}, digestDiffers},
					{"GET", 200, []string{"ok"}, nil},
				} {
					id := uint32(1 + 2*i)
					r := request(p, 0, c.method, "https://test/", "")
					p.ask(r)
					p.wantRequest(id, r)
					p.Send(headers(id, len(c.content) == 0, ":status", strconv.Itoa(c.status)))
					for j, part := range c.content {
						p.Send(data(id, part, j == len(c.content)-1))
					}
					p.wantOutcome(uint64(i), c.status, c.failure)
				}
			})
		})
	}
}
