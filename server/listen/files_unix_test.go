//go:build unix

package listen

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/metrics"
)

func init() {
	roles["descriptors"] = playDescriptors
	roles["starving"] = playStarving
}

// child is a process of its own in a role. It prints a line at a time, and ends
// when its standard input does.
type child struct {
	*testing.T
	in  io.WriteCloser
	out *bufio.Reader
}

func newChild(t *testing.T, role string) *child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{t, in, bufio.NewReader(out)}
	t.Cleanup(func() {
		in.Close()
		_, _ = io.Copy(io.Discard, c.out)
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("the process in the role %s: %v", role, err)
		}
	})
	return c
}

// scan reads the child's next line as its format.
func (c *child) scan(format string, into ...any) {
	c.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.Fatalf("reading from the child: %v after %q", err, line)
	}
	if _, err := fmt.Sscanf(line, format, into...); err != nil {
		c.Fatalf("the child says %q: %v", line, err)
	}
}

// must ends a child whose set-up failed.
func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// limits are pairs that a process can have one after the other: the hard limit
// only falls.
var limits = []struct{ soft, hard uint64 }{
	{256, 4096}, {4096, 4096}, {100, 4096}, {600, 600}, {100, 100},
}

func playDescriptors() {
	for _, l := range limits {
		must(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: l.soft, Max: l.hard}))
		limit, err := RaiseFileLimit()
		must(err)
		var now unix.Rlimit
		must(unix.Getrlimit(unix.RLIMIT_NOFILE, &now))
		fmt.Println(limit, now.Cur)
	}
}

// TestRaiseFileLimit: the soft limit becomes the hard one, and is returned.
func TestRaiseFileLimit(t *testing.T) {
	c := newChild(t, "descriptors")
	for _, l := range limits {
		var limit, raised uint64
		c.scan("%d %d", &limit, &raised)
		if limit != l.hard || raised != l.hard {
			t.Errorf("soft %d, hard %d: %d is returned, and raised to %d; want %d", l.soft, l.hard, limit, raised, l.hard)
		}
	}
}

// starvingFiles is how many descriptors the starving server has: a dozen for
// itself, and far fewer for connections than there are clients.
const starvingFiles = 64

// playStarving serves on an address that it prints. For each line that comes it
// prints how long a second of sleep was, how much CPU time it took in it, how often
// accepting failed in it, and counts.
func playStarving() {
	must(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: starvingFiles, Max: starvingFiles}))
	cfg := testConfig(testkit.NewIdentity().TLS, http.HandlerFunc(teapot), io.Discard)
	cfg.HelloTimeout, cfg.HandshakeTimeout = time.Hour, time.Hour
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	go func() { must(New(cfg).Serve(l)) }()
	fmt.Println(l.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		before, failed, began := cpuTime(), cfg.Metrics.AcceptErrors.Value(), time.Now()
		time.Sleep(time.Second)
		errors := cfg.Metrics.AcceptErrors.Value()
		fmt.Println(time.Since(began).Microseconds(), (cpuTime() - before).Microseconds(), errors-failed, errors,
			cfg.Metrics.ConnectionsRefused.Value(metrics.RefuseDescriptors), cfg.Metrics.PermitsInUse.Value())
	}
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u unix.Rusage
	must(unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Out of descriptors the server does not spin, closes new connections as soon as it
// can, and takes connections again when some are free.
func TestOutOfDescriptors(t *testing.T) {
	server := newChild(t, "starving")
	var address string
	server.scan("%s", &address)
	const clients = 2 * starvingFiles
	var open []net.Conn
	for range clients {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		open = append(open, nc)
	}
	_ = open[clients-1].SetReadDeadline(time.Now())
	if _, err := open[clients-1].Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the last of the queue: %v, want it to wait", err)
	}

	var slept, used int64 // µs
	var often, failed, refused uint64
	var served int64
	for range 10 { // until all that could be taken are
		fmt.Fprintln(server.in)
		server.scan("%d %d %d %d %d %d", &slept, &used, &often, &failed, &refused, &served)
		// After each failure it waits for minBackoff at least, however loaded
		// the machine is.
		if most := uint64(slept/minBackoff.Microseconds()) + 2; often > most {
			t.Errorf("accepting failed %d times in %d µs, want %d at most", often, slept, most)
		}
		if failed > 0 && refused > 0 {
			break
		}
	}
	if used > slept/2 {
		t.Errorf("out of descriptors it takes %d µs of CPU time in %d", used, slept)
	}
	if failed == 0 || refused == 0 || refused > failed {
		t.Errorf("%d accepts failed, %d connections were closed", failed, refused)
	}
	if served < starvingFiles/2 || served >= starvingFiles {
		t.Errorf("%d connections with %d descriptors", served, starvingFiles)
	}

	for _, nc := range open {
		nc.Close()
	}
	// A connection that the server finds before it finds the free descriptors
	// may still be closed.
	free := time.Now()
	var c *tls.Conn
	for {
		var err error
		c, err = tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err == nil {
			break
		}
		if time.Since(free) > patience {
			t.Fatalf("%v after descriptors were free: %v", patience, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, "GET /hit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if r, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.HasPrefix(r, "HTTP/1.1 ") {
		t.Errorf("%q, %v", r, err)
	}
}
