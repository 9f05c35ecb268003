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

// noted makes canvases note the texts that are drawn since they were cleared.
const noted = `(() => {
	const c = CanvasRenderingContext2D.prototype, {fillText, clearRect} = c
	c.clearRect = function (...a) { this.canvas.texts = []; return clearRect.apply(this, a) }
	c.fillText = function (text, x, y) {
		const width = this.measureText(text).width
		const left = x - width * ({center: .5, right: 1, end: 1}[this.textAlign] || 0)
		;(this.canvas.texts ||= []).push({text, left, right: left + width, y})
		return fillText.call(this, text, x, y)
	}
})()`

// labels is what is wrong with the figures of axes: over the curves, cut off, over each
// other, twice the same, or not as far apart as others; or that there are none.
const labels = `(() => {
	for (const canvas of document.querySelectorAll('figure:not([hidden]) canvas')) {
		const id = canvas.closest('figure').id, ratio = devicePixelRatio
		const own = canvas.getBoundingClientRect(), over = canvas.parentNode.querySelector('.u-over').getBoundingClientRect()
		const plot = {left: (over.left - own.left) * ratio, right: (over.right - own.left) * ratio, bottom: (over.bottom - own.top) * ratio}
		const all = canvas.texts || []
		const below = all.filter(t => t.y > plot.bottom).sort((a, b) => a.left - b.left), beside = all.filter(t => t.y <= plot.bottom)
		if (!below.length || !beside.length) return id + ': an axis without figures'
		for (const t of all) if (t.left < 0 || t.right > canvas.width) return id + ': "' + t.text + '" is cut off'
		for (const t of beside) if (t.right > plot.left) return id + ': "' + t.text + '" is over the curves'
		for (let i = 1; i < below.length; i++) {
			const [a, b] = [below[i - 1], below[i]], step = below[1].left + below[1].right - below[0].left - below[0].right
			if (b.left < a.right) return id + ': "' + a.text + '" and "' + b.text + '" are over each other'
			if (a.text && a.text === b.text) return id + ': "' + a.text + '" stands twice'
			if (Math.abs(b.left + b.right - a.left - a.right - step) > 4) return id + ': "' + b.text + '" is not as far from "' + a.text + '" as others'
		}
	}
	return ''
})()`

// TestPictures draws each page on a telephone, a tablet and a screen, light and dark:
// nothing reaches beyond the page or its chart, and the figures of axes are whole and
// beside the curves. The pictures are left to be looked at.
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
		"short":      func(w io.Writer) error { return HTML(w, shortLast(), nil, nil) },
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
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[any](noted)); err != nil {
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
				for _, check := range []string{spills, labels} {
					_, err := chromedp.Run(ctx, chromedp.Poll[bool](check+` === ''`, chromedp.WithPollingTimeout(10*time.Second)))
					if err != nil { // charts follow their width a frame later
						said, _ := chromedp.Run(ctx, chromedp.Evaluate[string](check))
						t.Errorf("%s: %s (%v)", what, said, err)
					}
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
