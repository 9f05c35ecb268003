package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDrain stops the server in the middle of a response that its client is
// slow to take: readiness is gone, no new client comes in, the response arrives
// whole, and the exit is clean.
func TestDrain(t *testing.T) {
	s := testSite(t)
	for _, protocol := range protocols {
		for kind, size := range map[string]int{"stored": stored, "streamed": streamed} {
			t.Run(strings.ReplaceAll(protocol, "/", "")+" "+kind, func(t *testing.T) {
				p := start(t, "-root", s.root)
				want := s.sized(size)
				r := begin(t, p, protocol, want)
				p.signal(syscall.SIGTERM)
				p.eventually("readiness to end", func() error { return p.wantReady(http.StatusServiceUnavailable) })
				p.eventually("the listener to close", func() error { return wantRefused(p.url) })
				if n := p.metrics()["hotpath_draining"]; n != 1 {
					t.Errorf("hotpath_draining is %v, want 1", n)
				}
				if err := want.differs(r.Body); err != nil {
					t.Error(err)
				}
				p.wantStopped()
				if line, cut := p.logged("stopping"); cut {
					t.Errorf("connections were cut off: %s", line.Err)
				}
			})
		}
	}
}

// TestDrainTimeout: a client that takes nothing holds the exit up for no longer
// than it may, and it is a clean one all the same.
func TestDrainTimeout(t *testing.T) {
	s := testSite(t)
	for _, protocol := range protocols {
		t.Run(strings.ReplaceAll(protocol, "/", ""), func(t *testing.T) {
			p := start(t, "-root", s.root, "-drain-timeout", "300ms")
			want := s.sized(streamed)
			r := begin(t, p, protocol, want)
			p.signal(syscall.SIGTERM)
			p.wantStopped()
			if line, cut := p.logged("stopping"); !cut || !strings.Contains(line.Err, "drain-timeout has passed") {
				t.Errorf("the log does not say that connections were cut off: %+v", line)
			}
			if _, err := io.Copy(io.Discard, r.Body); err == nil {
				t.Error("the response that was cut off looks complete to its client")
			}
		})
	}
}

// begin sends a request and reads no more than the response's head.
func begin(t *testing.T, p *process, protocol string, want resource) *http.Response {
	t.Helper()
	r, err := p.client(protocol).Get(p.url + want.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Body.Close() })
	return r
}

// wantRefused reports if the public listener still takes connections.
func wantRefused(url string) error {
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "https://"))
	if err != nil {
		return nil
	}
	defer c.Close()
	return fmt.Errorf("%s still accepts", url)
}

// TestDrainDelay: readiness ends first; connections are still accepted, until
// the delay is over.
func TestDrainDelay(t *testing.T) {
	const delay = 3 * time.Second
	p := start(t, "-drain-delay", delay.String())
	asked := time.Now()
	p.signal(syscall.SIGTERM)
	p.eventually("readiness to end", func() error { return p.wantReady(http.StatusServiceUnavailable) })
	r, err := p.client("http/1.1").Get(p.url + "/")
	if late := time.Since(asked) > delay/2; err != nil && !late {
		t.Errorf("within the delay: %v", err)
	} else if err == nil {
		r.Body.Close()
	}
	p.eventually("the listener to close", func() error { return wantRefused(p.url) })
	if took := time.Since(asked); took < delay {
		t.Errorf("the listener closed after %v, want %v at least", took, delay)
	}
	p.wantStopped()
}
