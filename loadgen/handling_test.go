package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// TestTargetsFromAPipe: a signal ends the wait for targets that never come, and
// targets without end are refused before they take all memory.
func TestTargetsFromAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	errors, err := os.Create(filepath.Join(t.TempDir(), "err"))
	if err != nil {
		t.Fatal(err)
	}
	defer errors.Close()
	began := time.Now()
	if code := run(ctx, []string{"-targets", "-", "-quiet"}, streams{r, errors, errors}); code == exitOK || time.Since(began) > 5*time.Second {
		t.Errorf("exit %d after %v", code, time.Since(began))
	}
	if text, _ := os.ReadFile(errors.Name()); !strings.Contains(string(text), "interrupted while targets were read") {
		t.Errorf("it says %q", text)
	}

	pipe := filepath.Join(t.TempDir(), "pipe") // that nothing ever writes to
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-targets", pipe}, {"-targets", pipe, "-lazy"}, {"-target", "http://127.0.0.1:1", "-replay", pipe}, {"-target", "http://127.0.0.1:1", "-body", pipe}} {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		code, _, stderr := call(t, ctx, "", append(args, "-quiet")...)
		if cancel(); code == exitOK || !strings.Contains(stderr, "interrupted while") {
			t.Errorf("%q: exit %d, %s", args, code, stderr)
		}
	}
	if w, err := os.OpenFile(pipe, os.O_WRONLY, 0); err == nil { // ends what still waits to open it
		w.Close()
	}

	url := plain(t, func(http.ResponseWriter, *http.Request) {})
	for _, args := range [][]string{nil, {"-lazy"}} {
		text := "GET " + url + "/\n\nPOST " + url + "/\n@" + pipe
		code, _, stderr := call(t, context.Background(), text, append(args, "-targets", "-", "-quiet")...)
		if code == exitOK || !strings.Contains(stderr, "line 4: "+pipe+" is no regular file: the content of a target is one") {
			t.Errorf("content from a pipe, %q: exit %d, %s", args, code, stderr)
		}
	}
	if _, err := readUpTo(strings.NewReader("12345"), 4); err == nil || err.Error() != "it has more than 4 bytes, as many as are allowed" {
		t.Errorf("a content that is too large: %v", err)
	}
	if body, err := readUpTo(strings.NewReader("1234"), 4); err != nil || string(body) != "1234" {
		t.Errorf("one that is not: %q, %v", body, err)
	}

	o := &options{targets: "-", format: vegeta.HTTPTargetFormat}
	if all, err := o.readAll(t.Context(), strings.NewReader(strings.Repeat("GET http://a/\n", 10)), nil, 10); err != nil || len(all) != 10 {
		t.Errorf("as many targets as are allowed: %d, %v", len(all), err)
	}
	if all, err := o.readAll(t.Context(), strings.NewReader(strings.Repeat("GET http://a/\n", 11)), nil, 10); err == nil || !strings.Contains(err.Error(), "more than 10, as many as are allowed") {
		t.Errorf("a target more than are allowed: %d targets, %v", len(all), err)
	}
}

// TestDurationZero: a duration of 0 runs until it is interrupted.
func TestDurationZero(t *testing.T) {
	url := plain(t, func(http.ResponseWriter, *http.Request) {})
	for _, rate := range []string{"0", "100"} {
		ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
		code, out, stderr := call(t, ctx, "", "-target", url, "-http1", "-rate", rate, "-duration", "0s", "-json", "-quiet")
		cancel()
		var f struct {
			Interrupted bool
			Requests    uint64
			Duration    time.Duration
		}
		if err := json.Unmarshal([]byte(out), &f); err != nil || code != exitOK {
			t.Fatalf("rate %s: exit %d, %v: %s", rate, code, err, stderr)
		}
		if !f.Interrupted || f.Requests < 30 || f.Duration > 5*time.Second {
			t.Errorf("rate %s: %+v", rate, f)
		}
	}
}

// TestSlopeWithoutEnd: a rate that rises may run until it is interrupted, and one
// that has fallen to 0 is over: nothing behind it is in its figures.
func TestSlopeWithoutEnd(t *testing.T) {
	url := plain(t, func(http.ResponseWriter, *http.Request) {})
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	if code, out, stderr := call(t, ctx, "", "-target", url, "-http1", "-rate", "100", "-slope", "50", "-duration", "0", "-quiet"); code != exitOK || !strings.Contains(out, "Interrupted after") {
		t.Errorf("a rate that rises: exit %d, %s\n%s", code, stderr, out)
	}
	for _, duration := range []string{"0", "1m"} {
		args := []string{"-target", url, "-http1", "-rate", "100", "-slope", "-100", "-duration", duration, "-slo", "rate>=5,errors<=0", "-quiet"}
		code, out, stderr := call(t, t.Context(), "", args...)
		if code != exitOK || !strings.Contains(out, "The rate had fallen to 0 after 1.00s: the run ended there.") || strings.Contains(out, "10000h") {
			t.Errorf("a rate that falls, for %s: exit %d, %s\n%s", duration, code, stderr, out)
		}
	}
}

// TestHostIsChecked: nothing gets past the check of fields by way of Host,
// User-Agent or an address.
func TestHostIsChecked(t *testing.T) {
	for _, args := range [][]string{
		{"-header", "Host: a\r\nX-Smuggled: 1"},
		{"-header", "host: a b"},
		{"-header", "User-Agent: a\r\nX-Smuggled: 1"},
		{"-header", "Host: a", "-header", "host: b"},
		{"-header", "Host: a", "-header", "Host: b"},
	} {
		code, _, stderr := call(t, context.Background(), "", append([]string{"-target", "http://127.0.0.1:1/", "-http1", "-requests", "1", "-quiet"}, args...)...)
		if code != exitUsage || !strings.Contains(stderr, "target 1") {
			t.Errorf("%q: exit %d, %s", args, code, stderr)
		}
	}
}

// TestTargetIsEscaped: a URL as a person types it is one target of one request,
// whichever way it is given and whichever version of HTTP it is sent in.
func TestTargetIsEscaped(t *testing.T) {
	var asked sync.Map
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked.Store(r.Proto+" "+r.RequestURI, true) }))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	url := s.URL + "/ü b?q=a b&ü"
	const want = "/%C3%BC%20b?q=a%20b&%C3%BC"
	for _, given := range []struct {
		way, input string
		args       []string
	}{
		{"as -target", "", []string{"-target", url}},
		{"in the http format", "GET " + url + "\n", []string{"-targets", "-"}},
		{"in the json format", `{"method":"GET","url":"` + url + `"}` + "\n", []string{"-targets", "-", "-format", "json"}},
		{"in the http format, read lazily", "GET " + url + "\n\n", []string{"-targets", "-", "-lazy"}},
		{"in the json format, read lazily", `{"method":"GET","url":"` + url + `"}` + "\n", []string{"-targets", "-", "-format", "json", "-lazy"}},
	} {
		for proto, more := range map[string][]string{"HTTP/1.1": {"-http1"}, "HTTP/2.0": nil} {
			asked.Clear()
			args := slices.Concat(given.args, more, []string{"-insecure", "-requests", "1", "-connections", "1", "-quiet"})
			if code, _, stderr := call(t, t.Context(), given.input, args...); code != exitOK {
				t.Errorf("%s, %s: exit %d, %s", given.way, proto, code, stderr)
			}
			asked.Range(func(got, _ any) bool {
				if got != proto+" "+want {
					t.Errorf("%s, %s: the server was asked for %q", given.way, proto, got)
				}
				return true
			})
			if _, ok := asked.Load(proto + " " + want); !ok {
				t.Errorf("%s, %s: %s was not asked for", given.way, proto, want)
			}
		}
	}

	for way, given := range map[string][]string{
		"as -target":                      {"", "-target", "http://127.0.0.1:1/?q=a\r\nX: 1"},
		"in the json format":              {`{"method":"GET","url":"http://127.0.0.1:1/?q=a\r\nX: 1"}` + "\n", "-targets", "-", "-format", "json"},
		"in the json format, read lazily": {`{"method":"GET","url":"http://127.0.0.1:1/?q=a\r\nX: 1"}` + "\n", "-targets", "-", "-format", "json", "-lazy"},
	} {
		code, _, stderr := call(t, t.Context(), given[0], append(given[1:], "-requests", "1", "-quiet")...)
		if code != exitUsage || !strings.Contains(stderr, "target 1") || !strings.Contains(stderr, "control character") {
			t.Errorf("a line's end %s: exit %d, %s", way, code, stderr)
		}
	}
}

// TestUserInURL: user and password of a URL are sent, and stand in no report.
func TestUserInURL(t *testing.T) {
	url := plain(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "xaladdin" || password != "open sesamex" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	results := filepath.Join(t.TempDir(), "results")
	args := []string{"-target", "http://xaladdin:open%20sesamex@" + strings.TrimPrefix(url, "http://"), "-http1", "-requests", "4", "-connections", "1", "-results", results}
	for _, form := range [][]string{{"-json"}, {"-html", "-"}} {
		code, out, stderr := call(t, context.Background(), "", append(args, form...)...)
		encoded, _ := os.ReadFile(results)
		if text := out + stderr + string(encoded); code != exitOK || strings.Contains(text, "sesamex") || strings.Contains(text, "xaladdin") || !strings.Contains(text, url) {
			t.Errorf("%v: exit %d: %.500s", form, code, text)
		}
	}
}

// TestKeepAlive: without it the report has as many connections as requests.
func TestKeepAlive(t *testing.T) {
	url, cacert, requests := server(t)
	args := []string{"-target", url, "-cacert", cacert, "-keepalive=false", "-requests", "30", "-connections", "3"}
	f := measured(t, args...)
	if f.Requests != 30 || f.Success != 1 || f.ConnectionsMade != 30 || len(f.ConnectionErrors) != 0 || requests.Load() != 30 {
		t.Errorf("%+v", f)
	}
	if _, out, _ := call(t, t.Context(), "", append(args, "-quiet")...); !strings.Contains(out, "h2, 3 connections at a time, each for one request, closed loop") || !strings.Contains(out, "30, 0\n") {
		t.Errorf("the report says\n%s", out)
	}
}

// TestStandardOutput: - is the standard output, and the report goes to the
// standard error then.
func TestStandardOutput(t *testing.T) {
	url := plain(t, func(http.ResponseWriter, *http.Request) {})
	for flag, check := range map[string]func(string) bool{
		"-html": func(out string) bool {
			return strings.HasPrefix(out, "<!doctype html>") && strings.HasSuffix(out, "</html>\n")
		},
		"-hdr":  func(out string) bool { return strings.Contains(out, "TotalCount") },
		"-json": func(out string) bool { return strings.HasPrefix(out, "{") },
		"-results": func(out string) bool {
			decode, n := vegeta.NewDecoder(bytes.NewReader([]byte(out))), 0
			for ; ; n++ {
				var r vegeta.Result
				if err := decode(&r); err != nil {
					return err == io.EOF && n == 20
				}
			}
		},
	} {
		code, out, stderr := call(t, context.Background(), "", "-target", url, "-http1", "-requests", "20", "-quiet", flag, "-")
		text := stderr
		if flag == "-json" { // which is in the place of the text
			text = out
		}
		if code != exitOK || !check(out) || !strings.Contains(text, "100.00%") && !strings.Contains(text, `"success":1,`) {
			t.Errorf("%s: exit %d, standard error\n%s\nstandard output\n%.200s", flag, code, stderr, out)
		}
	}
	if code, _, stderr := call(t, context.Background(), "", "-target", url, "-requests", "1", "-html", "-", "-hdr", "-"); code != exitUsage || !strings.Contains(stderr, "one of them may be -") {
		t.Errorf("two of them: exit %d, %s", code, stderr)
	}
	if _, err := os.Stat("-"); err == nil {
		t.Error("a file has the name -")
	}
}

// TestProxyIsNoted: a proxy of the environment is not used, and that is said.
func TestProxyIsNoted(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://user:secret@127.0.0.1:2/")
	_, _, stderr := call(t, context.Background(), "", "-target", "http://host.invalid/", "-http1", "-requests", "1", "-timeout", "1s", "-yes", "-quiet")
	if !strings.Contains(stderr, "the proxy http://user:xxxxx@127.0.0.1:2/ for host.invalid: it is not used") {
		t.Errorf("it says %q", stderr)
	}
}

// TestProxyIsUsed: by a flag, or from the environment on demand; the report says
// that it is a part of what was measured, and shows no password.
func TestProxyIsUsed(t *testing.T) {
	proxy := plain(t, func(w http.ResponseWriter, r *http.Request) {
		if r.RequestURI != "http://host.invalid/" || r.Header.Get("Proxy-Authorization") != "Basic dXNlcjpzZWNyZXQ=" {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	by := "http://user:secret@" + strings.TrimPrefix(proxy, "http://")
	t.Setenv("HTTP_PROXY", by)
	args := []string{"-target", "http://host.invalid/", "-requests", "5", "-connections", "1", "-yes"}
	for _, flag := range [][]string{{"-proxy", by}, {"-proxy-from-environment"}} {
		code, out, stderr := call(t, context.Background(), "", append(args, flag...)...)
		if code != exitOK || !strings.Contains(out, "Reached by the proxy "+proxy+": its time") || !strings.Contains(out, "200:5") {
			t.Errorf("%v: exit %d, %s\n%s", flag, code, stderr, out)
		}
		if strings.Contains(out+stderr, "secret") || strings.Contains(stderr, "is not used") {
			t.Errorf("%v: it says\n%s\n%s", flag, out, stderr)
		}
	}
	t.Setenv("NO_PROXY", "host.invalid")
	_, _, stderr := call(t, context.Background(), "", append(args, "-proxy-from-environment", "-timeout", "1s")...)
	if !strings.Contains(stderr, "the environment has no proxy for host.invalid: it is reached directly") {
		t.Errorf("without a proxy for it: %s", stderr)
	}
	t.Setenv("NO_PROXY", "")
	t.Setenv("HTTP_PROXY", "socks5://127.0.0.1:1")
	code, _, stderr := call(t, context.Background(), "", append(args, "-proxy-from-environment")...)
	if code != exitUsage || !strings.Contains(stderr, `the proxy "socks5://127.0.0.1:1": allowed are those that are reached by http://`) {
		t.Errorf("a proxy of another kind: exit %d, %s", code, stderr)
	}
}

// TestClientCertificate: a server that demands a certificate gets the one that is
// given, and what it refuses is a failure of TLS; -sni says whom it is asked for.
func TestClientCertificate(t *testing.T) {
	names := make(chan string, 100)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { names <- r.TLS.ServerName }))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)

	dir := t.TempDir()
	file := func(name, kind string, content []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	private, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := file("cert", "CERTIFICATE", s.Certificate().Raw), file("key", "PRIVATE KEY", private)
	args := []string{"-target", s.URL, "-cacert", cert, "-sni", "example.com", "-requests", "10", "-connections", "1", "-timeout", "2s", "-json", "-quiet"}
	var f struct {
		Success  float64           `json:"success"`
		Failures map[string]uint64 `json:"failures"`
	}
	_, out, stderr := call(t, context.Background(), "", append(args, "-cert", cert, "-key", key)...)
	if err := json.Unmarshal([]byte(out), &f); err != nil || f.Success != 1 {
		t.Fatalf("%v: %s %s", err, out, stderr)
	}
	if name := <-names; name != "example.com" {
		t.Errorf("the server was asked for %q", name)
	}
	code, out, _ := call(t, context.Background(), "", args...)
	if err := json.Unmarshal([]byte(out), &f); err != nil || f.Success != 0 || f.Failures["tls"] != 10 || code != exitFailure {
		t.Errorf("without a certificate: exit %d, %v: %v", code, err, f)
	}
	for _, wrong := range [][]string{{"-cert", cert}, {"-cert", cert, "-key", cert}} {
		if code, _, stderr := call(t, context.Background(), "", append(args, wrong...)...); code != exitUsage {
			t.Errorf("%v: exit %d, %s", wrong, code, stderr)
		}
	}
}
