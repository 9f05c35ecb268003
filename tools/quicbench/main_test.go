package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestRun: a short run has a line for each protocol and round, with a figure.
func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(options{requests: 2000, rounds: 2, connections: 2, streams: 4}, &out); err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`(?m)^round [12]  h[23]  \d+\.\d\d µs of CPU per request$`).FindAllString(out.String(), -1)); n != 4 {
		t.Errorf("%d lines with figures, want 4:\n%s", n, out.String())
	}
}
