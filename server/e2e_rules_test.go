package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// echoing is an upstream that says what it was asked with, and what it has read.
type echoing struct {
	url string

	mu   sync.Mutex
	last http.Header
	read int64
	err  error // with which the content ended
	n    int
}

func newEchoing(t *testing.T) *echoing {
	t.Helper()
	e := new(echoing)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		e.mu.Lock()
		e.last, e.read, e.err = r.Header.Clone(), n, err
		e.n++
		e.mu.Unlock()
		w.Header().Set("X-Powered-By", "echo")
		w.Header().Set("ETag", `"1"`)
		switch {
		case strings.HasPrefix(r.URL.Path, "/fail"):
			http.Error(w, "the upstream's own words", http.StatusBadGateway)
		case strings.HasPrefix(r.URL.Path, "/stale"):
			w.Header().Set("Cache-Control", "max-age=0, stale-while-revalidate=60")
			fmt.Fprint(w, "stale at once")
		case r.Method == "GET":
			w.Header().Set("Cache-Control", "public, max-age=60")
			fmt.Fprint(w, "content of ", r.URL.Path)
		default:
			fmt.Fprint(w, n)
		}
	}))
	t.Cleanup(s.Close)
	e.url = s.URL
	return e
}

func (e *echoing) seen() (header http.Header, read int64, n int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last, e.read, e.n, e.err
}

// do sends a request whose fields are names and values in turn.
func (p *process) do(c *http.Client, method, path string, content io.Reader, pairs ...string) fetched {
	p.t.Helper()
	r, err := http.NewRequest(method, p.url+path, content)
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := c.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatalf("%s: %v", path, err)
	}
	return fetched{answer, string(body)}
}

// TestRuleFields: fields are set and removed in requests to the upstream, and in
// every answer: of the upstream, of what is stored, of conditions, ranges, errors,
// redirects and files.
func TestRuleFields(t *testing.T) {
	up := newEchoing(t)
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.txt"), []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	const answers = "  response-headers: {set: {Strict-Transport-Security: max-age=31536000}, remove: [Server, X-Powered-By]}\n"
	c := startConfigured(t, "sites:\n- default: true\n  upstream: "+up.url+"\n  request-headers: {set: {X-Edge: one}, remove: [X-Secret]}\n"+answers+
		"  redirects: [{from: /old, to: /new}]\n- hosts: [files.test]\n  root: "+root+"\n"+answers)
	for _, protocol := range protocols {
		client := c.client(protocol)
		for why, tt := range map[string]struct {
			method, path string
			status       int
			pairs        []string
		}{
			"a miss or a hit":                   {"GET", "/a", 200, nil},
			"a hit":                             {"GET", "/a", 200, nil},
			"a condition":                       {"GET", "/a", 304, []string{"If-None-Match", `"1"`}},
			"a range":                           {"GET", "/a", 206, []string{"Range", "bytes=0-1"}},
			"a range beyond":                    {"GET", "/a", 416, []string{"Range", "bytes=100-"}},
			"a request that is passed on":       {"POST", "/a", 200, []string{"X-Secret", "x"}},
			"an error of the upstream":          {"GET", "/fail", 502, nil},
			"a redirect":                        {"GET", "/old", 308, nil},
			"an error of ours":                  {"TRACE", "/a", 405, nil},
			"nothing that is stored, on demand": {"GET", "/never", 504, []string{"Cache-Control", "only-if-cached"}},
		} {
			for range 3 { // so that the connection remembers the request
				r := c.do(client, tt.method, tt.path, nil, tt.pairs...)
				if got := r.Header.Get("Strict-Transport-Security"); r.StatusCode != tt.status || got != "max-age=31536000" || r.Header["Server"] != nil || r.Header["X-Powered-By"] != nil {
					t.Errorf("%s, %s: %s, want %d, with %v", protocol, why, r.Status, tt.status, r.Header)
				}
			}
		}
		c.do(client, "POST", "/a", nil, "X-Secret", "x", "X-Edge", "forged")
		if header, _, _, _ := up.seen(); header.Get("X-Edge") != "one" || header.Get("X-Secret") != "" {
			t.Errorf("%s: the upstream got %v", protocol, header)
		}
		for path, status := range map[string]int{"/a.txt": 200, "/none": 404} {
			for range 3 {
				r, err := http.NewRequest("GET", c.url+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Host = "files.test"
				got, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_ = got.Body.Close()
				if got.StatusCode != status || got.Header.Get("Strict-Transport-Security") == "" || got.Header["Server"] != nil {
					t.Errorf("%s, the file %s: %s with %v", protocol, path, got.Status, got.Header)
				}
			}
		}
	}
	// What is stored has the rules in it: others are other entries.
	c.reload("sites:\n- default: true\n  upstream: " + up.url + "\n  response-headers: {set: {X-New: yes}}\n")
	for range 3 {
		if r := c.do(c.client("h2"), "GET", "/a", nil); r.Header.Get("X-New") != "yes" || r.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("after the reload: %v", r.Header)
		}
	}
}

// TestRuleGuard: redirects, addresses and maintenance bind hits, also of a connection
// that remembers the request, from the reload on that asks for them.
func TestRuleGuard(t *testing.T) {
	up := newEchoing(t)
	page := filepath.Join(t.TempDir(), "down.html")
	if err := os.WriteFile(page, []byte("<p>back soon"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := "sites:\n- default: true\n  upstream: " + up.url + "\n"
	c := startConfigured(t, open)
	clients := map[string]*http.Client{}
	for _, protocol := range protocols {
		clients[protocol] = c.client(protocol)
	}
	for why, tt := range map[string]struct {
		rule     string
		status   int
		body     string
		location string
		retry    string
	}{
		"who is denied":                     {"  deny: [127.0.0.0/8, '::1']\n", 403, "", "", ""},
		"who is not allowed":                {"  allow: 192.0.2.0/24\n", 403, "", "", ""},
		"who is denied and allowed":         {"  allow: [127.0.0.0/8, '::1']\n  deny: [127.0.0.0/8, '::1']\n", 403, "", "", ""},
		"who is allowed":                    {"  allow: [127.0.0.0/8, '::1']\n", 200, "content of /a/b", "", ""},
		"a path that leads elsewhere":       {"  redirects: [{from: /a/*, to: 'https://other.test/x/*', status: 302}]\n", 302, "", "https://other.test/x/b?q=1", ""},
		"maintenance":                       {"  maintenance: {on: true, page: " + page + ", retry-after: 90s}\n", 503, "<p>back soon", "", "90"},
		"maintenance for others":            {"  maintenance: {on: true, allow: [127.0.0.0/8, '::1']}\n", 200, "content of /a/b", "", ""},
		"maintenance with a page of errors": {"  maintenance: {on: true}\n  errors: {pages: {5xx: " + page + "}}\n", 503, "<p>back soon", "", "300"},
	} {
		c.reload(open)
		for _, client := range clients {
			for range 4 {
				if r := c.do(client, "GET", "/a/b?q=1", nil); r.StatusCode != 200 {
					t.Fatalf("without rules: %s", r.Status)
				}
			}
		}
		c.reload(open + tt.rule)
		for protocol, client := range clients {
			for range 4 {
				r := c.do(client, "GET", "/a/b?q=1", nil)
				if r.StatusCode != tt.status || tt.body != "" && r.body != tt.body || r.Header.Get("Location") != tt.location || r.Header.Get("Retry-After") != tt.retry {
					t.Errorf("%s, %s: %s %q with %v", protocol, why, r.Status, r.body, r.Header)
				}
			}
		}
	}
}

// TestRuleUsers: those who sign in alone get what is stored, over one
// connection too; a change of the file counts without a reload, a broken one does not.
func TestRuleUsers(t *testing.T) {
	up := newEchoing(t)
	file := filepath.Join(t.TempDir(), "users")
	write := func(text string) {
		t.Helper()
		err := os.WriteFile(file+".new", []byte(text), 0o600)
		if err == nil {
			err = os.Rename(file+".new", file)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	hash := func(password string) string {
		h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		return string(must(t, h, err))
	}
	write("ann:" + hash("secret") + "\nbob:" + hash("other") + "\n")
	c := startConfigured(t, "sites:\n- default: true\n  upstream: "+up.url+"\n  basic-auth: {users: "+file+", realm: the house}\n- hosts: [open.test]\n  upstream: "+up.url+"\n")
	const ann, bob, wrong = "Basic YW5uOnNlY3JldA==", "Basic Ym9iOm90aGVy", "Basic YW5uOndyb25n"
	for _, protocol := range protocols {
		client := c.client(protocol)
		for range 3 {
			for _, who := range []string{ann, bob} {
				r := c.do(client, "GET", "/"+protocol, nil, "Authorization", who)
				if r.StatusCode != 200 || strings.Join(r.Header["Cache-Control"], ", ") != "public, max-age=60, private" {
					t.Errorf("%s: a user is answered %s, %q", protocol, r.Status, r.Header["Cache-Control"])
				}
			}
			for _, pairs := range [][]string{nil, {"Authorization", wrong}, {"Authorization", "Basic ???"}} {
				r := c.do(client, "GET", "/"+protocol, nil, pairs...)
				if r.StatusCode != 401 || r.Header.Get("WWW-Authenticate") != `Basic realm="the house", charset="UTF-8"` || strings.Contains(r.body, "content of") {
					t.Errorf("%s: with %q: %s %q", protocol, pairs, r.Status, r.body)
				}
			}
		}
		if header, _, _, _ := up.seen(); header.Get("Authorization") != "" {
			t.Error("the upstream has got the credentials")
		}
	}
	if _, _, n, _ := up.seen(); n != len(protocols) {
		t.Errorf("the upstream was asked %d times, want once for each path: what is stored is for all users", n)
	}
	client := c.client("h2")
	for range 2 {
		c.do(client, "GET", "/stale", nil, "Authorization", ann)
	}
	c.eventually("a revalidation in the background", func() error {
		header, _, n, _ := up.seen()
		if n < 4 {
			return fmt.Errorf("%d requests", n)
		}
		if header.Get("Authorization") != "" {
			t.Error("it has the credentials of the user whose hit began it")
		}
		return nil
	})
	write("broken\n")
	c.eventually("the broken file to be reported", func() error {
		if !strings.Contains(c.output(), "the users of a site cannot be read") {
			return errors.New("it is not")
		}
		return nil
	})
	if r := c.do(client, "GET", "/h2", nil, "Authorization", ann); r.StatusCode != 200 {
		t.Errorf("with a broken file a user is answered %s", r.Status)
	}
	write("bob:" + hash("other") + "\n")
	c.eventually("the user to be gone", func() error {
		if r := c.do(client, "GET", "/h2", nil, "Authorization", ann); r.StatusCode != 401 {
			return errors.New(r.Status)
		}
		return nil
	})
}

// TestRuleUsersFlood: while passwords are guessed, another site's hits are answered,
// and guesses beyond the limit are refused.
func TestRuleUsersFlood(t *testing.T) {
	up := newEchoing(t)
	h, err := bcrypt.GenerateFromPassword([]byte("secret"), 10)
	file := writeFile(t, "ann:"+string(must(t, h, err))+"\n")
	c := startConfigured(t, "sites:\n- default: true\n  upstream: "+up.url+"\n- hosts: [closed.test]\n  upstream: "+up.url+"\n  basic-auth: {users: "+file+"}\n")
	c.do(c.client("h2"), "GET", "/a", nil)
	var guesses sync.WaitGroup
	var mu sync.Mutex
	statuses := make(map[int]int)
	guesser := c.client("h2")
	for i := range 64 {
		guesses.Go(func() {
			r, err := http.NewRequest("GET", c.url+"/a", nil)
			if err != nil {
				t.Error(err)
				return
			}
			r.Host = "closed.test"
			r.SetBasicAuth("ann", fmt.Sprint("guess ", i))
			got, err := guesser.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			_ = got.Body.Close()
			mu.Lock()
			statuses[got.StatusCode]++
			mu.Unlock()
		})
	}
	began := time.Now()
	for range 100 {
		if r := c.do(c.client("h2"), "GET", "/a", nil); r.StatusCode != 200 {
			t.Errorf("a hit of another site: %s", r.Status)
		}
	}
	took := time.Since(began)
	guesses.Wait()
	if statuses[401] < 4 || statuses[429] < 30 || statuses[200] > 0 {
		t.Errorf("64 guesses were answered %v", statuses)
	}
	t.Logf("100 hits on new connections meanwhile took %v", took)
	if took > 20*time.Second {
		t.Errorf("100 hits meanwhile took %v", took)
	}
}

// TestRuleBody: a content that is larger than the site's limit is refused at once
// if it says so, and when it is passed if not; the upstream does not take a part for
// the whole.
func TestRuleBody(t *testing.T) {
	up := newEchoing(t)
	c := startConfigured(t, "sites:\n- default: true\n  upstream: "+up.url+"\n  max-body: 64KiB\n")
	for _, protocol := range protocols {
		client := c.client(protocol)
		for size, status := range map[int]int{0: 200, 1: 200, 64 << 10: 200, 64<<10 + 1: 413, 1 << 20: 413} {
			for _, declared := range []bool{true, false} {
				var content io.Reader = bytes.NewReader(make([]byte, size))
				if !declared {
					content = io.MultiReader(content)
				}
				_, _, before, _ := up.seen()
				r := c.do(client, "POST", "/a", content)
				if r.StatusCode != status || status == 200 && r.body != fmt.Sprint(size) {
					t.Errorf("%s, %d bytes, declared %t: %s %q, want %d", protocol, size, declared, r.Status, r.body, status)
				}
				if status == 200 {
					continue
				}
				if declared {
					if _, _, n, _ := up.seen(); n != before {
						t.Errorf("%s: the upstream was asked for %d bytes that say their size", protocol, size)
					}
					continue
				}
				c.eventually("the upstream to see the end", func() error {
					_, read, n, err := up.seen()
					if n == before {
						return errors.New("it has not")
					}
					if err == nil || read > 64<<10 {
						t.Errorf("%s: the upstream has taken %d bytes as the whole, %v", protocol, read, err)
					}
					return nil
				})
			}
		}
	}
	c.eventually("the breaches to be counted", func() error {
		if n := c.metrics()[`hotpath_limit_breaches_total{limit="body_size"}`]; n < 8 {
			return fmt.Errorf("%v", n)
		}
		return nil
	})
}

// TestRulePaths: paths of a host are sites of their own, with their own rules, which a
// path that is written in another way does not evade.
func TestRulePaths(t *testing.T) {
	var asked atomic.Int64
	base, api := naming(t, "base", &asked), naming(t, "api", &asked)
	root := t.TempDir()
	err := errors.Join(os.Mkdir(filepath.Join(root, "sub"), 0o700), os.WriteFile(filepath.Join(root, "sub", "index.html"), []byte("a file"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	config := "sites:\n- hosts: [a.test]\n  upstream: " + base + "\n- hosts: [a.test]\n  path: /api\n  strip: true\n  upstream: " + api + "\n" +
		"- hosts: [a.test]\n  path: /api/closed/\n  upstream: " + api + "\n  deny: [0.0.0.0/0, '::/0']\n- hosts: [a.test]\n  path: /files/\n  strip: true\n  root: " + root + "\n"
	c := startConfigured(t, config)
	for _, protocol := range protocols {
		client := c.client(protocol)
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		for target, want := range map[string]struct {
			status int
			body   string
		}{
			"/x":                   {200, "base for a.test/x"},
			"/api/x":               {200, "api for a.test/x"},
			"/api":                 {200, "api for a.test/"},
			"/api//x":              {200, "api for a.test//x"},
			"/api/closed/x":        {403, ""},
			"/api/x/../closed/x":   {400, ""},
			"/api/%63losed/x":      {400, ""},
			"/x/..%2fapi/closed/x": {400, ""},
			"/files/sub/":          {200, "a file"},
			"/files/none":          {404, ""},
		} {
			for range 3 {
				r, err := http.NewRequest("GET", c.url, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Host, r.URL.Opaque = "a.test", target
				if strings.HasPrefix(target, "//") {
					r.URL.Opaque = ""
				}
				got, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(got.Body)
				_ = got.Body.Close()
				if err != nil || got.StatusCode != want.status || want.body != "" && string(body) != want.body {
					t.Errorf("%s, %s: %s %q, %v; want %d %q", protocol, target, got.Status, body, err, want.status, want.body)
				}
			}
		}
		r, err := http.NewRequest("GET", c.url+"/files/sub?q", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "a.test"
		got, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = got.Body.Close()
		if got.StatusCode != 301 || got.Header.Get("Location") != "/files/sub/?q" {
			t.Errorf("%s: a directory's redirect: %s to %q", protocol, got.Status, got.Header.Get("Location"))
		}
	}
	before := asked.Load()
	c.reload(strings.Replace(config, "  deny: [0.0.0.0/0, '::/0']\n", "", 1))
	if status, body, _ := c.fetchFrom(c.client("h2"), "a.test", "/api/x"); status != 200 || body != "api for a.test/x" || asked.Load() != before {
		t.Errorf("what is stored of a path that stays: %d %q, the upstream was asked: %t", status, body, asked.Load() != before)
	}
	if status, _, _ := c.fetchFrom(c.client("h2"), "a.test", "/api/closed/x"); status != 200 {
		t.Errorf("a path that is open now: %d", status)
	}
}
