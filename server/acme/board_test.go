package acme

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/mholt/acmez/v3/acme"
)

// TestBoard: a challenge is answered for its name, by its way and with its token,
// also by an instance that has it from the storage, and for names of ours alone.
func TestBoard(t *testing.T) {
	storage := t.TempDir() // which goes when the instances have ended
	one, two := newInstance(t), newInstance(t)
	s := Settings{Directory: "https://127.0.0.1:1/dir", Storage: storage, Challenge: ByTLS}
	two.Configure(s, []string{"a.example"})
	put := func(kind string) boardSolver {
		t.Helper()
		b := boardSolver{one.board, storageOf(s), "a.example"}
		c := acme.Challenge{Type: kind, Token: "tok", KeyAuthorization: "tok.key", Identifier: acme.Identifier{Type: "dns", Value: "a.example"}}
		if err := b.Present(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		return b
	}
	ask := func(m *Manager, method, host, path string) bool {
		r := httptest.NewRequest(method, "http://"+host+path, nil)
		w := httptest.NewRecorder()
		ok := m.ServeHTTP(w, r)
		if ok && w.Body.String() != "tok.key" {
			t.Errorf("the answer is %q", w.Body)
		}
		return ok
	}
	b := put(ByHTTP)
	for _, m := range []*Manager{one.Manager, two.Manager} {
		for _, tt := range []struct {
			why, method, host, path string
			want                    bool
		}{
			{"as the authority asks", "GET", "a.example", challengePath + "tok", true},
			{"in capitals, with a port", "GET", "A.example:80", challengePath + "tok", true},
			{"another token", "GET", "a.example", challengePath + "tik", false},
			{"another name", "GET", "b.example", challengePath + "tok", false},
			{"another method", "POST", "a.example", challengePath + "tok", false},
			{"another path", "GET", "a.example", "/tok", false},
		} {
			if got := ask(m, tt.method, tt.host, tt.path); got != tt.want {
				t.Errorf("%s: %t, want %t", tt.why, got, tt.want)
			}
		}
	}
	hello := func(name string, protocols ...string) *tls.ClientHelloInfo {
		return &tls.ClientHelloInfo{ServerName: name, SupportedProtos: protocols}
	}
	if c, err := two.Answer(hello("a.example", Protocol)); c != nil || err != nil {
		t.Errorf("a challenge by HTTP is answered by TLS: %v", err)
	}
	put(ByTLS)
	for _, m := range []*Manager{one.Manager, two.Manager} {
		if c, err := m.Answer(hello("a.example", Protocol)); c == nil || err != nil {
			t.Errorf("a challenge by TLS is not answered: %v", err)
		}
	}
	if ask(two.Manager, http.MethodGet, "a.example", challengePath+"tok") {
		t.Error("a challenge by TLS is answered by HTTP")
	}
	if err := b.CleanUp(t.Context(), acme.Challenge{}); err != nil {
		t.Error(err)
	}
	for _, m := range []*Manager{one.Manager, two.Manager} {
		if c, _ := m.Answer(hello("a.example", Protocol)); c != nil {
			t.Error("it is answered when it is over")
		}
	}
	if IsChallenge(hello("a", "h2", Protocol)) || IsChallenge(hello("a")) || !IsChallenge(hello("a", Protocol)) {
		t.Error("a handshake that offers more is taken for a challenge")
	}
}
