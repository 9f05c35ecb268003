package h2

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// TestResponses: what a handler does, and what arrives.
func TestResponses(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	for name, tt := range map[string]struct {
		handle  func(w writer)
		method  string // GET
		status  int    // 200
		body    string
		headers map[string]string // "-" is absent
		frames  int               // DATA frames; 0: not counted
	}{
		"nothing":           {handle: func(writer) {}, headers: map[string]string{"content-length": "0", "content-type": "-", "server": "hotpath"}},
		"a short body":      {handle: func(w writer) { _, _ = w.Write([]byte("body")) }, body: "body", headers: map[string]string{"content-length": "4"}, frames: 1},
		"a string":          {handle: func(w writer) { _, _ = w.WriteString("body") }, body: "body", headers: map[string]string{"content-length": "4"}},
		"two short writes":  {handle: func(w writer) { _, _ = w.WriteString("bo"); _, _ = w.WriteString("dy") }, body: "body", headers: map[string]string{"content-length": "4"}, frames: 1},
		"a long body":       {handle: func(w writer) { _, _ = w.WriteString(long) }, body: long, headers: map[string]string{"content-length": "-", "content-type": "text/plain; charset=utf-8"}},
		"short, then long":  {handle: func(w writer) { _, _ = w.WriteString("a"); _, _ = w.WriteString(long) }, body: "a" + long, headers: map[string]string{"content-length": "-"}},
		"a status":          {handle: func(w writer) { w.WriteHeader(404); _, _ = w.WriteString("no") }, status: 404, body: "no", headers: map[string]string{"content-length": "2"}},
		"a status, alone":   {handle: func(w writer) { w.WriteHeader(500) }, status: 500, headers: map[string]string{"content-length": "0"}},
		"an unknown status": {handle: func(w writer) { w.WriteHeader(799) }, status: 799},
		"two statuses":      {handle: func(w writer) { w.WriteHeader(201); w.WriteHeader(500) }, status: 201},
		"101":               {handle: func(w writer) { w.WriteHeader(101); w.WriteHeader(202) }, status: 202}, // §8.6
		"204":               {handle: func(w writer) { w.WriteHeader(204); wantNoBody(w) }, status: 204, headers: map[string]string{"content-length": "-", "content-type": "-"}},
		"204 with a length": {handle: func(w writer) { w.Header().Set("Content-Length", "5"); w.WriteHeader(204) }, status: 204, headers: map[string]string{"content-length": "-"}},
		"304 with a length": {handle: func(w writer) { w.Header().Set("Content-Length", "5"); w.WriteHeader(304); wantNoBody(w) }, status: 304, headers: map[string]string{"content-length": "5"}},
		"a declared length": {handle: func(w writer) { w.Header().Set("Content-Length", "4"); _, _ = w.WriteString("body") }, body: "body", headers: map[string]string{"content-length": "4"}},
		"a bad length":      {handle: func(w writer) { w.Header().Set("Content-Length", "four"); _, _ = w.WriteString("body") }, body: "body", headers: map[string]string{"content-length": "4"}},
		"a signed length":   {handle: func(w writer) { w.Header().Set("Content-Length", "+4"); _, _ = w.WriteString("body") }, body: "body", headers: map[string]string{"content-length": "4"}},
		"more than declared": {handle: func(w writer) {
			w.Header().Set("Content-Length", "4")
			_, _ = w.WriteString("body")
			if n, err := w.WriteString("+"); n != 0 || err != http.ErrContentLength {
				panic(err)
			}
		}, body: "body", headers: map[string]string{"content-length": "4"}},
		"less than declared, nothing sent": {handle: func(w writer) { w.Header().Set("Content-Length", "5"); _, _ = w.WriteString("body") }, status: 500, body: "Internal Server Error\n"},
		"too much at once, nothing sent": {handle: func(w writer) {
			w.Header().Set("Content-Length", "5")
			_, _ = w.WriteString("body")
			_, _ = w.WriteString("too much")
		}, status: 500, body: "Internal Server Error\n"},
		"HEAD":                  {method: "HEAD", handle: func(w writer) { _, _ = w.WriteString("body") }, headers: map[string]string{"content-length": "4", "content-type": "text/plain; charset=utf-8"}},
		"HEAD, long":            {method: "HEAD", handle: func(w writer) { _, _ = w.WriteString(long) }, headers: map[string]string{"content-length": "10000"}},
		"HEAD, nothing written": {method: "HEAD", handle: func(writer) {}, headers: map[string]string{"content-length": "-"}},
		"HEAD, declared":        {method: "HEAD", handle: func(w writer) { w.Header().Set("Content-Length", "77") }, headers: map[string]string{"content-length": "77"}},
		"HEAD, flushed":         {method: "HEAD", handle: func(w writer) { _, _ = w.WriteString("body"); w.Flush() }, headers: map[string]string{"content-length": "-"}},
		"sniffed":               {handle: func(w writer) { _, _ = w.WriteString("<html>") }, body: "<html>", headers: map[string]string{"content-type": "text/html; charset=utf-8"}},
		"sniffed, written in parts": {handle: func(w writer) { _, _ = w.WriteString("<ht"); _, _ = w.WriteString("ml>" + long) }, body: "<html>" + long,
			headers: map[string]string{"content-type": "text/html; charset=utf-8"}},
		"not sniffed, named":   {handle: func(w writer) { w.Header().Set("Content-Type", "a/b"); _, _ = w.WriteString("<html>") }, body: "<html>", headers: map[string]string{"content-type": "a/b"}},
		"not sniffed, nil":     {handle: func(w writer) { w.Header()["Content-Type"] = nil; _, _ = w.WriteString("<html>") }, body: "<html>", headers: map[string]string{"content-type": "-"}},
		"not sniffed, encoded": {handle: func(w writer) { w.Header().Set("Content-Encoding", "gzip"); _, _ = w.WriteString("<html>") }, body: "<html>", headers: map[string]string{"content-type": "-"}},
		"fields of HTTP/1.1": {handle: func(w writer) {
			for _, name := range []string{"Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade"} {
				w.Header().Set(name, "x")
			}
		}, headers: map[string]string{"connection": "-", "proxy-connection": "-", "keep-alive": "-", "transfer-encoding": "-", "upgrade": "-"}},
		"fields that are none": {handle: func(w writer) {
			w.Header()["A B"] = []string{"1"}
			w.Header().Set("X-Newline", "a\r\nb: c")
			w.Header().Set("X-Space", " trimmed\t")
			w.Header()["lower"] = []string{"1", "2"}
		}, headers: map[string]string{"a b": "-", "x-newline": "-", "x-space": "trimmed", "lower": "1|2"}},
		"its own date and server": {handle: func(w writer) { w.Header().Set("Date", "now"); w.Header().Set("Server", "mine") }, headers: map[string]string{"date": "now", "server": "mine"}},
		"header changed too late": {handle: func(w writer) {
			w.Header().Set("X-Early", "1")
			w.WriteHeader(200)
			w.Header().Set("X-Early", "2")
			w.Header().Set("X-Late", "1")
			_, _ = w.WriteString("body")
		}, body: "body", headers: map[string]string{"x-early": "1", "x-late": "-", "content-length": "4"}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{handler: func(_ *peer, w writer, _ *http.Request) { tt.handle(w) }}, func(p *peer) {
				if tt.method == "" {
					tt.method = "GET"
				}
				if tt.status == 0 {
					tt.status = 200
				}
				p.Write(headers(1, true, pseudo(tt.method, "/")...))
				r := p.wantBody(1, tt.status, tt.body)
				if r.Field("date") == "" {
					p.Error("no date")
				}
				for name, want := range tt.headers {
					got := r.Field(name)
					if want == "-" {
						want = ""
					}
					if got != want {
						p.Errorf("%s is %q, want %q", name, got, want)
					}
				}
				if r.Ends() != (tt.body == "" && name != "HEAD, flushed") {
					p.Errorf("END_STREAM on the head: %v", r.Ends())
				}
				if n := p.metrics.Requests.Value(metrics.H2, metrics.ClassOf(tt.status), metrics.Bypass); n != 1 {
					p.Errorf("%d requests counted", n)
				}
			})
		})
	}
}

// wantNoBody writes a body to a response that may have none.
func wantNoBody(w writer) {
	if n, err := w.WriteString("x"); n != 0 || err != http.ErrBodyNotAllowed {
		panic(err)
	}
}

// TestLessThanDeclared: what has gone out cannot be taken back, so the stream
// ends in a way that cannot be taken for the whole.
func TestLessThanDeclared(t *testing.T) {
	run(t, setup{handler: func(_ *peer, w writer, _ *http.Request) {
		w.Header().Set("Content-Length", "5")
		_, _ = w.WriteString("body")
		w.Flush()
	}}, func(p *peer) {
		p.Write(get(1, "/"))
		p.wantHead(1, 200)
		f := p.NextFrame()
		if f.Type == frame.Data && !f.Ends() {
			f = p.NextFrame()
		}
		if f.Type != frame.RSTStream || frame.Code(f.Payload) != frame.InternalError {
			p.Errorf("%v %x", f.Header, f.Payload)
		}
	})
}

func TestInvalidStatusPanics(t *testing.T) {
	run(t, setup{panics: 1, handler: func(_ *peer, w writer, _ *http.Request) { w.WriteHeader(99) }}, func(p *peer) {
		p.Write(get(1, "/"))
		p.wantResponse(1, 500)
	})
}

func TestFlush(t *testing.T) {
	run(t, setup{handler: func(p *peer, w writer, _ *http.Request) {
		w.Flush() // the head alone
		<-p.release
		_, _ = w.WriteString("one")
		if err := http.NewResponseController(w).Flush(); err != nil {
			p.Error(err)
		}
		<-p.release
		_, _ = w.WriteString("two")
		<-p.release
	}}, func(p *peer) {
		p.Write(get(1, "/"))
		if f := p.wantHead(1, 200); f.Ends() || f.Field("content-length") != "" {
			p.Errorf("%v", f)
		}
		p.WantSilence()
		p.release <- struct{}{}
		if f := p.Want(frame.Data, 1, 0); string(f.Payload) != "one" {
			p.Errorf("%q", f.Payload)
		}
		p.release <- struct{}{}
		if f := p.Want(frame.Data, 1, 0); string(f.Payload) != "two" { // once the head is out, nothing is held back
			p.Errorf("%q", f.Payload)
		}
		p.release <- struct{}{}
		p.Want(frame.Data, 1, frame.FlagEndStream)
	})
}

// TestWriteWaitsForThePeer: a handler may be (64<<10) bytes ahead.
func TestWriteWaitsForThePeer(t *testing.T) {
	const total = 1 << 20
	written := 0
	run(t, setup{handler: func(p *peer, w writer, _ *http.Request) {
		for written < total {
			n, err := w.Write(make([]byte, 1000))
			if err != nil {
				p.Errorf("after %d bytes: %v", written, err)
				return
			}
			written += n
		}
	}}, func(p *peer) {
		p.Write(get(1, "/"))
		p.wantHead(1, 200)
		got, window := 0, frame.InitialWindow
		for ended := false; !ended; {
			f := p.wantAny(frame.Data, 1)
			got += int(f.Length)
			window -= int(f.Length)
			ended = f.Ends()
			if window == 0 && !ended {
				synctest.Wait()
				if ahead := written - got; ahead > (64<<10)+(4<<10) {
					p.Errorf("the handler is %d bytes ahead", ahead)
				}
				window = 50_000
				p.Write(frame.AppendWindowUpdate(nil, 0, 50_000), frame.AppendWindowUpdate(nil, 1, 50_000))
			}
		}
		if got < total {
			p.Errorf("%d bytes of %d", got, total)
		}
	})
}

// wantAny is want, whatever the flags.
func (p *peer) wantAny(typ frame.Type, id uint32) h2peer.Frame {
	p.Helper()
	f := p.NextFrame()
	if f.Type != typ || f.StreamID != id {
		p.Fatalf("%v of stream %d, want %v of %d", f.Type, f.StreamID, typ, id)
	}
	return f
}

func TestWriteDeadline(t *testing.T) {
	run(t, setup{handler: func(p *peer, w writer, _ *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			p.Error(err)
		}
		start := time.Now()
		n, err := w.Write(make([]byte, 1<<20))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second || n != (64<<10)+10 {
			p.Errorf("%d bytes, %v after %v", n, err, time.Since(start))
		}
		panic(http.ErrAbortHandler)
	}, settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 10}}}, func(p *peer) {
		p.Write(get(1, "/"))
		p.wantHead(1, 200)
		p.Want(frame.Data, 1, 0)
		p.WantReset(1, frame.InternalError)
	})
}

// TestContext: it ends with its stream, whatever ends that, and says why.
func TestContext(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(*peer)
		want error
	}{
		"reset by the client": {func(p *peer) { p.Write(frame.AppendRSTStream(nil, 1, frame.Cancel)) }, errPeerReset},
		"reset by us":         {func(p *peer) { p.Write(frame.AppendWindowUpdate(nil, 1, 0)); p.WantReset(1, frame.ProtocolError) }, nil},
		"connection closed":   {func(p *peer) { p.Conn.Close() }, errPeerGone},
		"connection error":    {func(p *peer) { p.Write(frame.AppendWindowUpdate(nil, 0, 0)); p.Want(frame.GoAway, 0, 0) }, errPeerGone},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{handler: func(p *peer, w writer, r *http.Request) {
				p.entered <- r
				_, err := w.Write(make([]byte, 1<<20)) // waits for a window
				if err == nil {
					p.Error("written")
				}
				if _, again := w.Write([]byte("x")); !errors.Is(again, err) {
					p.Errorf("%v, then %v", err, again)
				}
				<-p.release
			}, settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 0}}}, func(p *peer) {
				p.Write(get(1, "/"))
				p.wantHead(1, 200)
				ctx := (<-p.entered).Context()
				if ctx.Err() != nil {
					p.Fatal("ended too early")
				}
				tt.end(p)
				<-ctx.Done()
				if tt.want != nil && !errors.Is(context.Cause(ctx), tt.want) {
					p.Errorf("because of %v, want %v", context.Cause(ctx), tt.want)
				}
				p.release <- struct{}{}
			})
		})
	}
}

func TestContextEndsAfterTheAnswer(t *testing.T) {
	run(t, setup{handler: func(p *peer, _ writer, r *http.Request) { p.entered <- r }}, func(p *peer) {
		p.Write(get(1, "/"))
		p.wantResponse(1, 200)
		<-(<-p.entered).Context().Done()
	})
}

// TestSend: a handler that answers with a whole response says nothing else.
func TestSend(t *testing.T) {
	s := stored("/", strings.Repeat("x", 100_000))
	large := s.m["/"]
	run(t, setup{serve: func(p *peer, _ context.Context, x *message.Exchange) {
		x.Reply.Explain(message.Outcome{Result: metrics.Miss, Status: "hotpath; fwd=uri-miss"})
		switch x.Path {
		case "/large":
			x.Reply.Send(large)
		case "/304":
			x.Reply.Send(large.NotModified)
		case "/404":
			x.Reply.Send(missing)
		}
		x.Reply.Send(missing) // none of these does anything
		if err := x.Reply.Head(message.Head{Status: 500}); err == nil {
			p.Error("a head after the answer")
		}
		if n, err := x.Reply.Write([]byte("more")); n != 0 || err == nil {
			p.Errorf("writing more: %d, %v", n, err)
		}
		if x.Reply.Flush() == nil || x.Reply.End(nil) == nil {
			p.Error("flushing or ending what is answered")
		}
	}, settings: wide}, func(p *peer) {
		p.Write(frame.AppendWindowUpdate(nil, 0, 1<<20), get(1, "/large"))
		if r := p.wantResponse(1, 200); len(r.body) != 100_000 || r.Field("content-length") != "100000" || r.Field("date") == "" || r.Field("cache-status") != "hotpath; fwd=uri-miss" {
			p.Errorf("%v, %d bytes", r.Fields, len(r.body))
		}
		p.Write(headers(3, true, pseudo("HEAD", "/large")...))
		if r := p.wantBody(3, 200, ""); r.Field("content-length") != "100000" {
			p.Errorf("%v", r.Fields)
		}
		p.Write(get(5, "/304"))
		p.wantBody(5, 304, "")
		p.Write(get(7, "/404"))
		p.wantBody(7, 404, "none")
		p.Write(post(9, "/404"))
		p.wantBody(9, 404, "none")
		p.WantReset(9, frame.NoError)
		synctest.Wait()
		for class, want := range map[metrics.Class]uint64{metrics.Class2xx: 2, metrics.Class3xx: 1, metrics.Class4xx: 2} {
			if n := p.metrics.Requests.Value(metrics.H2, class, metrics.Miss); n != want {
				p.Errorf("%d misses of class %d, want %d", n, class+1, want)
			}
		}
	})
}

// TestFollow: a content that grows is sent as it comes, to each of its followers,
// and its failure is seen.
func TestFollow(t *testing.T) {
	head := message.Opened(200, []hpack.Field{message.ServerField}, -1)
	g := message.NewGrowing(-1, 1<<20)
	run(t, setup{serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		x.Reply.Follow(head, g.Follow())
	}}, func(p *peer) {
		p.Write(get(1, "/"), get(3, "/"), headers(5, true, pseudo("HEAD", "/")...))
		for range 2 {
			p.NextFrame() // heads of 1 and 3, in any order; 5 ends with its own
		}
		p.NextFrame()
		synctest.Wait()
		_ = g.Append(p.Context(), []byte("one"))
		for range 2 {
			if f := p.NextFrame(); f.Type != frame.Data || string(f.Payload) != "one" || f.Ends() {
				p.Errorf("%v %q", f.Header, f.Payload)
			}
		}
		p.Write(frame.AppendRSTStream(nil, 3, frame.Cancel))
		synctest.Wait()
		if n := g.Followers(); n != 1 {
			p.Errorf("%d followers after one left, want 1", n)
		}
		g.Fail(errors.New("broken"))
		p.WantReset(1, frame.InternalError)
		synctest.Wait()
		if n := g.Followers(); n != 0 {
			p.Errorf("%d followers after the failure", n)
		}
	})
}
