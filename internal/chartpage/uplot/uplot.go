// Package uplot is the library that draws the charts of our pages, as its authors
// built it: https://github.com/leeoniya/uPlot, its files dist/uPlot.iife.min.js
// (here uPlot.min.js) and dist/uPlot.min.css, and its LICENSE. A newer version
// replaces all three and Version; the sums in the test follow.
package uplot

import _ "embed"

// Version is the release that Script and Style are of.
const Version = "1.6.32"

var (
	// Script defines uPlot.
	//go:embed uPlot.min.js
	Script string

	// Style is for what Script draws.
	//go:embed uPlot.min.css
	Style string

	// License is the terms of both.
	//go:embed LICENSE
	License string
)
