package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// capitals is an upstream that agrees to any upgrade, says by which way it was
// asked, sends back lines in capitals, and says bye when no more come.
func capitals(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/lines" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n%s %s %s via %s\n",
			r.Header.Get("Upgrade"), r.Method, r.URL, r.Host, r.Header.Get("Via"))
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				break
			}
			_, _ = io.WriteString(c, strings.ToUpper(line))
		}
		_, _ = io.WriteString(c, "bye\n")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// connecting is a client that can send an extended CONNECT.
type connecting interface {
	http.RoundTripper
	CloseIdleConnections()
}

// TestTunnelThroughProxy: an extended CONNECT (RFC 8441) becomes an upgrade, and
// its stream a tunnel whose sides end one by one, beside others on the
// connection.
func TestTunnelThroughProxy(t *testing.T) {
	p := start(t, "-upstream", capitals(t))
	//lint:ignore SA1019 net/http's Transport refuses the name :protocol
	var c connecting = &http2.Transport{TLSClientConfig: &tls.Config{RootCAs: testIdentity(t).pool}}
	defer c.CloseIdleConnections()
	connect := func(path string) (*http.Response, *io.PipeWriter) {
		t.Helper()
		content, out := io.Pipe()
		r, err := http.NewRequest("CONNECT", p.url+path, content)
		if err != nil {
			t.Fatal(err)
		}
		r.Header[":protocol"] = []string{"lines"}
		got, err := c.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		return got, out
	}
	first, _ := http.NewRequest("GET", p.url+"/", nil) // the client has the server's settings then
	if r, err := c.RoundTrip(first); err != nil {
		t.Fatal(err)
	} else {
		_, _ = io.Copy(io.Discard, r.Body) // one that is closed before its end is reset
		_ = r.Body.Close()
	}
	if r, _ := connect("/other"); r.StatusCode != 403 {
		t.Errorf("an upgrade that is refused: %s", r.Status)
	} else {
		_ = r.Body.Close()
	}
	type open struct {
		*bufio.Reader
		out *io.PipeWriter
	}
	var all []open
	for range 20 {
		r, out := connect("/lines?x")
		if r.StatusCode != 200 || r.Header.Get("Upgrade") != "" {
			t.Fatalf("%s, %v", r.Status, r.Header)
		}
		defer r.Body.Close()
		all = append(all, open{bufio.NewReader(r.Body), out})
	}
	watchdog := time.AfterFunc(patience, func() { panic("a tunnel has stopped") })
	defer watchdog.Stop()
	read := func(o open, want string) {
		t.Helper()
		if got, err := o.ReadString('\n'); got != want {
			t.Fatalf("%.100q (%v), want %.100q", got, err, want)
		}
	}
	long := strings.Repeat("y", 1<<20) + "\n" // more than all windows
	for i, o := range all {
		read(o, "GET /lines?x "+strings.TrimPrefix(p.url, "https://")+" via 2.0 hotpath\n")
		_, _ = fmt.Fprintf(o.out, "hello %d\n", i)
		read(o, fmt.Sprintf("HELLO %d\n", i))
	}
	if n, took := p.sum("hotpath_origin_fetches_total", `outcome="ok"`), p.sum("hotpath_origin_fetch_duration_seconds_count"); n != 22 || took != 22 {
		t.Errorf("%v fetches are counted as ok, and the durations of %v, while 20 tunnels are open", n, took)
	}
	go func() { _, _ = io.WriteString(all[0].out, long) }()
	read(all[0], strings.ToUpper(long))
	for _, o := range all {
		_ = o.out.Close()
		read(o, "bye\n")
		if _, err := o.ReadByte(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	}
	p.eventually("the end of all streams", func() error {
		if n := p.sum("hotpath_streams_open"); n != 0 {
			return fmt.Errorf("%v are open", n)
		}
		return nil
	})
	if n := p.sum("hotpath_streams_reset_total"); n > 1 { // that of the refused one
		t.Errorf("%v streams were reset", n)
	}
}

// TestTunnelAtTheEnd: a server that stops waits for open tunnels no longer than
// for anything else, and the client sees their end.
func TestTunnelAtTheEnd(t *testing.T) {
	p := start(t, "-upstream", capitals(t), "-drain-timeout", "500ms")
	address := strings.TrimPrefix(p.url, "https://")
	h1, err := tls.Dial("tcp", address, &tls.Config{RootCAs: testIdentity(t).pool, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer h1.Close()
	_ = h1.SetDeadline(time.Now().Add(patience))
	_, _ = fmt.Fprintf(h1, "GET /lines HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\nhello\n")
	//lint:ignore SA1019 net/http's Transport refuses the name :protocol
	var c connecting = &http2.Transport{TLSClientConfig: &tls.Config{RootCAs: testIdentity(t).pool}}
	defer c.CloseIdleConnections()
	content, out := io.Pipe()
	r, err := http.NewRequest("CONNECT", p.url+"/lines", content)
	if err != nil {
		t.Fatal(err)
	}
	r.Header[":protocol"] = []string{"lines"}
	h2, err := c.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer h2.Body.Close()
	if _, err := io.WriteString(out, "hello\n"); err != nil {
		t.Fatal(err)
	}
	for _, side := range []io.Reader{h1, h2.Body} {
		if err := readUntil(side, "HELLO\n"); err != nil {
			t.Fatal(err)
		}
	}
	p.signal(syscall.SIGTERM)
	p.wantStopped()
	for _, side := range []io.Reader{h1, h2.Body} {
		if _, err := side.Read(make([]byte, 100)); err == nil {
			t.Error("a tunnel goes on")
		}
	}
}

// readUntil reads up to a line.
func readUntil(r io.Reader, line string) error {
	var all []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(all), line); all = append(all, b[0]) {
		if _, err := io.ReadFull(r, b); err != nil {
			return fmt.Errorf("after %q: %w", all, err)
		}
	}
	return nil
}
