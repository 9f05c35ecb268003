package wire

import (
	"crypto/tls"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The speed and the size of a connection rest on two of crypto/tls's buffers
// being at the offsets that tlsBuffers found. With a release of Go that is newer than
// those it was tested with they are left alone: all still works, and each record
// read costs an allocation.
func TestTLSBuffersKnown(t *testing.T) {
	needTLSBuffers(t)
	if !tlsBuffers.found {
		t.Error("tls.Conn's input buffers are not of the types that they were")
	}
}

// needTLSBuffers skips a test of what rests on them with a newer Go.
func needTLSBuffers(t *testing.T) {
	t.Helper()
	if !tlsBuffersTested {
		t.Skip(TLSBuffers())
	}
}

// Without the buffers all works the same: records of every size, in one turn
// and in several, and a peer's end.
func TestPlainTLS(t *testing.T) {
	for _, p := range paths {
		if !p.tls {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			opt := newOptions()
			opt.PlainTLS = true
			s := p.open(t, opt, echo)
			for _, n := range []int{1, 100, maxRecord, maxRecord + 1, 200 << 10, 5} {
				s.ask(t, strings.Repeat("x", n))
			}
			if s.direct() {
				t.Error("it uses the buffers of crypto/tls")
			}
			eventually(t, "the connection sleeps", func() bool { return s.asleep.Load() })
			s.Close()
			s.wait(t)
			if rawInputOf(s.tls).Cap() == 0 {
				t.Error("the buffers of crypto/tls were let go")
			}
		})
	}
}

// idle returns an echo that has answered and has found its socket empty, and is
// closed: its fields may be looked at.
func idle(t *testing.T, p path) served {
	s := p.open(t, newOptions(), echo)
	s.ask(t, "hello")
	eventually(t, "the connection sleeps", func() bool { return s.asleep.Load() })
	s.Wake() // and finds nothing: no short read is left in doubt
	eventually(t, "the connection sleeps", func() bool { return s.asleep.Load() })
	s.Close()
	s.wait(t)
	return s
}

func TestIdleHoldsNoBuffers(t *testing.T) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			needTLSBuffers(t)
			s := idle(t, p)
			if s.scratch != nil || s.Out != nil {
				t.Error("it holds the memory of a turn")
			}
			if s.plainRest != nil || s.cipherRest != nil {
				t.Errorf("it holds %d and %d bytes for rests", cap(s.plainRest), cap(s.cipherRest))
			}
			if s.backlog.queue != nil || s.backlog.writer != nil {
				t.Error("it holds a backlog")
			}
			if s.tls != nil && rawInputOf(s.tls).Cap() != 0 {
				t.Errorf("TLS holds %d bytes for input", rawInputOf(s.tls).Cap())
			}
		})
	}
}

// What waits for its other half is kept in a buffer of its size.
func TestWaitingHoldsItsSize(t *testing.T) {
	s, h := openHeld(t, clientTLS(), func(c *Conn) {
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
			for {
				if err := c.Fill(); err == error(ErrWouldBlock) {
					return Sleep, time.Time{}
				} else if err != nil {
					return Done, time.Time{}
				}
			}
		}})
	})
	h.through = 2
	if err := s.client.(*tls.Conn).Handshake(); err != nil {
		t.Fatal(err)
	}
	send(t, s.client, make([]byte, 100))
	send(t, s.client, make([]byte, 200))
	sealed := h.take()
	send(t, s.raw, sealed[:len(sealed)-1])
	eventually(t, "it has read", func() bool { return s.opt.Metrics.Received.Value() > uint64(len(sealed)) })
	eventually(t, "the connection sleeps", func() bool { return s.asleep.Load() })
	s.Close()
	s.wait(t)
	if s.scratch != nil {
		t.Error("it holds the memory of a turn")
	}
	if n, size := cap(s.plainRest), cap(s.cipherRest); n > 256 || size > helloSize {
		t.Errorf("100 and 200 bytes are kept in %d and %d", n, size)
	}
}

// A buffer that a large answer has grown does not stay in the pool.
func TestGrownBuffersAreNotKept(t *testing.T) {
	s := scratches.New().(*scratch)
	if cap(s.cipherIn) != readSize || len(s.cipherIn) != readSize {
		t.Errorf("cipherIn has %d of %d bytes, want %d", len(s.cipherIn), cap(s.cipherIn), readSize)
	}
	if got := trim(make([]byte, 10, oversize+1)); cap(got) > oversize || len(got) != 0 {
		t.Errorf("a buffer of %d is kept", cap(got))
	}
	if got := trim(make([]byte, 10, oversize)); cap(got) != oversize || len(got) != 0 {
		t.Errorf("a buffer of %d became %d", oversize, cap(got))
	}
}

// A turn that answers allocates nothing: neither ours nor, since TLS is fed
// whole records, TLS's. The client's bytes are sealed before and its answers
// not opened, so all that is counted is the server's.
func TestTurnDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	const rounds, question = 500, "GET / HTTP/1.1 or so"
	t.Run("plaintext", func(t *testing.T) {
		s := paths[0].open(t, newOptions(), echo)
		answer := make([]byte, len(question))
		ask := []byte(question)
		n := testing.AllocsPerRun(rounds, func() {
			s.raw.Write(ask)
			io.ReadFull(s.raw, answer)
		})
		if n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			needTLSBuffers(t)
			config := clientTLS()
			config.MaxVersion = version
			s, h := openHeld(t, config, echo)
			h.through = 2
			if err := s.client.(*tls.Conn).Handshake(); err != nil {
				t.Fatal(err)
			}
			s.client.(*tls.Conn).Write([]byte(question))
			record := len(h.held)
			send(t, s.raw, h.take())
			s.want(t, question) // and what the server sent to end the handshake
			for range rounds + 1 {
				send(t, s.client, []byte(question))
			}
			sealed, answer := h.take(), make([]byte, record)
			n := testing.AllocsPerRun(rounds, func() {
				s.raw.Write(sealed[:record])
				io.ReadFull(s.raw, answer)
				sealed = sealed[record:]
			})
			if n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// TestUploadDoesNotAllocate: a record that comes in two parts, between which a
// handler wakes the connection, takes memory for its first part and for TLS only
// once. So does each of an upload.
func TestUploadDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	needTLSBuffers(t)
	const rounds, size = 200, 1000 // in one record: those of a new connection are small
	s, h := openHeld(t, clientTLS(), echo)
	h.through = 2
	if err := s.client.(*tls.Conn).Handshake(); err != nil {
		t.Fatal(err)
	}
	content := make([]byte, size)
	s.client.(*tls.Conn).Write(content)
	record := len(h.held)
	send(t, s.raw, h.take())
	s.want(t, string(content))
	for range rounds + 1 {
		send(t, s.client, content)
	}
	sealed, answer := h.take(), make([]byte, record)
	received := s.opt.Metrics.Received.Value()
	asleep := func() {
		for deadline := time.Now().Add(patience); s.opt.Metrics.Received.Value() < received || !s.asleep.Load(); runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatal("what was sent is not read")
			}
		}
	}
	n := testing.AllocsPerRun(rounds, func() {
		s.raw.Write(sealed[:record/2])
		received += uint64(record / 2)
		asleep()
		s.Wake()
		asleep()
		s.raw.Write(sealed[record/2 : record])
		received += uint64(record - record/2)
		io.ReadFull(s.raw, answer)
		asleep()
		s.Wake()
		asleep()
		sealed = sealed[record:]
	})
	if n > 2 { // a wake is an error of package net, of which this socket is
		t.Errorf("%v allocations for a record in two parts", n)
	}
}

// BenchmarkTurn is a question and its answer over TLS on loopback, beside the
// plain way: a goroutine that blocks in tls.Conn.Read. The client is the same.
func BenchmarkTurn(b *testing.B) {
	run := func(b *testing.B, start func(*Conn)) {
		s := paths[1].open(b, newOptions(), start)
		question, answer := make([]byte, 100), make([]byte, 100)
		if err := s.raw.SetDeadline(time.Time{}); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			s.client.Write(question)
			if _, err := io.ReadFull(s.client, answer); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("wire", func(b *testing.B) { run(b, echo) })
	b.Run("blocking", func(b *testing.B) {
		run(b, func(c *Conn) {
			defer c.Close()
			buf := make([]byte, 4096)
			for {
				n, err := c.TLS().Read(buf)
				if err != nil {
					return
				}
				c.TLS().Write(buf[:n])
			}
		})
	})
}
