package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// streak counts equal results of checks in a row.
type streak struct {
	healthy bool
	against int // results that say otherwise, in a row
}

// add takes a result and reports whether the state changed.
func (s *streak) add(success bool, h *Health) bool {
	if success == s.healthy {
		s.against = 0
		return false
	}
	s.against++
	if success && s.against < h.Healthy || !success && s.against < h.Unhealthy {
		return false
	}
	s.healthy, s.against = success, 0
	return true
}

// check checks one upstream again and again until ctx ends. The first check is
// at once: until it has failed often enough, the upstream is used, if it was not
// found unhealthy by the checks before these.
func (p *Proxy) check(ctx context.Context, u *upstream) {
	s := streak{healthy: !u.down.Load()}
	tick := time.NewTicker(p.config.Health.Interval)
	defer tick.Stop()
	for {
		err := p.checkOnce(ctx, u)
		if ctx.Err() != nil {
			return
		}
		if s.add(err == nil, &p.config.Health) {
			u.setHealthy(s.healthy, err, time.Now())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// checkOnce requests the path, by the way that fetches go but for the queue.
func (p *Proxy) checkOnce(ctx context.Context, u *upstream) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.Health.Timeout)
	defer cancel()
	r := &origin.Request{
		Request: message.Request{
			Method:    "GET",
			Scheme:    u.transports.scheme,
			Authority: u.host,
			Path:      p.config.Health.Path,
			Fields:    []hpack.Field{{Name: "user-agent", Value: pseudonym + "-health"}},
		},
		Proto: "1.1",
	}
	q, err := p.prepare(r)
	if err != nil {
		return err
	}
	return p.exchange(ctx, u, q, r, &verdict{}).err
}

// verdict is a Sink that looks at the status, and at little of the content.
type verdict struct{ size int }

// maxCheckBody: a status page is small. More would make checks a load.
const maxCheckBody = 64 << 10

func (v *verdict) Head(h origin.Head) error {
	if h.Status < 200 || h.Status > 399 {
		return fmt.Errorf("the check was answered with %d", h.Status)
	}
	return nil
}

func (v *verdict) Write(b []byte) (int, error) {
	if v.size += len(b); v.size > maxCheckBody {
		return 0, errors.New("the check was answered with more than 64 KiB")
	}
	return len(b), nil
}

func (*verdict) Inform(int, []hpack.Field) error { return nil }
func (*verdict) Flush() error                    { return nil }
func (*verdict) End([]hpack.Field) error         { return nil }
func (*verdict) Answer(origin.Answer) error      { return errors.New("the check was answered from a file") }
func (*verdict) Tunnel(int, []hpack.Field) (io.ReadWriteCloser, error) {
	return nil, errors.New("the check was answered with an upgrade")
}
