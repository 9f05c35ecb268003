package main

import (
	"encoding/xml"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// h2specCases is how many cases h2spec has at the version in go.mod, the
// strict ones included: one that runs fewer does not pass.
const h2specCases = 147

// TestH2spec runs every case of h2spec in strict mode.
func TestH2spec(t *testing.T) {
	h2spec, err := testkit.Program(t.TempDir(), "github.com/summerwind/h2spec/cmd/h2spec")
	if err != nil {
		t.Fatal(err)
	}
	p := start(t)
	host, port, err := net.SplitHostPort(strings.TrimPrefix(p.url, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "report.xml")
	out, runErr := output(t, "", h2spec, "--strict", "--tls", "--insecure",
		"--host", host, "--port", port, "--timeout", "5", "--junit-report", file)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("h2spec made no report: %v, %v\n%s", runErr, err, tail(out))
	}
	var report struct {
		Suites []struct {
			Package string `xml:"package,attr"`
			Name    string `xml:"name,attr"`
			Cases   []struct {
				Name    string  `xml:"classname,attr"`
				Failure *string `xml:"failure"`
				Error   *string `xml:"error"`
				Skipped *string `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(data, &report); err != nil {
		t.Fatalf("reading h2spec's report: %v", err)
	}
	ran := 0
	for _, suite := range report.Suites {
		t.Run(suite.Package, func(t *testing.T) {
			for _, c := range suite.Cases {
				ran++
				for verdict, text := range map[string]*string{"failed": c.Failure, "failed: expected, then actual:\n": c.Error, "skipped": c.Skipped} {
					if text != nil {
						t.Errorf("%s: %s: %s%s", suite.Name, c.Name, verdict, *text)
					}
				}
			}
		})
	}
	if ran != h2specCases {
		t.Errorf("h2spec ran %d cases, want %d", ran, h2specCases)
	}
	if runErr != nil && !t.Failed() {
		t.Errorf("h2spec: %v", runErr)
	}
}
