package h1client

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/wire"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange/exchangetest"
)

// The server closes the connection in a response, which may be its end.
func TestConnectionEnds(t *testing.T) {
	for name, c := range map[string]struct {
		sent    string
		status  int
		bytes   int64
		failure *exchange.Failure
	}{
		"before a head":         {"", 0, 0, byServer},
		"in the head":           {two, 0, 0, byServer},
		"after an interim head": {"HTTP/1.1 100 Continue\r\n\r\n", 0, 0, byServer},
		"before the content":    {two + "\r\n", 200, 0, errShort},
		"in the content":        {two + "\r\no", 200, 1, errShort},
		"in a chunk":            {chunks + "5\r\nok", 200, 2, errShort},
		"before the last chunk": {chunks + "2\r\nok\r\n", 200, 2, errShort},
		"before the trailers":   {chunks + "2\r\nok\r\n0\r\n", 200, 2, errShort},
		"as it must":            {head200 + "\r\nok", 200, 2, nil},
		"as it said":            {head200 + "Connection: close\r\n\r\nok", 200, 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(p *peer) {
				p.get("/")
				p.Send(c.sent)
				time.Sleep(time.Second)
				p.wantOutcomes(0)
				p.Conn.Close()
				if o := p.wantOutcome(c.status, c.failure); o.BytesIn != c.bytes || o.Service() != time.Second {
					t.Errorf("%d bytes, after %v", o.BytesIn, o.Service())
				}
				want := byServer
				if c.failure != nil {
					want = underRequest
				}
				if f := <-p.ended; !same(f, want) {
					t.Errorf("ended for %v, want %v", f, want)
				}
				p.ended <- nil
				p.wantOutcomes(1)
			})
		})
	}
}

// A connection that ends while nothing is in flight costs no exchange.
func TestConnectionEndsIdle(t *testing.T) {
	run(t, nil, func(p *peer) {
		p.get("/")
		p.Send(ok)
		p.Conn.Close()
		if f := <-p.ended; !same(f, byServer) {
			t.Errorf("ended for %v", f)
		}
		p.ended <- nil
		p.wantOutcomes(1)
	})
}

// A server may close an idle connection while a request is on its way: that is
// given back if it does no harm twice.
func TestRequestMeetsClose(t *testing.T) {
	for _, c := range []struct {
		name, method string
		first        bool
		received     string
		again        bool
	}{
		{name: "GET", method: "GET", again: true},
		{name: "HEAD", method: "HEAD", again: true},
		{name: "OPTIONS", method: "OPTIONS", again: true},
		{name: "PUT", method: "PUT", again: true},
		{name: "DELETE", method: "DELETE", again: true},
		{name: "TRACE", method: "TRACE", again: true},
		{name: "POST", method: "POST"},
		{name: "PATCH", method: "PATCH"},
		{name: "an unknown method", method: "BREW"},
		{name: "the first request", method: "GET", first: true},
		{name: "a response that has begun", method: "GET", received: "H"},
		{name: "an interim response", method: "GET", received: "HTTP/1.1 103 Early Hints\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(p *peer) {
				if !c.first {
					p.get("/first")
					p.Send(ok)
				}
				before := len(p.Outcomes)
				p.ask(request(p, c.method, "http://test/raced", ""))
				p.WantRequest(c.method, "/raced", "")
				p.Send(c.received)
				p.Conn.Close()
				want := underRequest
				if c.again { // as far as can be known the server closed an idle connection
					want = byServer
				}
				if f := <-p.ended; !same(f, want) {
					t.Errorf("ended for %v, want %v", f, want)
				}
				p.ended <- nil
				if c.again {
					p.wantOutcomes(before)
					if got := p.paths(); !slices.Equal(got, []string{"http://test/raced"}) || !same(p.Why[0], byServer) {
						t.Errorf("given back: %q, %v", got, p.Why)
					}
				} else {
					p.wantOutcomes(before + 1)
					p.wantOutcome(0, byServer)
				}
			})
		})
	}
}

func TestDigests(t *testing.T) {
	sum := sha256.Sum256([]byte("ok"))
	for _, spec := range []string{hex.EncodeToString(sum[:]), exchange.DigestFirst} {
		digests, err := exchange.NewDigests(spec, 1)
		if err != nil {
			t.Fatal(err)
		}
		run(t, digests, func(p *peer) {
			for _, c := range []struct {
				response string
				status   int
				failure  *exchange.Failure
			}{
				{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nno!", 503, nil}, // its content is none
				{"HTTP/1.1 204 No Content\r\n\r\n", 204, nil},
				{ok, 200, nil},
				{two + "\r\nno", 200, errDigest},
				{chunks + "1\r\no\r\n1\r\nk\r\n0\r\n\r\n", 200, nil},
				{chunks + "0\r\n\r\n", 200, errDigest},
			} {
				p.get("/")
				p.Send(c.response)
				p.wantOutcome(c.status, c.failure)
			}
			p.ask(request(p, "HEAD", "http://test/", ""))
			p.WantRequest("HEAD", "/", "")
			p.Send(two + "\r\n")
			p.wantOutcome(200, nil)
			p.get("/")
			p.Send(head200 + "\r\nno")
			p.Conn.Close()
			p.wantOutcome(200, errDigest)
		})
	}
}

// The answer of a server that has not yet read the request counts, and the
// connection goes on; if it is not to, the rest is not waited for.
func TestEarlyResponse(t *testing.T) {
	body := string(make([]byte, 1<<20))
	t.Run("the connection stays", func(t *testing.T) {
		run(t, nil, func(p *peer) {
			p.ask(request(p, "POST", "http://test/large", body))
			synctest.Wait()
			p.Send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
			p.wantOutcome(413, nil)
			p.WantRequest("POST", "/large", body)
			p.get("/next")
			p.Send(ok)
			p.wantOutcome(200, nil)
		})
	})
	t.Run("the connection ends", func(t *testing.T) {
		run(t, nil, func(p *peer) {
			p.ask(request(p, "POST", "http://test/large", body))
			synctest.Wait()
			p.Send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			began := p.now()
			p.wantOutcome(413, nil)
			if f := <-p.ended; !same(f, byServer) || p.now() != began {
				t.Errorf("ended for %v, after %v", f, p.now()-began)
			}
			p.ended <- nil
		})
	})
}

// A server that does not read is cut off by wire, or by the timeout.
func TestServerDoesNotRead(t *testing.T) {
	run(t, nil, func(p *peer) {
		p.ask(request(p, "POST", "http://test/large", string(make([]byte, 1<<20))))
		time.Sleep(timeout)
		p.wantOutcome(0, errNoAnswer)
		if f := <-p.ended; f != errNoAnswer || p.now() != start+timeout {
			t.Errorf("ended for %v, at %v", f, p.now())
		}
		p.ended <- nil
	})
}

// tcp is an engine on a socket, with one request in flight, and the other end.
// Times are real.
func tcp(t *testing.T) (server net.Conn, w *wire.Conn, d *exchangetest.Driver, ended chan *exchange.Failure) {
	t.Helper()
	server, client := testkit.TCPPair(t)
	d = exchangetest.NewDriver()
	d.Add(0, request(t, "GET", "http://test/", ""))
	w = wire.NewClient(client, nil, exchangetest.Options())
	ended = make(chan *exchange.Failure, 1)
	c := New(&exchange.Config{Epoch: time.Now().Add(-start), Timeout: time.Minute}, w, d)
	go func() { ended <- c.Serve() }()
	if _, err := server.Read(make([]byte, 4<<10)); err != nil {
		t.Fatal(err)
	}
	return server, w, d, ended
}

// The end of the connection is seen at once if it came with the bytes before
// it, which one read finds together.
func TestEndBehindContent(t *testing.T) {
	for name, c := range map[string]struct {
		response string
		failure  *exchange.Failure
		end      *exchange.Failure
	}{
		"as it must": {head200 + "\r\nok", nil, byServer},
		"too early":  {head200 + "Content-Length: 3\r\n\r\nok", errShort, underRequest},
	} {
		t.Run(name, func(t *testing.T) {
			server, _, d, ended := tcp(t)
			if _, err := io.WriteString(server, c.response); err != nil {
				t.Fatal(err)
			}
			server.Close()
			if f := <-ended; !same(f, c.end) {
				t.Errorf("ended for %v", f)
			}
			const soon = 3 * time.Second // wire looks for it after 5
			if o := d.Outcomes[0]; o.Failure != c.failure || o.BytesIn != 2 || o.Service() > soon {
				t.Errorf("%v, %d bytes, after %v", o.Failure, o.BytesIn, o.Service())
			}
		})
	}
}

// A connection that its owner closes is no failure of the server's.
func TestInterrupted(t *testing.T) {
	_, w, d, ended := tcp(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if f := <-ended; f != exchange.WasStopped {
		t.Errorf("ended for %v", f)
	}
	if o := d.Outcomes[0]; o.Failure != exchange.WasStopped || o.Ended < o.Sent {
		t.Errorf("%+v", o)
	}
	d.Check(t)
}
