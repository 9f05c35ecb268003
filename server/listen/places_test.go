package listen

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// inUse is how many places are taken.
func (p *places) inUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

// distant is a client's connection on which what comes first takes a round trip.
type distant struct {
	net.Conn
	trip *time.Duration
}

func (d distant) Read(p []byte) (int, error) {
	n, err := d.Conn.Read(p)
	time.Sleep(*d.trip)
	*d.trip = 0
	return n, err
}

// shake agrees on TLS over a connection with that round trip, and returns how
// long it took.
func (s *site) shake(trip time.Duration) (time.Duration, error) {
	began := time.Now()
	err := tls.Client(distant{s.connect(), &trip}, s.client("h2")).Handshake()
	return time.Since(began), err
}

// Of clients that are silent behind their ClientHello there are as many as like:
// a client that goes on shakes hands at once, and no more handshakes than
// allowed are in progress.
func TestSilentBehindHello(t *testing.T) {
	// What begins as another message is given to TLS, which waits for the rest.
	other := func(s *site) net.Conn {
		c := s.connect()
		if _, err := c.Write([]byte{22, 3, 1, 0x40, 0, 2}); err != nil { // a ServerHello of 16 KiB
			s.Fatal(err)
		}
		return c
	}
	for name, c := range map[string]struct {
		begin   func(*site) net.Conn
		reads   bool
		version metrics.TLSVersion
	}{
		"they read":                 {(*site).helloOnly, true, metrics.TLS13},
		"they do not read":          {(*site).helloOnly, false, metrics.TLS13},
		"it is none, and not whole": {other, true, metrics.TLSNone},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const most, silent = 4, 40
				s := startInMemory(t, teapot, func(c *Config) { c.MaxHandshakes, c.HandshakeTimeout = most, 20*time.Second })
				for range silent {
					conn := c.begin(s)
					if c.reads {
						go io.Copy(io.Discard, conn) // until it is cut
					}
				}
				time.Sleep((silent/most - 1) * clientTime) // all have had a place
				synctest.Wait()
				if n := s.handshakes.inUse(); n != most {
					t.Errorf("%d places are taken, want %d", n, most)
				}
				time.Sleep(clientTime)
				for range 3 * most {
					if took, err := s.shake(0); err != nil || took != 0 {
						t.Errorf("a handshake took %v: %v", took, err)
					}
					synctest.Wait()
					if n := s.handshakes.inUse(); n > most {
						t.Errorf("%d places are taken, want %d at most", n, most)
					}
				}
				synctest.Wait()
				cut := uint64(silent - most + 1) // a place that was freed is enough for one handshake after the other
				s.awaitCount("places that were needed", s.refused(metrics.RefuseHandshakes), cut)
				s.awaitCount("connections closed for a limit", s.closed(metrics.CloseLimit), cut)
				s.awaitCount("handshakes cut", s.shaken(c.version, metrics.HandshakeTimeout), cut)
			})
		})
	}
}

// A client that comes when all places have just been taken by silent ones waits
// for no more than clientTime.
func TestWaitForAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, teapot, func(c *Config) { c.MaxHandshakes, c.HandshakeTimeout = 2, 20*time.Second })
		s.helloOnly()
		time.Sleep(clientTime / 5)
		s.helloOnly()
		synctest.Wait()
		for _, want := range []time.Duration{clientTime * 4 / 5, 0} {
			if took, err := s.shake(0); err != nil || took != want {
				t.Errorf("a handshake took %v: %v; want %v", took, err, want)
			}
			synctest.Wait()
		}
		s.awaitCount("places that were needed", s.refused(metrics.RefuseHandshakes), 1)
	})
}

// A client that comes behind a burst of silent ones, of many more than get a
// place in time, is not behind all of them.
func TestBurstOfSilentClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, silent = 4, 400
		s := startInMemory(t, teapot, func(c *Config) { c.MaxHandshakes, c.HandshakeTimeout = most, 5*time.Second })
		for range silent {
			s.helloOnly()
		}
		synctest.Wait()
		for range 3 {
			if took, err := s.shake(0); err != nil || took > clientTime {
				t.Errorf("a handshake took %v: %v; want %v at most", took, err, clientTime)
			}
			time.Sleep(clientTime / 3)
		}
	})
}

// A rush of clients that are far away, many more than there are places: all wait
// for their turn, and none is cut.
func TestRushOfDistantClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, clients = 4, 40
		s := startInMemory(t, teapot, func(c *Config) { c.MaxHandshakes, c.HandshakeTimeout = most, 20*time.Second })
		done := make(chan error)
		began := time.Now()
		for range clients {
			go func() {
				_, err := s.shake(clientTime - time.Millisecond)
				done <- err
			}()
		}
		for range clients {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if took, want := time.Since(began), clients/most*(clientTime-time.Millisecond); took != want {
			t.Errorf("they took %v, want %v", took, want)
		}
		s.awaitCount("places that were needed", s.refused(metrics.RefuseHandshakes), 0)
	})
}

// With places to spare a client has all of the handshake's time.
func TestSlowClientWithoutOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, teapot, func(c *Config) { c.MaxHandshakes, c.HandshakeTimeout = 3, 5*time.Second })
		slow := make(chan error)
		go func() {
			_, err := s.shake(4 * time.Second)
			slow <- err
		}()
		for range 30 {
			if took, err := s.shake(100 * time.Millisecond); err != nil || took != 100*time.Millisecond {
				t.Errorf("a handshake took %v: %v", took, err)
			}
		}
		if err := <-slow; err != nil {
			t.Error(err)
		}
	})
}
