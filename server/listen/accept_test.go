package listen

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// flaky is a listener whose Accept fails, of two causes in turn, but for every
// fifth time.
type flaky struct {
	net.Listener
	calls int
	once  sync.Once
	ended chan struct{}
}

func (l *flaky) Accept() (net.Conn, error) {
	select {
	case <-l.ended:
		return nil, net.ErrClosed
	default:
	}
	l.calls++
	switch {
	case l.calls%5 == 0: // and the wait begins again with its shortest
		client, server := net.Pipe()
		client.Close()
		return server, nil
	case l.calls%2 == 0:
		return nil, os.NewSyscallError("accept4", syscall.ECONNABORTED)
	}
	return nil, os.NewSyscallError("accept4", syscall.EMFILE)
}

func (l *flaky) Close() error   { l.once.Do(func() { close(l.ended) }); return nil }
func (l *flaky) Addr() net.Addr { return &net.TCPAddr{} }

// However often accepting fails, there is a line a second for each cause, and how
// many it stands for.
func TestAcceptWarningsAreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &flaky{ended: make(chan struct{})}
		s := startOn(t, l, teapot, nil)
		const seconds = 5
		time.Sleep(seconds * time.Second)
		s.stopAccepting()
		failed := s.m.AcceptErrors.Value()
		if failed < 20*seconds {
			t.Fatalf("accepting failed %d times", failed)
		}
		log := s.log.String()
		for _, cause := range []string{"too many open files", "software caused connection abort"} {
			if n := strings.Count(log, cause); n < seconds-1 || n > seconds+1 {
				t.Errorf("%d lines in %d s about: %s", n, seconds, cause)
			}
		}
		logged := strings.Count(log, "accepting a connection")
		var stand int
		for line := range strings.Lines(log) {
			_, text, _ := strings.Cut(line, "withheld=")
			var n int
			if _, err := fmt.Sscan(text, &n); err == nil {
				stand += n
			}
		}
		if all := uint64(logged + stand); all > failed || all+failed/seconds < failed {
			t.Errorf("%d lines stand for %d more, of %d failures", logged, stand, failed)
		}
	})
}
