package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
)

// dialH2 opens an HTTP/2 connection and exchanges settings.
func (s *site) dialH2() *h2peer.Peer {
	s.Helper()
	c := h2peer.New(s, s.mustDial("h2"), patience)
	c.SayHello()
	return c
}

// getH2 is a GET without a body.
func getH2(id uint32, path string) []byte {
	return h2peer.Headers(id, true, h2peer.Request("GET", "localhost", path)...)
}

// wantGoAway reads on to a GOAWAY that names stream last.
func wantGoAway(c *h2peer.Peer, last uint32) {
	c.Helper()
	f := c.Until(frame.GoAway)
	if got, code := frame.LastStream(f.Payload); got != last || code != frame.NoError {
		c.Fatalf("GOAWAY of stream %d with %v, want %d with NO_ERROR", got, code, last)
	}
}

// shutdown begins a stop and returns when the connections have been drained.
func (s *site) shutdown(ctx context.Context) (done chan error) {
	s.stopAccepting()
	done = make(chan error, 1)
	go func() { done <- s.Shutdown(ctx) }()
	s.await("draining", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.draining
	})
	return done
}

// held is a handler that answers when release is closed.
func held() (handler http.HandlerFunc, entered chan struct{}, release chan struct{}) {
	entered, release = make(chan struct{}, 10), make(chan struct{})
	return func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "finished")
	}, entered, release
}

// TestQueuedConnectionsAreServed: what is in the system's queue when a stop begins
// is answered, and the listener is closed behind it.
func TestQueuedConnectionsAreServed(t *testing.T) {
	ln, err := wire.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	late := &heldListener{ln, make(chan struct{})}
	s := startOn(t, late, teapot, nil)
	const queued = 20
	conns := make([]net.Conn, queued)
	for i := range conns {
		if conns[i], err = net.Dial("tcp", s.address); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
	}
	if err := s.StopAccepting(late); err != nil {
		t.Fatal(err)
	}
	close(late.release)
	done := s.shutdown(t.Context())
	for _, nc := range conns {
		c := tls.Client(nc, s.client("http/1.1"))
		if err := c.Handshake(); err != nil {
			t.Fatalf("a connection that was in the queue: %v", err)
		}
		one := h1peer.New(s, c)
		one.Write(h1peer.Get("/hit"))
		one.WantResponse(200, body)
		one.WantEOF()
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", s.address); err == nil {
		c.Close()
		t.Error("the listener is open")
	}
	if err := s.StopAccepting(ln); err != nil {
		t.Errorf("Serve has closed the listener before StopAccepting could end it: %v", err)
	}
}

// heldListener accepts nothing until release is closed.
type heldListener struct {
	net.Listener
	release chan struct{}
}

func (l *heldListener) Accept() (net.Conn, error) {
	<-l.release
	return l.Listener.Accept()
}

func (l *heldListener) SetDeadline(d time.Time) error {
	return l.Listener.(interface{ SetDeadline(time.Time) error }).SetDeadline(d)
}

func (l *heldListener) AcceptQueued() (net.Conn, error) {
	return l.Listener.(interface{ AcceptQueued() (net.Conn, error) }).AcceptQueued()
}

func TestDrainWithoutConnections(t *testing.T) {
	s := start(t, teapot, nil)
	if err := <-s.shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// What is in flight on both engines finishes; then they end.
func TestDrainInFlight(t *testing.T) {
	handler, entered, release := held()
	s := start(t, handler, nil)
	two, one := s.dialH2(), s.dialH1()
	two.Write(getH2(1, "/slow"))
	one.Write("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
	<-entered
	<-entered
	done := s.shutdown(t.Context())
	wantGoAway(two, frame.MaxStreamID)
	ping := two.Until(frame.Ping).Payload
	two.Write(getH2(3, "/hit")) // on its way when the GOAWAY came
	if f := two.Until(frame.Data); f.StreamID != 3 || string(f.Payload) != body {
		t.Error(f)
	}
	two.Write(frame.AppendPing(nil, true, ping))
	wantGoAway(two, 3)
	select {
	case err := <-done:
		t.Fatalf("the stop did not wait for what is in flight: %v", err)
	default:
	}
	close(release)
	if f := two.Until(frame.Data); f.StreamID != 1 || string(f.Payload) != "finished" {
		t.Error(f)
	}
	one.WantResponse(200, "finished")
	one.WantEOF()
	_, _ = io.Copy(io.Discard, two.Conn)
	two.Conn.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	s.awaitCount("connections drained", s.closed(metrics.CloseDrain), 2)
}

func TestDrainIdle(t *testing.T) {
	s := start(t, echo, nil)
	two, one, other := s.dialH2(), s.dialH1(), s.dialH1()
	one.Write(h1peer.Get("/hit"))
	one.WantResponse(200, body)
	other.Write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
	other.WantResponse(200, "body")
	done := s.shutdown(t.Context())
	one.WantEOF()
	other.WantEOF()
	wantGoAway(two, frame.MaxStreamID)
	ping := two.Until(frame.Ping).Payload
	two.Write(frame.AppendPing(nil, true, ping))
	wantGoAway(two, 0)
	wantEnd(s, two.Conn)
	two.Conn.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A handshake that ends after the stop began ends as a connection that drains.
func TestDrainDuringHandshake(t *testing.T) {
	for _, protocol := range []string{"h2", "http/1.1"} {
		t.Run(protocol, func(t *testing.T) {
			entered, release := make(chan struct{}), make(chan struct{})
			s := start(t, teapot, func(c *Config) {
				c.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
					close(entered)
					<-release
					return nil, nil
				}
			})
			c := tls.Client(s.connect(), s.client(protocol))
			shaken := make(chan error)
			go func() { shaken <- c.Handshake() }()
			<-entered
			done := s.shutdown(t.Context())
			close(release)
			if err := <-shaken; err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, c)
			c.Close()
			if err := <-done; err != nil {
				t.Error(err)
			}
			s.awaitCount("connections drained", s.closed(metrics.CloseDrain), 1)
		})
	}
}

// What is stuck is cut off at the deadline, whatever it is stuck in.
func TestDrainCutsOff(t *testing.T) {
	handler, entered, release := held()
	s := start(t, handler, nil)
	two, one, halfOpen := s.dialH2(), s.dialH1(), s.helloOnly()
	two.Write(getH2(1, "/slow"))
	one.Write("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
	<-entered
	<-entered
	s.await("a half-open handshake", func() bool { return s.m.HandshakesInProgress.Value() == 1 })
	late := errors.New("a test's deadline")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, late)
	defer cancel()
	err := <-s.shutdown(ctx)
	if !errors.Is(err, late) || !strings.Contains(err.Error(), "3 connections were cut off") {
		t.Errorf("the stop ends with %v", err)
	}
	_, _ = io.Copy(io.Discard, two.Conn)
	wantEnd(s, one.R)
	toEnd(s, halfOpen)
	close(release)
}

// What is cut off is recorded for the access log by the time that the stop has ended,
// which is when the log is closed.
func TestDrainRecordsWhatItCutsOff(t *testing.T) {
	var recorder *access.Recorder
	file, change := logged(t, &recorder)
	entered := make(chan struct{}, 2)
	s := start(t, func(_ http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
		time.Sleep(cutTime / 10) // has to clean up
	}, change)
	two, one := s.dialH2(), s.dialH1()
	two.Write(getH2(1, "/two"))
	one.Write("POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
	<-entered
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := <-s.shutdown(ctx); err == nil {
		t.Error("nothing was cut off")
	}
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{`"/one"`, `"/two"`} {
		if strings.Count(string(text), path) != 1 {
			t.Errorf("%s is not recorded once: %s", path, text)
		}
	}
}

// logged gives a server an access log, in file.
func logged(t *testing.T, recorder **access.Recorder) (file string, change func(*Config)) {
	file = filepath.Join(t.TempDir(), "access.log")
	return file, func(c *Config) {
		r, err := access.New(access.Config{Mode: access.All, Format: access.JSON, File: file, Metrics: c.Metrics, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		*recorder, c.H1.Access, c.H2.Access = r, r, r
	}
}
