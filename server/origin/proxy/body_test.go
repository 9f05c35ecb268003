package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
)

// TestRFC9112Section6Framing: how a content is framed for the upstream.
func TestRFC9112Section6Framing(t *testing.T) {
	for _, c := range []struct {
		name, method, body string
		length             int64
		none               bool
		want, lacks        string // in the bytes that were sent
	}{
		{"POST without a content says so", "POST", "", 0, true, "\r\nContent-Length: 0\r\n", "Transfer"},
		{"PUT without a content says so", "PUT", "", 0, true, "\r\nContent-Length: 0\r\n", "Transfer"},
		{"GET without a content", "GET", "", 0, true, "\r\n\r\n", "Content-Length"},
		{"a known length", "POST", "hello", 5, false, "Content-Length: 5\r\n", "Transfer"},
		{"a known length, and announced trailers", "POST", "hello", 5, false, "\r\n\r\n5\r\nhello\r\n0\r\n", "Content-Length"},
		{"an empty content, and announced trailers", "POST", "", 0, false, "\r\n\r\n0\r\n", "Content-Length"},
		{"an unknown length", "POST", "hello", -1, false, "\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "Content-Length"},
		{"GET with a content", "GET", "hello", 5, false, "Content-Length: 5\r\n", "Transfer"},
		{"GET with an unknown length", "GET", "hello", -1, false, "\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "Content-Length"},
		{"an unknown method", "BREW", "hello", -1, false, "\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "Content-Length"},
		{"an empty content of unknown length", "POST", "", -1, false, "\r\n\r\n0\r\n\r\n", "Content-Length"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
				head := conn.Head()
				switch {
				case strings.Contains(head, "chunked"):
					for {
						line, err := conn.R.ReadString('\n')
						if err != nil || line == "0\r\n" {
							break
						}
					}
					_, _ = conn.R.ReadString('\n')
				default:
					_, _ = io.CopyN(io.Discard, conn.R, max(0, c.length))
				}
				conn.Say(ok200)
			})
			r := post(strings.NewReader(c.body), c.length)
			r.Method = c.method
			r.Trailers = func() []hpack.Field { return nil } // engines always have it
			if c.none {
				r.Body = nil
			}
			if strings.Contains(c.name, "announced") {
				r.Fields = append(r.Fields, hpack.Field{Name: "trailer", Value: "x-sum"})
			}
			mustFetch(t, proxyTo(t, Config{Upstreams: []string{s.URL()}}), r)
			sent := s.Conns()[0].Received()
			if !strings.Contains(sent, c.want) || strings.Contains(sent, c.lacks) {
				t.Errorf("sent %q", sent)
			}
			if !c.none && !strings.Contains(sent, c.body) {
				t.Errorf("sent %q", sent)
			}
		})
	}
}

// TestRFC9110Section6_5Trailers: both ways, without what may not stand there.
func TestRFC9110Section6_5Trailers(t *testing.T) {
	got := make(chan string, 1)
	s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
		conn.Head()
		got <- conn.Head() // up to the empty line behind the trailers
		conn.Say("HTTP/1.1 200 OK\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\nContent-Length: 9\r\nSet-Cookie: a\r\n\r\n")
	})
	r := post(strings.NewReader("hello"), -1, "trailer", "x-up, host")
	r.Trailers = func() []hpack.Field {
		return []hpack.Field{{Name: "x-up", Value: "3"}, {Name: "authorization", Value: "x"}, {Name: "x-unannounced", Value: "4"}, {Name: "x-bad", Value: "a\r\nb"},
			{Name: "client-cert-subject", Value: "CN=a"}, {Name: "client_cert_subject", Value: "CN=a"}, {Name: "content_length", Value: "7"}}
	}
	res := mustFetch(t, proxyTo(t, Config{Upstreams: []string{s.URL()}}), r)
	sent := <-got
	if sent != "5\r\nhello\r\n0\r\nX-Unannounced: 4\r\nX-Up: 3\r\n\r\n" {
		t.Errorf("sent %q", sent)
	}
	if lines(res.trailer) != "x-sum: 1; x-sum: 2" {
		t.Errorf("trailers %v", res.trailer)
	}
	if head := s.Conns()[0].Received(); !hasLine(head, "Trailer: X-Up") {
		t.Errorf("the trailer was not announced: %q", head)
	}
}

// slowBody is a content that comes when the test says so.
type slowBody struct {
	parts  chan string
	asked  chan struct{} // receives at each Read
	closed chan struct{}
	once   sync.Once
}

func newSlowBody() *slowBody {
	return &slowBody{make(chan string, 10), make(chan struct{}, 10), make(chan struct{}), sync.Once{}}
}

func (b *slowBody) Read(p []byte) (int, error) {
	b.asked <- struct{}{}
	select {
	case s, ok := <-b.parts:
		if !ok {
			return 0, io.EOF
		}
		return copy(p, s), nil
	case <-b.closed:
		return 0, errors.New("closed")
	}
}

func (b *slowBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// TestRFC9110Section7_5EarlyAnswer: an answer before the upload has ended ends
// the fetch, and the rest of the upload is not waited for.
func TestRFC9110Section7_5EarlyAnswer(t *testing.T) {
	b := newSlowBody()
	s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
		conn.Head()
		<-b.asked
		conn.Say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
		_, _ = conn.R.ReadByte()
	})
	got := mustFetch(t, proxyTo(t, Config{Upstreams: []string{s.URL()}}), post(b, 1<<20))
	if got.head.Status != 413 || got.body.String() != "no" {
		t.Errorf("head %+v", got.head)
	}
	select {
	case <-b.closed:
	default:
		t.Error("Fetch returned while the content was being read")
	}
}

// TestRFC9110Section10_1_1Continue: the content is asked for when the upstream
// asks for it; if it refuses, never, and its connection serves nothing else.
func TestRFC9110Section10_1_1Continue(t *testing.T) {
	const no = "Content-Length: 2\r\n\r\nno"
	for _, c := range []struct {
		name   string
		says   []string // with a pause between
		status int
		body   string
		asked  bool
	}{
		{"continued", []string{"HTTP/1.1 100 Continue\r\n\r\n"}, 200, "ok", true},
		{"continued in pieces", []string{"HTTP/1.1 100 Cont", "inue\r\n\r", "\n"}, 200, "ok", true},
		{"continued after another head", []string{"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 ", "100 Continue\r\n\r\n"}, 200, "ok", true},
		{"continued, and a head begun", []string{"HTTP/1.1 100 Continue\r\n\r\nHTT", "P/1.1 102 Processing\r\n\r\n"}, 200, "ok", true},
		{"refused, and the connection's last", []string{"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n" + no}, 401, "no", false},
		{"refused", []string{"HTTP/1.1 417 Expectation Failed\r\n" + no}, 417, "no", false},
		{"refused, to keep the connection", []string{"HTTP/1.1 403 Forbidden\r\nConnection: keep-alive\r\n" + no}, 403, "no", false},
		{"refused by HTTP/1.0", []string{"HTTP/1.0 403 Forbidden\r\nConnection: keep-alive\r\n" + no}, 403, "no", false},
		{"refused without a content", []string{"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"}, 417, "", false},
		{"refused with chunks", []string{"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n", "0\r\n\r\n"}, 403, "no", false},
		{"refused in pieces", []string{"HTTP/1.1 403 Forb", "idden\r\nContent-Length: 2\r\n\r", "\nno"}, 403, "no", false},
		{"refused after another head", []string{"HTTP/1.1 102 Processing\r\n\r\n", "HTTP/1.1 403 Forbidden\r\n" + no}, 403, "no", false},
		{"refused in one with another head", []string{"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 403 Forbidden\r\n" + no}, 403, "no", false},
		{"refused with a long head", []string{"HTTP/1.1 403 Forbidden\r\nX-A: " + strings.Repeat("a", 3*bufferSize) + "\r\n" + no}, 403, "no", false},
		{"done without the content", []string{"HTTP/1.1 204 No Content\r\n\r\n"}, 204, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newSlowBody()
			b.parts <- "hello"
			close(b.parts)
			behind := make(chan string, 2)
			s := h1peer.Serve(t, patience, func(n int, conn *h1peer.Peer) {
				if n > 0 {
					conn.Head()
					conn.Say(ok200)
					return
				}
				if head := conn.Head(); !hasLine(head, "Expect: 100-continue") {
					t.Errorf("no Expect in %q", head)
				}
				time.Sleep(20 * time.Millisecond) // a content that is sent unasked would be read now
				if len(b.asked) != 0 {
					t.Error("the content was read before the upstream asked for it")
				}
				for _, part := range c.says {
					conn.Say(part)
					time.Sleep(5 * time.Millisecond)
				}
				if c.asked {
					body := make([]byte, 5)
					_, _ = io.ReadFull(conn.R, body)
					conn.Say(ok200)
				}
				more, _ := io.ReadAll(conn.R)
				behind <- string(more)
			})
			p := proxyTo(t, Config{Upstreams: []string{s.URL()}, Timeouts: Timeouts{Continue: time.Minute}})
			got := mustFetch(t, p, post(b, 5, "expect", "100-continue"))
			if got.head.Status != c.status || got.body.String() != c.body || got.field("connection") != "" {
				t.Errorf("answered %+v with %q", got.head, got.body.String())
			}
			if (len(b.asked) > 0) != c.asked || strings.Contains(strings.Join(got.informs, " "), "100") {
				t.Errorf("read %d times, informed %q", len(b.asked), got.informs)
			}
			if c.asked {
				return
			}
			mustFetch(t, p, get("/"))
			if more := <-behind; more != "" || len(s.Conns()) != 2 {
				t.Errorf("%q was sent behind the head, on %d connections", more, len(s.Conns()))
			}
		})
	}
	s, heads := replying(t, ok200)
	r := get("/", "expect", "100-continue")
	mustFetch(t, proxyTo(t, Config{Upstreams: []string{s.URL()}}), r)
	if head := <-heads; strings.Contains(head, "Expect") {
		t.Error("Expect without a content was sent")
	}
}

// TestRefusedOverHTTP2: a content that the upstream refused is not asked for while
// its answer goes on, however long that takes.
func TestRefusedOverHTTP2(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := newSlowBody()
	b.parts <- "hello"
	close(b.parts)
	clearOrigin(t, l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_ = http.NewResponseController(w).Flush()
		time.Sleep(100 * time.Millisecond) // beyond the wait for 100 (Continue)
		_, _ = io.WriteString(w, "no")
	}))
	p := proxyTo(t, Config{Upstreams: []string{"h2c://" + l.Addr().String()}, Timeouts: Timeouts{Continue: 30 * time.Millisecond}})
	got := mustFetch(t, p, post(b, 5, "expect", "100-continue"))
	if got.head.Status != 403 || got.body.String() != "no" || len(b.asked) != 0 {
		t.Errorf("answered %+v with %q, read %d times", got.head, got.body.String(), len(b.asked))
	}
}

// TestReadOfRefused: a read that comes as the wait for 100 (Continue) ends, behind
// the refusal, asks the client for nothing and lasts as long as the exchange.
func TestReadOfRefused(t *testing.T) {
	from := newSlowBody()
	b := &body{from: from, left: 5, watch: new(watch), over: make(chan struct{})}
	if !b.decide(refused) {
		t.Fatal("a content that was not read cannot be refused")
	}
	ended := make(chan error, 1)
	go func() {
		_, err := b.Read(make([]byte, 5))
		ended <- err
	}()
	select {
	case err := <-ended:
		t.Errorf("the read ended before the exchange: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	if err := b.finish(); err != nil {
		t.Errorf("an error of the client's: %v", err)
	}
	if err := <-ended; err != errBodyClosed || len(from.asked) != 0 || b.used() {
		t.Errorf("%v, read %d times", err, len(from.asked))
	}
}

// TestClientBodyFails: an error of the client's content is the client's.
func TestClientBodyFails(t *testing.T) {
	broken := errors.New("the client left")
	for _, c := range []struct {
		name   string
		body   io.Reader
		length int64
		want   error
	}{
		{"an error", io.MultiReader(strings.NewReader("he"), errReader{broken}), 5, broken},
		{"too short", strings.NewReader("he"), 5, io.ErrUnexpectedEOF},
		{"too long", strings.NewReader("hello!"), 5, errClientBody},
		{"an error in chunks", io.MultiReader(strings.NewReader("he"), errReader{broken}), -1, broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
				conn.Head()
				_, _ = io.Copy(io.Discard, conn.R)
			})
			p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
			_, err := fetch(t, p, post(c.body, c.length))
			if !errors.Is(err, c.want) || !strings.HasPrefix(kindOf(err), "other") {
				t.Errorf("error %v", err)
			}
			if n := p.Status()[0].Failures; n != 0 {
				t.Error("counted as the upstream's failure")
			}
		})
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// TestBackPressure: a content is not read faster than the sink takes it, nor
// sent faster than the upstream takes it.
func TestBackPressure(t *testing.T) {
	const size = 64 << 20 // more than the kernel's buffers hold
	written := make(chan int64, 1)
	s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
		conn.Head()
		conn.Say("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n")
		chunk := make([]byte, 1<<20)
		var n int64
		for n < size {
			_ = conn.Conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			k, err := conn.Conn.Write(chunk)
			n += int64(k)
			if err != nil {
				break
			}
		}
		written <- n
	})
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
	ctx, cancel := context.WithCancel(t.Context())
	sink := &recorder{wrote: make(chan struct{})}
	done := make(chan error)
	go func() { done <- p.Fetch(ctx, get("/"), sink) }()
	if n := <-written; n >= size {
		t.Error("the whole content was taken while the sink was blocked")
	}
	cancel()
	go func() {
		for range sink.wrote {
		}
	}()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	close(sink.wrote)
}
