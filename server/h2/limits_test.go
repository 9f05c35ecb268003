package h2

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// Each test here uses up one budget: the boundary itself is allowed, what goes
// beyond ends with the right code and is counted.

// fat is a request whose header list has the size and the number of fields that
// RFC 9113 §6.5.2 counts.
func fat(id uint32, size, fields int) []byte {
	all := pseudo("GET", "/")
	for len(all)/2 < fields-1 {
		all = append(all, "a", "")
	}
	used := 0
	for i := 0; i < len(all); i += 2 {
		used += hpack.Field{Name: all[i], Value: all[i+1]}.Size()
	}
	return headers(id, true, append(all, "b", strings.Repeat("~", size-used-33))...)
}

func TestLimitHeaderBytes(t *testing.T) {
	const limit = 1000
	run(t, setup{source: stored("/", "hit"), limits: Limits{HeaderBytes: limit}}, func(p *peer) {
		p.Write(fat(1, limit, 6))
		p.wantBody(1, 200, "hit")
		p.wantBreaches(metrics.LimitHeaderList, 0)
		p.Write(fat(3, limit+1, 6))
		p.wantBody(3, 431, "Request Header Fields Too Large\n")
		p.wantBreaches(metrics.LimitHeaderList, 1)
		p.Write(fat(5, 2*limit, 6))
		p.wantResponse(5, 431)
		p.Write(fat(7, 2*limit+1, 6))
		p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseLimit)
		p.wantBreaches(metrics.LimitHeaderList, 3)
	})
}

func TestLimitHeaderFields(t *testing.T) {
	const limit = 20
	run(t, setup{source: stored("/", "hit"), limits: Limits{HeaderFields: limit}}, func(p *peer) {
		p.Write(fat(1, 4000, limit))
		p.wantBody(1, 200, "hit")
		p.wantBreaches(metrics.LimitHeaderList, 0)
		p.Write(fat(3, 4000, limit+1))
		p.wantResponse(3, 431)
		p.wantBreaches(metrics.LimitHeaderList, 1)
		p.Write(fat(5, 4000, 2*limit+1))
		p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseLimit)
		p.wantBreaches(metrics.LimitHeaderList, 2)
	})
}

// TestLimitHeaderListKeepsHPACK: fields of a list that is over the limit are in
// the table nevertheless.
func TestLimitHeaderListKeepsHPACK(t *testing.T) {
	run(t, setup{source: stored("/", "hit"), limits: Limits{HeaderFields: 5}}, func(p *peer) {
		b := block(append(pseudo("GET", "/"), "a", "", "b", "")...)
		b = append(b, 0x40|4, 1, '/') // :path, entered behind the limit
		p.Write(frame.AppendHeaders(nil, 1, true, b, frame.MinMaxSize))
		p.wantResponse(1, 431)
		p.Write(frame.AppendHeaders(nil, 3, true, []byte{0x82, 0x87, 0x80 | 62, 0x01, 4, 't', 'e', 's', 't'}, frame.MinMaxSize))
		p.wantBody(3, 200, "hit")
	})
}

func TestLimitTrailers(t *testing.T) {
	run(t, setup{handler: stall, limits: Limits{HeaderFields: 6}}, func(p *peer) {
		p.Write(post(1, "/"), headers(1, true, strings.Split("a,1,a,2,a,3,a,4,a,5,a,6,a,7", ",")...))
		p.WantReset(1, frame.EnhanceYourCalm)
		p.wantBreaches(metrics.LimitHeaderList, 1)
		p.WantAlive()
	})
}

func TestLimitContinuations(t *testing.T) {
	const limit = 3
	run(t, setup{source: stored("/", "hit"), limits: Limits{Continuations: limit}}, func(p *peer) {
		b := string(block(pseudo("GET", "/")...))
		split := func(id uint32, n int) {
			p.Write(raw(frame.Headers, frame.FlagEndStream, id, b))
			for range n - 1 {
				p.Write(raw(frame.Continuation, 0, id, ""))
			}
			p.Write(raw(frame.Continuation, frame.FlagEndHeaders, id, ""))
		}
		split(1, limit)
		p.wantBody(1, 200, "hit")
		p.wantBreaches(metrics.LimitContinuation, 0)
		split(3, limit+1)
		p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseLimit)
		p.wantBreaches(metrics.LimitContinuation, 1)
	})
}

func TestLimitHeaderBlock(t *testing.T) {
	const limit = 2000
	run(t, setup{limits: Limits{HeaderBytes: limit}, source: stored("/", "hit")}, func(p *peer) {
		whole := fat(1, headerBlockFactor*limit, 6)[frame.HeaderLen:] // a literal is shorter than its size
		p.Write(raw(frame.Headers, frame.FlagEndStream, 1, string(whole[:100])), raw(frame.Continuation, frame.FlagEndHeaders, 1, string(whole[100:])))
		p.wantResponse(1, 431)
		p.wantBreaches(metrics.LimitHeaderBlock, 0)
		p.Write(raw(frame.Headers, frame.FlagEndStream, 3, "\x82"), raw(frame.Continuation, 0, 3, strings.Repeat("\x84", headerBlockFactor*limit-1)))
		p.WantSilence()
		p.Write(raw(frame.Continuation, 0, 3, "\x84"))
		p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseLimit)
		p.wantBreaches(metrics.LimitHeaderBlock, 1)
	})
}

// TestLimitRapidReset is CVE-2023-44487.
func TestLimitRapidReset(t *testing.T) {
	const limit = 10
	run(t, setup{handler: func(*peer, writer, *http.Request) {}, limits: Limits{Resets: limit, ResetsPerSec: 2}}, func(p *peer) {
		id := uint32(1)
		reset := func(n int) {
			for range n {
				p.Write(get(id, "/"), frame.AppendRSTStream(nil, id, frame.Cancel))
				id += 2
			}
		}
		reset(limit)
		p.WantAlive()
		time.Sleep(2 * time.Second) // gives 4 back
		reset(4)
		p.WantAlive()
		p.wantBreaches(metrics.LimitEarlyReset, 0)
		reset(1)
		p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseLimit)
		p.wantBreaches(metrics.LimitEarlyReset, 1)
		if n := p.metrics.StreamsReset.Value(metrics.ByPeer); n != limit+5 {
			p.Errorf("%d resets counted", n)
		}
	})
}

// TestLimitMadeYouReset is CVE-2025-8671: the peer makes us reset.
func TestLimitMadeYouReset(t *testing.T) {
	const limit = 10
	for name, bad := range map[string]func(id uint32) []byte{
		"WINDOW_UPDATE of 0":     func(id uint32) []byte { return frame.AppendWindowUpdate(nil, id, 0) },
		"a window past its end":  func(id uint32) []byte { return frame.AppendWindowUpdate(nil, id, frame.MaxWindow) },
		"DATA after the end":     func(id uint32) []byte { return data(id, "x", true) },
		"HEADERS after the end":  func(id uint32) []byte { return get(id, "/") },
		"PRIORITY of a bad size": func(id uint32) []byte { return raw(frame.Priority, 0, id, "") },
		"PRIORITY on itself":     func(id uint32) []byte { return raw(frame.Priority, 0, id, string([]byte{0, 0, 0, byte(id), 0})) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{handler: stall, limits: Limits{Resets: limit, ResetsPerSec: 1}}, func(p *peer) {
				for i := range uint32(limit + 1) {
					p.wantBreaches(metrics.LimitEarlyReset, 0)
					p.Write(get(1+2*i, "/"))
					<-p.entered
					p.Write(bad(1 + 2*i))
					p.Want(frame.RSTStream, 1+2*i, 0)
				}
				p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseLimit)
				p.wantBreaches(metrics.LimitEarlyReset, 1)
			})
		})
	}
}

// TestLimitMalformedRequests: each costs us a reset too.
func TestLimitMalformedRequests(t *testing.T) {
	run(t, setup{limits: Limits{Resets: 2, ResetsPerSec: 1}}, func(p *peer) {
		for id := uint32(1); id < 6; id += 2 {
			p.wantBreaches(metrics.LimitEarlyReset, 0)
			p.Write(headers(id, true))
			p.WantReset(id, frame.ProtocolError)
		}
		p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseLimit)
		p.wantBreaches(metrics.LimitEarlyReset, 1)
	})
}

// TestLimitControlFrames: what serves no response has a budget.
func TestLimitControlFrames(t *testing.T) {
	const limit = 10
	for name, useless := range map[string][]byte{
		"PING":                        frame.AppendPing(nil, false, []byte("12345678")),
		"PING acknowledgement":        frame.AppendPing(nil, true, []byte("12345678")),
		"SETTINGS":                    frame.AppendSettings(nil),
		"SETTINGS acknowledgement":    frame.AppendSettingsAck(nil),
		"empty DATA":                  data(1, "", false),
		"DATA of nothing but padding": raw(frame.Data, frame.FlagPadded, 1, "\x02\x00\x00"),
		"WINDOW_UPDATE":               frame.AppendWindowUpdate(nil, 0, 1),
		"WINDOW_UPDATE of a stream":   frame.AppendWindowUpdate(nil, 1, 1),
		"PRIORITY":                    raw(frame.Priority, 0, 1, "\x00\x00\x00\x03\x10"),
		"RST_STREAM of a closed one":  frame.AppendRSTStream(nil, 3, frame.Cancel),
		"GOAWAY":                      frame.AppendGoAway(nil, 0, frame.NoError, ""),
		"an unknown type":             raw(0xbb, 0, 0, "x"),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{source: stored("/", ""), handler: stall, limits: Limits{Control: limit, ControlPerSec: 1}}, func(p *peer) {
				p.Write(post(1, "/slow"), get(3, "/"))
				p.wantBody(3, 200, "")
				time.Sleep(20 * time.Second) // whatever hello took is given back
				flood := func(n int) {
					for range n {
						p.Write(useless)
						if name == "PING" || name == "SETTINGS" {
							p.NextFrame()
						}
					}
				}
				flood(limit)
				p.WantSilence()
				p.wantBreaches(metrics.LimitControlFrames, 0)
				p.Write(useless)
				p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseLimit)
				p.wantBreaches(metrics.LimitControlFrames, 1)
			})
		})
	}
}

// TestLimitControlFramesEarned: DATA of ours earns the WINDOW_UPDATE frames that
// answer it, one of each kind for 4 KiB, whenever they come.
func TestLimitControlFramesEarned(t *testing.T) {
	run(t, setup{source: stored("/", strings.Repeat("x", 1<<20)), settings: wide, limits: Limits{Control: 3, ControlPerSec: 1}}, func(p *peer) {
		p.Write(frame.AppendWindowUpdate(nil, 0, 8<<20), get(1, "/"))
		if r := p.wantResponse(1, 200); len(r.body) != 1<<20 {
			p.Errorf("%d bytes", len(r.body))
		}
		for range 1 << 20 / updateUnit {
			p.Write(frame.AppendWindowUpdate(nil, 0, updateUnit), frame.AppendWindowUpdate(nil, 1, updateUnit))
		}
		p.WantAlive()
		p.wantBreaches(metrics.LimitControlFrames, 0)
	})
}

// TestLimitControlQueue: a peer that asks and does not read.
func TestLimitControlQueue(t *testing.T) {
	const limit = 10
	for name, ask := range map[string][]byte{
		"PING":     frame.AppendPing(nil, false, []byte("12345678")),
		"SETTINGS": frame.AppendSettings(nil),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{limits: Limits{ControlQueue: limit}}, func(p *peer) {
				synctest.Wait()
				p.Write(ask) // its answer fills the pipe
				synctest.Wait()
				for range limit {
					p.Write(ask)
					synctest.Wait()
				}
				p.wantBreaches(metrics.LimitControlQueue, 0)
				for range limit + 1 { // reading them clears the account
					p.NextFrame()
				}
				synctest.Wait()
				for range limit + 1 {
					p.Write(ask)
					synctest.Wait()
				}
				p.wantBreaches(metrics.LimitControlQueue, 0)
				p.Write(ask)
				synctest.Wait()
				p.wantBreaches(metrics.LimitControlQueue, 1)
				for range limit + 2 {
					p.NextFrame()
				}
				p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseLimit)
			})
		})
	}
}

// TestLimitOutput: while more than the limit waits for the peer, we do not read,
// whether it came in one turn or in many.
func TestLimitOutput(t *testing.T) {
	const limit = 100_000
	body := strings.Repeat("x", 16_000)
	run(t, setup{source: stored("/", body), settings: wide, limits: Limits{OutputBytes: limit}}, func(p *peer) {
		p.Write(frame.AppendWindowUpdate(nil, 0, 16<<20))
		for id := uint32(1); id < 15; id += 2 { // the seventh goes beyond the limit
			p.wantBreaches(metrics.LimitOutputBuffer, 0)
			p.Write(get(id, "/"))
			synctest.Wait()
		}
		p.Write(get(15, "/"), get(17, "/"))
		synctest.Wait()
		if n := p.metrics.Streams.Value(); n != 7 {
			p.Errorf("%d streams were read from a peer that does not read, want 7", n)
		}
		for id := uint32(1); id < 18; id += 2 {
			p.wantBody(id, 200, body)
		}
		p.wantBreaches(metrics.LimitOutputBuffer, 1)
		p.WantAlive()
	})
}

func TestLimitStreams(t *testing.T) {
	const limit = 3
	run(t, setup{source: stored("/", "hit"), handler: stall, limits: Limits{Streams: limit}}, func(p *peer) {
		for i := range uint32(limit) {
			p.Write(get(1+2*i, "/slow"))
		}
		p.WantSilence()
		p.wantBreaches(metrics.LimitConcurrentStreams, 0)
		p.Write(get(7, "/slow"))
		p.WantReset(7, frame.RefusedStream)
		p.wantBreaches(metrics.LimitConcurrentStreams, 1)
		p.Write(get(9, "/")) // what is answered at once is not open beside them
		p.wantBody(9, 200, "hit")
		p.release <- struct{}{}
		f := p.NextFrame() // any of the three
		p.Want(frame.Data, f.StreamID, frame.FlagEndStream)
	})
}

// TestLimitStreamsOfHits: bodies that wait are streams too. What is refused is
// no hit, and costs an early reset.
func TestLimitStreamsOfHits(t *testing.T) {
	run(t, setup{source: stored("/", "hit"), settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 0}}, limits: Limits{Streams: 2, Resets: 1}}, func(p *peer) {
		p.Write(get(1, "/"), get(3, "/"), get(5, "/"))
		p.wantHead(1, 200)
		p.wantHead(3, 200)
		p.WantReset(5, frame.RefusedStream)
		p.wantBreaches(metrics.LimitConcurrentStreams, 1)
		p.Write(get(7, "/")) // a repeat
		p.WantReset(7, frame.RefusedStream)
		p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseLimit)
		p.wantBreaches(metrics.LimitEarlyReset, 1)
		if n := p.metrics.Requests.Value(metrics.H2, metrics.Class2xx, metrics.Hit); n != 2 {
			p.Errorf("%d hits counted, want 2", n)
		}
	})
}

// TestLimitStreamsOfRefusals: so are answers to requests that take neither path.
func TestLimitStreamsOfRefusals(t *testing.T) {
	run(t, setup{settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 0}}, limits: Limits{Streams: 2, HeaderBytes: 1000}}, func(p *peer) {
		p.Write(fat(1, 1001, 6), fat(3, 1001, 6), fat(5, 1001, 6))
		p.wantHead(1, 431)
		p.wantHead(3, 431)
		p.WantReset(5, frame.RefusedStream)
		p.wantBreaches(metrics.LimitConcurrentStreams, 1)
	})
}

// TestRefusalOfHead: an answer to HEAD has no content, whatever it says (RFC
// 9110 §9.3.2).
func TestRefusalOfHead(t *testing.T) {
	head := func(id uint32, end bool, more ...string) []byte {
		return headers(id, end, append(pseudo("HEAD", "/"), more...)...)
	}
	run(t, setup{limits: Limits{HeaderBytes: 1000, BodyBytes: 9}}, func(p *peer) {
		p.Write(head(1, true, "x", strings.Repeat("x", 1000)), head(3, false, "content-length", "10"), data(3, "0123456789", true))
		p.wantBody(1, 431, "")
		p.wantBody(3, 413, "")
		p.WantAlive()
	})
}

// TestLimitStreamsOfHandlers: a handler that goes on after its stream was reset
// counts until it returns: there may be twice as many as streams.
func TestLimitStreamsOfHandlers(t *testing.T) {
	run(t, setup{limits: Limits{Streams: 1, Resets: 5}, handler: func(p *peer, _ writer, _ *http.Request) { <-p.release }}, func(p *peer) {
		for id := uint32(1); id < 4; id += 2 {
			p.Write(get(id, "/"), frame.AppendRSTStream(nil, id, frame.Cancel))
		}
		p.Write(get(5, "/"))
		p.WantReset(5, frame.RefusedStream)
		p.release <- struct{}{}
		synctest.Wait()
		p.Write(get(7, "/"))
		synctest.Wait()
		p.Write(get(9, "/"))
		p.WantReset(9, frame.RefusedStream)
		p.Write(get(11, "/"))
		p.WantReset(11, frame.RefusedStream)
		p.Write(get(13, "/")) // the sixth that ended early
		p.WantReset(13, frame.RefusedStream)
		p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseLimit)
		p.wantBreaches(metrics.LimitConcurrentStreams, 4)
		p.wantBreaches(metrics.LimitEarlyReset, 1)
		close(p.release)
	})
}
