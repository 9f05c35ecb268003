package h1

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// exact sends raw to a handler and returns all that comes back, the date
// replaced.
func exact(t *testing.T, serve func(context.Context, *message.Exchange), raw string) string {
	t.Helper()
	s := storing("/", "home")
	s.serve = serve
	p := connect(t, testConfig(s))
	p.Write(raw)
	got, err := io.ReadAll(p.R)
	if err != nil {
		t.Fatalf("%v after %q", err, got)
	}
	for line := range strings.SplitSeq(string(got), "\r\n") {
		if date, ok := strings.CutPrefix(line, "date: "); ok {
			if _, err := http.ParseTime(date); err != nil {
				t.Error(err)
			}
			got = bytes.ReplaceAll(got, []byte(line), []byte("date: now"))
		}
	}
	return string(got)
}

func headThen(h message.Head, trailers []hpack.Field, parts ...string) func(context.Context, *message.Exchange) {
	return func(_ context.Context, x *message.Exchange) {
		err := x.Reply.Head(h)
		for _, part := range parts {
			if err == nil {
				_, err = io.WriteString(x.Reply, part)
			}
			if err == nil {
				err = x.Reply.Flush()
			}
		}
		if err == nil {
			_ = x.Reply.End(trailers)
		}
	}
}

// TestReplyOnTheWire: every framing, to the byte.
func TestReplyOnTheWire(t *testing.T) {
	const (
		post   = "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
		head   = "HEAD /x HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
		old    = "POST / HTTP/1.0\r\n\r\n"
		common = "server: hotpath\r\na: b\r\ndate: now\r\n"
		close  = "connection: close\r\n\r\n"
	)
	ab := []hpack.Field{{Name: "a", Value: "b"}}
	unknown := message.Head{Status: 200, Fields: ab, Length: -1}
	for _, c := range []struct {
		name, raw string
		serve     func(context.Context, *message.Exchange)
		want      string
	}{
		{"a length", post, headThen(message.Head{Status: 200, Fields: ab, Length: 4}, nil, "bo", "dy"),
			"HTTP/1.1 200 OK\r\n" + common + "content-length: 4\r\n" + close + "body"},
		{"what an upgrade is required to", post, headThen(message.Head{Status: 426, Fields: []hpack.Field{{Name: "a", Value: "b"}, {Name: "upgrade", Value: "x"}}}, nil),
			"HTTP/1.1 426 Upgrade Required\r\n" + common + "upgrade: x\r\nconnection: upgrade\r\ncontent-length: 0\r\n" + close},
		{"an upgrade is nothing to HTTP/1.0", old, headThen(message.Head{Status: 426, Fields: []hpack.Field{{Name: "a", Value: "b"}, {Name: "upgrade", Value: "x"}}}, nil),
			"HTTP/1.1 426 Upgrade Required\r\n" + common + "content-length: 0\r\n" + close},
		{"chunks", post, headThen(unknown, nil, "bo", strings.Repeat("x", 17), "\n"),
			"HTTP/1.1 200 OK\r\n" + common + "transfer-encoding: chunked\r\n" + close + "<bo" + strings.Repeat("x", 17) + "\n>"},
		{"chunks and trailers", post, headThen(unknown, []hpack.Field{{Name: "t", Value: "u"}, {Name: "content-length", Value: "1"}}, "body"),
			"HTTP/1.1 200 OK\r\n" + common + "transfer-encoding: chunked\r\n" + close + "<body>t: u\r\n"},
		{"a content that is small enough to count", post, func(_ context.Context, x *message.Exchange) {
			_ = x.Reply.Head(unknown)
			_, _ = io.WriteString(x.Reply, "body")
			_ = x.Reply.End(nil)
		}, "HTTP/1.1 200 OK\r\n" + common + "content-length: 4\r\n" + close + "body"},
		{"until the end, in HTTP/1.0", old, headThen(unknown, []hpack.Field{{Name: "t", Value: "u"}}, "bo", "dy"),
			"HTTP/1.1 200 OK\r\n" + common + close + "body"},
		{"HEAD of a length", head, headThen(message.Head{Status: 200, Fields: ab, Length: 4}, nil, "body"),
			"HTTP/1.1 200 OK\r\n" + common + "content-length: 4\r\n" + close},
		{"HEAD of an unknown length", head, headThen(unknown, nil, "body"), "HTTP/1.1 200 OK\r\n" + common + "transfer-encoding: chunked\r\n" + close},
		{"204", post, headThen(message.Head{Status: 204, Fields: ab, Length: -1}, nil), "HTTP/1.1 204 No Content\r\n" + common + close},
		{"304", post, headThen(message.Head{Status: 304, Fields: ab, Length: 0}, nil), "HTTP/1.1 304 Not Modified\r\n" + common + close},
		{"nothing", post, headThen(message.Head{Status: 404, Fields: ab, Length: 0}, nil), "HTTP/1.1 404 Not Found\r\n" + common + "content-length: 0\r\n" + close},
		{"an unknown status", post, headThen(message.Head{Status: 799, Fields: ab, Length: 0}, nil), "HTTP/1.1 799 \r\n" + common + "content-length: 0\r\n" + close},
		{"fields of the engine's, and none of a field", post, headThen(message.Head{Status: 200, Length: 0, Fields: []hpack.Field{
			{Name: "connection", Value: "x"}, {Name: "transfer-encoding", Value: "x"}, {Name: "content-length", Value: "9"},
			{Name: "upgrade", Value: "x"}, {Name: "x", Value: "a\r\nb: c"}, {Name: "x y", Value: "z"}, {Name: "server", Value: "s"}, {Name: "date", Value: "Fri, 17 May 2024 10:30:15 GMT"},
		}}, nil), "HTTP/1.1 200 OK\r\nserver: s\r\ndate: now\r\ncontent-length: 0\r\n" + close},
		{"informational heads", post, func(ctx context.Context, x *message.Exchange) {
			_ = x.Reply.Inform(101, nil) // that would be a tunnel
			_ = x.Reply.Inform(103, []hpack.Field{{Name: "link", Value: "</a>"}})
			headThen(message.Head{Status: 204, Fields: ab, Length: -1}, nil)(ctx, x)
		}, "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n" + common + close},
		{"no informational head in HTTP/1.0", old, func(ctx context.Context, x *message.Exchange) {
			_ = x.Reply.Inform(103, nil)
			headThen(message.Head{Status: 204, Fields: ab, Length: -1}, nil)(ctx, x)
		}, "HTTP/1.1 204 No Content\r\n" + common + close},
		{"a cache status", post, func(_ context.Context, x *message.Exchange) {
			x.Reply.Explain(message.Outcome{Result: metrics.Miss, Status: "hotpath; fwd=miss"})
			x.Reply.Send(message.New(200, ab, []byte("body"), "", time.Time{}))
		}, "HTTP/1.1 200 OK\r\nserver: hotpath\r\na: b\r\ncontent-length: 4\r\ndate: now\r\ncache-status: hotpath; fwd=miss\r\n" + close + "body"},
		{"keep-alive of HTTP/1.0", "POST / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + old, headThen(message.Head{Status: 204, Fields: ab, Length: -1}, nil),
			"HTTP/1.1 204 No Content\r\n" + common + "connection: keep-alive\r\n\r\n" + "HTTP/1.1 204 No Content\r\n" + common + close},
		{"a hit of HTTP/1.0", "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + old, headThen(message.Head{Status: 204, Fields: ab, Length: -1}, nil),
			"HTTP/1.1 200 OK\r\nserver: hotpath\r\netag: \"tag\"\r\nlast-modified: Fri, 17 May 2024 10:30:15 GMT\r\ncontent-length: 4\r\ndate: now\r\nconnection: keep-alive\r\n\r\nHTTP/1.1 204 No Content\r\n" + common + close},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := exact(t, c.serve, c.raw)
			want := c.want
			if before, chunks, ok := strings.Cut(want, "<"); ok && !strings.Contains(want, "link") {
				content, trailers, _ := strings.Cut(chunks, ">")
				head, body, _ := strings.Cut(got, "\r\n\r\n")
				got = head + "\r\n\r\n" + unchunk(t, body, trailers)
				want = before + content
			}
			if c.name == "HEAD of an unknown length" { // either is right
				got = strings.Replace(got, "transfer-encoding: chunked\r\n", "", 1)
				want = strings.Replace(want, "transfer-encoding: chunked\r\n", "", 1)
			}
			if got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

// unchunk decodes chunks, whose sizes have no leading zeros.
func unchunk(t *testing.T, body, trailers string) string {
	t.Helper()
	if strings.HasPrefix(body, "0") && !strings.HasPrefix(body, "0\r\n") {
		t.Errorf("a chunk size with a leading zero: %q", body)
	}
	d, content, left, err := decode([]byte(body), len(body), len(body))
	if err != nil || d.state != chunkDone || left != 0 {
		t.Fatalf("%q is no content in chunks: %v, %d bytes left", body, err, left)
	}
	if !strings.HasSuffix(body, "\r\n0\r\n"+trailers+"\r\n") {
		t.Errorf("%q does not end with the trailers %q", body, trailers)
	}
	return string(content)
}

// TestBrokenOff: a response that ends before its end never passes for the
// whole.
func TestBrokenOff(t *testing.T) {
	for name, raw := range map[string]string{
		"chunks":                     "POST / HTTP/1.1\r\nHost: test\r\n\r\n",
		"a length":                   "PUT / HTTP/1.1\r\nHost: test\r\n\r\n",
		"until the connection's end": "POST / HTTP/1.0\r\n\r\n",
	} {
		for how, end := range map[string]func(*message.Exchange){
			"abort":  func(x *message.Exchange) { x.Reply.Abort() },
			"panic":  func(*message.Exchange) { panic("in the middle") },
			"return": func(*message.Exchange) {},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				s := storing()
				s.serve = func(_ context.Context, x *message.Exchange) {
					length := int64(-1)
					if x.Method == "PUT" {
						length = 100
					}
					_ = x.Reply.Head(message.Head{Status: 200, Length: length})
					_, _ = io.WriteString(x.Reply, "part")
					_ = x.Reply.Flush()
					end(x)
				}
				p := connect(t, testConfig(s))
				p.Write(raw)
				if resp, err := http.ReadResponse(p.R, nil); err == nil {
					if body, err := io.ReadAll(resp.Body); err == nil {
						t.Errorf("%q passes for the whole", body)
					}
				} else if !strings.Contains(err.Error(), "reset") { // it may overtake the head
					t.Error(err)
				}
			})
		}
	}
}

// growing makes a handler follow a content that grows by parts.
func growing(length int64, parts []string, trailers []hpack.Field, fail error) func(context.Context, *message.Exchange) {
	return func(ctx context.Context, x *message.Exchange) {
		g := message.NewGrowing(length, 1<<20)
		r := message.Opened(200, nil, length)
		x.Reply.Follow(r, g.Follow())
		go func() {
			for _, part := range parts {
				if g.Append(context.Background(), []byte(part)) != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
			if fail != nil {
				g.Fail(fail)
				return
			}
			g.End(trailers)
		}()
	}
}

// TestFollow: a content that grows arrives whole, in every framing, and what
// stands behind it is answered; one that fails, or is not as long as its head
// says, does not pass for the whole.
func TestFollow(t *testing.T) {
	parts := []string{"a", strings.Repeat("b", 100_000), "", "c"}
	whole := strings.Join(parts, "")
	for _, c := range []struct {
		name, method, version string
		length                int64
		fail                  error
		broken                bool
	}{
		{"a length", "GET", "1.1", int64(len(whole)), nil, false},
		{"chunks", "GET", "1.1", -1, nil, false},
		{"until the end", "GET", "1.0", -1, nil, false},
		{"HEAD", "HEAD", "1.1", -1, nil, false},
		{"a failure", "GET", "1.1", -1, errors.New("no"), true},
		{"a failure in a length", "GET", "1.1", int64(len(whole)) + 1, errors.New("no"), true},
		{"a failure until the end", "GET", "1.0", -1, errors.New("no"), true},
		{"longer than declared", "GET", "1.1", 1000, nil, true},
		{"shorter than declared", "GET", "1.1", int64(len(whole)) + 1, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := storing("/", "home")
			s.serve = growing(c.length, parts, []hpack.Field{{Name: "t", Value: "u"}}, c.fail)
			p := connect(t, testConfig(s))
			p.Write(c.method + " /x HTTP/" + c.version + "\r\nHost: test\r\n\r\n")
			resp, err := http.ReadResponse(p.R, &http.Request{Method: c.method})
			if err != nil && c.broken {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if c.broken {
				if err == nil {
					t.Errorf("%d bytes pass for the whole", len(body))
				}
				return
			}
			if want := map[string]string{"GET": whole}[c.method]; err != nil || string(body) != want {
				t.Fatalf("%d bytes, %v; want %d", len(body), err, len(want))
			}
			if c.length < 0 && c.version == "1.1" && c.method == "GET" && resp.Trailer.Get("T") != "u" {
				t.Errorf("the trailers are %v", resp.Trailer)
			}
			if c.version == "1.1" {
				p.Write(get("/"))
				p.WantResponse(200, "home")
			}
		})
	}
}

// TestRanges: parts of what is stored are answered from memory.
func TestRanges(t *testing.T) {
	content := strings.Repeat("0123456789", 10_000)
	s := storing("/", content)
	s.status = message.NewFixedField("cache-status", "hotpath; hit")
	p := connect(t, testConfig(s))
	for range 2 { // it is judged again
		p.Write(get("/", "Range: bytes=5-14") + get("/", "Range: bytes=99990-") + get("/", "Range: bytes=200000-") +
			get("/", "Range: bytes=0-1,50000-79999,99999-") + get("/", `If-Match: "other"`) + "HEAD / HTTP/1.1\r\nHost: test\r\nRange: bytes=0-1\r\n\r\n" + get("/"))
		a := p.WantResponse(206, content[5:15])
		if got := a.Header.Get("Content-Range"); got != "bytes 5-14/100000" {
			t.Errorf("Content-Range is %q", got)
		}
		if got := a.Header.Get("Cache-Status"); got != "hotpath; hit" {
			t.Errorf("Cache-Status is %q", got)
		}
		p.WantResponse(206, content[99990:])
		if a := p.Response("GET"); a.StatusCode != 416 {
			t.Errorf("%d beyond the end", a.StatusCode)
		}
		a = p.Response("GET")
		_, params, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
		if err != nil || a.StatusCode != 206 {
			t.Fatal(a.StatusCode, err)
		}
		parts := multipart.NewReader(strings.NewReader(a.Content), params["boundary"])
		for _, want := range []string{content[:2], content[50000:80000], content[99999:]} {
			part, err := parts.NextPart()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(part); err != nil || string(got) != want {
				t.Errorf("a part of %d bytes, %v; want %d", len(got), err, len(want))
			}
		}
		p.WantResponse(412, "")
		if a := p.Response("HEAD"); a.StatusCode != 200 {
			t.Errorf("%d for a HEAD, which has no ranges", a.StatusCode)
		}
		p.WantResponse(200, content)
	}
	if n := s.exchanges(); n != 0 {
		t.Errorf("the handler got %d requests", n)
	}
}

// TestNothingIsKept: a response is not kept in memory by a connection that had
// it, and a large one is not remembered at all.
func TestNothingIsKept(t *testing.T) {
	onFakeTime(t, storing("/", "home", "/large", strings.Repeat("x", inlineBody+1)), func(t *testing.T, p *peer) {
		for range 3 {
			p.Write(get("/"))
			p.WantResponse(200, "home")
			p.peek(func(c *Conn) {
				if c.remembered.lookup.Response != nil {
					t.Error("the response is kept")
				}
			})
		}
		p.Write(get("/large"))
		p.WantResponse(200, strings.Repeat("x", inlineBody+1))
		p.peek(func(c *Conn) {
			if strings.Contains(string(c.remembered.raw), "/large") {
				t.Error("a request for a large response is remembered")
			}
		})
	})
}

// TestHandlersContext ends when the client is gone, and when the exchange is
// answered; not when the client ends its sending half.
func TestHandlersContext(t *testing.T) {
	s := storing()
	ended := make(chan error, 1)
	s.serve = func(ctx context.Context, x *message.Exchange) {
		if x.Path == "/answered" {
			answerWith(x, 200, "ok")
		}
		<-ctx.Done()
		ended <- context.Cause(ctx)
	}
	p := connect(t, testConfig(s))
	p.Write(get("/answered") + get("/reset"))
	p.WantResponse(200, "ok")
	if err := <-ended; !errors.Is(err, errAnswered) {
		t.Errorf("an answered exchange ends with %v", err)
	}
	for s.exchanges() < 2 {
		time.Sleep(time.Millisecond)
	}
	if err := p.Conn.(interface{ SetLinger(int) error }).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	p.Conn.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, errGone) {
			t.Errorf("the exchange of a client that is gone ends with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the handler of a client that is gone goes on")
	}
}
