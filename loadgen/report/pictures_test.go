package report

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// spills are the widths of a page, and what of it reaches beyond what holds it.
const spills = `(() => {
	const wide = document.documentElement.scrollWidth
	const out = [...document.querySelectorAll('figure canvas, figure button')].filter(e => {
		const f = e.closest('figure').getBoundingClientRect(), r = e.getBoundingClientRect()
		return r.width > 0 && (r.left < f.left - 1 || r.right > f.right + 1)
	})
	return wide > innerWidth ? wide + ' px wide' : out.length ? out.length + ' canvases or legends beyond their chart' : ''
})()`

// TestPictures draws each page on a telephone, a tablet and a screen, light and dark:
// nothing reaches beyond the page or its chart. The pictures are left to be looked at.
func TestPictures(t *testing.T) {
	testkit.Need(t, "chromium")
	stall, search, compared := stalled(), searched(t), comparison(t)
	objectives, verdicts := judged(t, stall, "rate>=149k,mean<=3ms,p99<=10ms,max<=1h,service-p99.9<=20ms")
	profile, err := os.MkdirTemp("", "hotpath-report")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) }) // a child of the browser may still be writing
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(profile), chromedp.Flag("disable-component-update", true), chromedp.Env("TZ=UTC"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ctx, end := chromedp.NewExecAllocator(ctx, options...)
	defer end()
	ctx, closePage := chromedp.NewContext(ctx)
	defer closePage()
	for name, write := range map[string]func(io.Writer) error{
		"report":     func(w io.Writer) error { return HTML(w, stall, objectives, verdicts) },
		"capacity":   func(w io.Writer) error { return CapacityHTML(w, search) },
		"comparison": func(w io.Writer) error { return CompareHTML(w, compared) },
	} {
		var page bytes.Buffer
		if err := write(&page); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), name+".html")
		if err := os.WriteFile(file, page.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := chromedp.Do(ctx, chromedp.Navigate("file://"+file)); err != nil {
			t.Fatal(err)
		}
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1600, 768, 390} {
				if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
				}); err != nil {
					t.Fatal(err)
				}
				if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900)); err != nil {
					t.Fatal(err)
				}
				what := fmt.Sprintf("%s-%s-%d", name, scheme, width)
				_, err := chromedp.Run(ctx, chromedp.Poll[bool](spills+` === ''`, chromedp.WithPollingTimeout(10*time.Second)))
				if err != nil { // charts follow their width a frame later
					said, _ := chromedp.Run(ctx, chromedp.Evaluate[string](spills))
					t.Errorf("%s: %s (%v)", what, said, err)
				}
				// What it would say if something spilled.
				said, err := chromedp.Run(ctx, chromedp.Evaluate[string](`(() => {
					const wide = document.body.appendChild(document.createElement('div'))
					wide.style.cssText = 'width: 3000px; height: 1px'
					const said = `+spills+`
					wide.remove()
					return said
				})()`))
				if err != nil || said == "" {
					t.Errorf("%s: nothing is said of what is too wide: %v", what, err)
				}
				picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(testkit.Outputs(t), what+".png"), picture, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
