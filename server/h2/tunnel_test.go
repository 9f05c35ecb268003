package h2

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// extended is an extended CONNECT.
func extended(id uint32, end bool, more ...string) []byte {
	return headers(id, end, append([]string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "test", ":path", "/chat?x"}, more...)...)
}

// tunnelling is a handler that agrees to every tunnel and hands it to use.
func tunnelling(use func(p *peer, ctx context.Context, t io.ReadWriteCloser)) func(*peer, context.Context, *message.Exchange) {
	return func(p *peer, ctx context.Context, x *message.Exchange) {
		if x.Method != "CONNECT" || x.Upgrade != "websocket" || x.Path != "/chat?x" || x.Scheme != "https" || x.Authority != "test" || x.Body != nil {
			p.Errorf("the handler has %+v", x)
		}
		t, err := x.Reply.Tunnel(200, []hpack.Field{{Name: "sec-websocket-protocol", Value: "chat"}})
		if err != nil {
			p.Errorf("agreeing: %v", err)
			return
		}
		use(p, ctx, t)
	}
}

// shout sends back in capitals what comes, says bye at its end, and closes.
func shout(p *peer, _ context.Context, t io.ReadWriteCloser) {
	buf := make([]byte, 16<<10)
	for {
		n, err := t.Read(buf)
		if n > 0 {
			if _, err := io.WriteString(t, strings.ToUpper(string(buf[:n]))); err != nil {
				p.Errorf("writing: %v", err)
			}
		}
		if err != nil {
			_, _ = io.WriteString(t, "bye")
			_ = t.Close()
			return
		}
	}
}

// wantData waits for content, in as many frames as it comes, and for the end of
// the stream, if that is wanted.
func (p *peer) wantData(id uint32, content string, end bool) {
	p.Helper()
	got := ""
	for {
		f := p.NextFrame()
		if f.Type != frame.Data || f.StreamID != id {
			p.Fatalf("stream %d: %v after %.80q, want %.80q", id, f.Header, got, content)
		}
		got += string(f.Payload)
		switch {
		case len(got) > len(content) || got != content[:len(got)] || f.Ends() && !(end && got == content):
			p.Fatalf("stream %d: %.80q, ended %v; want %.80q", id, got, f.Ends(), content)
		case got == content && f.Ends() == end:
			return
		}
	}
}

// TestExtendedConnectIsAnnounced: RFC 8441 §3.
func TestExtendedConnectIsAnnounced(t *testing.T) {
	run(t, setup{silent: true}, func(p *peer) {
		f := p.Want(frame.Settings, 0, 0)
		if !strings.Contains(string(f.Payload), "\x00\x08\x00\x00\x00\x01") {
			p.Errorf("SETTINGS %x without ENABLE_CONNECT_PROTOCOL = 1", f.Payload)
		}
	})
	run(t, setup{}, func(p *peer) {
		p.Write(frame.AppendSettings(nil, frame.Setting{ID: frame.EnableConnectProtocol, Value: 2}))
		p.wantGoAway(frame.ProtocolError, metrics.CloseError)
	})
}

// TestTunnel: bytes go both ways at once, and each side ends by itself.
func TestTunnel(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.log")
	run(t, setup{serve: tunnelling(shout), access: &access.Config{Mode: access.All, Format: access.JSON, File: file}}, func(p *peer) {
		p.Write(extended(1, false))
		head := p.wantHead(1, 200)
		if head.Ends() || head.Field("sec-websocket-protocol") != "chat" || head.Field("content-length") != "" {
			p.Errorf("head %v", head.Fields)
		}
		p.Write(data(1, "hello", false))
		p.wantData(1, "HELLO", false)
		p.Write(extended(3, false)) // beside another
		p.wantHead(3, 200)
		p.Write(data(3, "you", false), data(1, "me", false))
		for range 2 {
			if f := p.NextFrame(); string(f.Payload) != map[uint32]string{1: "ME", 3: "YOU"}[f.StreamID] {
				p.Errorf("stream %d: %q", f.StreamID, f.Payload)
			}
		}
		p.Write(data(1, "last", true))
		p.wantData(1, "LASTbye", true)
		p.Write(frame.AppendRSTStream(nil, 3, frame.Cancel))
		synctest.Wait()
		if n := p.metrics.StreamsOpen.Value(); n != 0 {
			p.Errorf("%d streams open", n)
		}
		if n := p.metrics.RequestDuration.Count(metrics.Bypass); n != 0 {
			p.Errorf("the duration of %d tunnels is observed as a response's", n)
		}
		p.WantAlive()
		time.Sleep(time.Second)
		lines := accessLines(p, file)
		if len(lines) != 2 || lines[0].String() != "CONNECT /chat?x 200 14 bypass" || lines[1].String() != "CONNECT /chat?x 200 3 bypass aborted" {
			p.Errorf("logged %v", lines)
		}
	})
}

// TestTunnelOfAnEndedRequest: the client's side may end with the request.
func TestTunnelOfAnEndedRequest(t *testing.T) {
	run(t, setup{source: stored("/chat?x", "no tunnel"), serve: tunnelling(shout)}, func(p *peer) {
		p.Write(extended(1, true))
		p.wantHead(1, 200)
		p.wantData(1, "bye", true)
	})
}

// TestTunnelRefused: any other answer is an ordinary response, whose stream
// ends.
func TestTunnelRefused(t *testing.T) {
	run(t, setup{serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		x.Reply.Send(missing)
	}}, func(p *peer) {
		p.Write(extended(1, false))
		p.wantBody(1, 404, "none")
		p.Write(data(1, "unasked", false))
		time.Sleep(2 * lateTime)
		p.WantReset(1, frame.NoError)
		if n := p.metrics.RequestDuration.Count(metrics.Bypass); n != 1 {
			p.Errorf("%d responses observed", n)
		}
	})
}

// TestTunnelOfHTTP: a proxy would offer its upstream what is of this connection.
func TestTunnelOfHTTP(t *testing.T) {
	run(t, setup{serve: func(p *peer, _ context.Context, x *message.Exchange) { p.Errorf("the handler has %+v", x) }}, func(p *peer) {
		for i, protocol := range []string{"h2c", "H2"} {
			id := uint32(2*i + 1)
			p.Write(headers(id, true, ":method", "CONNECT", ":protocol", protocol, ":scheme", "https", ":authority", "test", ":path", "/"))
			p.wantResponse(id, 501)
		}
	})
}

// TestTunnelHalfClosedByUs: what the client sends after our side's end is
// delivered, however much and late it is, and to the last byte behind its own.
func TestTunnelHalfClosedByUs(t *testing.T) {
	const parts = 40
	var all int64
	run(t, setup{serve: tunnelling(func(p *peer, _ context.Context, t io.ReadWriteCloser) {
		if err := t.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			p.Error(err)
		}
		time.Sleep(40 * time.Second) // all that there is credit for waits unread
		n, err := io.Copy(io.Discard, t)
		if err != nil {
			p.Errorf("after %d bytes: %v", n, err)
		}
		_ = t.Close()
		all = n
		close(p.release)
	})}, func(p *peer) {
		p.Write(extended(1, false))
		p.wantHead(1, 200)
		p.wantData(1, "", true)
		for range 7 {
			p.Write(data(1, strings.Repeat("x", 16<<10), false))
		}
		time.Sleep(45 * time.Second)
		p.drainCredit()
		for range parts - 7 {
			p.Write(data(1, strings.Repeat("x", 16<<10), false))
			p.drainCredit()
			time.Sleep(time.Second)
		}
		p.Write(data(1, "", true))
		<-p.release
		if all != parts*16<<10 {
			p.Errorf("%d bytes arrived", all)
		}
		p.WantAlive()
		if n := p.metrics.StreamsOpen.Value(); n != 0 {
			p.Errorf("%d streams open", n)
		}
	})
}

// TestTunnelKeepsWhatIsUnread: an end that both sides have reached waits for the
// handler alone, whose last bytes still arrive.
func TestTunnelKeepsWhatIsUnread(t *testing.T) {
	var text string
	run(t, setup{serve: tunnelling(func(p *peer, _ context.Context, t io.ReadWriteCloser) {
		_ = t.(interface{ CloseWrite() error }).CloseWrite()
		time.Sleep(time.Second)
		b, _ := io.ReadAll(t)
		text = string(b)
		close(p.release)
	})}, func(p *peer) {
		p.Write(extended(1, false))
		p.wantHead(1, 200)
		p.wantData(1, "", true)
		p.Write(data(1, "the last word", true)) // both sides are at their end
		<-p.release
		if text != "the last word" {
			p.Errorf("the handler has read %q", text)
		}
		synctest.Wait()
		if open, resets := p.metrics.StreamsOpen.Value(), p.metrics.StreamsReset.Value(metrics.ByUs); open != 0 || resets != 0 {
			p.Errorf("%d streams open, %d reset", open, resets)
		}
	})
}

// TestTunnelLeft: a handler that closes the tunnel ends our side; a client that
// goes on is asked to stop. One that returns without has failed.
func TestTunnelLeft(t *testing.T) {
	run(t, setup{serve: tunnelling(func(_ *peer, _ context.Context, t io.ReadWriteCloser) {
		_, _ = io.WriteString(t, "bye")
		_ = t.Close()
	})}, func(p *peer) {
		p.Write(extended(1, false))
		p.wantHead(1, 200)
		p.wantData(1, "bye", true)
		p.Write(data(1, "hello?", false))
		time.Sleep(lateTime)
		p.WantReset(1, frame.NoError)
	})
	run(t, setup{serve: tunnelling(func(*peer, context.Context, io.ReadWriteCloser) {})}, func(p *peer) {
		p.Write(extended(1, false))
		p.wantHead(1, 200)
		p.WantReset(1, frame.InternalError)
	})
}

// TestTunnelBroken: a client that resets the stream, or leaves, ends reads,
// writes and the context.
func TestTunnelBroken(t *testing.T) {
	for name, tt := range map[string]struct {
		leave func(*peer)
		want  error
	}{
		"reset":          {func(p *peer) { p.Write(frame.AppendRSTStream(nil, 1, frame.Cancel)) }, errPeerReset},
		"the connection": {func(p *peer) { p.Conn.Close() }, errPeerGone},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{serve: tunnelling(func(p *peer, ctx context.Context, t io.ReadWriteCloser) {
				defer close(p.release)
				if _, err := t.Read(make([]byte, 1)); !errors.Is(err, tt.want) {
					p.Errorf("reading: %v", err)
				}
				if _, err := io.WriteString(t, "x"); !errors.Is(err, tt.want) {
					p.Errorf("writing: %v", err)
				}
				if <-ctx.Done(); !errors.Is(context.Cause(ctx), tt.want) {
					p.Errorf("the context: %v", context.Cause(ctx))
				}
			})}, func(p *peer) {
				p.Write(extended(1, false))
				p.wantHead(1, 200)
				tt.leave(p)
				<-p.release
			})
		})
	}
}

// TestTunnelIdle: a tunnel may be silent for far longer than a body, either way;
// but not for ever.
func TestTunnelIdle(t *testing.T) {
	const limit = 10 * time.Minute
	run(t, setup{limits: Limits{TunnelIdle: limit}, serve: tunnelling(shout)}, func(p *peer) {
		// quiet answers pings for a while, in which nothing else comes.
		quiet := func(d time.Duration) {
			p.Helper()
			for end := time.Now().Add(d); ; {
				_ = p.Conn.SetReadDeadline(end)
				f, err := p.Read()
				_ = p.Conn.SetReadDeadline(time.Time{})
				if errors.Is(err, os.ErrDeadlineExceeded) {
					return
				}
				if err != nil || f.Type != frame.Ping {
					p.Fatalf("%v of stream %d: %x (%v)", f.Type, f.StreamID, f.Payload, err)
				}
				time.Sleep(time.Millisecond) // the way there and back
				p.Write(frame.AppendPing(nil, true, f.Payload))
			}
		}
		p.Write(extended(1, false))
		p.wantHead(1, 200)
		quiet(limit - time.Second)
		p.Write(data(1, "still here", false))
		p.wantData(1, "STILL HERE", false)
		quiet(limit - time.Second)
		p.Write(data(1, "", false)) // carries nothing
		quiet(999 * time.Millisecond)
		time.Sleep(time.Millisecond)
		p.WantReset(1, frame.Cancel)
		p.wantBreaches(metrics.LimitIdleTimeout, 1)
		p.wantBreaches(metrics.LimitBodyTimeout, 0)
		p.WantAlive()
	})
}

// TestTunnelMemory: a tunnel may carry more than a body, of which no more than
// the stream's window waits for a handler that does not read.
func TestTunnelMemory(t *testing.T) {
	run(t, setup{limits: Limits{BodyBytes: 1000}, serve: tunnelling(func(p *peer, ctx context.Context, t io.ReadWriteCloser) {
		if _, err := io.CopyN(io.Discard, t, 4*streamWindow); err != nil {
			p.Errorf("reading: %v", err)
		}
		close(p.release)
		<-ctx.Done()
	})}, func(p *peer) {
		p.Write(extended(1, false))
		p.wantHead(1, 200)
		part := strings.Repeat("x", 16<<10)
		for range 4 * streamWindow / len(part) {
			p.Write(data(1, part, false))
			p.drainCredit()
		}
		<-p.release
		p.drainCredit()
		for sent := 0; sent < streamWindow; sent += len(part) {
			p.Write(data(1, part, false))
		}
		p.WantSilence() // nothing is given back
		p.Write(data(1, "x", false))
		p.WantReset(1, frame.FlowControlError)
	})
}

// drainCredit reads the WINDOW_UPDATE frames that were sent up to now.
func (p *peer) drainCredit() {
	p.Helper()
	synctest.Wait()
	for {
		_ = p.Conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		f, err := p.Read()
		_ = p.Conn.SetReadDeadline(time.Time{})
		if err != nil {
			return
		}
		if f.Type != frame.WindowUpdate {
			p.Fatalf("%v of stream %d: %x", f.Type, f.StreamID, f.Payload)
		}
	}
}

// TestTunnelSlowReader: a client that does not take what the tunnel carries is
// measured like any that does not take a response.
func TestTunnelSlowReader(t *testing.T) {
	run(t, setup{limits: Limits{Progress: time.Second, Quantum: 1000}, settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 10}},
		serve: tunnelling(func(p *peer, _ context.Context, t io.ReadWriteCloser) {
			if _, err := io.WriteString(t, strings.Repeat("x", 1<<20)); !errors.Is(err, errTimeout) {
				p.Errorf("writing: %v", err)
			}
		})}, func(p *peer) {
		p.Write(extended(1, false))
		p.wantHead(1, 200)
		p.wantData(1, "xxxxxxxxxx", false)
		p.wantQuiet(time.Second)
		p.WantReset(1, frame.Cancel)
		p.wantBreaches(metrics.LimitWriteTimeout, 1)
	})
}

// TestFieldsInATunnel: RFC 9113 §8.5.
func TestFieldsInATunnel(t *testing.T) {
	run(t, setup{serve: tunnelling(func(p *peer, _ context.Context, t io.ReadWriteCloser) { _, _ = io.Copy(io.Discard, t) })}, func(p *peer) {
		p.Write(extended(1, false))
		p.wantHead(1, 200)
		p.Write(headers(1, true, "x-trailer", "1"))
		p.WantReset(1, frame.ProtocolError)
		p.WantAlive()
	})
}
