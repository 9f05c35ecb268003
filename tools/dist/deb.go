package main

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"fmt"
	"slices"
	"strings"
	"time"
)

// deb is a Debian package (deb(5)).
type deb struct {
	control  string   // the file of that name, without what follows from the files
	scripts  []entry  // postinst and the like
	files    []entry  // by their path on the system, without the first slash
	keep     []string // of these the ones that an operator may edit: conffiles
	modified time.Time
}

// encode is the package: an archive of the format's version and two archives, what
// the package manager needs and what is installed.
func (d deb) encode() ([]byte, error) {
	var sums, conffiles strings.Builder
	size := 0
	files := slices.SortedFunc(slices.Values(d.files), func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	for _, f := range files {
		// MD5 as debsums reads it: against a disk that fails, not against an enemy.
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(f.content), f.name)
		size += (len(f.content) + 1023) / 1024
	}
	for _, name := range d.keep {
		fmt.Fprintf(&conffiles, "/%s\n", name)
	}
	control := append([]entry{
		{name: "control", content: fmt.Appendf(nil, "%sInstalled-Size: %d\n", d.control, size)},
		{name: "md5sums", content: []byte(sums.String())},
		{name: "conffiles", content: []byte(conffiles.String())},
	}, d.scripts...)
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	appendMember(&b, "debian-binary", []byte("2.0\n"), d.modified)
	for _, part := range []struct {
		name    string
		entries []entry
	}{{"control.tar.gz", control}, {"data.tar.gz", files}} {
		packed, err := tarGzip(part.entries, d.modified)
		if err != nil {
			return nil, fmt.Errorf("packing %s: %w", part.name, err)
		}
		appendMember(&b, part.name, packed, d.modified)
	}
	return b.Bytes(), nil
}

// appendMember appends a file to an archive of ar(5), owned by root.
func appendMember(b *bytes.Buffer, name string, content []byte, modified time.Time) {
	fmt.Fprintf(b, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", name, modified.Unix(), 0, 0, 0o100644, len(content))
	b.Write(content)
	if len(content)%2 != 0 {
		b.WriteByte('\n')
	}
}

// debianVersion is a version of ours in Debian's form and order (deb-version(7)): a
// tag without its v, what is before a release behind "~", and what follows one
// behind "+".
//
//	v1.2.3               1.2.3
//	v1.2.3-rc.1          1.2.3~rc.1
//	v1.2.3-4-gabcdef0    1.2.3+4.gabcdef0      four commits after it
//	v1.2.3-dev-abcdef0   1.2.3~dev.abcdef0
//	nightly              0~nightly             before everything
func debianVersion(version string) string {
	rest, tagged := strings.CutPrefix(version, "v")
	if !tagged || rest == "" || rest[0] < '0' || rest[0] > '9' {
		return "0~" + debianWord(version)
	}
	release, more, ok := strings.Cut(rest, "-")
	if !ok {
		return debianWord(release)
	}
	sign := "~"
	if more[:min(1, len(more))] >= "0" && more[:min(1, len(more))] <= "9" {
		sign = "+"
	}
	return debianWord(release) + sign + debianWord(more)
}

// debianWord replaces what separates a revision, or is not allowed.
func debianWord(s string) string { return strings.NewReplacer("-", ".", "_", ".").Replace(s) }
