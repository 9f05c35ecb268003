package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/replay"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// The speeds of a replay: at the lowest a second of the log takes a quarter of an
// hour, at the highest a day takes nine seconds.
const (
	minSpeed = 0.001
	maxSpeed = 10_000.0
)

// replayFlags are those of a replay, and its log once it was read.
type replayFlags struct {
	file  string
	speed float64
	log   *replay.Log
}

func (r *replayFlags) flags(f *flag.FlagSet) {
	f.StringVar(&r.file, "replay", "", "`FILE`, an access log (common, combined or hotpath's JSON) whose requests are sent to -target at its own times, those of a client on one connection; - is the standard input")
	f.Float64Var(&r.speed, "speed", 1, "`TIMES` as fast as -replay says")
}

// conflict is a flag that does not go with a replay, "" if none is given.
func (r *replayFlags) conflict(given map[string]bool) string {
	if r.file == "" {
		return ""
	}
	for _, name := range []string{
		"targets", "method", "body", "keys", "popularity", "vary", "ranges", "conditional",
		"rate", "slope", "amplitude", "period", "stages", "duration", "requests", "warmup", "max-connections",
	} {
		if given[name] {
			return "-" + name
		}
	}
	return ""
}

// read reads the log and makes it the attack's. The one target that there is says
// where it goes.
func (r *replayFlags) read(ctx context.Context, stdin io.Reader, cfg *attack.Config) error {
	base, err := url.Parse(cfg.Targets[0].URL)
	if err != nil || base.Path != "" && base.Path != "/" || base.RawQuery != "" || base.Fragment != "" {
		return fmt.Errorf("-target %s: it must be a URL without a path, such as https://127.0.0.1:8443: paths are the log's", cfg.Targets[0].URL)
	}
	src := stdin
	if r.file != standard {
		f, err := open(ctx, r.file)
		if err != nil {
			return err
		}
		defer f.Close()
		src = f
	}
	if r.log, err = patiently(ctx, func() (*replay.Log, error) { return replay.Read(src) }); err != nil {
		return err
	}
	header := cfg.Targets[0].Header
	prefix := strings.TrimSuffix(cfg.Targets[0].URL, "/")
	cfg.Targets = nil
	for _, t := range r.log.Targets {
		cfg.Targets = append(cfg.Targets, vegeta.Target{Method: t.Method, URL: prefix + t.Path, Header: header})
	}
	var p attack.Replay
	p.Moments, p.End = r.log.Moments(r.speed)
	for _, e := range r.log.Entries {
		p.Targets, p.Clients = append(p.Targets, uint32(e.Target)), append(p.Clients, uint32(e.Client))
	}
	cfg.Pacer, cfg.Duration, cfg.Requests = p, 0, uint64(len(p.Moments))
	return nil
}

// note says what of the log is not sent.
func (r *replayFlags) note(s streams) {
	if r.log == nil {
		return
	}
	if n := r.log.Unreadable; n > 0 {
		fmt.Fprintf(s.err, "loadgen: %s of %s lines of the log could not be read and are left out; %v\n", human.Count(uint64(n)), human.Count(uint64(r.log.Lines)), r.log.First)
	}
	if n := r.log.Unsafe; n > 0 {
		fmt.Fprintf(s.err, "loadgen: %s of %s lines of the log have methods that may change something and are left out\n", human.Count(uint64(n)), human.Count(uint64(r.log.Lines)))
	}
}

// words are the replay as a pace.
func (r *replayFlags) words() string {
	text := "replay"
	if r.speed != 1 {
		text += ", " + strconv.FormatFloat(r.speed, 'g', -1, 64) + " times as fast"
	}
	if r.log == nil {
		return text
	}
	text += fmt.Sprintf(", %s of %s", numbered(len(r.log.Entries), "request"), numbered(r.log.Clients, "client"))
	if out := r.log.Unreadable + r.log.Unsafe; out > 0 {
		text += ", " + human.Count(uint64(out)) + " lines left out"
	}
	return text
}

// numbered is a number of things: "1 client", "1,024 clients".
func numbered(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return human.Count(uint64(n)) + " " + noun
}
