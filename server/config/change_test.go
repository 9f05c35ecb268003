package config

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// reloads are the settings that take effect while the server runs.
var reloads = []string{
	"http3", "http3-port",
	"cert", "key", "cert-dir", "root", "upstream",
	"acme-directory", "acme-email", "acme-storage", "acme-ca-file", "acme-challenge", "acme-dns-hook", "acme-eab-key-id", "acme-eab-key-file",
	"max-output", "max-streams", "max-header-bytes", "max-header-fields", "max-continuations", "max-body",
	"max-resets", "reset-refill", "control-budget", "control-refill", "max-control",
	"hello-timeout", "handshake-timeout", "head-timeout", "idle-timeout", "write-timeout", "min-write-rate",
	"drain-delay", "drain-timeout", "log-level",
	"otlp-endpoint", "trace-sample", "trace-trust", "compressors", "capacity-file",
}

// TestEverySettingReloads: each setting either takes effect with a reload or needs
// a restart; a new one must be put in one of the two lists.
func TestEverySettingReloads(t *testing.T) {
	c := Default()
	known := make(map[string]bool)
	for _, k := range settings(&c) {
		known[k.name] = true
		if k.name == configKey {
			continue // a reload reads the same file
		}
		if slices.Contains(reloads, k.name) == needsRestart[k.name] {
			t.Errorf("%s must be in one of two lists: reloads of this test, or needsRestart", k.name)
		}
	}
	for name := range needsRestart {
		if !known[name] {
			t.Errorf("needsRestart has %s, which is no setting", name)
		}
	}
}

// TestDocumentedRestarts: docs/operations.md names each setting that needs a
// restart, and no other.
func TestDocumentedRestarts(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, said, ok := strings.Cut(string(text), "\nA restart is needed by ")
	if !ok {
		t.Fatal("docs/operations.md does not say what needs a restart")
	}
	said, _, _ = strings.Cut(said, ".")
	named := regexp.MustCompile("`([a-z0-9-]+)`").FindAllStringSubmatch(said, -1)
	for _, name := range named {
		if !needsRestart[name[1]] {
			t.Errorf("docs/operations.md says that %s needs a restart", name[1])
		}
	}
	if len(named) != len(needsRestart) {
		t.Errorf("docs/operations.md names %d settings that need a restart, there are %d", len(named), len(needsRestart))
	}
}

func mustLoad(t *testing.T, file string, args ...string) Config {
	t.Helper()
	c, err := Load(append([]string{"-config", "f"}, args...), nil, files(map[string]string{"f": file}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestChanges: what differs between two configurations, in which order, and what
// of it needs a restart.
func TestChanges(t *testing.T) {
	const sites = "sites:\n- hosts: [a.test]\n  root: /a\n- hosts: [b.test]\n  upstream: http://b\n"
	for _, tt := range []struct{ name, before, after, want string }{
		{"nothing", sites, sites, ""},
		{"a default that is said", "", "max-body: 16MiB\n", ""},
		{"two settings, in their order", "log-level: info\nmax-body: 1MiB\n", "max-body: 2MiB\nlog-level: debug\n",
			"~ max-body: 1MiB -> 2MiB\n~ log-level: info -> debug"},
		{"one that needs a restart", "", "cache-bytes: 64MiB\n", "~ cache-bytes: 256MiB -> 64MiB (needs a restart)"},
		{"an empty value", "", "root: /a\n", `~ root: "" -> /a`},
		{"a site between two others", sites, "sites:\n- hosts: [a.test]\n  root: /a\n- hosts: [c.test, d.test]\n  upstream: http://c\n- hosts: [b.test]\n  upstream: http://b\n",
			"+ sites[c.test].hosts: c.test,d.test\n+ sites[c.test].upstream: http://c"},
		{"a site that is gone", sites, "sites:\n- hosts: [b.test]\n  upstream: http://b\n",
			"- sites[a.test].hosts: a.test\n- sites[a.test].root: /a"},
		{"a site's default", sites, sites + "  balance: hash\n", "~ sites[b.test].balance: round_robin -> hash"},
		{"the site of the flags, and one of the file that is the same", "root: /c\n", "sites:\n- default: true\n  root: /c\n",
			"~ root: /c -> \"\"\n+ sites[default].default: true\n+ sites[default].root: /c"},
		{"sites in another order", sites, "sites:\n- hosts: [b.test]\n  upstream: http://b\n- hosts: [a.test]\n  root: /a\n", ""},
		{"a site without hosts", sites + "- default: true\n  root: /c\n", sites + "- default: true\n  root: /d\n", "~ sites[default].root: /c -> /d"},
	} {
		before, after := mustLoad(t, tt.before), mustLoad(t, tt.after)
		if got := lines(before.ChangesTo(after)); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, tt.want)
		}
		if got := lines(Changes(before.Effective(), after.Effective())); got != tt.want {
			t.Errorf("%s, setting by setting:\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

func lines(changes []Change) string {
	all := make([]string, len(changes))
	for i, c := range changes {
		all[i] = c.String()
	}
	return strings.Join(all, "\n")
}

// TestUnchangeable: a change that needs a restart is a line with its place, the
// value, and what the server runs with; any other is no mistake.
func TestUnchangeable(t *testing.T) {
	before := mustLoad(t, "cache-bytes: 64MiB\n")
	after := mustLoad(t, "max-body: 1MiB\ncache-bytes: 128MiB\n", "-listen", ":443")
	err := after.Unchangeable(before.ChangesTo(after))
	const want = `flag -listen ":443": cannot change while the server runs; allowed: :8443, or a restart
f:2: cache-bytes "128MiB": cannot change while the server runs; allowed: 64MiB, or a restart`
	if fmt.Sprint(err) != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
	after = mustLoad(t, "max-body: 1MiB\ncache-bytes: 64MiB\n")
	if err := after.Unchangeable(before.ChangesTo(after)); err != nil {
		t.Errorf("nothing that needs a restart: %v", err)
	}
}

// TestEffective: what a flag or a variable gives is fixed, and the hash is that of
// the values, whatever gave them.
func TestEffective(t *testing.T) {
	c, err := Load([]string{"-config", "f", "-max-body", "1MiB"}, []string{"HOTPATH_MAX_STREAMS=9"}, files(map[string]string{"f": "log-level: warn\n"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range c.Effective() {
		fixed := slices.Contains([]string{"config", "max-body", "max-streams"}, l.Key)
		if l.Fixed != fixed {
			t.Errorf("%s is fixed: %t", l.Key, l.Fixed)
		}
	}
	var decoded []Line
	if err := json.Unmarshal(c.AppendJSON(nil), &decoded); err != nil || !slices.Equal(decoded, c.Effective()) {
		t.Errorf("in JSON, read again: %v, %v", decoded, err)
	}
	same := mustLoad(t, "log-level: warn\nmax-body: 1MiB\nmax-streams: 9\n")
	if c.Hash() != same.Hash() {
		t.Error("the same settings have two hashes")
	}
	if other := mustLoad(t, "log-level: warn\nmax-body: 1MiB\nmax-streams: 8\n"); c.Hash() == other.Hash() || c.Hash() <= 0 || c.Hash() >= 1<<48 {
		t.Errorf("the hashes are %d and %d", c.Hash(), other.Hash())
	}
}

// TestStoresAs: which change of a site leaves what is stored for it, and which
// leaves all but the certificate.
func TestStoresAs(t *testing.T) {
	const one = "sites:\n- hosts: [a.test]\n  upstream: [http://a, http://b]\n"
	const files = "sites:\n- hosts: [a.test]\n  root: /a\n"
	for _, tt := range []struct {
		before, after string
		same, stores  bool
	}{
		{one, one, true, true},
		{one, one + "  cert: c\n  key: k\n", true, true},
		{one, strings.Replace(one, "a.test", "a.test, b.test", 1), false, true},
		{one, strings.Replace(one, "http://b", "http://c", 1), false, true},
		{one, "sites:\n- hosts: [a.test]\n  upstream: [http://c]\n", false, false},
		{one, files, false, false},
		{files, files, true, true},
		{files, strings.Replace(files, "/a", "/b", 1), false, false},
		{one, one + "  health: {path: /up}\n", false, true},
		{one, one + "  timeouts: {head: 1s}\n", false, true},
		{one, one + "  cache: {cache-status: false}\n", false, true},
		{one, one + "  cache: {default-fresh: 1m}\n", false, false},
		{one, one + "  cache: {store-set-cookie: true}\n", false, false},
		{one, one + "  cache-key: {query: drop}\n", false, false},
		{one, one + "  path: /x\n", false, false},
		{one, one + "  deny: 192.0.2.0/24\n", false, true},
		{one, one + "  redirects: [{from: /a, to: /b}]\n", false, true},
		{one, one + "  maintenance: {on: true}\n", false, true},
		{one, one + "  max-body: 1KiB\n", false, true},
		{one, one + "  basic-auth: {users: u}\n", false, false},
		{one, one + "  response-headers: {set: {a: b}}\n", false, false},
		{one, one + "  request-headers: {set: {a: b}}\n", false, false},
		{one, one + "  compress: {codings: [gzip]}\n", false, false},
		{one, one + "  errors: {pages: {404: a}}\n", false, false},
		{one, one + "  host: upstream\n", false, false},
		{one, one + "  client-ca: c\n", false, false},
		{one + "  client-ca: c\n", one + "  client-ca: c\n  client-auth: optional\n", false, false},
	} {
		before, after := mustLoad(t, tt.before), mustLoad(t, tt.after)
		a, b := &before.Sites[0], &after.Sites[0]
		if same, stores := b.Same(a), b.StoresAs(a); same != tt.same || stores != tt.stores {
			t.Errorf("same %t, stores as %t; want %t, %t, for\n%s%s", same, stores, tt.same, tt.stores, tt.before, tt.after)
		}
	}
	known := make(map[string]bool)
	for _, k := range siteSettings(new(Site)) {
		known[k.name] = true
	}
	for name := range notStored {
		if !known[name] {
			t.Errorf("notStored has %s, which is no setting", name)
		}
	}
}
