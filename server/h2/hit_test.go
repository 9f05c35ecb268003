package h2

import (
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// wide is the settings of a client whose streams have windows of 16 MiB.
var wide = []frame.Setting{{ID: frame.InitialWindowSize, Value: 16 << 20}}

func TestHit(t *testing.T) {
	source := stored("/", "hit", "/empty", "")
	source.m["/missing"] = missing
	run(t, setup{source: source}, func(p *peer) {
		p.Write(get(1, "/"), headers(3, true, pseudo("HEAD", "/")...), get(5, "/empty"), get(7, "/", "if-none-match", `"3"`), get(9, "/missing"))
		r := p.wantBody(1, 200, "hit")
		for name, want := range map[string]string{
			"server":         "hotpath",
			"content-type":   "text/plain",
			"content-length": "3",
			"etag":           `"3"`,
			"date":           "Sat, 01 Jan 2000 00:00:00 GMT", // when a bubble begins
		} {
			if got := r.Field(name); got != want {
				p.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if r := p.wantBody(3, 200, ""); r.Field("content-length") != "3" || !r.Ends() {
			p.Errorf("HEAD: %v", r)
		}
		if r := p.wantBody(5, 200, ""); !r.Ends() {
			p.Error("an empty body has a DATA frame")
		}
		if r := p.wantBody(7, 304, ""); r.Field("etag") != `"3"` || r.Field("content-type") != "" || r.Field("date") == "" || !r.Ends() {
			p.Errorf("304: %v", r)
		}
		p.wantBody(9, 404, "none")
		for class, want := range map[metrics.Class]uint64{metrics.Class2xx: 3, metrics.Class3xx: 1, metrics.Class4xx: 1} {
			if n := p.metrics.Requests.Value(metrics.H2, class, metrics.Hit); n != want {
				p.Errorf("%d hits of class %d counted, want %d", n, class+1, want)
			}
		}
		if n := p.metrics.Streams.Value(); n != 5 {
			p.Errorf("%d streams counted", n)
		}
		if n := p.metrics.RequestDuration.Count(metrics.Hit); n != 5 {
			p.Errorf("%d durations observed", n)
		}
	})
}

func TestMissGoesToTheHandler(t *testing.T) {
	run(t, setup{source: stored("/", "hit")}, func(p *peer) {
		p.Write(get(1, "/other"))
		p.wantBody(1, 200, "/other")
		p.Write(post(3, "/"), data(3, "", true))
		p.wantBody(3, 200, "/")
		if n := p.metrics.Requests.Value(metrics.H2, metrics.Class2xx, metrics.Bypass); n != 2 {
			p.Errorf("%d requests counted", n)
		}
	})
}

// TestLargeHit sends 1 MiB through the windows that a client begins with.
func TestLargeHit(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 1<<16)
	run(t, setup{source: stored("/large", body)}, func(p *peer) {
		p.Write(get(1, "/large"))
		r := response{Frame: p.wantHead(1, 200)}
		window := frame.InitialWindow
		for ended := false; !ended; {
			f := p.NextFrame()
			if f.Type != frame.Data || f.StreamID != 1 || f.Length > maxData {
				p.Fatalf("%v", f.Header)
			}
			if window -= int(f.Length); window < 0 {
				p.Fatal("more than the windows allow")
			}
			r.body = append(r.body, f.Payload...)
			if window == 0 && len(r.body) < len(body) {
				window = 100_000
				p.Write(frame.AppendWindowUpdate(nil, 0, 100_000))
				p.WantSilence() // the stream's own is closed
				p.Write(frame.AppendWindowUpdate(nil, 1, 100_000))
			}
			ended = f.Ends()
		}
		if string(r.body) != body {
			p.Errorf("%d bytes that are not the body", len(r.body))
		}
		p.WantAlive()
		if n := p.metrics.Requests.Value(metrics.H2, metrics.Class2xx, metrics.Hit); n != 1 {
			p.Errorf("counted %d times", n)
		}
		if n := p.metrics.RequestDuration.Count(metrics.Hit); n != 1 {
			p.Errorf("%d durations observed", n)
		}
	})
}

// TestHitInASmallWindow: a body that fits a frame but not a window waits.
func TestHitInASmallWindow(t *testing.T) {
	for name, tt := range map[string]struct {
		settings []frame.Setting
		used     int // of the connection's window
		update   uint32
	}{
		"of the stream":     {[]frame.Setting{{ID: frame.InitialWindowSize, Value: 4}}, 0, 3},
		"of the connection": {nil, frame.InitialWindow - 4, 0},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{source: stored("/", "0123456789", "/before", strings.Repeat("x", tt.used)), settings: tt.settings}, func(p *peer) {
				p.Write(get(1, "/before"))
				if r := p.wantResponse(1, 200); len(r.body) != tt.used {
					p.Fatalf("%d bytes", len(r.body))
				}
				p.Write(get(3, "/"))
				p.wantHead(3, 200)
				p.Want(frame.Data, 3, 0)
				p.WantAlive()
				p.Write(frame.AppendWindowUpdate(nil, tt.update, 1))
				p.Want(frame.Data, 3, 0)
				p.Write(frame.AppendWindowUpdate(nil, tt.update, 100))
				if f := p.Want(frame.Data, 3, frame.FlagEndStream); string(f.Payload) != "56789" {
					p.Errorf("the end is %q", f.Payload)
				}
			})
		})
	}
}

// TestFairness: two large bodies share the connection frame by frame, and a
// hit does not wait for either.
func TestFairness(t *testing.T) {
	run(t, setup{source: stored("/large", strings.Repeat("x", 1<<20), "/", "hit"), settings: wide}, func(p *peer) {
		p.Write(frame.AppendWindowUpdate(nil, 0, 16<<20), get(1, "/large"), get(3, "/large"))
		p.wantHead(1, 200)
		p.wantHead(3, 200)
		p.Write(get(5, "/"))
		hit, between := false, 0
		for last, ended := uint32(3), 0; ended < 2; between++ {
			f := p.NextFrame()
			if f.StreamID == 5 {
				hit = hit || f.Ends()
				if between > 2*turnBytes/maxData+8 {
					p.Errorf("the hit came after %d frames", between)
				}
				continue
			}
			if f.Type != frame.Data || f.StreamID == last && ended == 0 {
				p.Fatalf("%v after a frame of stream %d", f.Header, last)
			}
			last = f.StreamID
			if f.Ends() {
				ended++
			}
		}
		if !hit {
			p.Error("the hit was not answered between")
		}
	})
}

func TestNothingWaitsForAStalledHandler(t *testing.T) {
	run(t, setup{source: stored("/", "hit"), handler: stall}, func(p *peer) {
		p.Write(get(1, "/slow"))
		<-p.entered
		p.Write(get(3, "/"))
		p.wantBody(3, 200, "hit")
		p.WantAlive()
		close(p.release)
		p.wantBody(1, 200, "/slow")
	})
}

func TestNothingWaitsForAClosedWindow(t *testing.T) {
	run(t, setup{source: stored("/large", strings.Repeat("x", 1<<20), "/", "")}, func(p *peer) {
		p.Write(get(1, "/large"))
		p.wantHead(1, 200)
		for sent := 0; sent < frame.InitialWindow; {
			sent += int(p.Want(frame.Data, 1, 0).Length)
		}
		p.WantAlive()
		p.Write(get(3, "/"))
		p.wantBody(3, 200, "")
		p.Write(get(5, "/miss"))
		p.wantHead(5, 200) // its body needs the connection's window too
		p.Write(frame.AppendRSTStream(nil, 1, frame.Cancel), frame.AppendWindowUpdate(nil, 0, 5))
		if f := p.Want(frame.Data, 5, frame.FlagEndStream); string(f.Payload) != "/miss" {
			p.Errorf("body %q", f.Payload)
		}
	})
}
