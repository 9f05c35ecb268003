package report

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/e0ac7cd4/hotpath/internal/chartpage"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// parsed is a page as a browser sees it.
type parsed struct {
	t        *testing.T
	source   string
	elements []*html.Node
}

func parse(t *testing.T, write func(io.Writer) error) *parsed {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	p := &parsed{t: t, source: b.String()}
	root, err := html.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			p.elements = append(p.elements, n)
		}
	}
	return p
}

// all are the elements with that name.
func (p *parsed) all(name string) (found []*html.Node) {
	for _, n := range p.elements {
		if n.Data == name {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// content is the text of an element, its white space made one.
func content(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// row is the table row that begins with that text.
func (p *parsed) row(name string) string {
	for _, tr := range p.all("tr") {
		if text := content(tr); strings.HasPrefix(text, name+" ") {
			return text
		}
	}
	p.t.Errorf("no row %q", name)
	return ""
}

// checkWhole demands what every page must be: nothing is loaded, nothing runs
// but what the policy names, and references within the page hold.
func (p *parsed) checkWhole() {
	p.t.Helper()
	ids := make(map[string]bool)
	for _, n := range p.elements {
		if id := attribute(n, "id"); id != "" {
			if ids[id] {
				p.t.Errorf("two elements are %q", id)
			}
			ids[id] = true
		}
	}
	loading := []string{"src", "href", "srcset", "action", "data", "poster", "background", "style"}
	for _, n := range p.elements {
		for _, a := range n.Attr {
			if slices.Contains(loading, a.Key) || strings.HasPrefix(a.Key, "on") {
				p.t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
			}
		}
		if to := attribute(n, "aria-labelledby"); to != "" && !ids[to] {
			p.t.Errorf("<%s> is labelled by %q, which is not there", n.Data, to)
		}
		if slices.Contains([]string{"link", "img", "iframe", "object", "embed", "base", "form", "a"}, n.Data) {
			p.t.Errorf("a <%s> on the page", n.Data)
		}
	}
	policy := ""
	for _, meta := range p.all("meta") {
		if attribute(meta, "http-equiv") == "Content-Security-Policy" {
			policy = attribute(meta, "content")
		}
	}
	scripts, styles := p.all("script"), p.all("style")
	if len(scripts) != 2 || len(styles) != 1 || attribute(scripts[0], "type") != "application/json" {
		p.t.Fatalf("%d scripts and %d styles", len(scripts), len(styles))
	}
	want := "default-src 'none'; base-uri 'none'; form-action 'none'; style-src " + chartpage.Source(styles[0].FirstChild.Data) +
		"; script-src " + chartpage.Source(scripts[1].FirstChild.Data)
	if policy != want {
		p.t.Errorf("the policy is\n%s\nwant\n%s", policy, want)
	}
	if style := styles[0].FirstChild.Data; strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		p.t.Error("the style loads something")
	}
}

func TestHTML(t *testing.T) {
	r := stalled()
	r.Name, r.Agents = "release 7", 2
	objectives, verdicts := judged(t, r, "rate>=149k,mean<=3ms,p99<=10ms,errors<=0")
	p := parse(t, func(w io.Writer) error { return HTML(w, r, objectives, verdicts) })
	p.checkWhole()
	for _, tt := range []struct{ element, want string }{
		{"title", "149,945/s, p99 5.80ms: https://127.0.0.1:8443/"},
		{"h1", "release 7"},
		{"h2", "2 of 4 objectives missed"},
		{"li", "missed mean ≤ 3ms got 4.37ms"},
		{"li", "met p99 ≤ 10ms got 5.80ms"},
		{"li", "A warm-up of 750,000 requests is not in the figures."},
		{"div", "Rate reached 149,945 /s 149,972/s answered, asked for 150,000/s"},
		{"div", "Errors 3,300 0.04% of 9,000,000 requests"},
		{"div", "Connections 8 connections × 32 streams"},
		{"div", "Timeout 30s"},
		{"div", "Agents 2"},
		{"div", "Sent again 312"},
	} {
		if !slices.ContainsFunc(p.all(tt.element), func(n *html.Node) bool { return content(n) == tt.want }) {
			t.Errorf("no <%s> says %q", tt.element, tt.want)
		}
	}
	for _, tt := range []struct{ name, want string }{
		{"99.9%", "441ms 24.2ms 441ms 457ms 501ms"},
		{"max", "502ms 28.2ms 502ms 457ms 501ms"},
		{"503 Service Unavailable", "1,620 0.02%"},
		{"no response", "1,680 0.02%"},
		{"reset: REFUSED_STREAM", "1,080 0.01%"},
		{"reset", "1,080 0.01%"},
	} {
		if got, want := p.row(tt.name), tt.name+" "+tt.want; got != want {
			t.Errorf("a row is %q, want %q", got, want)
		}
	}
	if got := p.row("30s"); !strings.HasPrefix(got, "30s 150,000/s 148,320/s 1,680 126ms ") {
		t.Errorf("the second of the stall is %q", got)
	}
	if n := len(p.all("figure")); n != 6 {
		t.Errorf("%d charts", n)
	}
}

// TestHTMLHostile demands that nothing from outside becomes markup.
func TestHTMLHostile(t *testing.T) {
	const evil = `</script></title></style><script>alert(1)</script><img src=x onerror=alert(1)>"'><!--`
	r := stalled()
	r.Name, r.Target, r.Protocol, r.Pace = evil, evil, evil, evil
	r.Total.Errors[evil] = 1
	objectives, verdicts := judged(t, r, "p99<=10ms")
	pages := map[string]func(io.Writer) error{
		"a run": func(w io.Writer) error { return HTML(w, r, objectives, verdicts) },
		"a search": func(w io.Writer) error {
			return CapacityHTML(w, &Capacity{Target: evil, Objectives: objectives, Probes: []Probe{{Run: r}}})
		},
	}
	for name, write := range pages {
		t.Run(name, func(t *testing.T) {
			p := parse(t, write)
			p.checkWhole()
			if strings.Contains(p.source, "<img") || strings.Contains(p.source, "<script>alert") {
				t.Error("the text is markup")
			}
			if got := content(p.all("title")[0]); !strings.HasSuffix(got, ": "+evil) {
				t.Errorf("the title is %q", got)
			}
		})
	}
}

// TestHTMLLittle demands a page of a run that measured nothing.
func TestHTMLLittle(t *testing.T) {
	r := &measure.Run{Total: measure.NewTally(), Asked: 10, Duration: time.Second}
	objectives, verdicts := judged(t, r, "p99<=10ms")
	p := parse(t, func(w io.Writer) error { return HTML(w, r, objectives, verdicts) })
	p.checkWhole()
	if len(p.all("figure")) != 0 || len(p.all("table")) != 0 {
		t.Error("charts or tables of nothing")
	}
	if !slices.ContainsFunc(p.all("h2"), func(n *html.Node) bool { return content(n) == "The objective is missed" }) {
		t.Error("the verdict is missing")
	}
}

// TestHTMLSize demands that a long run does not make a large page.
func TestHTMLSize(t *testing.T) {
	p := parse(t, func(w io.Writer) error { return HTML(w, long(), nil, nil) })
	p.checkWhole()
	if len(p.source) > 300<<10 {
		t.Errorf("a run of 36,000 points is a page of %d bytes", len(p.source))
	}
	if n := len(p.all("tr")); n > 2*tableRows {
		t.Errorf("%d table rows", n)
	}
}

func TestFigure(t *testing.T) {
	for text, want := range map[string][2]string{
		"2.41ms": {"2.41", "ms"}, "149,998/s": {"149,998", "/s"}, "812µs": {"812", "µs"}, "3,300": {"3,300", ""},
		"1m30s": {"1m30s", ""}, "1m": {"1", "m"}, none: {none, ""},
	} {
		f := newFigure("", text, "")
		if got := [2]string{f.Number, f.Unit}; got != want {
			t.Errorf("%q is taken apart as %q, want %q", text, got, want)
		}
	}
}
