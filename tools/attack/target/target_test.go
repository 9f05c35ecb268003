package target

import (
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestLoopbackAlone: no other address is connected to, whatever a URL says.
func TestLoopbackAlone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for host, allowed := range map[string]bool{
		"127.0.0.1":              true,
		"localhost":              true,
		"[::ffff:127.0.0.1]":     true,
		"192.0.2.1":              false, // RFC 5737: of no machine
		"10.0.0.1":               false,
		"0.0.0.0":                false, // is this machine, and a listener that others reach
		"[::]":                   false,
		"[2001:db8::1]":          false,
		"[::ffff:198.51.100.20]": false,
		"169.254.169.254":        false,
	} {
		to, err := Parse("https://" + host + ":" + port + "/x")
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		conn, err := to.Dial(t.Context())
		if allowed {
			if err != nil {
				t.Errorf("%s is loopback: %v", host, err)
			} else {
				conn.Close()
			}
		} else if !errors.Is(err, ErrNotLoopback) {
			t.Errorf("%s: %v, want %v", host, err, ErrNotLoopback)
		}
	}
}

// TestOneWayOut: nothing else of this program makes a connection.
func TestOneWayOut(t *testing.T) {
	testkit.NeedTree(t)
	ways := regexp.MustCompile(`\b(net|tls)\.(Dial|Dialer)|\bhttp\.(Get|Head|Post|PostForm|Client|Transport|Default\w+)\b|\bhttp2\.|\bsyscall\.(Connect|Sendto)\b`)
	files := 0
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || filepath.Dir(name) == "../target" {
			return err
		}
		files++
		text, err := os.ReadFile(name)
		if found := ways.Find(text); found != nil {
			t.Errorf("%s has %s: target makes connections, and refuses those that leave the machine", name, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 5 {
		t.Errorf("%d files: is this the program?", files)
	}
}

// TestClient: no redirect and no proxy leads elsewhere.
func TestClient(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")
	s := httptest.NewServer(http.RedirectHandler("http://192.0.2.1/", http.StatusFound))
	defer s.Close()
	_, err := Client(time.Second).Get(s.URL)
	if !errors.Is(err, ErrNotLoopback) {
		t.Errorf("%v, want %v", err, ErrNotLoopback)
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"https://127.0.0.1:8443/a.bin?x=1": "",
		"http://127.0.0.1/":                "allowed are URLs of https",
		"https:///a":                       "no host",
		"https://a@127.0.0.1/":             "user and fragment",
		"https://127.0.0.1/#a":             "user and fragment",
		"https://127.0.0.1:x/":             "invalid port",
	} {
		got, err := Parse(text)
		switch {
		case want == "" && (err != nil || got.Addr != "127.0.0.1:8443" || got.Authority != "127.0.0.1:8443" || got.File != "/a.bin?x=1"):
			t.Errorf("%s: %+v, %v", text, got, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if to, err := Parse("https://localhost"); err != nil || to.Addr != "localhost:443" || to.File != "/" {
		t.Errorf("a URL without port and path: %+v, %v", to, err)
	}
}
