package h3

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// TestHits: what is stored goes out whole, without content for HEAD, as a 304, in
// part and in parts, in a frame or in many.
func TestHits(t *testing.T) {
	p := newPeer(t, setup{source: stored("/small", "content", "/large", large)})
	for _, tt := range []struct {
		why          string
		method, path string
		more         []string
		status, body string
	}{
		{"a small one", "GET", "/small", nil, "200", "content"},
		{"its head", "HEAD", "/small", nil, "200", ""},
		{"a large one", "GET", "/large", nil, "200", large},
		{"its head", "HEAD", "/large", nil, "200", ""},
		{"one that the client has", "GET", "/small", []string{"if-none-match", `"/small"`}, "304", ""},
		{"a condition that fails", "GET", "/small", []string{"if-match", `"other"`}, "412", ""},
		{"a part", "GET", "/small", []string{"range", "bytes=1-3"}, "206", "ont"},
		{"a large part", "GET", "/large", []string{"range", "bytes=16-"}, "206", large[16:]},
		{"no part of it", "GET", "/small", []string{"range", "bytes=9-"}, "416", "416 Range Not Satisfiable: the content has 7 bytes\n"},
	} {
		a := read(p.ask(request(tt.method, tt.path, tt.more...)))
		if a.status != tt.status || a.body != tt.body || a.err != nil {
			t.Errorf("%s: %s %.60q, %v; want %s %.60q", tt.why, a.status, a.body, a.err, tt.status, tt.body)
		}
		if a.field("date") == "" || a.field("server") != "hotpath" {
			t.Errorf("%s: date %q, server %q", tt.why, a.field("date"), a.field("server"))
		}
	}
	a := read(p.ask(request("GET", "/large", "range", "bytes=0-15,32-47")))
	if kind := a.field("content-type"); a.status != "206" || !strings.HasPrefix(kind, "multipart/byteranges") || strings.Count(a.body, large[:16]) != 2 || a.field("content-length") != fmt.Sprint(len(a.body)) {
		t.Errorf("two parts: %s %s, %d bytes, %q", a.status, kind, len(a.body), a.body)
	}
	p.close()
	if n := p.metrics.Requests.Value(metrics.H3, metrics.Class2xx, metrics.Hit); n != 7 {
		t.Errorf("%d hits with 2xx are counted, want 7", n)
	}
	if n := p.metrics.Streams.Value(); n != 10 {
		t.Errorf("%d streams are counted, want 10", n)
	}
	if sent, received := p.metrics.SentBytes.Value(), p.metrics.ReceivedBytes.Value(); sent < uint64(2*len(large)) || received == 0 {
		t.Errorf("%d bytes sent, %d received", sent, received)
	}
}

// TestMalformedRequests: each ends its stream with H3_MESSAGE_ERROR (RFC 9114
// §4.1.2), and the connection goes on.
func TestMalformedRequests(t *testing.T) {
	p := newPeer(t, setup{serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		if x.Body != nil { // an answer ahead of the content's end would be right as well
			if _, err := io.Copy(io.Discard, x.Body); err != nil {
				return
			}
		}
		x.Reply.Send(message.New(200, nil, []byte(x.Path), "", time.Time{}))
	}})
	for why, b := range map[string][]byte{
		"no :method":                 headers(":scheme", "https", ":authority", "a", ":path", "/"),
		"no :path":                   headers(":method", "GET", ":scheme", "https", ":authority", "a"),
		"a field of HTTP/1.1":        request("GET", "/", "connection", "close"),
		"upper case":                 request("GET", "/", "Accept", "a"),
		"userinfo":                   headers(":method", "GET", ":scheme", "https", ":authority", "a@b", ":path", "/"),
		"a status":                   request("GET", "/", ":status", "200"),
		"content that does not come": request("GET", "/", "content-length", "1"),
		"host and :authority":        request("GET", "/", "host", "b"),
	} {
		p.Run(why, func(t *testing.T) { p.wantReset(read(p.ask(b)), codeMessageError) })
	}
	p.want(read(p.ask(request("GET", "/after"))), "200", "/after")
}

// TestForbiddenFrames: what ends the connection, and how (RFC 9114 §4.1, §6.2, §7.2;
// RFC 9204 §2.2, §4.2).
func TestForbiddenFrames(t *testing.T) {
	for _, tt := range []struct {
		why    string
		script func(p *peer)
		code   quic.ApplicationErrorCode
	}{
		{"DATA in front of HEADERS", func(p *peer) { p.ask(frame(frameData, []byte("x"))) }, codeFrameUnexpected},
		{"SETTINGS on a request's stream", func(p *peer) { p.ask(frame(frameSettings, nil)) }, codeFrameUnexpected},
		{"a frame of HTTP/2's", func(p *peer) { p.ask(frame(0x8, []byte("1234"))) }, codeFrameUnexpected},
		{"half a frame", func(p *peer) { p.ask(request("GET", "/")[:4]) }, codeFrameError},
		{"a reference to the table", func(p *peer) { p.ask(frame(frameHeaders, []byte{0, 0, 0x80})) }, codeDecompressionFailed},
		{"DATA behind trailers", func(p *peer) {
			p.ask(request("POST", "/"), headers("a", "b"), frame(frameData, []byte("x")))
		}, codeFrameUnexpected},
		{"SETTINGS twice", func(p *peer) { _, _ = p.control.Write(frame(frameSettings, nil)) }, codeFrameUnexpected},
		{"HEADERS on the control stream", func(p *peer) { _, _ = p.control.Write(frame(frameHeaders, nil)) }, codeFrameUnexpected},
		{"the control stream's end", func(p *peer) { _ = p.control.Close() }, codeClosedCriticalStream},
		{"a second control stream", func(p *peer) { p.uni(streamControl, frame(frameSettings, nil)) }, codeStreamCreation},
		{"a push stream", func(p *peer) { p.uni(streamPush, nil) }, codeStreamCreation},
		{"an entry for the table", func(p *peer) { p.uni(streamEncoder, []byte{0x20, 0x3f, 0xe1}) }, codeEncoderStreamError},
	} {
		t.Run(tt.why, func(t *testing.T) {
			p := newPeer(t, setup{serve: func(_ *peer, _ context.Context, x *message.Exchange) { _, _ = io.Copy(io.Discard, x.Body) }})
			tt.script(p)
			p.wantEnd(tt.code, metrics.CloseError)
		})
	}
	t.Run("no SETTINGS", func(t *testing.T) {
		p := newPeer(t, setup{silent: true})
		p.uni(streamControl, frame(frameGoAway, []byte{0}))
		p.wantEnd(codeMissingSettings, metrics.CloseError)
	})
}

// TestUnknownIsIgnored: frames, streams and settings that are reserved for this
// (RFC 9114 §7.2.8, §6.2.3), up to the budget for what serves nothing.
func TestUnknownIsIgnored(t *testing.T) {
	p := newPeer(t, setup{limits: func(l *Limits) { l.Control = 4 }})
	p.uni(0x21, []byte("grease"))
	unknown := frame(0x21, []byte("grease"))
	a := read(p.ask(unknown, request("POST", "/"), unknown, frame(frameData, []byte("x"))))
	p.want(a, "200", "/")
	for range 4 {
		_, _ = p.control.Write(frame(0x21, nil))
	}
	p.wantEnd(codeExcessiveLoad, metrics.CloseLimit)
	p.wantLimit(metrics.LimitControlFrames, 1)
}

// TestLargeHeads: a head beyond a limit is answered with 431, and the connection
// goes on.
func TestLargeHeads(t *testing.T) {
	p := newPeer(t, setup{limits: func(l *Limits) { l.HeaderBytes, l.HeaderFields = 1<<10, 10 }})
	const text = "Request Header Fields Too Large\n"
	many := make([]string, 0, 20)
	for i := range 10 {
		many = append(many, fmt.Sprint("x-", i), "")
	}
	p.want(read(p.ask(request("GET", "/", "x", strings.Repeat("x", 1<<10)))), "431", text)
	p.want(read(p.ask(request("GET", "/", many...))), "431", text)
	p.wantLimit(metrics.LimitHeaderList, 2)
	p.want(read(p.send(appendFrameHead(nil, frameHeaders, 1<<20))), "431", text) // whatever comes of it
	p.wantLimit(metrics.LimitHeaderBlock, 1)
	p.want(read(p.ask(request("GET", "/after"))), "200", "/after")
}

// TestHandlers: what a handler can answer, each in its way.
func TestHandlers(t *testing.T) {
	p := newPeer(t, setup{panics: 3, serve: func(_ *peer, ctx context.Context, x *message.Exchange) {
		head := message.Head{Status: 200, Length: -1, Fields: []hpack.Field{{Name: "x-a", Value: "b"}, {Name: "connection", Value: "close"}}}
		switch x.Path {
		case "/written":
			_ = x.Reply.Inform(103, []hpack.Field{{Name: "link", Value: "</a>"}})
			_ = x.Reply.Head(head)
			for i := 0; i < len(large); i += 100_000 {
				_, _ = x.Reply.Write([]byte(large[i:min(i+100_000, len(large))]))
			}
			_ = x.Reply.End([]hpack.Field{{Name: "x-end", Value: "yes"}})
		case "/empty":
			head.Status = 204
			_ = x.Reply.Head(head)
			_ = x.Reply.End(nil)
		case "/short":
			head.Length = 10
			_ = x.Reply.Head(head)
			_, _ = x.Reply.Write([]byte("short"))
			_ = x.Reply.Flush()
			_ = x.Reply.End(nil)
		case "/grows":
			g := message.NewGrowing(-1, 8<<20)
			x.Reply.Follow(message.Opened(200, nil, -1), g.Follow())
			for i := 0; i < len(large); i += 100_000 {
				_ = g.Append(ctx, []byte(large[i:min(i+100_000, len(large))]))
			}
			g.End([]hpack.Field{{Name: "x-end", Value: "grown"}})
		case "/breaks":
			g := message.NewGrowing(-1, 8<<20)
			x.Reply.Follow(message.Opened(200, nil, -1), g.Follow())
			_ = g.Append(ctx, []byte("some"))
			g.Fail(io.ErrUnexpectedEOF)
		case "/panics":
			panic("on purpose")
		case "/panics%20late":
			_ = x.Reply.Head(head)
			_ = x.Reply.Flush()
			panic("on purpose")
		}
	}})
	a := read(p.ask(request("GET", "/written")))
	p.want(a, "200", large)
	if fmt.Sprint(a.interim) != "[103]" || a.field("x-a") != "b" || a.field("connection") != "" || fmt.Sprint(a.trailers) != "[{x-end yes false}]" {
		t.Errorf("interim %v, fields %v, trailers %v", a.interim, a.fields, a.trailers)
	}
	p.want(read(p.ask(request("HEAD", "/written"))), "200", "")
	p.want(read(p.ask(request("GET", "/empty"))), "204", "")
	p.wantReset(read(p.ask(request("GET", "/short"))), codeInternalError)
	a = read(p.ask(request("GET", "/grows")))
	p.want(a, "200", large)
	if fmt.Sprint(a.trailers) != "[{x-end grown false}]" {
		t.Errorf("trailers %v", a.trailers)
	}
	p.want(read(p.ask(request("HEAD", "/grows"))), "200", "")
	p.wantReset(read(p.ask(request("GET", "/breaks"))), codeInternalError)
	p.want(read(p.ask(request("GET", "/panics"))), "500", "Internal Server Error\n")
	p.wantReset(read(p.ask(headers(":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/panics%20late"))), codeInternalError)
	p.want(read(p.ask(request("GET", "/panics"))), "500", "Internal Server Error\n") // a panic ends its stream alone
}

// TestUploads: content in pieces, with trailers, after an expectation; none; more or
// less than was declared; more than may be.
func TestUploads(t *testing.T) {
	p := newPeer(t, setup{serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		if x.Body == nil {
			x.Reply.Send(message.New(200, nil, []byte("none"), "", time.Time{}))
			return
		}
		content, err := io.ReadAll(x.Body)
		text := fmt.Sprintf("%d of %d, %v, %v", len(content), x.Length, x.Trailers(), err)
		x.Reply.Send(message.New(200, nil, []byte(text), "", time.Time{}))
	}})
	data := frame(frameData, []byte(strings.Repeat("x", 100_000)))
	p.want(read(p.ask(request("POST", "/"), data, data, headers("x-sum", "1"))), "200", "200000 of -1, [{x-sum 1 false}], <nil>")
	p.want(read(p.ask(request("POST", "/", "content-length", "200000"), data, data)), "200", "200000 of 200000, [], <nil>")
	p.want(read(p.ask(request("GET", "/"), data)), "200", "100000 of -1, [], <nil>")
	p.want(read(p.ask(request("DELETE", "/"))), "200", "none")
	p.wantReset(read(p.ask(request("POST", "/", "content-length", "99"), data)), codeMessageError)
	p.wantReset(read(p.ask(request("POST", "/", "content-length", "100001"), data)), codeMessageError)
	p.want(read(p.send(request("POST", "/", "content-length", "1048577"))), "413", "Request Entity Too Large\n")

	s := p.send(request("POST", "/", "expect", "100-continue", "content-length", "100000"))
	h, err := readFrameHead(byteReader{s})
	if err != nil || h.kind != frameHeaders {
		t.Fatalf("%+v, %v; want the head of a 100", h, err)
	}
	if _, err := io.CopyN(io.Discard, s, int64(h.length)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(data); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	p.want(read(s), "200", "100000 of 100000, [], <nil>")

	s = p.send(request("POST", "/"))
	for range 11 {
		if _, err := s.Write(data); err != nil {
			break // it is answered
		}
	}
	_ = s.Close()
	if a := read(s); !strings.Contains(a.body, "http: request body too large") {
		t.Errorf("beyond max-body the handler reads %s %q, %v", a.status, a.body, a.err)
	}
	p.wantLimit(metrics.LimitBodySize, 2)
}

// byteReader reads from a stream no more than is asked for.
type byteReader struct{ *quic.Stream }

func (r byteReader) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(r.Stream, b[:])
	return b[0], err
}

// TestAnswerBeforeTheContent: an answer that does not wait for the request's content
// ends it, without an error.
func TestAnswerBeforeTheContent(t *testing.T) {
	p := newPeer(t, setup{serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		x.Reply.Send(message.New(403, nil, []byte("no"), "", time.Time{}))
	}})
	s := p.send(request("POST", "/"))
	p.want(read(s), "403", "no")
	<-s.Context().Done() // STOP_SENDING
	p.want(read(p.ask(request("POST", "/"))), "403", "no")
	if n := p.metrics.LimitBreaches.Value(metrics.LimitEarlyReset); n != 0 {
		t.Error("it counts as a stream that ends early")
	}
}

// TestTunnel: an extended CONNECT (RFC 9220) that the handler agrees to carries bytes
// both ways, until each side has ended it; one that is idle for too long is ended.
func TestTunnel(t *testing.T) {
	p := newPeer(t, setup{limits: func(l *Limits) { l.TunnelIdle = 300 * time.Millisecond; l.Progress = 50 * time.Millisecond }, serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		if x.Upgrade != "websocket" {
			x.Reply.Send(message.New(501, nil, nil, "", time.Time{}))
			return
		}
		c, err := x.Reply.Tunnel(200, nil)
		if err != nil {
			return
		}
		_, _ = io.Copy(c, c)
		_ = c.Close()
	}})
	connect := headers(":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "localhost", ":path", "/")
	s := p.send(connect)
	for range 3 {
		time.Sleep(100 * time.Millisecond) // longer than content may rest
		if _, err := s.Write(frame(frameData, []byte("echo"))); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.Close()
	p.want(read(s), "200", "echoechoecho")
	p.wantReset(read(p.send(connect)), codeRequestCancelled)
	p.wantLimit(metrics.LimitIdleTimeout, 1)
}

// TestHalfClosedTunnel: a tunnel whose handler has ended its own side carries what the
// client sends until that ends, too, however slowly it is read.
func TestHalfClosedTunnel(t *testing.T) {
	const size = 3 * MaxStreamWindow
	got := make(chan int64, 1)
	p := newPeer(t, setup{ledger: newLedger(t, 64<<20).Ledger(), serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		c, err := x.Reply.Tunnel(200, nil)
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(c, "all")
		_ = c.(interface{ CloseWrite() error }).CloseWrite()
		time.Sleep(short) // until no more is received
		n, _ := io.Copy(io.Discard, c)
		got <- n
		_ = c.Close()
	}})
	s := p.send(headers(":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "localhost", ":path", "/"))
	p.want(read(s), "200", "all")
	if _, err := s.Write(frame(frameData, []byte(large[:size]))); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if n := <-got; n != size {
		t.Errorf("the handler reads %d bytes of %d", n, size)
	}
}
