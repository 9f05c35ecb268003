package h1

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// overTLS opens a connection as server/listen does.
func overTLS(t *testing.T, cfg *Config) *peer {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{testkit.NewIdentity().TLS}}
	server, raw := tcpPair(t)
	w := wire.New(server, config, &wire.Options{Metrics: wire.ServerMetrics(cfg.Metrics), WriteTimeout: patience, WriteQuantum: 32 << 10})
	client := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
	p := &peer{Peer: h1peer.New(t, client), loop: NewConn(cfg, w), metrics: cfg.Metrics, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		if err := w.Handshake(time.Now().Add(patience)); err != nil {
			t.Error(err)
			server.Close()
			return
		}
		p.reason = p.loop.Serve()
	}()
	t.Cleanup(func() {
		raw.Close()
		p.wait()
	})
	return p
}

// TestOverTLS: hits, exchanges, a refused upload, a tunnel and a response that
// is broken off, in records.
func TestOverTLS(t *testing.T) {
	s := storing("/", "home")
	s.serve = func(ctx context.Context, x *message.Exchange) {
		switch {
		case x.TLS == nil || !x.TLS().HandshakeComplete:
			answerWith(x, 500, "no TLS")
		case x.Upgrade != "":
			mirror(ctx, x)
		case x.Path == "/cut":
			_ = x.Reply.Head(message.Head{Status: 200, Length: -1})
			_ = x.Reply.Flush()
		default:
			echo(ctx, x)
		}
	}
	t.Run("requests", func(t *testing.T) {
		p := overTLS(t, testConfig(s))
		body := bytes.Repeat([]byte("b"), 300_000)
		p.Write(get("/") + fmt.Sprintf("PUT /x HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%s", len(body), body) + get("/", "Range: bytes=1-2"))
		p.WantResponse(200, "home")
		p.WantResponse(200, fmt.Sprintf("PUT /x test %q", body))
		p.WantResponse(206, "om")
	})
	t.Run("a refused upload", func(t *testing.T) {
		p := overTLS(t, testConfig(s))
		if _, err := p.Conn.Write(append([]byte(upload("20000000")), make([]byte, 20_000_000)...)); err != nil {
			t.Fatal(err)
		}
		if a := p.Response("POST"); a.StatusCode != 413 {
			t.Errorf("%d, want 413", a.StatusCode)
		}
		p.WantEOF()
	})
	t.Run("a tunnel", func(t *testing.T) {
		p := overTLS(t, testConfig(s))
		p.Write(websocket + "hello")
		agreed(t, p.R, 101)
		if err := p.Conn.(*tls.Conn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(p.R); string(got) != "hellobye" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("broken off until the end", func(t *testing.T) {
		p := overTLS(t, testConfig(s))
		p.Write("PUT /cut HTTP/1.0\r\nHost: test\r\n\r\n")
		if resp, err := http.ReadResponse(p.R, nil); err == nil {
			if body, err := io.ReadAll(resp.Body); err == nil {
				t.Errorf("%q passes for the whole", body)
			}
		}
	})
}
