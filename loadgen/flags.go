package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/pattern"
	"github.com/e0ac7cd4/hotpath/loadgen/remotewrite"
	"github.com/e0ac7cd4/hotpath/loadgen/slo"
)

var (
	errHelp   = errors.New("help was asked for")
	errMissed = errors.New("an objective was missed")
)

// options are the command line.
type options struct {
	// What is asked.
	target  string
	targets string
	format  string
	method  string
	body    string
	lazy    bool
	reader  *lazyTargets // of -lazy
	headers http.Header
	pattern pattern.Spec
	replay  replayFlags

	// How fast, how long.
	rate      rate
	slope     float64
	amplitude rate
	period    time.Duration
	startAt   string
	stages    stages
	duration  time.Duration
	requests  uint64
	warmup    time.Duration

	// By what connections.
	connections int
	most        int
	streams     int
	timeout     time.Duration
	http1       bool
	h2c         bool
	keepAlive   bool
	streamsSet  bool // -streams stands on the command line
	strict      bool
	insecure    bool
	caCert      string
	cert, key   string
	serverName  string
	connectTo   redirects
	unixSocket  string
	proxy       string
	environment bool     // proxies are those of the environment
	direct      []string // hosts for which it has none
	digest      string
	workers     string
	tokenFile   string

	// What comes out.
	name        string
	objectives  slo.Objectives
	json        bool
	html        string
	results     string
	hdr         string
	metrics     string
	metricsStay time.Duration

	remoteWrite   string
	remoteHeaders http.Header
	quiet         bool
	yes           bool
	origin        string
	verdictFiles

	// Of capacity.
	probe     time.Duration
	minRate   rate
	maxRate   rate
	precision float64
}

const defaultDuration = 10 * time.Second

// defaultMost is to how many connections a rate grows: far more than most servers
// are given by one client, and well below the descriptors of a process.
const defaultMost = 1024

// defaultObjectives are capacity's, if none are given: the promise of the
// server that this load generator grew up beside.
const defaultObjectives = "mean<=3ms,errors<=0"

// withoutStandard leaves out the "-" behind -json, which is the standard output as it
// is for flags that have a file: -json needs none.
func withoutStandard(args []string) []string {
	i := slices.IndexFunc(args, func(a string) bool { return a == "-json" || a == "--json" })
	if i < 0 || i+1 >= len(args) || args[i+1] != standard {
		return args
	}
	return slices.Delete(slices.Clone(args), i+1, i+2)
}

// parseFlags reads the flags of an attack, or of capacity.
func parseFlags(command string, args []string, out io.Writer) (*options, error) {
	o := &options{headers: make(http.Header), remoteHeaders: make(http.Header), rate: rate{per: time.Second}, amplitude: rate{per: time.Second}}
	f := o.flags(command)
	args = withoutStandard(args)
	if err := parse(f, args, "flags alone are allowed, and before them a command"); errors.Is(err, flag.ErrHelp) {
		return nil, help(out, f)
	} else if err != nil {
		return nil, usageError{err}
	}
	switch {
	case o.replay.file != "":
	case len(o.stages) > 0 && o.duration == 0 && o.requests == 0:
		o.duration = o.stages.duration()
	case o.requests != 0:
	case o.duration == 0 && isGiven(f, "duration"):
		o.duration = attack.Forever
	case o.duration == 0 && o.lazy:
		o.duration = attack.Forever // the targets end it
	case o.duration == 0:
		o.duration = defaultDuration
	}
	if command == "capacity" {
		o.duration = o.probe
		if len(o.objectives) == 0 {
			_ = o.objectives.Set(defaultObjectives) // a constant that parses
		}
	}
	if err := o.checkTogether(f); err != nil {
		return nil, usageError{err}
	}
	if o.streamsSet = isGiven(f, "streams"); o.http1 {
		o.streams = 1
	}
	if o.most == 0 && !isGiven(f, "connections") && o.replay.file == "" {
		o.most = max(defaultMost, o.connections)
	}
	return o, nil
}

// isGiven reports whether a flag stands on the command line.
func isGiven(f *flag.FlagSet, name string) (given bool) {
	f.Visit(func(def *flag.Flag) { given = given || def.Name == name })
	return given
}

// checkTogether reports all flags that were given and do not go together.
func (o *options) checkTogether(f *flag.FlagSet) error {
	given := make(map[string]bool)
	f.Visit(func(def *flag.Flag) { given[def.Name] = true })
	var all []error
	for _, c := range []struct {
		wrong bool
		text  string
	}{
		{o.http1 && given["streams"] && o.streams != 1, "-streams: HTTP/1.1 has one request in flight on a connection"},
		{!o.keepAlive && given["streams"] && o.streams != 1, "-streams: with -keepalive=false a connection has one request"},
		{o.proxy != "" && o.environment, "-proxy and -proxy-from-environment: one of the two"},
		{o.lazy && o.targets == "", "-lazy is for -targets, which is missing"},
		{o.lazy && o.workers != "", "-lazy and -workers: agents are sent all targets before they begin"},
		{o.lazy && o.digest == exchange.DigestFirst, "-lazy and -digest first: the first content of each target would be held for ever; a SHA-256 may be given"},
		{given["format"] && o.targets == "", "-format is that of -targets, which is missing"},
		{given["method"] && o.target == "", "-method is that of -target, which is missing; -targets has methods"},
		{o.replay.conflict(given) != "", "-replay has requests and moments of its own: " + o.replay.conflict(given) + " does not go with it"},
		{given["speed"] && o.replay.file == "", "-speed is that of -replay, which is missing"},
		{given["speed"] && !(o.replay.speed >= minSpeed && o.replay.speed <= maxSpeed), fmt.Sprintf("-speed %v: allowed are %v to %v", o.replay.speed, minSpeed, maxSpeed)},
		{len(o.stages) > 0 && (given["duration"] || given["requests"]), "-stages have times of their own: -duration and -requests do not go with them"},
		{len(o.stages) > 0 && (given["slope"] || given["amplitude"] || given["period"] || given["start-at"]), "-stages are lines of their own: -slope, -amplitude, -period and -start-at do not go with them"},
		{len(o.stages) > 0 && given["warmup"] && o.stages.first(o.rate) == 0, "-warmup is load at the first rate, which is 0: give -rate, with which -stages begin, or a first stage such as 0s:1000"},
		{given["seed"] && o.pattern.Zero(), "-seed is of what is drawn: -keys, -popularity, -vary, -ranges and -conditional are missing"},
		{strings.Contains(o.target, pattern.Placeholder) && !given["keys"], "-target has " + pattern.Placeholder + ": -keys, how many keys it stands for, is missing"},
		{given["keys"] && o.pattern.Keys < 1, fmt.Sprintf("-keys %d: allowed are 1 to %d", o.pattern.Keys, pattern.MaxRequests)},
		{o.duration < 0, fmt.Sprintf("-duration %v: it must be 0, for until it is interrupted, or more", o.duration)},
		{o.outputs() > 1, "-html, -results, -hdr and -junit: one of them may be -, the standard output"},
		{given["probe"] && o.probe <= 0, fmt.Sprintf("-probe %v: it must be more than 0", o.probe)},
		{given["metrics-stay"] && (o.metrics == "" || o.metricsStay < 0), "-metrics-stay is a time for which -metrics goes on, which is missing, or the time is less than 0"},
		{given["remote-write-header"] && o.remoteWrite == "", "-remote-write-header is a field of -remote-write, which is missing"},
		{(o.cert == "") != (o.key == ""), "-cert and -key: one needs the other"},
		{given["token-file"] && o.workers == "", "-token-file is for -workers, which is missing"},
	} {
		if c.wrong {
			all = append(all, errors.New(c.text))
		}
	}
	return errors.Join(all...)
}

// standard is the name of the standard output among files.
const standard = "-"

// outputs is how many files are the standard output.
func (o *options) outputs() (n int) {
	for _, name := range []string{o.html, o.results, o.hdr, o.junit} {
		if name == standard {
			n++
		}
	}
	return n
}

// reportTo is where the report goes: the standard output, unless a file is that.
func (o *options) reportTo(s streams) io.Writer {
	if o.outputs() > 0 {
		return s.err
	}
	return s.out
}

// flags are those of a command, which set o.
func (o *options) flags(command string) *flag.FlagSet {
	f := flag.NewFlagSet(command, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.target, "target", "", "`URL` to ask for")
	f.StringVar(&o.targets, "targets", "", "`FILE` of targets that take turns, in vegeta's format; - is the standard input")
	f.StringVar(&o.format, "format", "http", "`FORMAT` of the targets: http or json")
	f.StringVar(&o.method, "method", http.MethodGet, "`METHOD` of -target")
	f.StringVar(&o.body, "body", "", "`FILE` with the content of requests whose target has none")
	f.Var(headerFlag{o.headers}, "header", "`FIELD` of every request, \"name: value\"; repeatable")
	o.patternFlags(f)
	if command == "capacity" {
		o.minRate, o.maxRate = rate{}, rate{}
		f.Var(&o.minRate, "min", "lowest `RATE` that is tried; the search begins there, or at 1000 without it")
		f.Var(&o.maxRate, "max", "`RATE` that is not exceeded; 0: no limit")
		duration(f, &o.probe, "probe", 5*time.Second, "`TIME` for which each rate is tried")
		f.Float64Var(&o.precision, "precision", 0.02, "how near to the limit, as a `SHARE` of it")
	} else {
		o.replay.flags(f)
		f.Var(&o.rate, "rate", "`RATE` asked: 150000, 150k, 300/1m; 0: closed loop, as fast as it goes (default 0)")
		f.Float64Var(&o.slope, "slope", 0, "`NUMBER` of requests per second that the rate gains each second")
		f.Var(&o.amplitude, "amplitude", "`RATE` by which it swings, as a sine around -rate; needs -period")
		duration(f, &o.period, "period", 0, "`TIME` of one swing")
		f.StringVar(&o.startAt, "start-at", "mean-up", "`WHERE` the sine begins: "+strings.Join(sineStarts(), ", "))
		f.Var(&o.stages, "stages", "`TIME:RATE,…` in each of which the rate goes in a line to RATE, from the last one or first from -rate: 10s:1000,1m:1000,10s:0")
		duration(f, &o.duration, "duration", 0, "`TIME` in which requests are due; 0: until it is interrupted (default "+defaultDuration.String()+")")
		f.Uint64Var(&o.requests, "requests", 0, "`NUMBER` of requests, in place of -duration")
		f.BoolVar(&o.lazy, "lazy", false, "read -targets while they are sent, each once, all of one origin; without -duration and -requests it ends with them")
		f.StringVar(&o.results, "results", "", "`FILE` for every result, in vegeta's encoding; - is the standard output, and the report goes to the standard error then")
		f.StringVar(&o.origin, "origin", "", "`URL` of a loadgen origin behind the server: the report has what it counted, and so the hit ratio")
		f.StringVar(&o.hdr, "hdr", "", "`FILE` for the latencies, in HdrHistogram's text form; - as for -results")
	}
	duration(f, &o.warmup, "warmup", 0, "`TIME` of load before, at the first rate, that is not measured")
	f.IntVar(&o.connections, "connections", 8, "`NUMBER` of connections, shared out among the targets' origins")
	f.IntVar(&o.most, "max-connections", 0, "`NUMBER` of connections that a rate may have made if all are full while requests are due (default "+strconv.Itoa(defaultMost)+" without -connections, else as many as that)")
	f.IntVar(&o.streams, "streams", 32, "`NUMBER` of requests in flight on a connection; HTTP/1.1 has one")
	duration(f, &o.timeout, "timeout", 30*time.Second, "`TIME` for a request, from the moment it is due")
	f.BoolVar(&o.http1, "http1", false, "HTTP/1.1 in place of HTTP/2, which https:// is asked by if the server has it")
	f.BoolVar(&o.h2c, "h2c", false, "HTTP/2 over http://, in place of HTTP/1.1")
	f.BoolVar(&o.keepAlive, "keepalive", true, "keep connections; =false: a connection for each request, made when that is due, -connections at a time")
	f.BoolVar(&o.strict, "strict", false, "refuse what clients may read though servers must not send it: lines that end in LF alone, folded fields")
	f.BoolVar(&o.insecure, "insecure", false, "trust every certificate")
	f.StringVar(&o.caCert, "cacert", "", "PEM `FILE` of certificates to trust")
	f.StringVar(&o.cert, "cert", "", "PEM `FILE` with the certificate to show to servers that ask for one; needs -key")
	f.StringVar(&o.key, "key", "", "PEM `FILE` with the key of -cert")
	f.StringVar(&o.serverName, "sni", "", "`NAME` that servers are asked for, and that their certificates must be for, in place of the URL's host")
	f.Var(&o.connectTo, "connect-to", "`HOST:PORT:ADDR:PORT`: connections for HOST:PORT go to ADDR:PORT; an empty part is any, or the URL's; repeatable, the first that fits is taken")
	f.StringVar(&o.unixSocket, "unix-socket", "", "`PATH` of the unix socket that all connections go to")
	f.StringVar(&o.proxy, "proxy", "", "`URL` of the HTTP proxy by which targets are reached: http://USER:PASSWORD@HOST:PORT; https:// and -h2c through CONNECT")
	f.BoolVar(&o.environment, "proxy-from-environment", false, "reach targets by the proxies of HTTP_PROXY, HTTPS_PROXY and NO_PROXY")
	f.StringVar(&o.digest, "digest", exchange.DigestOff, "`RULE` for contents: off, first (each as its target's first one) or the SHA-256 that all must have")
	f.StringVar(&o.workers, "workers", "", "`HOST:PORT,…` of agents that attack, each a share, in place of this process")
	f.StringVar(&o.tokenFile, "token-file", "", "`FILE` with the agents' token (or "+tokenVariable+")")
	f.StringVar(&o.name, "name", "", "`TEXT` that reports call the attack")
	f.Var(&o.objectives, "slo", "`OBJECTIVES`, such as rate>=150000,mean<=3ms,p99<=10ms,errors<=0; exit 1 if one is missed")
	f.BoolVar(&o.json, "json", false, "report as JSON")
	f.StringVar(&o.html, "html", "", "`FILE` for a report as a page; - is the standard output, and the report goes to the standard error then")
	o.verdictFiles.flags(f)
	f.StringVar(&o.metrics, "metrics", "", "`ADDRESS` on which to serve Prometheus metrics while it runs")
	duration(f, &o.metricsStay, "metrics-stay", 0, "`TIME` for which -metrics waits at the end until all was scraped; 0: what is scraped last is up to a scrape's interval old")
	f.Func("remote-write", "`URL` of a Prometheus that takes remote writes, or of what does: it is sent the metrics each second and at the end", func(text string) error {
		o.remoteWrite = text
		return remotewrite.Check(text)
	})
	f.Var(headerFlag{o.remoteHeaders}, "remote-write-header", "`FIELD` of these requests, such as \"X-Scope-OrgID: team\"; repeatable")
	f.BoolVar(&o.quiet, "quiet", false, "show no progress")
	f.BoolVar(&o.yes, "yes", false, "do not ask before loading what is not this machine's or a private network's")
	return f
}

// config is the attack that was asked for.
func (o *options) config(ctx context.Context, stdin io.Reader) (attack.Config, error) {
	targets, err := o.readTargets(ctx, stdin)
	if err != nil {
		return attack.Config{}, usageError{err}
	}
	pacer, err := o.pacer()
	if err != nil {
		return attack.Config{}, usageError{err}
	}
	cfg := attack.Config{
		Targets:        targets,
		Pattern:        o.pattern,
		Pacer:          pacer,
		Duration:       o.duration,
		Requests:       o.requests,
		Warmup:         o.warmup,
		Connections:    o.connections,
		MaxConnections: o.most,
		Streams:        o.streams,
		Timeout:        o.timeout,
		HTTP1:          o.http1,
		H2C:            o.h2c,
		PerRequest:     !o.keepAlive,
		Strict:         o.strict,
		ServerName:     o.serverName,
		Insecure:       o.insecure,
		ConnectTo:      o.connectTo,
		UnixSocket:     o.unixSocket,
		Digest:         o.digest,
	}
	if err := o.useProxies(&cfg); err != nil {
		return cfg, usageError{err}
	}
	for _, file := range []struct {
		flag, name string
		text       *[]byte
	}{
		{"-cacert", o.caCert, &cfg.CACert}, {"-cert", o.cert, &cfg.Cert}, {"-key", o.key, &cfg.Key},
	} {
		if file.name == "" {
			continue
		}
		if *file.text, err = os.ReadFile(file.name); err != nil {
			return cfg, usageError{fmt.Errorf("%s: %w", file.flag, err)}
		}
	}
	if o.replay.file != "" {
		if err := o.replay.read(ctx, stdin, &cfg); err != nil {
			return cfg, usageError{fmt.Errorf("-replay %s: %w", o.replay.file, err)}
		}
	}
	if err := cfg.Check(); err != nil {
		return cfg, usageError{err}
	}
	if cfg.Preferred() == exchange.HTTP1 && o.streamsSet && o.streams != 1 {
		return cfg, usageError{errors.New("-streams: http:// is asked by HTTP/1.1, which has one request in flight on a connection; -h2c asks by HTTP/2")}
	}
	return cfg, nil
}

// headerFlag adds a field at each use.
type headerFlag struct{ http.Header }

func (h headerFlag) String() string { return "" }

func (h headerFlag) Set(s string) error {
	name, value, ok := strings.Cut(s, ":")
	if name = strings.TrimSpace(name); !ok || name == "" {
		return errors.New(`it must be "name: value"`)
	}
	// Names stay as they are given, as vegeta has it.
	h.Header[name] = append(h.Header[name], strings.TrimSpace(value))
	return nil
}

// redirects adds one at each use.
type redirects []attack.Redirect

func (r *redirects) String() string { return "" }

func (r *redirects) Set(text string) error {
	redirect, err := attack.ParseRedirect(text)
	if err != nil {
		return err
	}
	*r = append(*r, redirect)
	return nil
}

// workerList are the agents.
func (o *options) workerList() []string {
	var all []string
	for address := range strings.SplitSeq(o.workers, ",") {
		if address = strings.TrimSpace(address); address != "" {
			all = append(all, address)
		}
	}
	return all
}
