package config

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestPages: a page has its limit and all together have theirs; a file that several
// statuses have counts once.
func TestPages(t *testing.T) {
	dir := t.TempDir()
	page := func(name string, size int) string {
		path := filepath.Join(dir, name)
		writeFile(t, path, make([]byte, size))
		return path
	}
	p := new(Pages)
	for i := range MaxPages / maxPage {
		name := page(fmt.Sprint(i), maxPage)
		for range 2 {
			if text, err := p.Read(name); err != nil || len(text) != maxPage {
				t.Fatalf("page %d: %d bytes, %v", i, len(text), err)
			}
		}
	}
	for why, tt := range map[string]struct {
		name string
		want error
	}{
		"one of no bytes fits in any case":      {page("none", 0), nil},
		"another byte is too much for all":      {page("byte", 1), errPagesTooLarge},
		"one that is too large is by itself":    {page("large", maxPage+1), errPageTooLarge},
		"what was read is there":                {filepath.Join(dir, "0"), nil},
		"what did not fit has not been counted": {filepath.Join(dir, "none"), nil},
	} {
		if _, err := p.Read(tt.name); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", why, err, tt.want)
		}
	}
	if _, err := p.Read(filepath.Join(dir, "missing")); err == nil {
		t.Error("a file that is not there is a page")
	}
}

// TestPagesOfAllSites: the check names the page with which it is too much, whichever
// site has it.
func TestPagesOfAllSites(t *testing.T) {
	dir := t.TempDir()
	var file strings.Builder
	file.WriteString("sites:\n")
	const each = 100
	for site := range 2 {
		fmt.Fprintf(&file, "- {hosts: [%d.example], root: %s, errors: {pages: {", site, dir)
		for i := range each {
			name := filepath.Join(dir, fmt.Sprint(site*each+i))
			writeFile(t, name, make([]byte, maxPage))
			fmt.Fprintf(&file, "%d: %s, ", 420+i, name)
		}
		file.WriteString("}}}\n")
	}
	name := filepath.Join(dir, "f.yaml")
	writeFile(t, name, []byte(file.String()))
	var stdout, stderr bytes.Buffer
	if status := Check([]string{"-config", name}, nil, &stdout, &stderr); status != 2 {
		t.Errorf("exit status %d", status)
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	if want := 2*each - MaxPages/maxPage; len(lines) != want {
		t.Errorf("%d lines, want one for each page that is too much, %d", len(lines), want)
	}
	for _, line := range lines {
		if want := "hotpath: " + name + ":3: sites[1].errors.pages "; !strings.HasPrefix(line, want) || !strings.Contains(line, ": makes all pages together larger than 8 MiB; allowed: a file of at most 64 KiB, and of all pages together 8 MiB") {
			t.Fatalf("%s, want %s…", line, want)
		}
	}
}
