package config

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// WriteMan writes the manual page, hotpath(1), in the macros of man(7).
func WriteMan(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString(`.TH HOTPATH 1
.SH NAME
hotpath \- an HTTPS edge server that answers from memory
.SH SYNOPSIS
.B hotpath
.RI [ \-key " " value " ...]"
`)
	for _, c := range Commands {
		fmt.Fprintf(&b, ".br\n%s\n", strings.TrimSpace(".B hotpath "+c.Name+"\n"+roff(c.Arguments)))
	}
	b.WriteString(`.SH DESCRIPTION
Each setting is a flag, an environment variable
.RB ( \-cache\-bytes " is " HOTPATH_CACHE_BYTES )
and a key of the YAML file that
.B \-config
names. A flag wins over the environment, the environment over the file, the file over the default.
.SH COMMANDS
`)
	for _, c := range Commands {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", c.Name, roff(c.Does))
	}
	c := Default()
	group := ""
	for _, k := range settings(&c) {
		if k.group != group {
			group = k.group
			fmt.Fprintf(&b, ".SH %s\n", strings.ToUpper(roff(group)))
		}
		def := ""
		if k.def != "" {
			def = " (default " + k.def + ")"
		}
		fmt.Fprintf(&b, ".TP\n.B \\-%s\\fR%s\n%s\nAllowed: %s.\n", roff(k.name), roff(def), roff(plain(k.help)), roff(k.value.allowed()))
	}
	b.WriteString(".SH SITES\nSeveral sites stand in the file, under\n.BR sites ,\nwith a dot here for a mapping within:\n.nf\n" + roff(siteExample) + ".fi\n")
	s := DefaultSite()
	for _, k := range siteSettings(&s) {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\nAllowed: %s.\n", roff(k.name), roff(plain(k.help)), roff(k.value.allowed()))
	}
	b.WriteString(`.SH "EXIT STATUS"
0: it was stopped by a signal. 1: it failed. 2: the command line or the configuration is wrong.
.SH SIGNALS
.BR SIGTERM ", " SIGINT :
stop when what is in progress has ended.
.BR SIGHUP :
reload.
.BR SIGUSR1 :
open the access log again.
.BR SIGUSR2 :
upgrade.
`)
	_, err := w.Write(b.Bytes())
	return err
}

// roff is a text as roff reads it: with its escape, its hyphens, and no line that
// looks like a request.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
