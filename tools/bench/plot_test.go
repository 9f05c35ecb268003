//go:build linux

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestPlot(t *testing.T) {
	servers := []string{hotpath, netHTTP}
	r := newResults(servers)
	for i, p := range panels {
		if plot(r) != nil {
			t.Fatalf("a plot with the figures of %d panels", i)
		}
		r.add(p.row, hotpath, []value{{p.metric, 2}})
		r.add(p.row, netHTTP, []value{{p.metric, 40}})
	}
	svg := string(plot(r))
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("not XML: %v\n%s", err, svg)
		}
	}
	for _, want := range []string{
		"hotpath 2.00 µs, net/http 40.00 µs</title>",
		`class="own" x="88" y="35" width="26.0"`, // a twentieth of the longest
		`class="other" x="88" y="59" width="520.0"`,
		">40.0 KiB</text>",
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("%q is missing in\n%s", want, svg)
		}
	}
}
