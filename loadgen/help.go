package main

import (
	"flag"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/e0ac7cd4/hotpath/loadgen/origin"
)

// groups are the flags in the order in which help shows them. A flag that a
// command does not have is left out.
var groups = []struct {
	title string
	flags []string
}{
	{"What is asked for", []string{"target", "targets", "lazy", "format", "method", "body", "header", "replay", "speed"}},
	{"What it looks like", []string{"keys", "popularity", "vary", "ranges", "conditional", "seed"}},
	{"How fast and how long", []string{"rate", "slope", "amplitude", "period", "start-at", "stages", "duration", "requests", "min", "max", "probe", "precision", "warmup"}},
	{"Connections", []string{"connections", "max-connections", "streams", "timeout", "http1", "h2c", "keepalive", "strict", "insecure", "cacert", "cert", "key", "sni", "connect-to", "unix-socket", "proxy", "proxy-from-environment", "digest"}},
	{"What counts", []string{"least"}},
	{"What comes out", []string{"slo", "json", "html", "results", "hdr", "junit", "github-summary", "metrics", "metrics-stay", "remote-write", "remote-write-header", "origin", "name", "quiet"}},
	{"Several machines", []string{"workers", "token-file"}},
	{"Where it waits", []string{"listen"}},
	{"What is answered", []string{"rules", "rule"}},
	{"Care", []string{"yes"}},
}

// usages are the commands in a sentence each.
var usages = map[string]string{
	"attack": `usage: loadgen [flags]           attack
       loadgen capacity [flags]  search for the highest rate that holds -slo
       loadgen compare A B       what changed between two runs, beyond noise
       loadgen agent [flags]     take part in attacks of other machines
       loadgen origin [flags]    answer, well or badly, as an origin behind an edge
       loadgen version           what was built
       loadgen help [command]    this text, or a command's

Requests are sent when they are due, whatever the server does, and latencies run
from that moment. The report goes to the standard output, progress to the
standard error. Exit codes: 0, 1 if an objective was missed or, without any, if
every request failed, 2 for a mistake in what was asked for.`,
	"capacity": `usage: loadgen capacity [flags]

Tries one rate after the other, for -probe each, and prints the highest that
holds the objectives and the curve of latencies over rates. Without -slo they are
` + defaultObjectives + `.`,
	"compare": `usage: loadgen compare A.json B.json [flags]

Compares two reports of loadgen -json, second by second, and says what changed
from A to B beyond noise. Exit codes: 0 if nothing is worse, 1 if something is, 2
for a mistake, and if nothing is worse but the runs are too short to tell of what
changed, or of anything.`,
	"agent": `usage: loadgen agent [flags]

Waits for coordinators (loadgen -workers) that know the token, and runs their
attacks, one at a time.`,
	"origin": `usage: loadgen origin [flags]

Answers as an origin behind an edge that is to be tested, by rules for its paths:
slowly, with errors, with contents that break off. Without a rule for a path:
  ` + origin.Default + `
What it had is at /_origin as JSON, at /_origin/metrics for Prometheus, and on
the standard output at its end.`,
}

// help writes how a command is used and returns errHelp.
func help(w io.Writer, f *flag.FlagSet) error {
	fmt.Fprintln(w, usages[f.Name()])
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, g := range groups {
		title := g.title
		for _, name := range g.flags {
			def := f.Lookup(name)
			if def == nil {
				continue
			}
			if title != "" {
				fmt.Fprintf(table, "\n%s:\n", title)
				title = ""
			}
			argument, text := flag.UnquoteUsage(def)
			if def.DefValue != "" && def.DefValue != "false" && def.DefValue != "0" && def.DefValue != "0s" {
				text += " (default " + def.DefValue + ")"
			}
			fmt.Fprintf(table, "  -%s %s\t%s\n", def.Name, argument, text)
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the help: %w", err)
	}
	return errHelp
}
