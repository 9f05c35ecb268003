package h1

import (
	"context"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

func TestDrainIdle(t *testing.T) {
	p := connect(t, testConfig(storing("/", "home")))
	p.send(get("/"))
	p.want(200, "home")
	p.loop.Drain()
	p.wantEnd()
	p.Close()
	p.wait()
	if p.reason != metrics.CloseDrain {
		t.Errorf("ended for %v", p.reason)
	}
}

func TestDrainBeforeTheFirstTurn(t *testing.T) {
	p := connect(t, testConfig(storing("/", "home")))
	for range 3 {
		p.loop.Drain() // more than once does no harm
	}
	p.wantEnd()
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
	p.send(get("/slow"))
	<-began
	p.loop.Drain()
	select {
	case <-p.ended:
		t.Fatal("the connection ended before its answer")
	default:
	}
	close(release)
	p.want(200, "fetched")
	p.wantEnd()
}

func TestDrainDuringABody(t *testing.T) {
	large := strings.Repeat("x", 32<<20)
	p := connect(t, testConfig(storing("/", large)))
	p.send(get("/"))
	if _, err := p.r.Peek(1); err != nil { // it is on its way
		t.Fatal(err)
	}
	p.loop.Drain()
	p.want(200, large)
	p.wantEnd()
}
