package main

import (
	"flag"

	"github.com/e0ac7cd4/hotpath/loadgen/pattern"
)

// patternFlags defines the flags of what load looks like.
func (o *options) patternFlags(f *flag.FlagSet) {
	p := &o.pattern
	f.IntVar(&p.Keys, "keys", 0, "`NUMBER` of keys, for which {n} in -target stands: 0, 1, and so on")
	f.Func("popularity", "`LAW` by which keys, or the targets of -targets, are drawn: uniform, or zipf:1.1, the first ones most often (default uniform for keys, and in turn for targets)", func(s string) (err error) {
		p.Popularity, err = pattern.ParsePopularity(s)
		return err
	})
	f.Func("vary", "`FIELD` of requests with values that are drawn, \"accept-language: de,en,fr\"; repeatable", func(s string) error {
		v, err := pattern.ParseVary(s)
		p.Vary = append(p.Vary, v)
		return err
	})
	f.Func("ranges", "`SHARE` of requests that ask for a part, 10%: up to 64 KiB at the begin or the end", share(&p.Ranges))
	f.Func("conditional", "`SHARE` of requests that have the ETag seen last, 10%", share(&p.Conditional))
	f.Uint64Var(&p.Seed, "seed", 1, "`NUMBER` from which all that is drawn follows")
}

// share reads one.
func share(v *float64) func(string) error {
	return func(s string) (err error) {
		*v, err = pattern.ParseShare(s)
		return err
	}
}
