package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// TestRuleUsersPassed: with basic-auth.pass an upstream gets the credentials of each
// user who is let in. What it says is for all of them is stored for all; what it does
// not, each of them gets for himself, though its freshness is the same.
func TestRuleUsersPassed(t *testing.T) {
	var mu sync.Mutex
	asked := make(map[string][]string) // the credentials, by path
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		who := r.Header.Get("Authorization")
		asked[r.URL.Path] = append(asked[r.URL.Path], who)
		w.Header().Set("Cache-Control", map[bool]string{true: "public, max-age=60", false: "max-age=60"}[strings.HasPrefix(r.URL.Path, "/all")])
		fmt.Fprint(w, "for ", who)
	}))
	defer up.Close()
	file := filepath.Join(t.TempDir(), "users")
	var users string
	for _, name := range []string{"ann", "bob"} {
		h, err := bcrypt.GenerateFromPassword([]byte(name), bcrypt.MinCost)
		users += name + ":" + string(must(t, h, err)) + "\n"
	}
	must(t, 0, os.WriteFile(file, []byte(users), 0o600))
	c := startConfigured(t, "sites:\n- default: true\n  upstream: "+up.URL+"\n  basic-auth: {users: "+file+", pass: true}\n")
	const ann, bob, wrong = "Basic YW5uOmFubg==", "Basic Ym9iOmJvYg==", "Basic YW5uOndyb25n"
	for _, protocol := range protocols {
		client := c.client(protocol)
		all, own := "/all/"+protocol, "/own/"+protocol
		for _, who := range []string{ann, bob, ann} {
			if r := c.do(client, "GET", all, nil, "Authorization", who); r.StatusCode != 200 || r.body != "for "+ann {
				t.Errorf("%s: what is for all: %s %q", protocol, r.Status, r.body)
			}
			if r := c.do(client, "GET", own, nil, "Authorization", who); r.StatusCode != 200 || r.body != "for "+who {
				t.Errorf("%s: what is a user's own: %s %q", protocol, r.Status, r.body)
			}
		}
		for _, pairs := range [][]string{nil, {"Authorization", wrong}} {
			for _, path := range []string{all, own} {
				if r := c.do(client, "GET", path, nil, pairs...); r.StatusCode != 401 {
					t.Errorf("%s: %s with %q: %s", protocol, path, pairs, r.Status)
				}
			}
		}
		mu.Lock()
		if got := asked[all]; !slices.Equal(got, []string{ann}) {
			t.Errorf("%s: what is for all was asked for by %q, want once", protocol, got)
		}
		if got := asked[own]; !slices.Equal(got, []string{ann, bob, ann}) {
			t.Errorf("%s: a user's own was asked for by %q, want by each", protocol, got)
		}
		mu.Unlock()
	}
}
