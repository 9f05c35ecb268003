//go:build linux

package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
)

// endlessHeads is an upstream that answers every request with most of a head, and
// never its end.
func endlessHeads(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		conns.Wait()
	})
	head := []byte("HTTP/1.1 200 OK\r\n")
	for i := range 60 { // of 64 KiB that it may have
		head = fmt.Appendf(head, "x-%d: %s\r\n", i, strings.Repeat("v", 1000))
	}
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer c.Close()
				if _, err := c.Read(make([]byte, 4<<10)); err == nil {
					_, _ = c.Write(head)
					_, _ = io.Copy(io.Discard, c)
				}
			})
		}
	})
	return "http://" + l.Addr().String()
}

// parting is a connection that keeps back the end of the last record when it is
// told to.
type parting struct {
	net.Conn
	part bool
}

func (p *parting) Write(b []byte) (int, error) {
	if p.part {
		_, err := p.Conn.Write(b[:len(b)-1])
		return len(b), err
	}
	return p.Conn.Write(b)
}

// greedy is a client that has the server hold all that a connection may: HPACK's
// table full, requests to remember, a stream at each place, a header block without
// an end, a frame and a record of which the last byte is missing.
func (p *process) greedy(streams int) {
	p.t.Helper()
	raw, err := net.Dial("tcp", strings.TrimPrefix(p.url, "https://"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { raw.Close() })
	last := &parting{Conn: raw}
	c := tls.Client(last, &tls.Config{RootCAs: testIdentity(p.t).pool, ServerName: "127.0.0.1", NextProtos: []string{"h2"}, DynamicRecordSizingDisabled: true})
	write := func(b []byte) {
		if _, err := c.Write(b); err != nil {
			p.t.Fatal(err)
		}
	}
	write(frame.AppendSettings([]byte(frame.Preface), frame.Setting{ID: frame.InitialWindowSize, Value: 0}))
	go func() { _, _ = io.Copy(io.Discard, raw) }() // none of it is of interest
	id := uint32(1)
	request := hpack.AppendLiteral(nil, hpack.Field{Name: ":method", Value: "GET"})
	for _, f := range []hpack.Field{{Name: ":scheme", Value: "https"}, {Name: ":authority", Value: "127.0.0.1"}, {Name: ":path", Value: "/small"}} {
		request = hpack.AppendLiteral(request, f)
	}
	ask := func(more []byte) {
		write(frame.AppendHeaders(nil, id, true, slices.Concat(request, more), frame.MinMaxSize))
		id += 2
	}
	// A literal with incremental indexing and a value of 4,000 bytes (RFC 7541
	// §6.2.1, §5.1): with its overhead, the table.
	const long = 4000
	ask(slices.Concat([]byte{0x40, 1, 'n', 0x7f, 0x80 | (long-127)&127, (long - 127) >> 7}, bytes.Repeat([]byte("v"), long)))
	for i := 1; i < streams; i++ {
		ask(hpack.AppendLiteral(nil, hpack.Field{Name: "x", Value: strings.Repeat(fmt.Sprint(i%4), 400)}))
	}
	full := bytes.Repeat([]byte{0x84}, frame.MinMaxSize) // ":path: /", which is not looked at before the end
	begun := frame.Header{Length: uint32(len(full)), Type: frame.Headers, Flags: frame.FlagEndStream, StreamID: id}
	write(append(frame.AppendHeader(nil, begun), full...))
	begun.Type, begun.Flags = frame.Continuation, 0
	write(append(frame.AppendHeader(nil, begun), full...))
	write(append(frame.AppendHeader(nil, begun), full[1:]...))
	last.part = true
	write(full)
}

// stall sends a ClientHello and nothing else.
func (p *process) stall() {
	p.t.Helper()
	raw, err := net.Dial("tcp", strings.TrimPrefix(p.url, "https://"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { raw.Close() })
	near, far := net.Pipe()
	go func() { _ = tls.Client(near, &tls.Config{InsecureSkipVerify: true}).Handshake() }()
	hello := make([]byte, 16<<10)
	n, err := far.Read(hello)
	if err != nil {
		p.t.Fatal(err)
	}
	far.Close()
	if _, err := raw.Write(hello[:n]); err != nil {
		p.t.Fatal(err)
	}
}

// TestMostIsReached has clients hold all at once that the number in the log names:
// the cache full, of bodies that are being sent to a client that takes none; each
// connection at its limits; requests at an upstream whose heads do not end; and
// handshakes that stop. The process comes near the number, and stays below it.
//
// Two terms cannot be reached at the same time as the rest: files are read in a
// moment, 16 MiB here, and a handshake that has stopped is less than one that
// computes. Garbage is in none: the runtime keeps it within what is left.
func TestMostIsReached(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes several times the memory")
	}
	const cacheBytes, conns, streams, handshakes = 64 << 20, 600, 100, 64
	root := t.TempDir()
	for i := range 40 {
		if err := os.WriteFile(filepath.Join(root, fmt.Sprint(i)), make([]byte, 4<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "small"), []byte("small"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-cache-bytes", fmt.Sprint(cacheBytes), "-max-conns", fmt.Sprint(conns), "-max-streams", fmt.Sprint(streams), "-max-handshakes", fmt.Sprint(handshakes),
		"-head-timeout", "5m", "-write-timeout", "5m", "-handshake-timeout", "5m", "-hello-timeout", "5m", "-drain-timeout", "100ms", "-http3", "off",
		"-config", writeFile(t, fmt.Sprintf(`sites:
  - hosts: [upstream.example]
    upstream: %s
    timeouts: {head: 5m}
  - default: true
    root: %s
`, endlessHeads(t), root)))
	said, ok := p.logged("memory: the most that clients can make it use")
	if !ok {
		t.Fatal("the start does not say how much memory there may be")
	}
	open := 0
	var s *stubborn
	for i := range upstreamRequests {
		if i%(streams-1) == 0 {
			s = p.stubborn()
			open++
			go func() { _, _ = io.Copy(io.Discard, s.Conn) }()
		}
		s.Write(h2peer.Headers(s.next, false, append(h2peer.Request("POST", "upstream.example", fmt.Sprint("/", i)), "expect", "100-continue")...))
		s.next += 2
	}
	for ; open < conns-handshakes-1; open++ {
		p.greedy(streams)
	}
	s = p.stubborn()
	for range 3 {
		for i := range 40 {
			s.ask(fmt.Sprint("/", i))
		}
	}
	for range handshakes {
		p.stall()
	}
	p.eventually("handshakes", func() error {
		if n := p.metrics()["hotpath_tls_handshakes_in_progress"]; n < handshakes {
			return fmt.Errorf("%v in progress", n)
		}
		return nil
	})
	const share = 80 // percent; it is 88 to 92
	p.eventually("what was sent to arrive", func() error {
		if peak := p.peak(); peak < said.Bytes/100*share {
			return fmt.Errorf("the process had %d MiB, want %d %% of %d", peak>>20, share, said.Bytes>>20)
		}
		return nil
	})
	time.Sleep(time.Second) // the rest of it
	if peak := p.peak(); peak > said.Bytes {
		t.Errorf("the process had %d MiB, want at most %d", peak>>20, said.Bytes>>20)
	} else {
		t.Logf("%d MiB of %d", peak>>20, said.Bytes>>20)
	}
}
