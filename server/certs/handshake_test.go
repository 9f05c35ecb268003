package certs

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/server/config"
)

// shake does a handshake, and returns its state on both sides.
func shake(t testing.TB, server, client *tls.Config) (serverState, clientState tls.ConnectionState, err error) {
	a, b := testkit.TCPPair(t) // a pipe has no room for a ticket, which the server sends while the client does
	defer a.Close()
	defer b.Close()
	deadline := time.Now().Add(patience)
	if err := errors.Join(a.SetDeadline(deadline), b.SetDeadline(deadline)); err != nil {
		return serverState, clientState, err
	}
	s, c := tls.Server(a, server), tls.Client(b, client)
	done := make(chan error, 1)
	go func() {
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("!")) // behind the tickets
		}
		_ = s.Close() // err says what became of it
		done <- err
	}()
	n, err := c.Read(make([]byte, 1)) // after the handshake
	if n == 1 {
		err = nil // io.EOF, if the end came with it
	}
	_ = c.Close()
	err = errors.Join(err, <-done)
	return s.ConnectionState(), c.ConnectionState(), err
}

// patience is how long a handshake may take on a machine under load.
const patience = 30 * time.Second

// TestHandshakesWhileSwapping: every handshake is presented the old certificate
// or the new one, whole, while files and sources change.
func TestHandshakesWhileSwapping(t *testing.T) {
	dir := t.TempDir()
	name := []string{"a.example"}
	some := [2]*tls.Certificate{spec{names: name}.make(t), spec{names: name, kind: kindEd25519}.make(t)}
	p := writePair(t, dir, "a", some[0])
	f := keep(t, Sources{Dir: dir})
	server := &tls.Config{GetCertificate: f.Certificate}
	client := &tls.Config{ServerName: "a.example", InsecureSkipVerify: true}

	var stop atomic.Bool
	var all sync.WaitGroup
	seen := make([]map[string]int, 2)
	for i := range seen {
		seen[i] = make(map[string]int)
		all.Go(func() {
			for last := false; !last; last = stop.Load() {
				_, state, err := shake(t, server, client)
				if err != nil {
					t.Errorf("a handshake fails while certificates change: %v", err)
					return
				}
				seen[i][string(state.PeerCertificates[0].Raw)]++
			}
		})
	}
	for i := range 20 {
		next := some[(i+1)%2]
		write(t, p.Cert, chainOf(next))
		f.pass(Interval)
		write(t, p.Key, keyOf(t, next))
		f.pass(Interval)
		if err := f.Configure(Sources{Pairs: []Listed{{Pair: p}}, Dir: dir}); err != nil {
			t.Error(err)
		}
		f.presents("each swap", "a.example", next)
		if err := f.Configure(Sources{Dir: dir}); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true) // each goes on to the end of a handshake
	all.Wait()
	for _, s := range seen {
		if len(s) == 0 {
			t.Error("no handshake was made meanwhile")
		}
		for raw := range s {
			if !bytes.Equal([]byte(raw), some[0].Certificate[0]) && !bytes.Equal([]byte(raw), some[1].Certificate[0]) {
				t.Error("a certificate was presented that is neither")
			}
		}
	}
}

// manyPairs makes a directory of n pairs with a site's host each.
func manyPairs(t testing.TB, n int) (dir string, all []Listed) {
	t.Helper()
	dir = t.TempDir()
	for i := range n {
		name := fmt.Sprintf("site-%04d.example", i)
		s := spec{names: []string{name, "www." + name}}
		all = append(all, Listed{Pair: writePair(t, dir, name, s.make(t)), Hosts: []string{name}})
	}
	return dir, all
}

// TestThousandCertificates: a start with 1,000 certificates takes 2 s at most, a
// reload 1 s, and all of it 64 MiB. The times that are checked are ten times as
// long, for a machine under load.
func TestThousandCertificates(t *testing.T) {
	const n, slack = 1000, 10
	_, all := manyPairs(t, n)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	began := time.Now()
	f := keep(t, Sources{Pairs: all})
	start := time.Since(began)
	memory := int64(heap()) - int64(before)

	began = time.Now()
	f.pass(Interval)
	look := time.Since(began)
	for _, l := range all { // every file is another one
		text, err := os.ReadFile(l.Cert)
		if err == nil {
			err = errors.Join(os.Remove(l.Cert), os.WriteFile(l.Cert, append(text, '\n'), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	began = time.Now()
	if err := f.Configure(Sources{Pairs: all}); err != nil {
		t.Fatal(err)
	}
	reload := time.Since(began)
	t.Logf("%d certificates: start %v, reload of all %v, a look %v, %d KiB", n, start, reload, look, memory>>10)
	if start > slack*2*time.Second || reload > slack*time.Second {
		t.Errorf("a start takes %v and a reload %v, want 2 s and 1 s", start, reload)
	}
	if memory > 64<<20 {
		t.Errorf("%d bytes, want 64 MiB at most", memory)
	}
	last := all[n-1]
	c, err := f.Certificate(modern(last.Hosts[0]))
	want, problem := config.LoadPair(last.Cert, last.Key)
	if err != nil || problem != nil || !c.Leaf.Equal(want.Leaf) {
		t.Errorf("the last site is presented %v", c.Leaf.DNSNames)
	}
}

// BenchmarkHandshake compares handshakes with one certificate and with 1,000:
// both sides of one are counted.
func BenchmarkHandshake(b *testing.B) {
	_, all := manyPairs(b, 1000)
	for _, n := range []int{1, len(all)} {
		b.Run(fmt.Sprintf("certificates=%d", n), func(b *testing.B) {
			f := keep(b, Sources{Pairs: all[:n]})
			server := &tls.Config{GetCertificate: f.Certificate, SessionTicketsDisabled: true}
			i := 0
			for b.Loop() {
				client := &tls.Config{ServerName: all[i%n].Hosts[0], InsecureSkipVerify: true}
				if _, _, err := shake(b, server, client); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// BenchmarkFind is a look into the index.
func BenchmarkFind(b *testing.B) {
	_, all := manyPairs(b, 1000)
	for _, n := range []int{1, len(all)} {
		f := keep(b, Sources{Pairs: all[:n]})
		x, hello := f.index.Load(), modern(all[n-1].Hosts[0])
		b.Run(fmt.Sprintf("certificates=%d", n), func(b *testing.B) {
			for b.Loop() {
				x.Find(hello)
			}
		})
	}
}
