package h1

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// TestDrainIdle: a connection that was used a moment ago gets its next request
// answered, for it crosses with the end else; any other ends at once.
func TestDrainIdle(t *testing.T) {
	for _, tt := range []struct {
		about       string
		idle, until time.Duration // before the drain; until the end, from then on
	}{
		{"just used", 0, usedTime},
		{"used a little ago", usedTime - time.Millisecond, time.Millisecond},
		{"idle", usedTime, 0},
	} {
		t.Run(tt.about, func(t *testing.T) {
			onFakeTime(t, storing("/", "home"), func(t *testing.T, p *peer) {
				p.Write(get("/"))
				p.WantResponse(200, "home")
				synctest.Wait()
				time.Sleep(tt.idle)
				began := time.Now()
				p.loop.Drain()
				<-p.ended
				if took := time.Since(began); took != tt.until || p.reason != metrics.CloseDrain {
					t.Errorf("it ended after %v for %v, want %v", took, p.reason, tt.until)
				}
			})
		})
	}
	t.Run("the next request comes", func(t *testing.T) {
		onFakeTime(t, storing("/", "home"), func(t *testing.T, p *peer) {
			p.Write(get("/"))
			p.WantResponse(200, "home")
			p.loop.Drain()
			time.Sleep(usedTime / 2)
			synctest.Wait()
			p.Write(get("/"))
			if a := p.WantResponse(200, "home"); !a.Close {
				t.Error("the answer does not say that the connection ends")
			}
			p.WantEOF()
			<-p.ended
		})
	})
}

func TestDrainBeforeTheFirstTurn(t *testing.T) {
	p := connect(t, testConfig(storing("/", "home")))
	for range 3 {
		p.loop.Drain() // more than once does no harm
	}
	p.WantEOF()
}

// TestDrainOfANewConnection: a request that is on its way, or of which part has
// come, is answered; a connection that was only opened ends after a second.
func TestDrainOfANewConnection(t *testing.T) {
	for name, raw := range map[string]string{"nothing has come": "", "part of a head has come": get("/")[:10]} {
		t.Run(name, func(t *testing.T) {
			onFakeTime(t, storing("/", "home"), func(t *testing.T, p *peer) {
				p.Write(raw)
				synctest.Wait()
				p.loop.Drain()
				time.Sleep(freshTime / 2)
				synctest.Wait()
				p.Write(get("/")[len(raw):])
				if a := p.WantResponse(200, "home"); !a.Close {
					t.Error("the answer does not say that the connection ends")
				}
				p.WantEOF()
				<-p.ended
			})
		})
	}
	t.Run("nothing comes", func(t *testing.T) {
		onFakeTime(t, storing("/", "home"), func(t *testing.T, p *peer) {
			began := time.Now()
			p.loop.Drain()
			<-p.ended
			if took := time.Since(began); took != freshTime || p.reason != metrics.CloseDrain {
				t.Errorf("it ended after %v for %v, want %v", took, p.reason, freshTime)
			}
		})
	})
}

func TestDrainDuringAFetch(t *testing.T) {
	s := storing()
	began, release := make(chan struct{}), make(chan struct{})
	s.fetch = func(context.Context, string) (*message.Response, error) {
		close(began)
		<-release
		return response("fetched"), nil
	}
	p := connect(t, testConfig(s))
	p.Write(get("/slow"))
	<-began
	p.loop.Drain()
	select {
	case <-p.ended:
		t.Fatal("the connection ended before its answer")
	default:
	}
	close(release)
	p.WantResponse(200, "fetched")
	p.WantEOF()
}

func TestDrainDuringABody(t *testing.T) {
	large := strings.Repeat("x", 32<<20)
	p := connect(t, testConfig(storing("/", large)))
	p.Write(get("/"))
	if _, err := p.R.Peek(1); err != nil { // it is on its way
		t.Fatal(err)
	}
	p.loop.Drain()
	p.WantResponse(200, large)
	p.WantEOF()
}

// TestDrainSaysClose: what is answered while the server drains says that it is
// the connection's last answer, and what is behind it is not answered.
func TestDrainSaysClose(t *testing.T) {
	for name, raw := range map[string]string{
		"a hit":       get("/"),
		"a large hit": get("/large"),
		"a condition": get("/", `If-None-Match: "other"`),
		"an upload":   upload("4") + "body",
	} {
		t.Run(name, func(t *testing.T) {
			onFakeTime(t, storing("/", "home", "/large", strings.Repeat("x", 100<<10)), func(t *testing.T, p *peer) {
				p.Write(get("/"))
				if a := p.WantResponse(200, "home"); a.Close {
					t.Error("the answer before says that the connection ends")
				}
				p.Write(raw[:10])
				synctest.Wait()
				p.loop.inbox.Wake = func() {} // the rest comes before the turn
				p.loop.Drain()
				p.Write(raw[10:] + get("/"))
				if a := p.Response("GET"); a.StatusCode != 200 || !a.Close {
					t.Errorf("%d, close: %v", a.StatusCode, a.Close)
				}
				p.WantEOF()
				<-p.ended
				if p.reason != metrics.CloseDrain {
					t.Errorf("ended for %v", p.reason)
				}
			})
		})
	}
}

// TestDrainDuringAnExchange: its head says close; an upload is read to its end,
// and a tunnel goes on.
func TestDrainDuringAnExchange(t *testing.T) {
	s := storing()
	began := make(chan struct{}, 1)
	s.serve = func(ctx context.Context, x *message.Exchange) {
		began <- struct{}{}
		if x.Upgrade != "" {
			mirror(ctx, x)
			return
		}
		echo(ctx, x)
	}
	t.Run("upload", func(t *testing.T) {
		p := connect(t, testConfig(s))
		p.Write(upload("4") + "bo")
		<-began
		p.loop.Drain()
		p.Write("dy")
		if a := p.WantResponse(200, `POST /up test "body"`); !a.Close {
			t.Error("the answer does not say that the connection ends")
		}
		p.WantEOF()
	})
	t.Run("tunnel", func(t *testing.T) {
		p := connect(t, testConfig(s))
		p.Write(websocket)
		<-began
		agreed(t, p.R, 101)
		p.loop.Drain()
		p.Write("still")
		got := make([]byte, 5)
		if _, err := io.ReadFull(p.R, got); err != nil || string(got) != "still" {
			t.Errorf("%q, %v", got, err)
		}
		p.Conn.Close()
		p.wait()
		if p.reason != metrics.CloseDrain {
			t.Errorf("ended for %v", p.reason)
		}
	})
}

// TestCut: an exchange whose memory is needed is answered with 503, or broken
// off; later messages of it are ignored.
func TestCut(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(*message.Exchange)
		want  string
	}{
		"before the head": {func(*message.Exchange) {}, "HTTP/1.1 503 "},
		"after the head": {func(x *message.Exchange) {
			_ = x.Reply.Head(message.Head{Status: 200, Length: 100})
			_ = x.Reply.Flush()
		}, "HTTP/1.1 200 "},
		"a tunnel": {func(x *message.Exchange) { _, _ = x.Reply.Tunnel(101, nil) }, "HTTP/1.1 101 "},
	} {
		t.Run(name, func(t *testing.T) {
			s := storing()
			s.serve = func(ctx context.Context, x *message.Exchange) {
				c.begin(x)
				<-ctx.Done()
				answerWith(x, 200, "too late")
			}
			synctest.Test(t, func(t *testing.T) {
				cfg, _ := counted(t, s, mib)
				p := piped(t, cfg)
				p.Write(websocket)
				var got strings.Builder
				go io.Copy(&got, p.Conn)
				synctest.Wait()
				p.loop.Cut(p.loop.ticket)
				<-p.ended
				synctest.Wait()
				if !strings.HasPrefix(got.String(), c.want) || strings.Contains(got.String(), "too late") {
					t.Errorf("got %q, want %q", got.String(), c.want)
				}
			})
		})
	}
}
