package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestACMENames: certificates are obtained for the hosts of sites without one of
// their own that do not decline, and for no address.
func TestACMENames(t *testing.T) {
	const file = `
acme-directory: https://ca.example/dir
acme-storage: s
sites:
  - {hosts: [b.example, "*.b.example", 192.0.2.1, "[2001:db8::1]"], root: /srv}
  - {hosts: [a.example], root: /srv}
  - {hosts: [own.example], root: /srv, cert: c, key: k}
  - {hosts: [none.example], root: /srv, acme: false}
`
	load := func(text string) Config {
		t.Helper()
		c, err := Load([]string{"-config", "f"}, nil, files(map[string]string{"f": text}))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := load(file)
	if got, want := c.ACMENames(), []string{"*.b.example", "a.example", "b.example"}; !slices.Equal(got, want) {
		t.Errorf("names are %q, want %q", got, want)
	}
	if w := c.Warnings(); len(w) != 1 || !strings.Contains(w[0].Error(), `no certificate for "*.b.example"`) {
		t.Errorf("a pattern without a hook: the warnings are %v", w)
	}
	without := load(strings.Replace(file, "acme-directory: https://ca.example/dir\n", "", 1))
	if got := without.ACMENames(); got != nil {
		t.Errorf("without a directory the names are %q", got)
	}
	if w := without.Warnings(); len(w) != 1 || !strings.Contains(w[0].Error(), "acme-storage") {
		t.Errorf("without a directory the warnings are %v", w)
	}
}

// TestACMEMistakes: what cannot work is one mistake, which names the setting.
func TestACMEMistakes(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("no key!\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("bm8ga2V5IQ\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := []string{"-acme-directory=https://ca.example/dir", "-acme-storage=" + filepath.Join(dir, "new")}
	for _, tt := range []struct {
		why, key, says string
		args           []string
	}{
		{"no storage", "acme-directory", "nowhere to keep", []string{"-acme-storage="}},
		{"http in place of https", "acme-directory", "is not https", []string{"-acme-directory=http://ca.example/dir"}},
		{"no URL", "acme-directory", "is not a URL", []string{"-acme-directory=letsencrypt"}},
		{"no address", "acme-email", "is not an e-mail address", []string{"-acme-email=Admin <a@example.com>"}},
		{"a way that is not there", "acme-challenge", "there is no acme-dns-hook", []string{"-acme-challenge=dns-01"}},
		{"no listener", "acme-challenge", "there is no http-addr", []string{"-acme-challenge=http-01"}},
		{"half a binding", "acme-eab-key-id", "there is no acme-eab-key-file", []string{"-acme-eab-key-id=x"}},
		{"the other half", "acme-eab-key-file", "there is no acme-eab-key-id", []string{"-acme-eab-key-file=" + key}},
		{"a key that is none", "acme-eab-key-file", "is no key", []string{"-acme-eab-key-id=x", "-acme-eab-key-file=" + text}},
		{"a storage that is a file", "acme-storage", "is not a directory", []string{"-acme-storage=" + text}},
		{"a storage without a parent", "acme-storage", "", []string{"-acme-storage=" + filepath.Join(dir, "a", "b")}},
		{"a hook that cannot be run", "acme-dns-hook", "", []string{"-acme-dns-hook=" + text}},
		{"a hook that is a directory", "acme-dns-hook", "is a directory", []string{"-acme-dns-hook=" + dir}},
		{"authorities that are none", "acme-ca-file", "has no certificate", []string{"-acme-ca-file=" + text}},
		{"two listeners at one address", "http-addr", "is the address of listen", []string{"-http-addr=:8443"}},
	} {
		_, err := LoadChecked(append(slices.Clone(whole), tt.args...), nil, ReadFile)
		if err == nil || !strings.Contains(err.Error(), tt.key) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one mistake of %s with %q", tt.why, err, tt.key, tt.says)
		}
	}
	if _, err := LoadChecked(whole, nil, ReadFile); err != nil {
		t.Errorf("without a mistake: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a check makes the storage")
	}
}
