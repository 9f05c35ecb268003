package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRulePages: the site's pages stand in for errors of the server, and for those of
// the upstream if that is asked for.
func TestRulePages(t *testing.T) {
	up := newEchoing(t)
	page := filepath.Join(t.TempDir(), "error.json")
	if err := os.WriteFile(page, []byte(`{"sorry": true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	const own = "the upstream's own words\n"
	site := "sites:\n- default: true\n  upstream: " + up.url + "\n  errors: {pages: {4xx: " + page + ", 502: " + page + "}, upstream: %t}\n"
	for _, too := range []bool{false, true} {
		c := startConfigured(t, fmt.Sprintf(site, too))
		for _, protocol := range protocols {
			client := c.client(protocol)
			r := c.do(client, "TRACE", "/a", nil)
			if r.StatusCode != 405 || r.body != `{"sorry": true}` || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Allow") == "" {
				t.Errorf("%s: an error of ours: %s %q, %v", protocol, r.Status, r.body, r.Header)
			}
			for range 2 {
				want, kind := own, "text/plain; charset=utf-8"
				if too {
					want, kind = `{"sorry": true}`, "application/json"
				}
				r = c.do(client, "GET", "/fail", nil)
				if r.StatusCode != 502 || r.body != want || r.Header.Get("Content-Type") != kind || too && r.Header.Get("ETag") != "" {
					t.Errorf("%s: an error of the upstream: %s %q, %v", protocol, r.Status, r.body, r.Header)
				}
			}
			r = c.do(client, "HEAD", "/fail/head", nil)
			if length := int64(len(`{"sorry": true}`)); r.StatusCode != 502 || r.body != "" || too && (r.ContentLength != length || r.Header.Get("Content-Type") != "application/json") {
				t.Errorf("%s: the head of an error of the upstream: %s %q, %d bytes, %v", protocol, r.Status, r.body, r.ContentLength, r.Header)
			}
			if r = c.do(client, "GET", "/fine", nil); r.StatusCode != 200 || r.body != "content of /fine" {
				t.Errorf("%s: what is no error: %s %q", protocol, r.Status, r.body)
			}
		}
	}
}

// TestRuleOfType: a Content-Type that is set is that of the content, and not of an
// answer of several parts.
func TestRuleOfType(t *testing.T) {
	up := newEchoing(t)
	c := startConfigured(t, "sites:\n- default: true\n  upstream: "+up.url+"\n  response-headers: {set: {Content-Type: text/x-edge}}\n")
	for _, protocol := range protocols {
		client := c.client(protocol)
		for range 2 { // a miss and a hit
			if r := c.do(client, "GET", "/"+protocol, nil); r.Header.Get("Content-Type") != "text/x-edge" {
				t.Errorf("%s: %v", protocol, r.Header)
			}
			if r := c.do(client, "GET", "/"+protocol, nil, "Range", "bytes=0-1,4-5"); r.StatusCode != 206 || !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/byteranges; boundary=") {
				t.Errorf("%s: %s %v", protocol, r.Status, r.Header)
			}
			if r := c.do(client, "GET", "/parts/"+protocol, nil, "Range", "bytes=0-1,4-5"); r.StatusCode != 206 || !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/byteranges; boundary=") {
				t.Errorf("%s: a miss: %s %v", protocol, r.Status, r.Header)
			}
		}
	}
}

// TestRulePagesOfFiles: they stand in for what a root does not have.
func TestRulePagesOfFiles(t *testing.T) {
	root := t.TempDir()
	page := filepath.Join(root, "404.html")
	if err := os.WriteFile(page, []byte("sorry"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startConfigured(t, "sites:\n- default: true\n  root: "+root+"\n  errors: {pages: {404: "+page+"}}\n")
	for _, protocol := range protocols {
		if r := c.do(c.client(protocol), "GET", "/missing", nil); r.StatusCode != 404 || r.body != "sorry" {
			t.Errorf("%s: %s %q", protocol, r.Status, r.body)
		}
	}
}
