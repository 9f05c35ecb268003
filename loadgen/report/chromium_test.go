package report

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// browse opens a page in a headless browser and returns it as it is after its
// scripts ran, and what they and the policy had to say on the console.
func browse(t *testing.T, source string) (p *parsed, console []string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hotpath-report")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a child of the browser may still be writing
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom", "file://"+file)
	cmd.Stderr = &stderr
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, stderr.String())
	}
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, "CONSOLE") {
			console = append(console, line)
		}
	}
	return parse(t, func(w io.Writer) error { _, err := w.Write(dom); return err }), console
}

// TestChromium opens pages as a reader does: the charts are drawn, and the
// console is silent.
func TestChromium(t *testing.T) {
	testkit.Need(t, "chromium")
	stall, single, search := stalled(), steady(), searched(t)
	objectives, verdicts := judged(t, stall, "rate>=149k,mean<=3ms,p99<=10ms,max<=1h,service-p99.9<=20ms")
	single.Points = single.Points[:1]
	for _, tt := range []struct {
		name   string
		write  func(io.Writer) error
		charts []chart
	}{
		{"stall", func(w io.Writer) error { return HTML(w, stall, objectives, verdicts) }, runCharts(stall, nil, nil)},
		{"a point", func(w io.Writer) error { return HTML(w, single, nil, nil) }, runCharts(single, nil, nil)},
		{"36,000 points", func(w io.Writer) error { return HTML(w, long(), nil, nil) }, runCharts(long(), nil, nil)},
		{"capacity", func(w io.Writer) error { return CapacityHTML(w, search) }, []chart{search.chart()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, console := browse(t, parse(t, tt.write).source)
			for _, line := range console {
				t.Error(line)
			}
			figures := p.all("figure")
			if len(figures) != len(tt.charts) {
				t.Errorf("%d charts, want %d", len(figures), len(tt.charts))
			}
			for _, figure := range figures {
				id := attribute(figure, "id")
				if got, want := attribute(figure, "data-drawn"), strconv.Itoa(len(find(t, tt.charts, id).X)); got != want {
					t.Errorf("%s was drawn with %q values, want %s", id, got, want)
				}
				if !hasElement(figure, "canvas") || !hasElement(figure, "button") {
					t.Errorf("%s has no canvas or no legend", id)
				}
			}
		})
	}
}

// TestChromiumPolicy changes a script and so shows that the browser holds to
// the policy, and that the tests above would see it.
func TestChromiumPolicy(t *testing.T) {
	testkit.Need(t, "chromium")
	page := parse(t, func(w io.Writer) error { return HTML(w, stalled(), nil, nil) }).source
	p, console := browse(t, strings.Replace(page, "'use strict'\n", "'use strict' \n", 1))
	if len(console) == 0 {
		t.Error("nothing on the console about a script that is not the policy's")
	}
	for _, figure := range p.all("figure") {
		if hasElement(figure, "canvas") {
			t.Errorf("%s was drawn by a script that is not the policy's", attribute(figure, "id"))
		}
	}
}

func hasElement(n *html.Node, name string) bool {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == name {
			return true
		}
	}
	return false
}
