package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	bin "encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// asked is how often the application was asked for a path.
func (p *process) asked(path string) int {
	p.t.Helper()
	r, err := p.client("h2").Get(p.url + "/counts")
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	counts := make(map[string]int)
	if err := json.NewDecoder(r.Body).Decode(&counts); err != nil {
		p.t.Fatal(err)
	}
	return counts[path]
}

// fetched is a response that was read.
type fetched struct {
	*http.Response
	body string
}

func (p *process) get(c *http.Client, path string) fetched {
	p.t.Helper()
	r, err := c.Get(p.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatalf("%s: %v", path, err)
	}
	return fetched{r, string(body)}
}

// TestUpstreamAssets: an asset comes from the upstream once, whatever clients
// ask, and each response says what the cache did.
func TestUpstreamAssets(t *testing.T) {
	upstreams(t, func(t *testing.T, p *process) {
		paths := []string{"/assets/style.css", "/assets/script.js", "/assets/icon.svg"}
		first := make(map[string]string)
		for i, protocol := range append(protocols, protocols...) {
			c := p.client(protocol)
			for _, path := range paths {
				r := p.get(c, path)
				want := "hotpath; hit"
				if i == 0 {
					want = "hotpath; fwd=uri-miss; fwd-status=200; stored"
					first[path] = r.body
				}
				if status := r.Header.Get("Cache-Status"); !strings.HasPrefix(status, want) {
					t.Errorf("%s over %s, time %d: Cache-Status %q, want %q", path, protocol, i+1, status, want)
				}
				if r.StatusCode != 200 || r.body == "" || r.body != first[path] {
					t.Errorf("%s over %s: %s %q", path, protocol, r.Status, r.body)
				}
			}
			if r := p.get(c, "/"); r.StatusCode != 200 || strings.Contains(r.Header.Get("Cache-Status"), "hit") {
				t.Errorf("a page that is not to be stored: %s, %v", r.Status, r.Header)
			}
			if r := p.get(c, "/none"); r.StatusCode != 404 || r.body != "no such page\n" {
				t.Errorf("a page that is not there: %s %q", r.Status, r.body)
			}
		}
		for _, path := range paths {
			if n := p.asked(path); n != 1 {
				t.Errorf("the application was asked %d times for %s", n, path)
			}
		}
	})
}

// TestUpstreamCookies: a cookie is for the one client that it was set for, also
// if the response calls itself public.
func TestUpstreamCookies(t *testing.T) {
	upstreams(t, func(t *testing.T, p *process) {
		seen := make(map[string]bool)
		for _, protocol := range append(protocols, protocols...) {
			r := p.get(p.client(protocol), "/session")
			cookie := r.Header.Get("Set-Cookie")
			if !strings.HasPrefix(cookie, "session=") || seen[cookie] || r.body != "new" {
				t.Errorf("%s: Set-Cookie %q after %v, %q", protocol, cookie, seen, r.body)
			}
			seen[cookie] = true
		}
		for _, name := range []string{"a=1", "b=2", "c=3; d=4"} {
			request, err := http.NewRequest("GET", p.url+"/whoami", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Cookie", name)
			r, err := p.client("h2").Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			_ = r.Body.Close()
			if err != nil || string(body) != name {
				t.Errorf("the client with %s is taken for %q (%v)", name, body, err)
			}
		}
	})
}

// uploadBytes is more than all windows and buffers on the way.
const uploadBytes = 5 << 20

func upload() []byte {
	b := make([]byte, uploadBytes)
	_, _ = rand.NewChaCha8([32]byte{3}).Read(b) // never fails
	return b
}

// wantUploaded checks what the application says of an upload.
func wantUploaded(t *testing.T, who, answer string) {
	t.Helper()
	var got struct {
		Size int
		Sum  string
	}
	sum := sha256.Sum256(upload())
	if err := json.Unmarshal([]byte(answer), &got); err != nil || got.Size != uploadBytes || got.Sum != hex.EncodeToString(sum[:]) {
		t.Errorf("%s: the application has got %q (%v)", who, answer, err)
	}
}

func TestUpstreamUploads(t *testing.T) {
	upstreams(t, func(t *testing.T, p *process) {
		for _, protocol := range protocols {
			for name, body := range map[string]io.Reader{
				"with a length":    bytes.NewReader(upload()),
				"without a length": io.MultiReader(bytes.NewReader(upload())),
			} {
				r, err := p.client(protocol).Post(p.url+"/upload", "application/octet-stream", body)
				if err != nil {
					t.Fatal(err)
				}
				answer, err := io.ReadAll(r.Body)
				_ = r.Body.Close()
				if err != nil || r.StatusCode != 201 {
					t.Errorf("%s: %s, %v", protocol, r.Status, err)
				}
				wantUploaded(t, protocol+" "+name, string(answer))
			}
		}
		testkit.Need(t, "curl")
		file := filepath.Join(t.TempDir(), "upload")
		if err := os.WriteFile(file, upload(), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"--http2"}, {"--http1.1"}, {"--http1.1", "-H", "Transfer-Encoding: chunked"}, {"--http1.1", "-H", "Expect: 100-continue"}} {
			out, err := output(t, "", "curl", append(args, "-sS", "--cacert", testIdentity(t).cert, "-H", "Content-Type: x/y", "--data-binary", "@"+file, p.url+"/upload")...)
			if err != nil {
				t.Fatal(err)
			}
			wantUploaded(t, strings.Join(args, " "), out)
		}
	})
}

// TestUpstreamEvents: server-sent events arrive one by one: the first before the
// last is made, however busy the machine is.
func TestUpstreamEvents(t *testing.T) {
	upstreams(t, func(t *testing.T, p *process) {
		for _, protocol := range protocols {
			r, err := p.client(protocol).Get(p.url + "/events")
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			var made, arrived []time.Time
			for lines := bufio.NewScanner(r.Body); lines.Scan(); {
				if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
					ms, err := strconv.ParseInt(text, 10, 64)
					if err != nil {
						t.Fatal(err)
					}
					made, arrived = append(made, time.UnixMilli(ms)), append(arrived, time.Now())
				}
			}
			if len(made) != 5 {
				t.Fatalf("%s: %d events", protocol, len(made))
			}
			if !arrived[0].Before(made[4]) {
				t.Errorf("%s: the first event arrived %v after it was made, when the last one was", protocol, arrived[0].Sub(made[0]))
			}
		}
	})
}

// TestUpstreamFiles: thousands of files of an nginx, twice, with each client.
func TestUpstreamFiles(t *testing.T) {
	p := start(t, append([]string{"-upstream", startNginx(t, "http://127.0.0.1:9")}, cached...)...)
	var all []resource
	for _, r := range testSite(t).resources {
		if !strings.HasSuffix(r.path, "/") && r.size > 0 {
			r.path = "/files" + r.path
			all = append(all, r)
		}
	}
	if len(all) < 1000 {
		t.Fatalf("%d files", len(all))
	}
	for _, protocol := range append(protocols, protocols...) {
		fetchAll(t, p.client(protocol), p.url, all)
	}
	if hits := p.sum("hotpath_requests_total", `cache="hit"`); hits < 2*float64(len(all)) {
		t.Errorf("%v hits of %d requests", hits, 4*len(all))
	}
}

// TestUpstreamLoad: the load generator gets what a browser gets.
func TestUpstreamLoad(t *testing.T) {
	program, err := testkit.Program(scratch, "github.com/e0ac7cd4/hotpath/loadgen")
	if err != nil {
		t.Fatal(err)
	}
	upstreams(t, func(t *testing.T, p *process) {
		for _, path := range []string{"/assets/style.css", "/"} {
			_, err := output(t, "", program, "-target", p.url+path, "-rate", "300", "-duration", "1s", "-connections", "4", "-streams", "4",
				"-cacert", testIdentity(t).cert, "-slo", "errors<=0", "-json")
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		if n := p.asked("/assets/style.css"); n != 1 {
			t.Errorf("the application was asked %d times for an asset", n)
		}
	})
}

// TestUpstreamWebSocket: an upgrade in HTTP/1.1.
func TestUpstreamWebSocket(t *testing.T) {
	upstreams(t, func(t *testing.T, p *process) {
		c, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "https://"), &tls.Config{RootCAs: testIdentity(t).pool, NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(c, "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		br := bufio.NewReader(c)
		r, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != 101 || r.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || r.Header.Get("Upgrade") != "websocket" {
			t.Fatalf("%s, %v", r.Status, r.Header)
		}
		read := func() (opcode byte, payload string) {
			t.Helper()
			head := make([]byte, 2)
			if _, err := io.ReadFull(br, head); err != nil {
				t.Fatal(err)
			}
			n := int64(head[1])
			switch n {
			case 126:
				var n16 uint16
				err = bin.Read(br, bin.BigEndian, &n16)
				n = int64(n16)
			case 127:
				err = bin.Read(br, bin.BigEndian, &n)
			}
			b := make([]byte, n)
			if _, readErr := io.ReadFull(br, b); err != nil || readErr != nil {
				t.Fatal(err, readErr)
			}
			return head[0] & 15, string(b)
		}
		// write sends a frame whose mask is zero: the payload stays as it is.
		write := func(opcode byte, payload string) {
			t.Helper()
			b := bin.BigEndian.AppendUint64([]byte{0x80 | opcode, 0x80 | 127}, uint64(len(payload)))
			if _, err := c.Write(append(append(b, 0, 0, 0, 0), payload...)); err != nil {
				t.Fatal(err)
			}
		}
		if _, text := read(); text != "via 1.1 hotpath" {
			t.Errorf("greeted with %q", text)
		}
		for _, text := range []string{"a", "hello", strings.Repeat("x", 70_000), strings.Repeat("y", 1<<20)} {
			write(1, text)
			if opcode, got := read(); opcode != 1 || got != text {
				t.Errorf("opcode %d, %.80q for %.80q", opcode, got, text)
			}
		}
		write(8, "\x03\xe8bye")
		if opcode, got := read(); opcode != 8 || got != "\x03\xe8bye" {
			t.Errorf("opcode %d, %q at the end", opcode, got)
		}
		if _, err := br.ReadByte(); err != io.EOF {
			t.Errorf("behind the end: %v", err)
		}
		c.Close()
		p.eventually("the tunnel's end", func() error {
			if n := p.sum("hotpath_request_duration_seconds_count"); n != 0 {
				t.Errorf("a tunnel counts as a response of that duration: %v", n)
			}
			if n := p.sum("hotpath_connection_permits_in_use"); n != 0 {
				return fmt.Errorf("%v connections are open", n)
			}
			return nil
		})
	})
}

// TestUpstreamGetsTheLength: an upload of a known length has it at the upstream,
// too: there are servers that take no chunks.
func TestUpstreamGetsTheLength(t *testing.T) {
	framing := make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		framing <- fmt.Sprintln(r.ContentLength, r.TransferEncoding, n, err)
	}))
	defer upstream.Close()
	p := start(t, "-upstream", upstream.URL)
	for _, protocol := range protocols {
		for _, c := range []struct {
			what string
			body io.Reader
			want string
		}{
			{"a known length", strings.NewReader("hello"), "5 [] 5 <nil>\n"},
			{"an unknown length", io.MultiReader(strings.NewReader("hello")), "-1 [chunked] 5 <nil>\n"},
		} {
			r, err := p.client(protocol).Post(p.url+"/", "text/plain", c.body)
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			if got := <-framing; got != c.want {
				t.Errorf("%s over %s: the upstream gets %q, want %q", c.what, protocol, got, c.want)
			}
		}
	}
}
