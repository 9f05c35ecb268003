package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// pair are two ends of a TCP connection, which can be half-closed.
func pair(t testing.TB) (near, client net.Conn) {
	t.Helper()
	near, client = testkit.TCPPair(t)
	_ = client.SetDeadline(time.Now().Add(patience))
	return near, client
}

// upgrading is an origin that agrees to an upgrade, greets, and then sends back
// what it gets in capitals until it gets no more, or "close".
func upgrading(t *testing.T, respond func(head string) string) (*h1peer.Server, chan string) {
	heads := make(chan string, 1)
	return h1peer.Serve(t, patience, func(_ int, c *h1peer.Peer) {
		head := c.Head()
		heads <- head
		c.Say(respond(head))
		for {
			line, err := c.R.ReadString('\n')
			if err != nil {
				break
			}
			c.Say(strings.ToUpper(line))
			if line == "close\n" {
				return
			}
		}
		c.Say("bye\n") // behind the client's end: the tunnel is half closed
	}), heads
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\nhello\n"

// answering adds the answer to the key of a request to an agreement.
func answering(head string) string {
	return strings.Replace(switching, "Accept: x", "Accept: "+websocketAccept(fieldLines(head, "sec-websocket-key")[0]), 1)
}

// TestRFC6455Tunnel: both ways, bytes that came with the head included; by an upgrade
// and, for HTTP/2 clients, by an extended CONNECT (RFC 8441), which becomes one. An
// upstream that answers the last message answers it, though the client has ended its
// way out with that message.
func TestRFC6455Tunnel(t *testing.T) {
	websocket := func() *origin.Request {
		r := get("/chat?x", "sec-websocket-version", "13", "sec-websocket-protocol", "chat")
		r.Upgrade = "websocket"
		return r
	}
	upgrade := websocket()
	upgrade.Fields = append(upgrade.Fields, get("/", "sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==", "connection", "upgrade", "upgrade", "websocket").Fields...)
	upgrade.Proto = "1.1"
	extended := websocket()
	extended.Method = "CONNECT"
	for _, c := range []struct {
		name    string
		request *origin.Request
		status  int
		fields  string
		respond func(string) string
	}{
		{"upgrade", upgrade, 101, "sec-websocket-accept: x; sec-websocket-protocol: chat; upgrade: websocket", func(string) string { return switching }},
		{"extended CONNECT", extended, 200, "sec-websocket-protocol: chat", answering},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, heads := upgrading(t, c.respond)
			p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
			near, client := pair(t)
			sink := &recorder{near: func() io.ReadWriteCloser { return near }}
			done := make(chan error)
			go func() { done <- p.Fetch(t.Context(), c.request, sink) }()
			head := <-heads
			for _, line := range []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-Websocket-Version: 13"} {
				if !strings.HasPrefix(head, "GET /chat?x HTTP/1.1\r\n") || !hasLine(head, line) {
					t.Errorf("no %q in %q", line, head)
				}
			}
			if n := len(fieldLines(head, "sec-websocket-key")); n != 1 {
				t.Errorf("%d keys", n)
			}
			r := bufio.NewReader(client)
			expect := func(want string) {
				t.Helper()
				if got, err := r.ReadString('\n'); got != want {
					t.Errorf("%q (%v), want %q", got, err, want)
				}
			}
			expect("hello\n")
			_, _ = io.WriteString(client, "ping\n")
			expect("PING\n")
			_, _ = io.WriteString(client, "close\n")
			_ = client.(*net.TCPConn).CloseWrite()
			expect("CLOSE\n")
			if _, err := r.ReadByte(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
			if err := <-done; err != nil {
				t.Errorf("fetch: %v", err)
			}
			if sink.tunnel != c.status || lines(sink.head.Fields) != c.fields {
				t.Errorf("%d %q", sink.tunnel, lines(sink.head.Fields))
			}
		})
	}
}

// TestHalfClosedTunnel: in a protocol of which nothing is known a half-closed side
// leaves the other open.
func TestHalfClosedTunnel(t *testing.T) {
	s, heads := upgrading(t, func(string) string { return strings.Replace(switching, "websocket", "chat", 1) })
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
	near, client := pair(t)
	r := get("/")
	r.Upgrade = "chat"
	done := make(chan error)
	go func() { done <- p.Fetch(t.Context(), r, &recorder{near: func() io.ReadWriteCloser { return near }}) }()
	<-heads
	_ = client.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(client); string(got) != "hello\nbye\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := <-done; err != nil {
		t.Errorf("fetch: %v", err)
	}
}

// TestCloseGrace: a WebSocket's client that has ended without a Close frame ends
// towards the upstream too, though later.
func TestCloseGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended time.Time
		began := time.Now()
		far := closing{halfCloser(func() { ended = time.Now() })}
		if err := far.CloseWrite(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if after := ended.Sub(began); after != closeGrace {
			t.Errorf("the end is passed on after %v, want %v", after, closeGrace)
		}
	})
}

// halfCloser is called when its way out ends.
type halfCloser func()

func (h halfCloser) CloseWrite() error         { h(); return nil }
func (h halfCloser) Read([]byte) (int, error)  { return 0, io.EOF }
func (h halfCloser) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (h halfCloser) Close() error              { return nil }

// TestUpgradeRefused: an answer that is no agreement is an ordinary response,
// unless it would look like one.
func TestUpgradeRefused(t *testing.T) {
	for _, c := range []struct {
		name, method, response, kind string
		status                       int
	}{
		{"426", "GET", "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno", "nil", 426},
		{"426 with what is required", "GET", "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nno", "nil", 426},
		{"403 with an offer", "GET", "HTTP/1.1 403 Forbidden\r\nUpgrade: x\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nno", "nil", 403},
		{"200 to an upgrade is a page", "GET", ok200, "nil", 200},
		{"403 to an extended CONNECT", "CONNECT", "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "nil", 403},
		{"200 to an extended CONNECT", "CONNECT", ok200, "502 http_upgrade_failed", 0},
		{"a wrong answer to our key", "CONNECT", switching, "502 http_upgrade_failed", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := replying(t, c.response)
			r := get("/")
			r.Method, r.Upgrade = c.method, "websocket"
			got, err := fetch(t, proxyTo(t, Config{Upstreams: []string{s.URL()}}), r)
			if kindOf(err) != c.kind || c.status != 0 && got.head.Status != c.status || c.status == 0 && got.head != nil {
				t.Errorf("%v, head %+v", err, got.head)
			}
			required := ""
			if c.status == 426 && strings.Contains(c.response, "Upgrade: ") {
				required = "upgrade: websocket, x"
			}
			if got.head != nil && lines(got.head.Fields) != required {
				t.Errorf("fields %q, want %q", lines(got.head.Fields), required)
			}
		})
	}
}

// TestRFC9110Section9_3_6Connect: a plain CONNECT is sent to the upstream as it
// is, and its 2xx is a tunnel.
func TestRFC9110Section9_3_6Connect(t *testing.T) {
	s, heads := upgrading(t, func(string) string { return "HTTP/1.1 200 OK\r\n\r\nhello\n" })
	p := proxyTo(t, Config{Upstreams: []string{s.URL()}})
	near, client := pair(t)
	r := get("")
	r.Method, r.Authority = "CONNECT", "target.example:25"
	done := make(chan error)
	go func() {
		done <- p.Fetch(t.Context(), r, &recorder{near: func() io.ReadWriteCloser { return near }})
	}()
	if head := <-heads; !strings.HasPrefix(head, "CONNECT target.example:25 HTTP/1.1\r\nHost: target.example:25\r\n") {
		t.Errorf("sent %q", head)
	}
	br := bufio.NewReader(client)
	_, _ = io.WriteString(client, "ping\n")
	for _, want := range []string{"hello\n", "PING\n"} {
		if got, err := br.ReadString('\n'); got != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	client.Close()
	<-done

	refused, _ := replying(t, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 2\r\n\r\nno")
	if got := mustFetch(t, proxyTo(t, Config{Upstreams: []string{refused.URL()}}), r); got.head.Status != 405 {
		t.Errorf("head %+v", got.head)
	}
}

// TestTunnelEnds: by a context and by silence.
func TestTunnelEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		silent time.Duration
		want   error
	}{
		{"context", time.Minute, context.Canceled},
		{"silence", 80 * time.Millisecond, errSilent},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, heads := upgrading(t, func(string) string { return switching })
			p := proxyTo(t, Config{Upstreams: []string{s.URL()}, Timeouts: Timeouts{Tunnel: c.silent}})
			near, client := pair(t)
			r := get("/")
			r.Upgrade = "websocket"
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error)
			go func() { done <- p.Fetch(ctx, r, &recorder{near: func() io.ReadWriteCloser { return near }}) }()
			<-heads
			_, _ = io.ReadFull(client, make([]byte, 6))
			if c.want == context.Canceled {
				cancel()
			}
			if err := <-done; !errors.Is(err, c.want) {
				t.Errorf("error %v", err)
			}
			if p.Status()[0].Failures != 0 {
				t.Error("counted as a failure")
			}
		})
	}
}

// TestUpgradeH2Upstream: an upgrade goes over HTTP/1.1 to an upstream that
// speaks HTTP/2 else.
func TestUpgradeH2Upstream(t *testing.T) {
	s := secureOrigin(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			_, _ = io.WriteString(w, r.Proto)
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, switching)
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(c, strings.ToUpper(line))
	}))
	p := proxyTo(t, Config{Upstreams: []string{s.URL}, TLS: TLS{CAFile: s.ca}})
	if got := mustFetch(t, p, get("/")); got.body.String() != "HTTP/2.0" {
		t.Errorf("the upstream speaks %s", got.body.String())
	}
	near, client := pair(t)
	r := get("/")
	r.Upgrade = "websocket"
	done := make(chan error)
	go func() {
		done <- p.Fetch(t.Context(), r, &recorder{near: func() io.ReadWriteCloser { return near }})
	}()
	_, _ = io.WriteString(client, "ping\n")
	if got, err := io.ReadAll(io.LimitReader(client, 11)); string(got) != "hello\nPING\n" {
		t.Errorf("%q, %v", got, err)
	}
	client.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
