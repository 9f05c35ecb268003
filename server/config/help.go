//go:generate go test -run ^TestMarkdown$ -update .

package config

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// helpWidth is the columns of a terminal that nobody has made narrower.
const helpWidth = 80

// WriteHelp writes the text of -h.
func WriteHelp(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString(`hotpath serves HTTPS from memory.

  server [-key value ...]                run
  server check [-key value ...]          check the settings and their files
  server health [-key value ...]         is the server with these settings ready
  server version                         what was built
  server -h                              this text

Each setting is a flag, an environment variable (-cache-bytes is
HOTPATH_CACHE_BYTES) and a key of the YAML file that -config names
(cache-bytes: 64MiB). A flag wins over the environment, the environment over
the file, the file over the default.
`)
	c := Default()
	group := ""
	for _, k := range knobs(&c) {
		if k.group != group {
			group = k.group
			b.WriteString("\n" + group + "\n")
		}
		fmt.Fprintf(&b, "  -%s", k.name)
		if k.def != "" {
			fmt.Fprintf(&b, " (default %s)", k.def)
		}
		b.WriteByte('\n')
		wrap(&b, "      ", plain(k.help))
		wrap(&b, "      ", "Allowed: "+k.value.allowed()+".")
	}
	_, err := w.Write(b.Bytes())
	return err
}

// plain takes the marks of code out of a help text.
func plain(s string) string { return strings.ReplaceAll(s, "`", "") }

// wrap writes text in lines of helpWidth, each behind indent.
func wrap(b *bytes.Buffer, indent, text string) {
	column := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+len(word) > helpWidth:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteByte('\n')
}

// WriteMarkdown writes docs/configuration.md.
func WriteMarkdown(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString(`# Configuration

<!-- Generated from server/config/knobs.go by "go generate ./server/config". -->

Every setting below can be given in three ways and has a default; the first of
these that gives it wins:

1. the flag: ` + "`-cache-bytes 64MiB`" + ` (also ` + "`--cache-bytes=64MiB`" + `); ` + "`-admin-insecure`" + ` alone is true
2. the environment: ` + "`HOTPATH_CACHE_BYTES=64MiB`" + `
3. the YAML file that ` + "`-config FILE` or `HOTPATH_CONFIG` names: `cache-bytes: 64MiB`" + `
4. the default

Sizes are bytes, or a number with a unit: ` + unitNames() + ` (a KiB is 1024
bytes, a kB 1000). Durations are in Go's form: ` + "`500ms`, `30s`, `1m30s`" + `.

A setting that is unknown or has an impossible value, and a file that cannot be
read, end the start with exit status 2 and one line that names the key, the
value, where it was set and what is allowed. ` + "`server check -config FILE`" + ` does
that check alone, loads the certificate with its key and looks at the root, and
exits with 0 or 2.
`)
	c := Default()
	group := ""
	for _, k := range knobs(&c) {
		if k.group != group {
			group = k.group
			b.WriteString("\n## " + group + "\n\n| key | default | allowed | meaning |\n|---|---|---|---|\n")
		}
		def := "empty"
		if k.def != "" {
			def = "`" + k.def + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.name, def, k.value.allowed(), k.help)
	}
	_, err := w.Write(b.Bytes())
	return err
}
