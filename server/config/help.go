//go:generate go test -run ^(TestMarkdown|TestSchemaFile)$ -update .

package config

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
)

// Command is a subcommand of the program.
type Command struct {
	Name      string
	Arguments string
	Does      string // in a few words
}

// Commands are all subcommands. What else comes first is a flag.
var Commands = []Command{
	{"check", "[-key value ...]", "check the settings and their files"},
	{"health", "[-key value ...]", "is the server with these settings ready"},
	{"reload", "[-key value ...]", "have that server read its settings again"},
	{"upgrade", "[-key value ...]", "have it hand over to its program anew"},
	{"diff", "[-key value ...]", "which settings differ from that one's"},
	{"purge", "-tag TAG [-key value ...]", "have it use no more what is stored"},
	{"explain", "URL [-key value ...]", "what it would do with a request"},
	{"misses", "[-key value ...]", "which paths miss most, and why"},
	{"ech", "NAME", "make a key for ech-keys-file"},
	{"schema", "", "the JSON Schema of the file, for editors"},
	{"completion", "SHELL", "a script for bash, zsh or fish"},
	{"man", "", "the manual page"},
	{"version", "", "what was built"},
	{"help", "", "this text"},
}

// UnknownCommand is the mistake of asking for a command that does not exist.
func UnknownCommand(name string) error {
	names := make([]string, len(Commands))
	for i, c := range Commands {
		names[i] = c.Name
	}
	allowed := meant("the commands "+strings.Join(names, ", ")+", or flags; -h lists both", suggest.Nearest(name, names))
	return &Error{"argument", name, name, "is no command", allowed}
}

// helpWidth is the columns of a terminal whose width was not changed.
const helpWidth = 80

// WriteHelp writes the text of -h.
func WriteHelp(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("hotpath serves HTTPS from memory.\n\n  hotpath [-key value ...]              run\n")
	for _, c := range Commands {
		fmt.Fprintf(&b, "  %-37s %s\n", strings.TrimSpace("hotpath "+c.Name+" "+c.Arguments), c.Does)
	}
	b.WriteString(`
Each setting is a flag, an environment variable (-cache-bytes is
HOTPATH_CACHE_BYTES) and a key of the YAML file that -config names
(cache-bytes: 64MiB). A flag wins over the environment, the environment over
the file, the file over the default.
`)
	c := Default()
	group := ""
	for _, k := range settings(&c) {
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

<!-- Generated from server/config/settings.go by "go generate ./server/config". -->

Every setting below can be given in three ways and has a default; the first of
these that gives it wins:

1. the flag: ` + "`-cache-bytes 64MiB`" + ` (also ` + "`--cache-bytes=64MiB`" + `); ` + "`-admin-insecure`" + ` alone is true
2. the environment: ` + "`HOTPATH_CACHE_BYTES=64MiB`" + `
3. the YAML file that ` + "`-config FILE` or `HOTPATH_CONFIG` names: `cache-bytes: 64MiB`" + `
4. the default

Sizes are bytes, or a number with a unit: ` + unitNames() + ` (a KiB is 1024
bytes, a kB 1000). Durations are in Go's form: ` + "`500ms`, `30s`, `1m30s`" + `.

A setting that is unknown or has an impossible value, two that contradict each
other, and a file that cannot be read end the start with exit status 2. All of
them are reported at once, a line each, with the place where it was set, the
value, what is allowed and, if it can be guessed, what was meant:

` + "```" + `
hotpath: hotpath.yaml:3: idle-timeout "60": is not a duration; allowed: a duration such as 500ms, 30s or 2m, from 1ms to 24h (did you mean 60s?)
` + "```" + `

` + "`hotpath check -config FILE`" + ` does that check alone, loads certificates with
their keys and looks at the directories, and exits with 0 or 2. It warns of
settings that have no effect beside the others.
`)
	c := Default()
	group := ""
	for _, k := range settings(&c) {
		if k.group != group {
			group = k.group
			b.WriteString("\n## " + group + "\n" + tableHead)
		}
		tableRow(&b, k.name, k.def, k.value, k.help)
	}
	b.WriteString(`
## Sites

Several sites stand in the file, under ` + "`sites`" + `: a list, each item with the
hosts whose requests it gets, and what it serves. Then ` + "`root` and `upstream`" + ` outside
of it are a mistake; the certificate outside of it is that of sites without one.

` + "```yaml" + `
` + siteExample + "```" + `

In the table a dot stands for a mapping within: ` + "`cache.default-fresh`" + ` is
` + "`cache: {default-fresh: 1m}`" + `. What can be several is one value, or a list.
Hosts are compared without regard to case; names that are not ASCII may be
written as they are. An exact host wins over a pattern, and the longer pattern
over the shorter one.
` + tableHead)
	s := DefaultSite()
	for _, k := range siteSettings(&s) {
		tableRow(&b, k.name, k.def, k.value, k.help)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// siteExample is a file with sites, as the documentation shows it.
const siteExample = `sites:
  - hosts: [example.com, "*.example.com"]
    upstream: [http://10.0.0.1:3000, http://10.0.0.2:3000]
    cache-key: {query: sorted, drop: [utm_source, utm_campaign]}
    cache: {negative: {404: 10s}, stale-if-error: 1h}
    health: {path: /healthz}
  - default: true
    root: /var/www/html
`

const tableHead = "\n| key | default | allowed | meaning |\n|---|---|---|---|\n"

// tableRow writes a setting as a row of a table.
func tableRow(b *bytes.Buffer, name, def string, v value, help string) {
	if def == "" {
		def = "empty"
	} else {
		def = "`" + def + "`"
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, def, v.allowed(), help)
}
