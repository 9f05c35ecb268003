//go:build linux

package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The commands whose sections the document has.
const (
	serversCommand    = "go run ./tools/bench"
	generatorsCommand = "go run ./tools/bench -generators"
	featuresCommand   = "go run ./tools/bench -features"
)

// about is what a reader needs to judge the figures.
type about struct {
	date     time.Time
	command  string
	cpu      string // model
	cores    int
	kernel   string
	rounds   int
	versions [][2]string // name and version, servers and clients
}

// head writes when, where and with what it was measured.
func (a *about) head(b *bytes.Buffer) {
	fmt.Fprintf(b, "Measured on %s with `%s`: median of %d rounds.\n\n", a.date.UTC().Format("2006-01-02 15:04 UTC"), a.command, a.rounds)
	fmt.Fprintf(b, "Machine: %s, %d cores, Linux %s. Server on core %d, client on core %d.\n\n", a.cpu, a.cores, a.kernel, serverCore, clientCore)
	for _, v := range a.versions {
		fmt.Fprintf(b, "- %s: %s\n", v[0], v[1])
	}
}

// report writes the results as Markdown whose tables are aligned, to be read
// as it is as well.
func report(a about, r *results) string {
	var b bytes.Buffer
	for i, v := range a.versions {
		if cipher := r.ciphers[v[0]]; cipher != "" {
			a.versions[i][1] += "; " + cipher
		}
	}
	a.head(&b)
	for _, n := range r.notes {
		fmt.Fprintf(&b, "\n%s\n", n)
	}
	if t := barTable(r); len(t) > 1 {
		b.WriteString("\n### What must be shown\n\n")
		writeTable(&b, t)
	}
	if t := baselineTable(r); len(t) > 1 {
		b.WriteString("\n### Beside the baseline\n\n")
		writeTable(&b, t)
	}
	if slices.Contains(r.servers, hotpath) {
		b.WriteString("\nA column ÷ has hotpath's figure divided by that server's.\n")
	}
	for m := range metricCount {
		if t := metricTable(m, r); len(t) > 1 {
			title := metricInfos[m].title
			if unit := metricInfos[m].unit; unit != "" {
				title += ", " + unit
			}
			fmt.Fprintf(&b, "\n### %s\n\n", title)
			writeTable(&b, t)
		}
	}
	return b.String()
}

// barTable has a line for each bar that there is a figure for, and a heading.
func barTable(r *results) [][]string {
	table := [][]string{{"", hotpath, "bar", "met", "goal", "reached"}}
	add := func(b bar, server string) {
		got, ok := r.median(b.row, server, b.metric)
		if !ok {
			return
		}
		info := metricInfos[b.metric]
		must, met := judge(b, b.must, r, got)
		goal, reached := judge(b, b.goal, r, got)
		table = append(table, []string{b.label, strings.TrimSpace(grouped(got, info.decimals) + " " + info.unit), must, met, goal, reached})
	}
	for _, b := range bars {
		add(b, hotpath)
	}
	for _, b := range featureBars {
		add(b.bar, b.of)
	}
	return table
}

// metricTable has a line for each row that has the metric, a column for each
// server, and hotpath's ratio to each of the others.
func metricTable(m metric, r *results) [][]string {
	servers := slices.DeleteFunc(slices.Clone(r.servers), func(s string) bool {
		return !slices.ContainsFunc(r.rows, func(row string) bool { return len(r.values[cell{row, s, m}]) > 0 })
	})
	var others []string // to compare hotpath with
	if slices.Contains(servers, hotpath) {
		others = slices.DeleteFunc(slices.Clone(servers), func(s string) bool { return s == hotpath })
	}
	head := slices.Concat([]string{""}, servers)
	for _, s := range others {
		head = append(head, "÷ "+s)
	}
	table := [][]string{head}
	for _, row := range r.rows {
		line, any := []string{row}, false
		for _, s := range servers {
			v, ok := r.median(row, s, m)
			any = any || ok
			line = append(line, figure(v, ok, metricInfos[m].decimals))
		}
		if !any {
			continue
		}
		ours, oursOK := r.median(row, hotpath, m)
		for _, s := range others {
			v, ok := r.median(row, s, m)
			line = append(line, figure(ours/v, ok && oursOK && v != 0, 2))
		}
		table = append(table, line)
	}
	return table
}

// figure writes a number, or nothing if there is none.
func figure(v float64, ok bool, decimals int) string {
	if !ok {
		return ""
	}
	return grouped(v, decimals)
}

// grouped writes v with a comma between thousands: "630,000".
func grouped(v float64, decimals int) string {
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	whole, fraction, _ := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return sign + whole
}

// writeTable writes lines of equal length as a Markdown table, the first one
// as its head, the first column to the left and the others to the right.
func writeTable(b *bytes.Buffer, table [][]string) {
	widths := make([]int, len(table[0]))
	for _, line := range table {
		for i, c := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(c), 2) // "-:" needs two
		}
	}
	for n, line := range table {
		for i, c := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if i == 0 {
				b.WriteString("| " + c + pad + " |")
			} else {
				b.WriteString(" " + pad + c + " |")
			}
		}
		b.WriteByte('\n')
		if n > 0 {
			continue
		}
		for i, w := range widths {
			if i == 0 {
				b.WriteString("| " + strings.Repeat("-", w) + " |")
			} else {
				b.WriteString(" " + strings.Repeat("-", w-1) + ": |")
			}
		}
		b.WriteByte('\n')
	}
}

// formatValues writes one round's values on a line.
func formatValues(values []value) string {
	var s strings.Builder
	for _, v := range values {
		info := metricInfos[v.metric]
		fmt.Fprintf(&s, "  %s %s", grouped(v.v, info.decimals), info.unit)
	}
	return s.String()
}
