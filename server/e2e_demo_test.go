package main

import (
	"strings"
	"testing"
)

// TestChromiumDemoFits opens the demo site on a telephone and on a desk: nothing
// is wider than the window, and no command is cut or has to be scrolled.
func TestChromiumDemoFits(t *testing.T) {
	b := startChromium(t)
	p := start(t)
	for _, width := range []int{360, 1280} {
		b.call("Emulation.setDeviceMetricsOverride", map[string]any{
			"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500,
		}, nil)
		for _, path := range []string{"/", "/how/"} {
			b.open(p.url + path)
			var page struct {
				Width    int
				Cut      []string
				Commands int
				Text     string
			}
			b.evaluate(`new Promise(done => {
				const look = () => {
					const commands = [...document.querySelectorAll('pre')]
					done({
						Width: document.documentElement.scrollWidth,
						Cut: commands.filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent),
						Commands: commands.length,
						Text: document.querySelector('main').innerText,
					})
				}
				document.readyState === 'complete' ? look() : addEventListener('load', () => setTimeout(look))
			})`, &page)
			if page.Width > width {
				t.Errorf("%s: %d px wide in a window of %d", path, page.Width, width)
			}
			for _, command := range page.Cut {
				t.Errorf("%s: at %d px this is cut: %s", path, width, command)
			}
			if path != "/" {
				continue
			}
			if page.Commands < 4 {
				t.Errorf("/ has %d commands", page.Commands)
			}
			for _, word := range []string{"-upstream", "-root", "http://127.0.0.1:9180/"} {
				if !strings.Contains(page.Text, word) {
					t.Errorf("/ does not say %s", word)
				}
			}
		}
	}
}
