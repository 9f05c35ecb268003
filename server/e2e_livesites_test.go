package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// liveState is what the page's stream has of sites and the rest.
type liveState struct {
	Sites []struct {
		Name                       string
		Requests                   uint64
		Hits                       *float64
		ClientErrors, ServerErrors uint64
	}
	Upstreams []struct{ Site, URL, State, Failure string }
	Notices   []struct{ Text string }
}

// liveState waits for a state of the stream that is as it should be.
func (p *process) liveState(what string, is func(*liveState) error) {
	p.t.Helper()
	r, err := http.Get(p.admin + "/live")
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	lines, of, waited := bufio.NewReader(r.Body), "", 0
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			of = strings.TrimSpace(name)
			continue
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok || of != "state" {
			continue
		}
		var s liveState
		if err := json.Unmarshal([]byte(strings.NewReplacer("client_errors", "clienterrors", "server_errors", "servererrors").Replace(data)), &s); err != nil {
			p.t.Fatal(err)
		}
		if err = is(&s); err == nil {
			return
		}
		p.t.Logf("not yet: %v", err)
		if waited++; waited > 6 {
			p.t.Fatalf("waiting for %s: %v\n%s", what, err, data)
		}
	}
	p.t.Fatalf("waiting for %s: the stream has ended", what)
}

// TestLiveSites: each site has its own answers, of every protocol, whatever becomes of
// them, over a reload, too; and an upstream that does not answer is said to be ill.
func TestLiveSites(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		if r.URL.Path == "/fails" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprintln(w, strings.Repeat("x", len(r.URL.Query().Get("size"))<<10))
	}))
	defer upstream.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	file := writeFile(t, `
sites:
  - {hosts: [localhost], default: true, root: `+t.TempDir()+`}
  - {hosts: [shop.example], upstream: "`+upstream.URL+`"}
  - {hosts: [gone.example], upstream: "`+gone.URL+`"}
`)
	p := start(t, "-config", file)
	send := func(c *http.Client, method, host, path string, want int) {
		t.Helper()
		r, err := http.NewRequest(method, p.url+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		answer, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != want {
			t.Fatalf("%s %s of %s: %s, want %d", method, path, host, answer.Status, want)
		}
	}
	round := func() {
		for i, protocol := range protocols {
			c := p.client(protocol)
			large := "/large?size=" + strings.Repeat("x", 40) // more than a connection sends at once
			for range 3 {
				send(c, "GET", "shop.example", fmt.Sprint("/", i), 200) // one is a miss, the first time
				send(c, "GET", "shop.example", large, 200)
			}
			send(c, "POST", "shop.example", "/", 200)
			send(c, "TRACE", "shop.example", "/", 405)
			send(c, "GET", "shop.example", "/fails", 500)
			send(c, "GET", "localhost", "/nothing", 404)
			send(c, "GET", "gone.example", "/", 502)
		}
	}
	is := func(rounds uint64) func(*liveState) error {
		return func(s *liveState) error {
			for _, site := range s.Sites {
				got := [3]uint64{site.Requests, site.ClientErrors, site.ServerErrors}
				want := map[string][3]uint64{"shop.example": {27, 3, 3}, "localhost": {3, 3, 0}, "gone.example": {3, 0, 3}}[site.Name]
				for i := range want {
					want[i] *= rounds
				}
				if got != want {
					return fmt.Errorf("%s has %v requests, 4xx and 5xx, want %v", site.Name, got, want)
				}
			}
			if len(s.Sites) != 3 {
				return fmt.Errorf("%d sites", len(s.Sites))
			}
			for _, u := range s.Upstreams {
				if u.Site == "gone.example" && !strings.Contains(u.Failure, "connection refused") {
					return fmt.Errorf("the one that is gone: %+v", u)
				}
			}
			return nil
		}
	}
	round()
	p.liveState("the answers of each site", is(1))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(string(text), "hosts: [shop.example],", "hosts: [shop.example], cache: {cache-status: false},", 1)
	if err := os.WriteFile(file, []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := http.Post(p.admin+"/reload", "", nil); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("the reload: %v, %v", r, err)
	}
	round()
	p.liveState("those after a reload", is(2))
	p.liveState("the upstream that is ill", func(s *liveState) error {
		for _, n := range s.Notices {
			if strings.Contains(n.Text, "gone.example has no upstream that is well") {
				return nil
			}
		}
		return fmt.Errorf("notices are %+v, upstreams %+v", s.Notices, s.Upstreams)
	})
}
