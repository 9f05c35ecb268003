package main

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestChromiumDeltas: a browser that has one version of a script gets the next one
// as what differs, and decodes it, in each coding.
func TestChromiumDeltas(t *testing.T) {
	text := script(60_000)
	for name, tt := range map[string]struct{ coding, before, after string }{
		"dcz": {"dcz", text, strings.Replace(text, "x * 9 ", "x * 10 ", 1)},
		"dcb": {"dcb", text, strings.Replace(text, "x * 9 ", "x * 10 ", 1)},
		// What ends the first one and begins the second is in the second once more.
		"dcb, twice over": {"dcb", text, text + text},
	} {
		t.Run(name, func(t *testing.T) { testChromiumDeltas(t, tt.coding, tt.before, tt.after) })
	}
}

// acceptingOnly is a server in front of another, which is asked for a coding alone. It
// returns its URL.
func acceptingOnly(t *testing.T, behind, coding string) string {
	t.Helper()
	to, err := url.Parse(behind)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(testIdentity(t).cert, testIdentity(t).key)
	if err != nil {
		t.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression, transport.TLSClientConfig = true, &tls.Config{InsecureSkipVerify: true}
	t.Cleanup(transport.CloseIdleConnections)
	s := httptest.NewUnstartedServer(&httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Header.Set("Accept-Encoding", coding)
	}})
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", to.Hostname(), 1)
}

func testChromiumDeltas(t *testing.T, coding, before, after string) {
	b := startChromium(t)
	root := t.TempDir()
	put := func(name, text string, age time.Duration) {
		t.Helper()
		name = filepath.Join(root, name)
		err := os.WriteFile(name, []byte(text), 0o600)
		if err == nil {
			err = os.Chtimes(name, time.Time{}, time.Now().Add(-age))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put("index.html", "<!doctype html><title>deltas</title>", time.Hour)
	put("app.js", before, time.Hour)
	p := startConfigured(t, "sites:\n- default: true\n  root: "+root+"\n  compress: {deltas: true}\n  response-headers: {set: {cache-control: max-age=3600}}\n")
	front := p.url
	if coding != "dcz" { // which is preferred
		front = acceptingOnly(t, p.url, coding)
	}
	b.open(front + "/")
	var got struct {
		Text, Coding string
		Bytes        int
	}
	get := func(cache string) {
		t.Helper()
		b.evaluate(fmt.Sprintf(`(async () => {
			performance.clearResourceTimings()
			const Text = await (await fetch('/app.js', {cache: %q})).text()
			await new Promise(done => setTimeout(done, 50))
			const e = performance.getEntriesByName(location.origin + '/app.js').pop()
			return {Text, Coding: e.contentEncoding ?? '', Bytes: e.encodedBodySize}
		})()`, cache), &got)
	}
	p.eventually("the page", func() error {
		var ready bool
		if b.evaluate(`location.protocol === 'https:' && document.title === 'deltas'`, &ready); !ready {
			return fmt.Errorf("it is not there")
		}
		return nil
	})
	if get("default"); got.Text != before {
		t.Fatalf("the script has %d bytes", len(got.Text))
	}
	time.Sleep(time.Second) // the browser writes its dictionary after the response
	put("app.js", after, 30*time.Minute)
	// The first to ask gets all of it, and has the delta made: that is another client.
	sum := sha256.Sum256([]byte(before))
	_, delta := p.codedIn(p.client("h2"), p.url+"/app.js", coding, "Available-Dictionary", ":"+base64.StdEncoding.EncodeToString(sum[:])+":")
	if get("no-cache"); got.Text != after || got.Coding != coding || got.Bytes != len(delta) || got.Bytes > 1000 {
		t.Errorf("the browser has %d bytes in %q, and makes %d bytes of them", got.Bytes, got.Coding, len(got.Text))
	}
	// Now it has the new version.
	if get("no-cache"); got.Text != after {
		t.Errorf("once more: %d bytes in %q", got.Bytes, got.Coding)
	}
}
