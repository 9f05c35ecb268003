package certs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/server/config"
)

// counts checks the metrics.
func (f *fixture) counts(why string, inUse, broken int64) {
	f.t.Helper()
	if a, b := f.m.Certificates.Value(), f.m.CertificatesBroken.Value(); a != inUse || b != broken {
		f.t.Errorf("%s: %d certificates are in use and %d broken, want %d and %d", why, a, b, inUse, broken)
	}
	if all := f.Broken(); int64(len(all)) != broken || broken > 0 && (all[0].File == "" || all[0].Problem == "") {
		f.t.Errorf("%s: broken are %q, want %d with what is wrong", why, all, broken)
	}
}

// logs checks how many lines with a text there are.
func (f *fixture) logs(why string, n int, parts ...string) {
	f.t.Helper()
	got := 0
	for line := range strings.Lines(f.log.String()) {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if all {
			got++
		}
	}
	if got != n {
		f.t.Errorf("%s: %d lines with %q, want %d, in\n%s", why, got, parts, n, f.log)
	}
}

// TestHalfWritten: while the files of a pair do not match, the one before is
// presented. That is worth a line if it lasts, and none if it does not.
func TestHalfWritten(t *testing.T) {
	names := []string{"a.example"}
	old, renewed := spec{subject: "old", names: names}.make(t), spec{subject: "new", names: names}.make(t)
	const broken = "a certificate cannot be loaded: the one before stays in use"
	for _, tt := range []struct {
		why   string
		write func(t *testing.T, p config.Pair) // what is there of the new one
		file  func(p config.Pair) string        // that the log names
		says  string
	}{
		{"the certificate before its key", func(t *testing.T, p config.Pair) { write(t, p.Cert, chainOf(renewed)) },
			func(p config.Pair) string { return p.Key }, "does not match"},
		{"the key before its certificate", func(t *testing.T, p config.Pair) { write(t, p.Key, keyOf(t, renewed)) },
			func(p config.Pair) string { return p.Key }, "does not match"},
		{"half of the certificate", func(t *testing.T, p config.Pair) { write(t, p.Cert, chainOf(renewed)[:200]) },
			func(p config.Pair) string { return p.Cert }, "has no PEM block"},
		{"nothing of the key yet", func(t *testing.T, p config.Pair) { write(t, p.Key, nil) },
			func(p config.Pair) string { return p.Key }, "has no PEM block"},
		{"a certificate that is gone", func(t *testing.T, p config.Pair) { remove(t, p.Cert) },
			func(p config.Pair) string { return p.Cert }, "no such file"},
		{"both are gone", func(t *testing.T, p config.Pair) { remove(t, p.Cert); remove(t, p.Key) },
			func(p config.Pair) string { return p.Cert }, "no such file"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			p := writePair(t, t.TempDir(), "a", old)
			f := keep(t, Sources{Pairs: []Listed{{Pair: p}}})
			f.presents("at the start", "a.example", old)

			tt.write(t, p)
			f.pass(Interval)
			f.presents("at the first look", "a.example", old)
			f.counts("at the first look", 1, 0)
			f.logs("at the first look", 0, broken)
			for range 3 {
				f.pass(Interval)
			}
			f.presents("when it lasts", "a.example", old)
			f.counts("when it lasts", 1, 1)
			f.logs("when it lasts", 1, "level=ERROR", broken, "file="+tt.file(p), tt.says)

			write(t, p.Cert, chainOf(renewed))
			write(t, p.Key, keyOf(t, renewed))
			f.pass(Interval)
			f.presents("when both are there", "a.example", renewed)
			f.counts("when both are there", 1, 0)
			f.logs("when both are there", 1, "a certificate was loaded", p.Cert)

			write(t, p.Cert, chainOf(old))
			f.pass(Interval)
			write(t, p.Key, keyOf(t, old))
			f.pass(Interval)
			f.pass(Interval)
			f.presents("replaced one after the other", "a.example", old)
			f.logs("replaced one after the other", 1, broken)
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// TestSameTime: a file that is written again within the tick of its file system's
// clock, with as many bytes, is read again.
func TestSameTime(t *testing.T) {
	names := []string{"a.example"}
	one, other := spec{subject: "one", names: names}.make(t), spec{subject: "two", names: names}.make(t)
	both := func(c []byte, k []byte) []byte { return append(append(c, k...), make([]byte, 4096-len(c)-len(k))...) }
	dir := t.TempDir()
	path := filepath.Join(dir, "a.pem")
	write(t, path, both(chainOf(one), keyOf(t, one)))
	f := keep(t, Sources{Dir: dir})
	f.presents("both in one file", "a.example", one)

	write(t, path, both(chainOf(one), keyOf(t, other)))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f.pass(Interval)
	write(t, path, both(chainOf(other), keyOf(t, other)))
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	f.pass(Interval)
	f.presents("the second look", "a.example", other)
	f.logs("the second look", 0, "level=ERROR")
}

// TestNewChain: another chain for the same certificate takes effect.
func TestNewChain(t *testing.T) {
	one := spec{subject: "one", names: []string{"a.example"}}.make(t)
	p := writePair(t, t.TempDir(), "a", one)
	f := keep(t, Sources{Pairs: []Listed{{Pair: p}}})
	write(t, p.Cert, append(chainOf(one), chainOf(spec{subject: "issuer"}.make(t))...))
	f.pass(Interval)
	if got, err := f.Certificate(modern("a.example")); err != nil || len(got.Certificate) != 2 {
		t.Errorf("a chain of %d certificates is presented, want 2 (%v)", len(got.Certificate), err)
	}
}

// TestUnchangedFiles: files are read if they change, and not otherwise.
func TestUnchangedFiles(t *testing.T) {
	p := writePair(t, t.TempDir(), "a", spec{names: []string{"a.example"}}.make(t))
	f := keep(t, Sources{Pairs: []Listed{{Pair: p}}})
	first := f.listed[0].certificate
	f.pass(Interval)
	if err := f.Configure(Sources{Pairs: []Listed{{Pair: p, Hosts: []string{"other.example"}}}}); err != nil {
		t.Fatal(err)
	}
	if f.listed[0].certificate != first {
		t.Error("files that have not changed were read again")
	}
	if f.presents("with another host", "other.example", first); f.log.Count("a certificate was loaded") != 0 {
		t.Errorf("a line about nothing:\n%s", f.log)
	}
}

// TestDirectory: what is put into the directory is presented, what is taken out is
// not, and the last one stays.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	z := spec{subject: "z", names: []string{"z.example"}}.make(t)
	a := spec{subject: "a", names: []string{"a.example"}}.make(t)
	d := spec{subject: "d", names: []string{"d.example"}}.make(t)
	writePair(t, dir, "z", z)
	write(t, filepath.Join(dir, "README"), nil)
	write(t, filepath.Join(dir, ".hidden.pem"), nil)
	if err := os.Mkdir(filepath.Join(dir, "sub.pem"), 0o700); err != nil {
		t.Fatal(err)
	}
	f := keep(t, Sources{Dir: dir})
	f.presents("the only one", "", z)
	f.counts("what is no pair is left out", 1, 0)

	writePair(t, dir, "a", a)
	f.pass(Interval)
	f.presents("one that was added", "a.example", a)
	f.presents("the first by name", "", a)

	write(t, filepath.Join(dir, "default.pem"), append(chainOf(d), keyOf(t, d)...))
	f.pass(Interval)
	f.presents("the one called default", "", d)
	f.presents("by its name", "z.example", z)

	remove(t, filepath.Join(dir, "default.pem"))
	f.pass(Interval)
	f.presents("gone at one look", "d.example", d)
	f.pass(Interval)
	f.presents("gone at two", "d.example", a)
	f.counts("gone at two", 2, 0)
	f.logs("gone at two", 1, "a certificate is not used any more", "default.pem")

	for _, name := range []string{"a.crt", "a.key", "z.crt", "z.key"} {
		remove(t, filepath.Join(dir, name))
	}
	for range 3 {
		f.pass(Interval)
	}
	if n := f.m.Certificates.Value(); n != 1 {
		t.Errorf("%d certificates are in use after all files have gone, want the last one", n)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	f.pass(Interval)
	f.pass(Interval)
	f.logs("a directory that is gone", 1, "level=ERROR", "cert-dir cannot be read")
	if c, err := f.Certificate(modern("")); err != nil || c == nil {
		t.Errorf("nothing is presented any more: %v", err)
	}
}

// TestBrokenAtTheStart: a broken pair that is listed keeps a configuration from
// being used; one in the directory does not, unless there is no other.
func TestBrokenAtTheStart(t *testing.T) {
	dir := t.TempDir()
	good := spec{subject: "good", names: []string{"good.example"}}.make(t)
	mended := spec{subject: "mended", names: []string{"bad.example"}}.make(t)
	g := writePair(t, dir, "good", good)
	bad := filepath.Join(dir, "bad.crt")
	write(t, bad, chainOf(mended)) // without a key
	f := keep(t, Sources{Dir: dir})
	f.presents("the good one", "", good)
	f.counts("at the start", 1, 1)
	f.logs("at the start", 1, "level=ERROR", "bad.key", "no such file", "there is none before it")
	f.pass(Interval)
	f.pass(Interval)
	f.logs("later", 1, "level=ERROR")
	write(t, filepath.Join(dir, "bad.key"), keyOf(t, mended))
	f.pass(Interval)
	f.presents("mended", "bad.example", mended)
	f.counts("mended", 2, 0)

	for _, tt := range []struct {
		why string
		s   Sources
	}{
		{"a listed pair without a key", Sources{Pairs: []Listed{{Pair: g}, {Pair: config.Pair{Cert: g.Cert, Key: "missing"}}}}},
		{"a directory that is not there", Sources{Pairs: []Listed{{Pair: g}}, Dir: filepath.Join(dir, "missing")}},
		{"a directory without a pair", Sources{Dir: t.TempDir()}},
	} {
		if err := f.Configure(tt.s); err == nil {
			t.Errorf("%s is taken", tt.why)
		}
		f.presents("after "+tt.why, "bad.example", mended)
		f.counts("after "+tt.why, 2, 0)
	}
	if _, err := New(Sources{Pairs: []Listed{{Pair: config.Pair{Cert: "missing", Key: g.Key}}}}, f.m, f.Keeper.log); !errors.As(err, new(*config.Error)) {
		t.Errorf("a start without its certificate: %v", err)
	}
}

// TestOwnCertificate: without sources the keeper makes a certificate, once, and
// uses it as long as there is no other.
func TestOwnCertificate(t *testing.T) {
	f := keep(t, Sources{})
	f.logs("the start", 1, "made a self-signed one", "sha256=")
	own, err := f.Certificate(modern(""))
	if err != nil {
		t.Fatal(err)
	}
	p := writePair(t, t.TempDir(), "a", spec{subject: "a"}.make(t))
	for _, tt := range []struct {
		why string
		s   Sources
		own bool
	}{{"a pair", Sources{Pairs: []Listed{{Pair: p}}}, false}, {"none again", Sources{}, true}} {
		if err := f.Configure(tt.s); err != nil {
			t.Fatal(err)
		}
		if got, _ := f.Certificate(modern("")); (got == own) != tt.own {
			t.Errorf("%s: the own certificate is presented: %t", tt.why, got == own)
		}
	}
	f.logs("the end", 1, "made a self-signed one")
}

// TestExpected: a pair that is still to come is no mistake, is presented for its
// host when it is there, and the last one stays in use whatever becomes of it.
func TestExpected(t *testing.T) {
	dir := t.TempDir()
	pair := config.Pair{Cert: filepath.Join(dir, "a.crt"), Key: filepath.Join(dir, "a.key")}
	f := keep(t, Sources{Expected: []Listed{{pair, []string{"a.example"}}}})
	f.presents("before it is there", "a.example", f.own)
	f.pass(Interval)
	if n := f.m.CertificatesBroken.Value(); n != 0 || f.m.Certificates.Value() != 1 {
		t.Errorf("%d are broken", n)
	}
	first := spec{subject: "first", names: []string{"a.example"}}.make(t)
	writePair(t, dir, "a", first)
	f.pass(Interval)
	f.presents("when it is there", "a.example", f.expected[0].certificate)
	if !slices.EqualFunc(f.expected[0].certificate.Certificate, first.Certificate, bytes.Equal) {
		t.Error("it is another")
	}
	write(t, pair.Cert, []byte("nonsense"))
	f.pass(Interval)
	f.pass(Interval)
	f.presents("when it is broken", "a.example", f.expected[0].certificate)
	if n := f.m.CertificatesBroken.Value(); n != 1 {
		t.Errorf("%d are broken, want 1", n)
	}
	if err := f.Configure(Sources{Expected: []Listed{{pair, []string{"a.example"}}}}); err != nil {
		t.Errorf("one that is broken keeps the server from its configuration: %v", err)
	}
	if err := f.Configure(Sources{}); err != nil || len(f.all()) != 0 {
		t.Errorf("one that is not expected any more is kept: %v", err)
	}
}
