package proxy

import (
	"context"
	"errors"
	"io"
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
		return []hpack.Field{{Name: "x-up", Value: "3"}, {Name: "authorization", Value: "x"}, {Name: "x-unannounced", Value: "4"}, {Name: "x-bad", Value: "a\r\nb"}}
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
// asks for it; if it refuses, never.
func TestRFC9110Section10_1_1Continue(t *testing.T) {
	for _, c := range []struct {
		name, first string
		asked       bool
	}{
		{"continued", "HTTP/1.1 100 Continue\r\n\r\n", true},
		{"refused", "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newSlowBody()
			b.parts <- "hello"
			close(b.parts)
			s := h1peer.Serve(t, patience, func(_ int, conn *h1peer.Peer) {
				if head := conn.Head(); !hasLine(head, "Expect: 100-continue") {
					t.Errorf("no Expect in %q", head)
				}
				time.Sleep(20 * time.Millisecond) // a content that is sent unasked would be read now
				if len(b.asked) != 0 {
					t.Error("the content was read before the upstream asked for it")
				}
				conn.Say(c.first)
				if c.asked {
					body := make([]byte, 5)
					_, _ = io.ReadFull(conn.R, body)
					conn.Say(ok200)
				}
			})
			p := proxyTo(t, Config{Upstreams: []string{s.URL()}, Timeouts: Timeouts{Continue: time.Minute}})
			got := mustFetch(t, p, post(b, 5, "expect", "100-continue"))
			if (len(b.asked) > 0) != c.asked || len(got.informs) != 0 {
				t.Errorf("read %d times, informed %q", len(b.asked), got.informs)
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
