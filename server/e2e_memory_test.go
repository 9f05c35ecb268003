//go:build linux

package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
)

// stubborn is an HTTP/2 client that asks and whose streams have no window.
type stubborn struct {
	*h2peer.Peer
	next uint32
	cut  int // streams that were reset with CANCEL
}

func (p *process) stubborn() *stubborn {
	p.t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "https://"), &tls.Config{RootCAs: testIdentity(p.t).pool, NextProtos: []string{"h2"}})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	s := &stubborn{Peer: h2peer.New(p.t, c, 2*patience), next: 1}
	s.SayHello(frame.Setting{ID: frame.InitialWindowSize, Value: 0})
	return s
}

// send sends a request on a stream of its own, which is returned. It has a further
// pseudo-field, and its stream stays open, if protocol is not "".
func (s *stubborn) send(method, authority, path, protocol string) uint32 {
	s.Helper()
	fields := h2peer.Request(method, authority, path)
	if protocol != "" {
		fields = append(fields, ":protocol", protocol)
	}
	id := s.next
	s.next += 2
	s.Write(h2peer.Headers(id, protocol == "", fields...))
	return id
}

// ask asks for a path and waits for the head of the answer.
func (s *stubborn) ask(path string) {
	s.Helper()
	id := s.send("GET", "127.0.0.1", path, "")
	for {
		f := s.NextFrame()
		switch {
		case f.Type == frame.RSTStream && frame.Code(f.Payload) == frame.Cancel:
			if s.cut++; f.StreamID == id {
				return
			}
		case f.Type == frame.GoAway, f.Type == frame.RSTStream:
			s.Fatalf("%s: %v", path, f)
		case f.Type == frame.Headers && f.StreamID == id:
			return
		}
	}
}

// peak is the most memory that the process has had, in bytes.
func (p *process) peak() int64 {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		p.t.Skip("the system does not say how much memory a process has had")
	}
	kib, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return kib << 10
}

// TestMostMemory has clients ask for 133 files of 8 MiB, each on a stream without
// a window, within 64 MiB of cache: what is stored and what is sent reach that,
// and the process never has more than it has said at its start. One that reads is
// served.
func TestMostMemory(t *testing.T) {
	const files, size, limit = 133, 8 << 20, 64 << 20
	root := t.TempDir()
	for i := range files {
		name := filepath.Join(root, fmt.Sprint(i, ".bin"))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(name, size); err != nil { // takes no room on the disk
			t.Fatal(err)
		}
	}
	p := start(t, "-root", root, "-cache-bytes", "64MiB", "-max-conns", "64", "-max-handshakes", "16")
	said, ok := p.logged("memory: the most that clients can make it use")
	if !ok || said.Bytes == 0 {
		t.Fatalf("the start does not say how much memory there may be:\n%s", p.output())
	}
	s := p.stubborn()
	for i := range files {
		s.ask(fmt.Sprintf("/%d.bin", i))
	}
	s.ask("/0.bin")
	m := p.metrics()
	held := m[`hotpath_memory_bytes{kind="stored"}`] + m[`hotpath_memory_bytes{kind="sending"}`]
	aside := m[`hotpath_memory_bytes{kind="aside"}`]
	if held+aside < limit*7/8 || held+aside > limit || aside > limit*3/8 {
		t.Errorf("%.0f bytes are stored and being sent, %.0f set aside, of %d", held, aside, limit)
	}
	if cuts := int(m["hotpath_senders_cut_total"]); cuts < files-limit/size || s.cut < files-limit/size-2 {
		t.Errorf("%d cuts are counted, %d seen", cuts, s.cut)
	}
	if peak := p.peak(); peak > said.Bytes && !raceEnabled {
		t.Errorf("the process had %d MiB, and said %d", peak>>20, said.Bytes>>20)
	} else {
		t.Logf("%d MiB at most, of %d; %.2f s of processor time", peak>>20, said.Bytes>>20, m["process_cpu_seconds_total"])
	}
	if _, ok := p.logged(shortages[0]); !ok {
		t.Errorf("the log does not say that responses were cut")
	}
	r, err := p.client("h2").Get(p.url + "/7.bin")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if n, err := io.Copy(io.Discard, r.Body); n != size || err != nil {
		t.Errorf("a client that reads got %d bytes, %v", n, err)
	}
}
