package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
	"github.com/e0ac7cd4/hotpath/server/admin"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/missed"
)

// own are a command's own flags; all others are settings. The value is whether the
// flag takes one.
type own map[string]bool

var (
	purgeFlags   = own{"url": true, "prefix": true, "host": true, "tag": true, "site": true, "all": false, "soft": false, "count": false}
	explainFlags = own{"H": true, "method": true, "content": true, "client": true}
)

// take takes a command's own flags out of its arguments, and words that are no flag or
// the value of one.
func (o own) take(args []string) (flags url.Values, words, settings []string, err error) {
	flags = make(url.Values)
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		name, isFlag := strings.CutPrefix(strings.Replace(arg, "--", "-", 1), "-")
		if !isFlag {
			words = append(words, arg)
			continue
		}
		name, value, given := strings.Cut(name, "=")
		takes, ours := o[name]
		switch {
		case !ours:
			settings = append(settings, arg)
			if !given && len(args) > 0 && !config.IsToggle(name) && name != "h" && name != "help" {
				settings, args = append(settings, args[0]), args[1:]
			}
			continue
		case takes && !given && len(args) == 0:
			return nil, nil, nil, &config.Error{Where: "flag -" + name, Key: name, Problem: "has no value", Allowed: "-" + name + " VALUE"}
		case takes && !given:
			value, args = args[0], args[1:]
		case !takes && !given:
			value = "1"
		}
		flags.Add(name, value)
	}
	return flags, words, settings, nil
}

// purge is the subcommand purge: the server that runs with the same settings does not
// use any more what is named, or takes it for stale.
func purge(args, environ []string, stdout, stderr io.Writer) int {
	flags, words, settings, err := purgeFlags.take(args)
	if err == nil && len(words) > 0 {
		err = &config.Error{Where: "argument", Key: words[0], Value: words[0], Problem: "is no flag", Allowed: "-url URL, -prefix URL, -host HOST and -tag TAG, any number of each, or -all; with -site NAME, -soft or -count"}
	}
	if err != nil {
		config.WriteError(stderr, err)
		return exitUsage
	}
	return ask(settings, environ, stdout, stderr, func(ctx context.Context, _ config.Config, server admin.Client) (string, error) {
		done, err := server.Purge(ctx, flags)
		if err != nil {
			return "", err
		}
		return purgedText(done), nil
	})
}

func purgedText(done edge.Purged) string {
	what := "purged"
	if done.Soft {
		what = "made stale"
	}
	var b strings.Builder
	for _, target := range done.Targets {
		fmt.Fprintf(&b, "%s: %s\n", what, target)
	}
	if m := done.Matched; m != nil {
		fmt.Fprintf(&b, "responses that were stored of that: %d, %d bytes\n", m.Entries, m.Bytes)
	}
	return b.String()
}

// explain is the subcommand explain: what the server that runs with the same settings
// would do with a request, and why.
func explain(args, environ []string, stdout, stderr io.Writer) int {
	flags, words, settings, err := explainFlags.take(args)
	if err == nil && len(words) != 1 {
		err = &config.Error{Where: "argument", Key: "explain", Value: strings.Join(words, " "), Problem: "is not one URL", Allowed: `hotpath explain URL, with -H "name: value" for each field of the request, -client ADDRESS, -method METHOD and, of a QUERY, -content TEXT`}
	}
	if err != nil {
		config.WriteError(stderr, err)
		return exitUsage
	}
	question := url.Values{"url": words, "field": flags["H"]}
	for _, name := range []string{"method", "content", "client"} {
		if v := flags.Get(name); v != "" {
			question.Set(name, v)
		}
	}
	return ask(settings, environ, stdout, stderr, func(ctx context.Context, _ config.Config, server admin.Client) (string, error) {
		x, err := server.Explain(ctx, question)
		if err != nil {
			return "", err
		}
		return explainedText(&x), nil
	})
}

// withQuery says which query of a path a request had.
func withQuery(query string) string {
	if query == "" {
		return ""
	}
	return ", with " + query
}

// explainedText is an explanation as a person reads it. What clients and origins have
// written is quoted if it is not plain text: a terminal must not take it for more.
func explainedText(x *edge.Explanation) string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, printable(fmt.Sprintf(format, args...)))
	}
	row("outcome", "%s", x.Outcome)
	if x.Reason == "" {
		row("why", "%s", x.Because)
	} else {
		row("why", "%s (%s)", x.Because, x.Reason)
	}
	for _, sentence := range x.Assumed {
		row("assumed", "%s", sentence)
	}
	if x.Site != "" {
		row("site", "%s", x.Site)
	}
	if x.Key != "" {
		row("key", "%s", x.Key)
	}
	for _, text := range x.Keyed {
		row("in the key", "%s", text)
	}
	if x.Vary != "" {
		row("vary", "%s; the request has %s", x.Vary, orNone(strings.Join(x.Selecting, ", ")))
	}
	if x.NotStored != "" {
		row("not stored", "%s", x.NotStored)
	}
	if m := x.LastMiss; m != nil {
		row("last miss", "%s ago%s: %s (%s)", seconds(m.Ago), withQuery(m.Query), m.Because, m.Reason)
	}
	if x.Purged != "" {
		row("purged", "last at %s", x.Purged)
	}
	if x.Fetching > 0 {
		row("fetching", "for %s", seconds(int64(x.Fetching)))
	}
	if len(x.Variants) == 0 && x.Key != "" {
		row("stored", "nothing")
	}
	for _, h := range x.Variants {
		b.WriteByte('\n')
		selected := ""
		if h.Selected && x.Vary != "" {
			selected = ", the one for this request"
		}
		row("stored", "status %d, %d bytes%s", h.Status, h.Bytes, selected)
		for _, c := range h.Codings {
			row("coded", "%s, %d bytes", c.Coding, c.Bytes)
		}
		if h.Hits == cache.MostHits {
			row("hits", "%d or more", h.Hits)
		} else {
			row("hits", "%d", h.Hits)
		}
		if h.File {
			row("file", "compared with the disk every %s", seconds(h.Lifetime))
		} else {
			row("age", "%s of %s, from %s", seconds(h.Age), seconds(h.Lifetime), orNone(h.From))
		}
		switch {
		case h.Fresh > 0:
			row("fresh", "for %s more", seconds(h.Fresh))
		case h.Lifetime > 0 && !h.File:
			row("stale", "for %s; served so while it is revalidated for %s, if the origin fails for %s", seconds(-h.Fresh), seconds(h.Revalidate), seconds(h.OnError))
		}
		if len(h.Tags) > 0 {
			row("tags", "%s", strings.Join(h.Tags, ", "))
		}
		for _, f := range h.Fields {
			row("", "%s", f)
		}
	}
	return b.String()
}

// misses is the subcommand misses: of the server that runs with the same settings, the
// paths whose requests miss most, and why.
func misses(args, environ []string, stdout, stderr io.Writer) int {
	return ask(args, environ, stdout, stderr, func(ctx context.Context, _ config.Config, server admin.Client) (string, error) {
		all, err := server.Misses(ctx)
		if err != nil {
			return "", err
		}
		return missesText(all), nil
	})
}

func missesText(all []missed.Path) string {
	if len(all) == 0 {
		return "no request has missed in the last minutes\n"
	}
	var b strings.Builder
	for _, p := range all {
		fmt.Fprintf(&b, "%8d  %s  (site %s)\n          %s (%s)\n", p.Misses, printable(p.Path), printable(p.Site), p.Because, p.Reason)
		if p.Values > 1 {
			fmt.Fprintf(&b, "          about %d different keys; %s has about %d values\n", p.Keys, printable(p.Part), p.Values)
		}
	}
	return b.String()
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func seconds(n int64) string { return (time.Duration(n) * time.Second).String() }

// printable is a text in which what is not printable ASCII is escaped.
func printable(text string) string {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return strings.Trim(fmt.Sprintf("%+q", text), `"`)
		}
	}
	return text
}
