// Package chartpage is what pages with charts are made of: uPlot, our colours, and
// how figures are written. A page holds all of it in itself and loads nothing.
package chartpage

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"

	"github.com/e0ac7cd4/hotpath/internal/chartpage/uplot"
)

var (
	//go:embed base.css
	baseStyle string
	//go:embed base.js
	baseScript string
)

// Assets are the one style and the one script of a page.
type Assets struct {
	Style  template.CSS
	Script template.JS

	// Policy is a Content-Security-Policy that allows these two, by their
	// digests (CSP Level 3, §2.3.1), and nothing else: what got onto the
	// page otherwise does not run.
	Policy string
}

// New puts a page's own style and script behind those that all pages share.
func New(style, script string) Assets {
	style = uplot.Style + "\n" + baseStyle + style
	script = uplot.Script + "\n" + baseScript + script
	return Assets{
		Style:  template.CSS(style),
		Script: template.JS(script),
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'; style-src " + Source(style) + "; script-src " + Source(script),
	}
}

// Source is how a policy names a style or a script that stands in the page.
func Source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
