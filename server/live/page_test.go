package live

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/e0ac7cd4/hotpath/internal/chartpage"
	"github.com/e0ac7cd4/hotpath/server/config"
)

func get(t *testing.T, cfg Config) (policy, text string, document *html.Node) {
	t.Helper()
	w := httptest.NewRecorder()
	newRecorder(t, cfg).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	text = w.Body.String()
	document, err := html.Parse(strings.NewReader(text))
	if err != nil || w.Code != 200 {
		t.Fatal(w.Code, err)
	}
	return w.Header().Get("Content-Security-Policy"), text, document
}

// TestPage: the page's policy allows its own script and style and nothing else,
// it needs nothing from elsewhere, and links to the other paths.
func TestPage(t *testing.T) {
	policy, text, document := get(t, newConfig())
	var links []string
	for n := range document.Descendants() {
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "src":
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			case a.Key == "href" && n.Data == "a":
				links = append(links, a.Val)
			case a.Key == "href" && !strings.HasPrefix(a.Val, "data:image/svg+xml,"):
				t.Errorf("<%s href=%q>", n.Data, a.Val)
			}
		}
		if n.Type != html.ElementNode || n.FirstChild == nil {
			continue
		}
		inert := len(n.Attr) > 0 && n.Attr[0].Val == "application/json"
		if (n.Data == "script" && !inert || n.Data == "style") && !strings.Contains(policy, chartpage.Source(n.FirstChild.Data)) {
			t.Errorf("the policy %q does not allow a %s of the page", policy, n.Data)
		}
	}
	if want := "/metrics /healthz /readyz /debug/pprof/ /"; strings.Join(links, " ") != want {
		t.Errorf("links: %s", links)
	}
	for _, want := range []string{"default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%s is not in the policy %q", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	if !strings.Contains(text, "v1.2.3") {
		t.Error("the version is not on the page")
	}
}

// TestPageSettings: settings that are not the default come first, and none of
// them is markup.
func TestPageSettings(t *testing.T) {
	const evil = `</script><script>alert(1)</script>`
	cfg := newConfig()
	cfg.Settings = []config.Line{
		{Key: "listen", Value: ":8443", Default: ":8443"},
		{Key: "root", Value: evil},
		{Key: "cert"},
	}
	_, text, document := get(t, cfg)
	if strings.Contains(text, "<script>alert") {
		t.Error("a setting is markup")
	}
	var terms []string
	for n := range document.Descendants() {
		if n.Data == "dt" {
			terms = append(terms, n.FirstChild.Data+"="+n.NextSibling.FirstChild.Data)
		}
	}
	if got, want := strings.Join(terms[:3], " "), "root="+evil+"  listen=:8443 cert=empty"; got != want {
		t.Errorf("settings are %q, want %q", got, want)
	}
}

// TestPageCapacity: what a load test has shown is said as it was shown, and nothing if
// none was made.
func TestPageCapacity(t *testing.T) {
	measured := time.Date(2026, 11, 28, 20, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name     string
		capacity *config.Capacity
		want     string
		bound    string // of the chart
	}{
		{"none", nil, "", `"capacity":0,`},
		{"of a search", &config.Capacity{Rate: 1_142_000.4, Objectives: "p99<=5ms,errors<=0", Measured: measured},
			"A load test has shown\n1,142,000/s with p99<=5ms, errors<=0 on 28 November 2026.", `"capacity":1142000.4,`},
		{"of a run", &config.Capacity{Rate: 999, AtLeast: true}, "A load test has shown\nat least 999/s.", `"capacity":999,`},
	} {
		cfg := newConfig()
		cfg.Capacity = tt.capacity
		_, text, document := get(t, cfg)
		said := ""
		for n := range document.Descendants() {
			if n.Type == html.ElementNode && len(n.Attr) > 0 && n.Attr[0].Val == "note capacity" {
				said = n.FirstChild.Data + "\n" + n.LastChild.Data
			}
		}
		if said != tt.want || !strings.Contains(text, tt.bound) {
			t.Errorf("%s: the page says %q, want %q and %s", tt.name, said, tt.want, tt.bound)
		}
	}
}
