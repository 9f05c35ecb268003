//go:build linux

package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// panels are what the plot shows: shorter bars are better in all of them.
var panels = []struct {
	title  string
	row    string
	metric metric
}{
	{"CPU per request: HTTP/2, 8 connections × 32 streams, 1 KiB", "h2-8x32-1KiB", cpuPerRequest},
	{"CPU per request: HTTP/1.1, 64 connections, 1 KiB", "h1-64-1KiB", cpuPerRequest},
	{"memory per idle HTTP/2 connection", rowIdle, memoryPerConn},
	{"CPU per full TLS 1.3 handshake", rowHandshake, cpuPerHandshake},
}

// Lengths of the plot, in px.
const (
	plotWidth   = 720
	plotLabel   = 88  // names, right-aligned
	plotBar     = 520 // the longest bar
	plotLine    = 24
	plotGap     = 18 // between panels
	plotTop     = 8
	plotRounded = 3
)

// plot draws the panels as an SVG that follows the reader's colour scheme. It
// returns nil if a figure is missing.
func plot(r *results) []byte {
	var b bytes.Buffer
	y := plotTop
	for _, p := range panels {
		longest := 0.0
		for _, s := range r.servers {
			v, ok := r.median(p.row, s, p.metric)
			if !ok {
				return nil
			}
			longest = max(longest, v)
		}
		fmt.Fprintf(&b, "<text class=\"title\" x=\"%d\" y=\"%d\">%s</text>\n", plotLabel, y+16, escape(p.title))
		y += plotLine
		for _, s := range r.servers {
			plotRow(&b, y, s, r, p.row, p.metric, longest)
			y += plotLine
		}
		y += plotGap
	}
	var svg bytes.Buffer
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">
<title>%s</title>
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.name { text-anchor: end }
rect { fill: #9aa4b2 }
.own { fill: #d9480f }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  rect { fill: #5b6673 }
  .own { fill: #ff922b }
}
</style>
%s</svg>
`, plotWidth, y, plotWidth, y, escape(plotTitle(r)), b.Bytes())
	return svg.Bytes()
}

func plotRow(b *bytes.Buffer, y int, server string, r *results, row string, m metric, longest float64) {
	v, _ := r.median(row, server, m)
	class := "other"
	if server == hotpath {
		class = "own"
	}
	info := metricInfos[m]
	length := max(2, v/longest*plotBar)
	fmt.Fprintf(b, "<text class=\"name\" x=\"%d\" y=\"%d\">%s</text>\n", plotLabel-8, y+15, escape(server))
	fmt.Fprintf(b, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"%d\"/>\n",
		class, plotLabel, y+3, length, plotLine-7, plotRounded)
	fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%d\">%s %s</text>\n", plotLabel+length+8, y+15, grouped(v, info.decimals), info.unit)
}

// plotTitle says in words what the first panel shows.
func plotTitle(r *results) string {
	var parts []string
	for _, s := range r.servers {
		v, _ := r.median(panels[0].row, s, panels[0].metric)
		parts = append(parts, fmt.Sprintf("%s %.2f µs", s, v))
	}
	return panels[0].title + ": " + strings.Join(parts, ", ")
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a Buffer takes everything
	return b.String()
}

// writePlot writes the plot beside the document, if there is one.
func writePlot(document string, r *results) error {
	if slices.Contains(r.servers, baseline) {
		return nil // a comparison for oneself
	}
	svg := plot(r)
	if svg == nil {
		return nil
	}
	name := strings.TrimSuffix(document, filepath.Ext(document)) + ".svg"
	if err := os.WriteFile(name, svg, 0o644); err != nil {
		return fmt.Errorf("writing the plot: %w", err)
	}
	return nil
}
