package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

const fresh = "max-age=60"

// TestOneFetchForMany: however many requests miss one key at once, and whatever
// they ask of it, the origin is asked once, without conditions or range.
func TestOneFetchForMany(t *testing.T) {
	const many = 10_000
	for _, length := range []string{"declared", "unknown"} {
		t.Run("length "+length, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t, knobs{}, func(_ int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
					if err := pause(ctx, time.Second); err != nil {
						return err
					}
					h := origin.Head{Status: 200, Fields: fields("cache-control", fresh, "etag", `"a"`), Length: 10}
					if length == "unknown" {
						h.Length = -1
					}
					if err := sink.Head(h); err != nil {
						return err
					}
					for _, p := range []string{"01234", "56789"} {
						if _, err := sink.Write([]byte(p)); err != nil {
							return err
						}
						if err := pause(ctx, time.Second); err != nil {
							return err
						}
					}
					return sink.End(nil)
				})
				shapes := []struct {
					method       string
					fields       []string
					status       int
					body, answer string
				}{
					{"GET", nil, 200, "0123456789", "the whole"},
					{"GET", []string{"cookie", "a=b"}, 200, "0123456789", "the whole, whatever the cookie"},
					{"HEAD", nil, 200, "", "the head of a GET"},
					{"GET", []string{"range", "bytes=2-3"}, 206, "23", "a part"},
					{"GET", []string{"range", "bytes=20-"}, 416, "*", "no such part"},
					{"GET", []string{"if-none-match", `"a"`}, 304, "", "the client's copy"},
					{"GET", []string{"if-none-match", `"b"`}, 200, "0123456789", "another copy"},
					{"GET", []string{"range", "bytes=2-3", "if-range", `"b"`}, 200, "0123456789", "a part of another copy"},
				}
				clients := make([]*client, many)
				for i := range clients {
					s := &shapes[i%len(shapes)]
					clients[i] = r.begin(s.method, "/a", s.fields...)
					if i == 0 {
						synctest.Wait()
					}
				}
				for i, c := range clients {
					s := &shapes[i%len(shapes)]
					c.wait()
					if c.status != s.status || s.body != "*" && c.text() != s.body || c.broken != nil || c.answers != 1 {
						t.Fatalf("%s: status %d, %q, %v, %d answers; want %d, %q", s.answer, c.status, c.text(), c.broken, c.answers, s.status, s.body)
					}
				}
				if n := r.origin.count(); n != 1 {
					t.Errorf("%d requests at the origin", n)
				}
				if a := r.origin.last(); a.field("range")+a.field("if-none-match")+a.field("if-range") != "" {
					t.Errorf("the origin saw %v", a.fields)
				}
				if n := r.metrics.CoalescedMisses.Value(); n != many-1 {
					t.Errorf("%d coalesced", n)
				}
				if c := r.get("/a"); !c.hit || c.text() != "0123456789" {
					t.Errorf("afterwards: hit %t, %q", c.hit, c.text())
				}
			})
		})
	}
}

// TestWaitersFollow: each part of a storable body is with each waiter when the
// origin sends it; one that joins late gets all of it; a slow one slows no other.
func TestWaitersFollow(t *testing.T) {
	for _, length := range []int64{1000, -1} {
		t.Run(fmt.Sprint("length ", length), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				var sent []time.Time
				r := newRig(t, knobs{}, func(_ int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
					if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", fresh), Length: length}); err != nil {
						return err
					}
					for i := range 10 {
						if err := pause(ctx, 100*time.Millisecond); err != nil {
							return err
						}
						sent = append(sent, time.Now())
						if _, err := sink.Write(bytes.Repeat([]byte{byte('0' + i)}, 100)); err != nil {
							return err
						}
					}
					return sink.End(fields("x-sum", "1"))
				})
				clients := make([]*client, 50)
				for i := range clients {
					clients[i] = r.begin("GET", "/a")
				}
				slow := r.newClient("example.com", "GET", "/a")
				slow.pace = time.Hour
				slow.start()
				time.Sleep(550 * time.Millisecond)
				late := r.begin("GET", "/a")
				for _, c := range clients {
					c.wait()
					last := 10
					if length >= 0 {
						last = 9 // the tenth ends it: head, end and trailers come with it
					}
					if len(c.parts) < last {
						t.Fatalf("%d parts", len(c.parts))
					}
					for i := range last {
						if p := c.parts[i]; !p.at.Equal(sent[i]) || p.n != 100 {
							t.Errorf("part %d of %d bytes came %v after it was sent", i, p.n, p.at.Sub(sent[i]))
						}
					}
					if len(c.text()) != 1000 || c.broken != nil || field(c.trailers, "x-sum") != "1" {
						t.Errorf("%d bytes, %v, trailers %v", len(c.text()), c.broken, c.trailers)
					}
				}
				if late.wait(); late.text() != clients[0].text() || len(late.parts) < 5 || !late.parts[0].at.Before(sent[5]) {
					t.Errorf("late: %d bytes in %d parts", len(late.text()), len(late.parts))
				}
				synctest.Wait() // it is stored behind its end
				if !r.get("/a").hit {
					t.Error("not stored while one client is slow")
				}
				if slow.wait(); slow.text() != late.text() {
					t.Errorf("slow: %d bytes", len(slow.text()))
				}
				if n := r.origin.count(); n != 1 {
					t.Errorf("%d fetches", n)
				}
			})
		})
	}
}

// TestWaitersAreReleased: an answer that may not be stored is the leader's
// alone. The others ask themselves, all at once, and for ten seconds none waits
// for another.
func TestWaitersAreReleased(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, func(n int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
			if err := pause(ctx, time.Second); err != nil {
				return err
			}
			if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", "private"), Length: -1}); err != nil {
				return err
			}
			if _, err := fmt.Fprint(sinkWriter{sink}, n); err != nil {
				return err
			}
			if err := pause(ctx, time.Second); err != nil {
				return err
			}
			return sink.End(nil)
		})
		began := time.Now()
		ask := func(n int) {
			bodies := make(map[string]bool)
			clients := make([]*client, n)
			for i := range clients {
				clients[i] = r.begin("GET", "/a")
			}
			for _, c := range clients {
				if c.wait(); bodies[c.text()] || c.broken != nil {
					t.Errorf("two have %q, %v", c.text(), c.broken)
				}
				bodies[c.text()] = true
			}
		}
		ask(20)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("%v: want the leader's head (1 s), then the others' answers (2 s)", took)
		}
		began = time.Now()
		ask(20)
		if took := time.Since(began); took != 2*time.Second || r.origin.count() != 40 {
			t.Errorf("%v, %d fetches: they waited, though the key does not coalesce", took, r.origin.count())
		}
		time.Sleep(11 * time.Second)
		began = time.Now()
		ask(20)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("%v: they did not wait for each other after the mark", took)
		}
	})
}

// sinkWriter is a Sink as an io.Writer.
type sinkWriter struct{ origin.Sink }

// TestTooLargeGoesOn: a body of unknown length that turns out too large to be
// stored goes on for its followers, as fast as the slowest of them.
func TestTooLargeGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const parts, size = 64, 16 << 10
		var written atomic.Int64
		r := newRig(t, knobs{config: Config{MaxStored: 4 * size}}, func(n int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
			if field(q.Fields, "range") != "" {
				return give(sink, 206, "x", "content-range", "bytes 0-0/9999999")
			}
			if err := sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", fresh), Length: -1}); err != nil {
				return err
			}
			for i := range parts {
				if err := pause(ctx, time.Millisecond); err != nil {
					return err
				}
				if _, err := sink.Write(bytes.Repeat([]byte{byte(i)}, size)); err != nil {
					return err
				}
				if n == 1 {
					written.Store(int64(i + 1))
				}
			}
			return sink.End(nil)
		})
		quick := r.begin("GET", "/a")
		synctest.Wait()
		ranged := r.begin("GET", "/a", "range", "bytes=0-0")
		slow := r.newClient("example.com", "GET", "/a")
		slow.pace = time.Second
		slow.start()
		time.Sleep(5*time.Second + time.Millisecond)
		if n := written.Load(); n < 5 || n > 5+2*4+1 {
			t.Errorf("%d parts of %d taken after the slowest has read 5 or 6", n, parts)
		}
		if ranged.wait(); ranged.status != 206 || ranged.text() != "x" {
			t.Errorf("a range of it: %d, %d bytes", ranged.status, len(ranged.text()))
		}
		// One that asks first for a range of it has the whole, which a server may
		// answer (RFC 9110 §14.2).
		first := r.begin("GET", "/b", "range", "bytes=0-0")
		for _, c := range []*client{quick, slow, first} {
			if c.wait(); len(c.text()) != parts*size || c.broken != nil {
				t.Errorf("%d bytes, %v", len(c.text()), c.broken)
			}
		}
		if c := r.get("/a"); c.hit {
			t.Error("stored")
		}
	})
}

// TestFailures: whatever an origin does wrong, all waiting requests have a clear
// answer or a visible break, nothing is stored, and the next request is served.
func TestFailures(t *testing.T) {
	head := func(sink origin.Sink, length int64) error {
		return sink.Head(origin.Head{Status: 200, Fields: fields("cache-control", fresh), Length: length})
	}
	write := func(sink origin.Sink, s string) error {
		_, err := sink.Write([]byte(s))
		return err
	}
	boom := errors.New("boom")
	for _, tt := range []struct {
		about  string
		script func(sink origin.Sink) error
		status int    // of an answer of ours, 0: the body breaks off
		kind   string // of its Proxy-Status
		panics uint64
	}{
		{"an error before the head", func(origin.Sink) error { return boom }, 502, "http_protocol_error", 0},
		{"no answer at all", func(origin.Sink) error { return nil }, 502, "http_response_incomplete", 0},
		{"a panic before the head", func(origin.Sink) error { panic("out of cheese") }, 500, "proxy_internal_error", 1},
		{"an error after the head", func(s origin.Sink) error { return errors.Join(head(s, 10), boom) }, 502, "http_protocol_error", 0},
		{"an error in the body", func(s origin.Sink) error { return errors.Join(head(s, 10), write(s, "01234"), boom) }, 0, "", 0},
		{"an error in a body of unknown length", func(s origin.Sink) error { return errors.Join(head(s, -1), write(s, "01234"), boom) }, 0, "", 0},
		{"a short body", func(s origin.Sink) error { return errors.Join(head(s, 10), write(s, "01234"), s.End(nil)) }, 0, "", 0},
		{"no body", func(s origin.Sink) error { return errors.Join(head(s, 10), s.End(nil)) }, 502, "http_response_incomplete", 0},
		{"a long body", func(s origin.Sink) error { return errors.Join(head(s, 3), write(s, "01234"), s.End(nil)) }, 502, "http_response_incomplete", 0},
		{"no end", func(s origin.Sink) error { return errors.Join(head(s, 10), write(s, "0123456789")) }, 502, "http_response_incomplete", 0},
		{"no end of what length is unknown", func(s origin.Sink) error { return errors.Join(head(s, -1), write(s, "0123456789")) }, 0, "", 0},
		{"a panic in the body", func(s origin.Sink) error { _ = errors.Join(head(s, -1), write(s, "01234")); panic("out of cheese") }, 0, "", 1},
		{"two heads", func(s origin.Sink) error { return errors.Join(head(s, 10), head(s, 10)) }, 502, "http_protocol_error", 0},
		{"a 304 to no condition", func(s origin.Sink) error { return s.Head(origin.Head{Status: 304}) }, 502, "http_protocol_error", 0},
		{"a tunnel", func(s origin.Sink) error { _, err := s.Tunnel(101, nil); return err }, 502, "http_protocol_error", 0},
	} {
		t.Run(tt.about, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				broken := true
				r := newRig(t, knobs{}, func(_ int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
					if !broken {
						return give(sink, 200, "good", "cache-control", fresh)
					}
					if err := pause(ctx, time.Second); err != nil {
						return err
					}
					return tt.script(sink)
				})
				for _, c := range []*client{r.begin("GET", "/a"), r.begin("GET", "/a"), r.begin("GET", "/a", "range", "bytes=0-1")} {
					c.wait()
					ranged := field(c.request.Fields, "range") != ""
					switch {
					case tt.status != 0 && (c.status != tt.status || c.broken != nil || c.answers != 1 || !strings.Contains(c.field("proxy-status"), tt.kind)):
						t.Errorf("status %d, %v, Proxy-Status %q", c.status, c.broken, c.field("proxy-status"))
					case tt.status == 0 && !ranged && c.broken == nil:
						t.Errorf("status %d, %q, as if it were whole", c.status, c.text())
					case tt.status == 0 && ranged && (c.status < 500 && c.broken == nil || c.answers != 1):
						t.Errorf("a range: status %d, %q, %d answers", c.status, c.text(), c.answers)
					}
				}
				if n := r.metrics.Panics.Value(); tt.panics > 0 != (n > 0) {
					t.Errorf("%d panics counted", n)
				}
				synctest.Wait()
				if n := strings.Count(r.log.String(), "level=ERROR"); n == 0 {
					t.Errorf("log %q", r.log)
				}
				broken = false
				if c := r.get("/a"); c.hit || c.text() != "good" {
					t.Errorf("then: hit %t, %q", c.hit, c.text())
				}
			})
		})
	}
}

// TestNoRoom: what the ledger has no room for is not stored, and no reason for
// others to stop waiting for each other.
func TestNoRoom(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{bytes: 1 << 20}, func(_ int, ctx context.Context, _ *origin.Request, sink origin.Sink) error {
			if err := pause(ctx, time.Second); err != nil {
				return err
			}
			return give(sink, 200, strings.Repeat("x", 1<<18), "cache-control", fresh)
		})
		if !r.store.Ledger().Take(900 << 10) {
			t.Fatal("no room to begin with")
		}
		a, b := r.begin("GET", "/a"), r.begin("GET", "/a")
		if a.wait(); b.wait().status != 200 || len(a.text()) != 1<<18 || len(b.text()) != 1<<18 {
			t.Errorf("%d and %d bytes", len(a.text()), len(b.text()))
		}
		if n := r.origin.count(); n != 2 {
			t.Errorf("%d fetches, want one for each", n)
		}
		r.store.Ledger().Give(900 << 10)
		if c := r.get("/a"); c.hit {
			t.Error("stored")
		}
		if c := r.get("/a"); !c.hit {
			t.Error("not stored, though there is room now")
		}
		if n := r.metrics.OriginFetches.Value(metrics.FetchOK); n != 3 {
			t.Errorf("%d good fetches", n)
		}
	})
}
