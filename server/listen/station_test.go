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

// slowHost is one for which our side of a handshake takes its time.
const slowHost = "slow.test"

// says is a peer that says text, and then, again and again, more; it reads all
// that comes, or nothing.
func says(text, more string, reads bool) func(*site) {
	return func(s *site) {
		c := s.connect()
		s.goesOn(c, text, more)
		if reads {
			go io.Copy(io.Discard, c)
		}
	}
}

// saysHello is says behind a ClientHello.
func saysHello(text, more string, reads bool) func(*site) {
	return func(s *site) {
		c := s.helloOnly()
		s.goesOn(c, text, more)
		if reads {
			go io.Copy(io.Discard, c)
		}
	}
}

// goesOn says text on c, and then, again and again, more.
func (s *site) goesOn(c net.Conn, text, more string) {
	_ = c.SetDeadline(time.Time{})
	done := make(chan struct{})
	s.Cleanup(func() {
		c.Close()
		<-done
	})
	go func() {
		defer close(done)
		var err error
		if text != "" {
			_, err = io.WriteString(c, text)
		}
		for err == nil && more != "" {
			time.Sleep(100 * time.Millisecond)
			_, err = io.WriteString(c, more)
		}
	}()
}

// agrees is a peer that agrees on a protocol, and then reads.
func agrees(protocol string) func(*site) {
	return func(s *site) {
		c := s.mustDial(protocol)
		_ = c.SetDeadline(time.Time{})
		go io.Copy(io.Discard, c)
	}
}

// TestEveryStationEnds walks all stations: a peer that is silent, or trickles,
// keeps a connection at none of them for longer than it may. A station that is
// added fails here until it is shown to end.
func TestEveryStationEnds(t *testing.T) {
	const (
		hello, handshake, answer = 3 * time.Second, 5 * time.Second, 5 * time.Second
		timeout                  = metrics.CloseTimeout
		request                  = "GET / HTTP/1.1\r\n"
	)
	type counts struct { // of those that are not zero
		limits  map[metrics.Limit]uint64
		failed  map[metrics.HandshakeOutcome]uint64 // without a version
		cut     uint64                              // of TLS 1.3
		refused uint64
	}
	late := func(l metrics.Limit) map[metrics.Limit]uint64 { return map[metrics.Limit]uint64{l: 1} }
	failed := func(o metrics.HandshakeOutcome) map[metrics.HandshakeOutcome]uint64 {
		return map[metrics.HandshakeOutcome]uint64{o: 1}
	}
	tooLate := counts{limits: late(metrics.LimitHandshakeTimeout), cut: 1}
	shown := make(map[station]bool)
	for _, tt := range []struct {
		at     station
		what   string
		peer   func(*site)
		others string // for which host a ClientHello comes before it and after it: there is one place
		within time.Duration
		reason metrics.CloseReason
		counts
	}{
		{greeting, "nothing is said", says("", "", true), "", hello, timeout, counts{limits: late(metrics.LimitHelloTimeout)}},
		{greeting, "a byte", says("\x16", "", true), "", hello, timeout, counts{limits: late(metrics.LimitHelloTimeout), failed: failed(metrics.HandshakeTimeout)}},
		{greeting, "part of a ClientHello", says(halfHello, "", true), "", hello, timeout, counts{limits: late(metrics.LimitHelloTimeout), failed: failed(metrics.HandshakeTimeout)}},
		{greeting, "a ClientHello trickles", says(halfHello, "x", true), "", hello, timeout, counts{limits: late(metrics.LimitHelloTimeout), failed: failed(metrics.HandshakeTimeout)}},
		{greeting, "part of a method", says("GE", "", true), "", hello, timeout, counts{limits: late(metrics.LimitHelloTimeout), failed: failed(metrics.HandshakeTimeout)}},
		{refusing, "part of a request", says(request, "", true), "", hello, metrics.CloseError, counts{failed: failed(metrics.HandshakeError)}},
		{refusing, "a request trickles", says(request, "x", true), "", hello, metrics.CloseError, counts{failed: failed(metrics.HandshakeError)}},
		{refusing, "the answer is not read", says(request+"\r\n", "", false), "", answer, metrics.CloseError, counts{failed: failed(metrics.HandshakeError)}},
		{queueing, "our handshakes are slow", saysHello("", "", true), slowHost, handshake, metrics.CloseLimit, counts{refused: 1}},
		{queueing, "while it trickles", saysHello("", "x", true), slowHost, handshake, metrics.CloseLimit, counts{refused: 1}},
		{agreeing, "our flight is not answered", saysHello("", "", true), "", handshake, timeout, tooLate},
		{agreeing, "it is not read", saysHello("", "", false), "", handshake, timeout, tooLate},
		{agreeing, "the answer trickles", saysHello("\x16\x03\x03\x01\x00", "x", true), "", handshake, timeout, tooLate},
		{agreeing, "and another needs the place", saysHello("", "", true), "localhost", clientTime, metrics.CloseLimit, counts{cut: 1, refused: 1}},
		{agreeing, "while the answer trickles", saysHello("\x16\x03\x03\x01\x00", "x", true), "localhost", clientTime, metrics.CloseLimit, counts{cut: 1, refused: 1}},
		{onH1, "no request comes", agrees("http/1.1"), "", patience, metrics.CloseIdle, counts{limits: late(metrics.LimitIdleTimeout)}},
		{onH2, "no preface comes", agrees("h2"), "", patience, timeout, counts{limits: late(metrics.LimitHeadTimeout)}},
	} {
		shown[tt.at] = true
		t.Run(tt.at.String()+", "+tt.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startInMemory(t, teapot, func(c *Config) {
					c.HelloTimeout, c.HandshakeTimeout, c.MaxHandshakes = hello, handshake, 1
					c.TLS.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
						if h.ServerName == slowHost {
							time.Sleep(2 * handshake)
						}
						return nil, nil
					}
				})
				if tt.others == slowHost {
					s.helloTo(slowHost)
				}
				synctest.Wait()
				began := time.Now()
				tt.peer(s)
				synctest.Wait()
				s.wantAt(tt.at)
				if tt.others == "localhost" {
					go s.shake(0)
				}
				for s.closedAll() == 0 && time.Since(began) < time.Hour {
					time.Sleep(time.Millisecond)
				}
				if took := time.Since(began); took < tt.within || took > tt.within+time.Millisecond {
					t.Errorf("it ended after %v, want %v", took, tt.within)
				}
				synctest.Wait()
				if n := s.closed(tt.reason)(); n != 1 {
					t.Errorf("%d connections closed for reason %d, want one", n, tt.reason)
				}
				for l := range metrics.LimitExchanges + 1 { // the last
					if n := s.breached(l)(); n != tt.limits[l] {
						t.Errorf("limit %d counted %d times, want %d", l, n, tt.limits[l])
					}
				}
				for o := range metrics.HandshakeError + 1 {
					if n := s.shaken(metrics.TLSNone, o)(); n != tt.failed[o] {
						t.Errorf("handshake outcome %d counted %d times, want %d", o, n, tt.failed[o])
					}
				}
				if n := s.shaken(metrics.TLS13, metrics.HandshakeTimeout)(); n != tt.cut {
					t.Errorf("%d handshakes were too late, want %d", n, tt.cut)
				}
				if n := s.refused(metrics.RefuseHandshakes)(); n != tt.refused {
					t.Errorf("%d were refused a place, want %d", n, tt.refused)
				}
			})
		})
	}
	for at := range stations {
		if !shown[at] {
			t.Errorf("nothing shows that a connection that is %v ends", at)
		}
	}
}

// wantAt checks that a connection is at that station.
func (s *site) wantAt(at station) {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.at == at {
			return
		}
	}
	s.Errorf("no connection is %v", at)
}

// closedAll is how many connections have ended.
func (s *site) closedAll() (n uint64) {
	for reason := metrics.ClosePeer; reason <= metrics.CloseLimit; reason++ {
		n += s.m.ConnectionsClosed.Value(reason)
	}
	return n
}

// TestStations: every one can be reached, and none again.
func TestStations(t *testing.T) {
	reached := map[station]bool{greeting: true}
	for at := range stations {
		for _, next := range leads[at] {
			if next <= at {
				t.Errorf("%v leads back to %v", at, next)
			}
			reached[next] = true
		}
	}
	if len(reached) != int(stations) {
		t.Errorf("%d of %d stations can be reached", len(reached), stations)
	}
}
