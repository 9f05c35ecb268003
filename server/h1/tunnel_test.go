package h1

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

const websocket = "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"

// mirror agrees to an upgrade and sends everything back.
func mirror(_ context.Context, x *message.Exchange) {
	t, err := x.Reply.Tunnel(101, []hpack.Field{{Name: "sec-websocket-accept", Value: "x"}})
	if err != nil {
		answerWith(x, 400, err.Error())
		return
	}
	_, _ = io.Copy(t, t)
	_, _ = io.WriteString(t, "bye")
	_ = t.Close()
}

// agreed reads the head that agrees.
func agreed(t *testing.T, r *bufio.Reader, status int) http.Header {
	t.Helper()
	resp, err := http.ReadResponse(r, &http.Request{Method: "CONNECT"})
	if err != nil || resp.StatusCode != status {
		t.Fatalf("%v, %v; want %d", resp, err, status)
	}
	if len(resp.TransferEncoding) > 0 || resp.Header.Get("Content-Length") != "" {
		t.Error("the head frames a content")
	}
	return resp.Header
}

// TestTunnel: after 101, and after CONNECT, bytes go both ways as they are,
// those sent before the head too, and half a connection ends without the other.
func TestTunnel(t *testing.T) {
	for name, c := range map[string]struct {
		raw    string
		status int
	}{
		"upgrade": {websocket, 101},
		"CONNECT": {"CONNECT test:443 HTTP/1.1\r\nHost: test:443\r\n\r\n", 200},
	} {
		t.Run(name, func(t *testing.T) {
			s := storing("/", "home", "/ws", "HIT")
			s.serve = func(ctx context.Context, x *message.Exchange) {
				if x.Body != nil || x.Upgrade != map[int]string{101: "websocket"}[c.status] {
					answerWith(x, 500, x.Upgrade)
					return
				}
				if c.status == 200 {
					if tunnel, err := x.Reply.Tunnel(200, nil); err == nil {
						_, _ = io.Copy(tunnel, tunnel)
						_, _ = io.WriteString(tunnel, "bye")
						_ = tunnel.Close()
					}
					return
				}
				mirror(ctx, x)
			}
			p := connect(t, testConfig(s))
			p.Write(get("/") + c.raw + "GET / HTTP/1.1\r\n\r\n") // the last is not a request
			p.WantResponse(200, "home")
			header := agreed(t, p.R, c.status)
			if c.status == 101 && (header.Get("Upgrade") != "websocket" || header.Get("Connection") != "upgrade" || header.Get("Sec-Websocket-Accept") != "x") {
				t.Errorf("the head that agrees has %v", header)
			}
			want := "GET / HTTP/1.1\r\n\r\n"
			for i := range 100 {
				part := strings.Repeat("x", 1+i*100)
				want += part
				p.Write(part)
			}
			if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(p.R); err != nil || string(got) != want+"bye" {
				t.Errorf("%d bytes came back, %v; want %d", len(got), err, len(want)+3)
			}
			p.wait()
			if n := p.metrics.Requests.Value(metrics.H1, metrics.ClassOf(c.status), metrics.Bypass); n != 1 {
				t.Errorf("%d requests were counted, want 1", n)
			}
		})
	}
}

// TestHandlerEndsItsHalf: the client sees the end, and is read on.
func TestHandlerEndsItsHalf(t *testing.T) {
	s := storing()
	got := make(chan string, 1)
	s.serve = func(_ context.Context, x *message.Exchange) {
		tunnel, err := x.Reply.Tunnel(101, nil)
		if err != nil {
			return
		}
		_, _ = io.WriteString(tunnel, "first")
		_ = tunnel.(interface{ CloseWrite() error }).CloseWrite()
		all, err := io.ReadAll(tunnel)
		got <- fmt.Sprint(string(all), " ", err)
		_ = tunnel.Close()
	}
	p := connect(t, testConfig(s))
	p.Write(websocket)
	if h := agreed(t, p.R, 101); h.Get("Upgrade") != "websocket" {
		t.Errorf("the head that agrees has %v", h)
	}
	if all, err := io.ReadAll(p.R); err != nil || string(all) != "first" {
		t.Errorf("%q, %v", all, err)
	}
	p.Write("then")
	time.Sleep(10 * time.Millisecond)
	p.Write(" the rest")
	if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if all := <-got; all != "then the rest <nil>" {
		t.Errorf("the handler got %q", all)
	}
	p.wait()
}

// TestTunnelThatMoves is not idle, in whichever direction it moves.
func TestTunnelThatMoves(t *testing.T) {
	s := storing()
	s.serve = func(_ context.Context, x *message.Exchange) {
		tunnel, err := x.Reply.Tunnel(101, nil)
		if err != nil {
			return
		}
		buf := make([]byte, 1)
		for range 3 {
			time.Sleep(tunnelTime - time.Second)
			_, _ = tunnel.Write([]byte("x"))
		}
		for range 3 {
			_, _ = io.ReadFull(tunnel, buf)
		}
		_ = tunnel.Close()
	}
	onFakeTime(t, s, func(t *testing.T, p *peer) {
		if err := p.Conn.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		p.Write(websocket)
		agreed(t, p.R, 101)
		if _, err := io.ReadFull(p.R, make([]byte, 3)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(tunnelTime - time.Second)
			p.Write("x")
		}
		p.WantEOF()
		if n := p.metrics.LimitBreaches.Value(metrics.LimitIdleTimeout); n != 0 {
			t.Errorf("%d breaches were counted", n)
		}
	})
}

// TestNoTunnel: a request that does not ask for an upgrade gets none.
func TestNoTunnel(t *testing.T) {
	for name, raw := range map[string]string{
		"a plain request":    get("/ws"),
		"HTTP/1.0":           "GET /ws HTTP/1.0\r\nConnection: keep-alive, upgrade\r\nUpgrade: websocket\r\n\r\n",
		"without the option": get("/ws", "Upgrade: websocket"),
		"without the field":  get("/ws", "Connection: upgrade"),
		"h2c":                get("/ws", "Connection: upgrade", "Upgrade: h2c"),
	} {
		t.Run(name, func(t *testing.T) {
			s := storing("/", "home")
			s.serve = mirror
			p := connect(t, testConfig(s))
			p.Write(raw + get("/"))
			if a := p.Response("GET"); a.StatusCode != 400 {
				t.Errorf("%d %q", a.StatusCode, a.Content)
			}
			p.WantResponse(200, "home")
		})
	}
}
