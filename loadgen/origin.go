package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/e0ac7cd4/hotpath/loadgen/origin"
)

// originOptions are the command line of an origin.
type originOptions struct {
	listen      string
	rules       string
	rule        ruleFlag
	seed        uint64
	cert, key   string
	connections int
}

// ruleFlag adds a line of rules at each use.
type ruleFlag struct{ text string }

func (r *ruleFlag) String() string { return "" }

func (r *ruleFlag) Set(s string) error {
	if strings.ContainsAny(s, "\r\n") {
		return errors.New("one rule is one line")
	}
	r.text += s + "\n"
	return nil
}

func (o *originOptions) flags() *flag.FlagSet {
	f := flag.NewFlagSet("origin", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.listen, "listen", "127.0.0.1:9292", "`ADDRESS` on which to answer")
	f.StringVar(&o.rules, "rules", "", "`FILE` of rules, one a line; the first whose path matches answers")
	f.Var(&o.rule, "rule", "`RULE` before those of the file; repeatable")
	f.Uint64Var(&o.seed, "seed", 1, "`NUMBER` from which all that looks random follows")
	f.StringVar(&o.cert, "cert", "", "PEM `FILE` with a certificate, for https and HTTP/2; needs -key")
	f.StringVar(&o.key, "key", "", "PEM `FILE` with the key of -cert")
	f.IntVar(&o.connections, "connections", 10_000, "`NUMBER` of connections at a time; others wait")
	return f
}

// runOrigin answers until ctx ends, and prints what it had.
func runOrigin(ctx context.Context, args []string, s streams) error {
	var o originOptions
	f := o.flags()
	if err := parse(f, args, "flags alone are allowed"); errors.Is(err, flag.ErrHelp) {
		return originHelp(s.out, f)
	} else if err != nil {
		return usageError{err}
	}
	cfg, err := o.config()
	if err != nil {
		return usageError{err}
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return usageError{fmt.Errorf("-listen: %w", err)}
	}
	log := slog.New(slog.NewTextHandler(s.err, nil))
	log.Info("answering", "address", l.Addr().String(), "https", cfg.Certificate != nil, "rules", len(cfg.Rules), "seed", cfg.Seed, "count", origin.CountPath)
	count, err := origin.Serve(ctx, l, cfg)
	return errors.Join(err, json.NewEncoder(s.out).Encode(count))
}

// config is the origin that was asked for, or all that is wrong.
func (o *originOptions) config() (origin.Config, error) {
	cfg := origin.Config{Seed: o.seed, Connections: o.connections}
	var mistakes []error
	add := func(err error) {
		if err != nil {
			mistakes = append(mistakes, err)
		}
	}
	rules, err := origin.Parse("-rule", o.rule.text)
	add(err)
	cfg.Rules = rules
	if o.rules != "" {
		text, err := os.ReadFile(o.rules)
		if err == nil {
			rules, err = origin.Parse("-rules "+o.rules, string(text))
		} else {
			err = fmt.Errorf("-rules: %w", err)
		}
		add(err)
		cfg.Rules = append(cfg.Rules, rules...)
	}
	switch {
	case (o.cert == "") != (o.key == ""):
		add(errors.New("-cert and -key: one needs the other"))
	case o.cert != "":
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			err = fmt.Errorf("-cert and -key: %w", err)
		}
		add(err)
		cfg.Certificate = &pair
	}
	add(cfg.Check())
	return cfg, errors.Join(mistakes...)
}

// originHelp is help, and what rules may set.
func originHelp(w io.Writer, f *flag.FlagSet) error {
	if err := help(w, f); !errors.Is(err, errHelp) {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintf(table, "\nA rule is a path, /exact or /begin*, and settings, KEY=VALUE:\n")
	for _, line := range origin.Usage() {
		fmt.Fprintf(table, "  %s\t%s\n", line[0], line[1])
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the help: %w", err)
	}
	return errHelp
}
