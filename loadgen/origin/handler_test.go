package origin

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// started is an origin that runs.
type started struct {
	url    string
	client *http.Client
	stop   func() Count
}

// start serves rules. protocol is "http/1.1", "h2", or without TLS "h2c" or "" for
// HTTP/1.1.
func start(t *testing.T, protocol, rules string) *started {
	t.Helper()
	return startWith(t, protocol, rules, 0)
}

// startWith has a limit for writes.
func startWith(t *testing.T, protocol, rules string, limit time.Duration) *started {
	t.Helper()
	parsed, err := Parse("rules", rules)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Rules: parsed, Seed: 1, Connections: 100, limit: limit}
	s := &started{url: "http://" + l.Addr().String()}
	transport := &http.Transport{DisableCompression: true}
	switch protocol {
	case "":
	case "h2c":
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetUnencryptedHTTP2(true)
	default:
		identity := testkit.NewIdentity()
		cfg.Certificate = &identity.TLS
		s.url = "https://" + l.Addr().String()
		transport.TLSClientConfig = &tls.Config{RootCAs: identity.Pool(), NextProtos: []string{protocol}}
		transport.ForceAttemptHTTP2 = protocol == "h2"
	}
	s.client = &http.Client{Transport: transport, Timeout: 10 * time.Second}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan Count, 1)
	go func() {
		n, err := Serve(ctx, l, cfg)
		if err != nil {
			t.Error(err)
		}
		done <- n
	}()
	s.stop = func() Count {
		cancel()
		transport.CloseIdleConnections()
		n := <-done
		done <- n
		return n
	}
	t.Cleanup(func() { s.stop() })
	return s
}

// get asks for a path, and reads what comes.
func (s *started) get(t *testing.T, path string, fields ...string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, text, err
}

// settled is the count once no request is in flight: a handler may end after its
// answer has come.
func (s *started) settled(t *testing.T) Count {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		n, err := Fetch(t.Context(), s.client, s.url+"/")
		if err != nil {
			t.Fatal(err)
		}
		if n.InFlight == 0 || time.Now().After(end) {
			return n
		}
	}
}

var everyProtocol = []string{"", "http/1.1", "h2", "h2c"}

// TestAnswers: what rules say is what comes, over each protocol.
func TestAnswers(t *testing.T) {
	for _, protocol := range everyProtocol {
		t.Run(protocol, func(t *testing.T) {
			s := start(t, protocol, `/item/* size=10k cache-control="max-age=60" vary=accept-language age=5 type=text/css header="X-A: b"
/weak etag=weak size=1
/gone status=410 size=5
/none status=204
/flaky errors=503:100%`)
			resp, text, err := s.get(t, "/item/1")
			if err != nil || resp.StatusCode != 200 || len(text) != 10<<10 {
				t.Fatalf("%v, %v, %d bytes", err, resp, len(text))
			}
			for name, want := range map[string]string{
				"Cache-Control": "max-age=60", "Vary": "accept-language", "Age": "5", "Content-Type": "text/css", "X-A": "b",
				"Content-Length": "10240", "Last-Modified": oldest.Format(http.TimeFormat),
			} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if _, again, _ := s.get(t, "/item/1"); !bytes.Equal(text, again) {
				t.Error("the second answer has other bytes")
			}
			if _, other, _ := s.get(t, "/item/1", "Accept-Language", "de"); bytes.Equal(text, other) {
				t.Error("another variant has the same bytes")
			}
			if _, other, _ := s.get(t, "/item/2"); bytes.Equal(text, other) {
				t.Error("another path has the same bytes")
			}
			tag := resp.Header.Get("ETag")
			if resp, text, _ := s.get(t, "/item/1", "If-None-Match", tag); resp.StatusCode != 304 || len(text) != 0 || resp.Header.Get("ETag") != tag {
				t.Errorf("its ETag is answered %d", resp.StatusCode)
			}
			if resp, part, _ := s.get(t, "/item/1", "Range", "bytes=100-199"); resp.StatusCode != 206 || !bytes.Equal(part, text[100:200]) {
				t.Errorf("a range is answered %d with %d bytes", resp.StatusCode, len(part))
			}
			if resp, _, _ := s.get(t, "/weak"); !strings.HasPrefix(resp.Header.Get("ETag"), `W/"`) {
				t.Errorf("a weak ETag is %q", resp.Header.Get("ETag"))
			}
			if resp, text, _ := s.get(t, "/gone"); resp.StatusCode != 410 || len(text) != 5 {
				t.Errorf("another status is %d with %q", resp.StatusCode, text)
			}
			if resp, text, err := s.get(t, "/none"); resp.StatusCode != 204 || len(text) != 0 || err != nil {
				t.Errorf("no content is %d with %q, %v", resp.StatusCode, text, err)
			}
			if resp, text, _ := s.get(t, "/flaky"); resp.StatusCode != 503 || string(text) != "503 Service Unavailable\n" {
				t.Errorf("an error is %d with %q", resp.StatusCode, text)
			}
			if resp, text, _ := s.get(t, "/none/of/them/"); resp.StatusCode != 200 || len(text) != 1<<10 || resp.Header.Get("Cache-Control") != "max-age=60" {
				t.Errorf("what no rule matches is %d with %d bytes", resp.StatusCode, len(text))
			}
			resp, err = s.client.Post(s.url+"/item/1", "text/plain", strings.NewReader("content"))
			if err != nil || resp.StatusCode != 200 {
				t.Errorf("a POST: %v", err)
			} else {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			if resp, err := s.client.Head(s.url + "/item/1"); err != nil || resp.ContentLength != 10<<10 {
				t.Errorf("a HEAD: %v", err)
			} else {
				resp.Body.Close()
			}
			n := s.settled(t)
			if n.Requests != 13 || n.Whole != 13 || n.InFlight != 0 || n.Errors != 1 || n.BytesIn != 7 || n.Rules[0].Requests != 8 || n.Rules[5].Requests != 1 ||
				n.Statuses["304"] != 1 || n.Statuses["206"] != 1 || n.Statuses["200"] != 8 {
				t.Errorf("counted %+v", n)
			}
			if _, metrics, _ := s.get(t, MetricsPath); !strings.Contains(string(metrics), `hotpath_origin_requests_total{path="/item/*"} 8`) {
				t.Errorf("metrics: %s", metrics)
			}
			if end := s.stop(); end.Requests != 13 || end.Whole != 13 {
				t.Errorf("at the end %+v", end)
			}
		})
	}
}

// TestContent: the bytes are the same in whatever pieces they are read.
func TestContent(t *testing.T) {
	whole, err := io.ReadAll(newContent(resource{id: 3, size: 200_000}))
	if err != nil || len(whole) != 200_000 {
		t.Fatal(len(whole), err)
	}
	if err := iotest.TestReader(newContent(resource{id: 3, size: 200_000}), whole); err != nil {
		t.Error(err)
	}
}

// TestBroken: contents are broken off as the rule says, which no client takes
// for whole, and the count says how many.
func TestBroken(t *testing.T) {
	for _, protocol := range everyProtocol {
		for _, kind := range breakages {
			t.Run(protocol+" "+kind, func(t *testing.T) {
				t.Parallel()
				s := start(t, protocol, "/x size=100k hold=300ms break="+kind+":100%")
				begin := time.Now()
				resp, text, err := s.get(t, "/x")
				took := time.Since(begin)
				if err == nil {
					t.Fatalf("it came whole: %d bytes", len(text))
				}
				if kind == "silent" != (resp == nil) {
					t.Errorf("the head: %v", resp)
				}
				if resp != nil && kind != "reset" && len(text) != 50<<10 {
					t.Errorf("%d bytes came, want half of 100k", len(text))
				}
				if waits := kind == "endless" || kind == "silent"; waits != (took >= 300*time.Millisecond) {
					t.Errorf("it took %v", took)
				}
				if kind == "endless" && resp != nil && resp.ContentLength != -1 {
					t.Errorf("what is endless has content-length %d", resp.ContentLength)
				}
				if kind == "reset" && protocol == "" && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("the connection ended with %v", err)
				}
				deadline := time.Now().Add(5 * time.Second)
				for {
					n, err := Fetch(t.Context(), s.client, s.url)
					if err != nil {
						t.Fatal(err)
					}
					if n.Requests >= 1 && n.Requests == n.Broken && n.InFlight == 0 { // net/http may try twice
						break
					}
					if time.Now().After(deadline) {
						t.Fatalf("counted %+v", n)
					}
					time.Sleep(5 * time.Millisecond)
				}
			})
		}
	}
}

// TestEndlessChunk: the chunk that goes on has a size that never comes.
func TestEndlessChunk(t *testing.T) {
	s := start(t, "", "/x size=8k hold=200ms break=endless:100%")
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
	text, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	chunks := strings.Split(string(text), "\r\n")
	size, last := 0, chunks[len(chunks)-1]
	if _, err := fmt.Sscanf(chunks[len(chunks)-2], "%x", &size); err != nil || size == 0 || last != "" {
		t.Errorf("the last chunk is of %d bytes and has %d: %v", size, len(last), err)
	}
}

// TestDrip: a content comes at its rate, piece by piece.
func TestDrip(t *testing.T) {
	for _, protocol := range everyProtocol {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			s := start(t, protocol, "/x size=4k drip=10k")
			begin := time.Now()
			first := time.Duration(0)
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotFirstResponseByte: func() { first = time.Since(begin) }})
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/x", nil)
			resp, err := s.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			took := time.Since(begin)
			if err != nil || len(text) != 4<<10 || took < 390*time.Millisecond || took-first < 100*time.Millisecond {
				t.Errorf("%d bytes in %v, the first after %v: %v; want 4k in 400ms", len(text), took, first, err)
			}
		})
	}
}

// TestWriteLimit: a client that reads is not cut off by the limit for writes, however
// long its connection was idle, a piece is waited for, or an end that never comes.
func TestWriteLimit(t *testing.T) {
	for _, protocol := range everyProtocol {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			const limit = 200 * time.Millisecond
			s := startWith(t, protocol, "/x size=10\n/late size=10 latency=500ms\n/drip size=128 drip=160\n/endless size=10k break=endless:100% hold=600ms", limit)
			resp, _, err := s.get(t, "/x")
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * limit)
			if resp, _, err := s.get(t, "/x", "If-None-Match", resp.Header.Get("ETag")); err != nil || resp.StatusCode != 304 {
				t.Errorf("after a rest: %v", err)
			}
			if _, _, err := s.get(t, "/late"); err != nil {
				t.Errorf("after a latency: %v", err)
			}
			if _, text, err := s.get(t, "/drip"); err != nil || len(text) != 128 {
				t.Errorf("pieces of 400ms: %d bytes, %v", len(text), err)
			}
			time.Sleep(2 * limit)
			n, err := Fetch(t.Context(), s.client, s.url)
			if err != nil || n.Connections != 1 {
				t.Errorf("over %d connections, %v", n.Connections, err)
			}
			begin := time.Now()
			if _, _, err := s.get(t, "/endless"); err == nil || time.Since(begin) < 600*time.Millisecond {
				t.Errorf("what is endless ended in %v: %v", time.Since(begin), err)
			}
		})
	}
}

// TestClientStops: a client that does not read is given up at the limit.
func TestClientStops(t *testing.T) {
	s := startWith(t, "", "/x size=100M", 100*time.Millisecond)
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
	deadline := time.Now().Add(5 * time.Second)
	for {
		n, err := Fetch(t.Context(), s.client, s.url)
		if err != nil {
			t.Fatal(err)
		}
		if n.Abandoned == 1 && n.InFlight == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("counted %+v", n)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestClientGoes: what a client does not wait for is counted as abandoned, and
// ends at once.
func TestClientGoes(t *testing.T) {
	for _, protocol := range everyProtocol {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			s := start(t, protocol, "/x latency=1m")
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/x", nil)
			if _, err := s.client.Do(req); err == nil {
				t.Fatal("it was answered")
			}
			deadline := time.Now().Add(5 * time.Second)
			for {
				n, err := Fetch(t.Context(), s.client, s.url)
				if err != nil {
					t.Fatal(err)
				}
				if n.Abandoned == 1 && n.InFlight == 0 {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("counted %+v", n)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
}

// TestEnd: the end waits for what is answered soon, and for nothing longer.
func TestEnd(t *testing.T) {
	s := start(t, "", "/soon latency=200ms\n/late latency=1m\n/endless size=10k hold=10m break=endless:100%")
	results := make(chan error, 3)
	for _, path := range []string{"/soon", "/late", "/endless"} {
		go func() {
			_, _, err := s.get(t, path)
			results <- err
		}()
	}
	for n := (Count{}); n.Requests < 3; time.Sleep(5 * time.Millisecond) {
		var err error
		if n, err = Fetch(t.Context(), s.client, s.url); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	n := s.stop()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	failed := 0
	for range 3 {
		if <-results != nil {
			failed++
		}
	}
	if failed != 2 || n.Whole != 1 {
		t.Errorf("%d of 3 failed, counted %+v; want two", failed, n)
	}
}

// TestLimit: no more connections are open than are allowed, and the others get
// their turn.
func TestLimit(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := Serve(ctx, l, Config{Connections: 1})
		done <- err
	}()
	first, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(c net.Conn, patience time.Duration) error {
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		_ = c.SetReadDeadline(time.Now().Add(patience))
		_, err := c.Read(make([]byte, 1))
		return err
	}
	if err := ask(first, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	second, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := ask(second, 100*time.Millisecond); err == nil {
		t.Error("a second connection is served beside the first")
	}
	first.Close()
	if err := ask(second, 5*time.Second); err != nil {
		t.Errorf("once there is room: %v", err)
	}
	begin := time.Now()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it ended in %v while the next connection waited for room", took)
	}
	if _, err := Serve(t.Context(), l, Config{}); err == nil {
		t.Error("no connections at all pass")
	}
}

// TestDifference: counts of one origin have a difference, counts of two have an
// error.
func TestDifference(t *testing.T) {
	earlier := Count{Requests: 5, Whole: 5, Statuses: map[string]uint64{"200": 5, "404": 1}, Rules: []RuleCount{{"*", 5}}}
	later := Count{Requests: 8, Whole: 7, InFlight: 1, Statuses: map[string]uint64{"200": 8, "404": 1}, Rules: []RuleCount{{"*", 8}}}
	d, err := Difference(earlier, later)
	if err != nil || d.Requests != 3 || d.Whole != 2 || d.InFlight != 1 || len(d.Statuses) != 1 || d.Statuses["200"] != 3 || d.Rules[0].Requests != 3 {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := Difference(later, earlier); err == nil || !strings.Contains(err.Error(), "started again") {
		t.Errorf("a count that falls: %v", err)
	}
}
