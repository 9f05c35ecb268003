//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/freeport"
	"github.com/e0ac7cd4/hotpath/internal/machine"
	"github.com/e0ac7cd4/hotpath/tools/servers"
)

// Names of the contenders of -features: hotpath with one of them each. hotpath alone has
// none.
const (
	limits = "limits" // limit-requests, and a million clients that it knows
	traced = "traces" // one in 1,000 requests
	purged = "purges" // 100,000 of them in force
	fewer  = "purges-1000"
	names  = "names" // 1,000 sites with a certificate each
)

const (
	knownClients  = 1_000_000
	purgesInForce = 100_000
	fewerInForce  = 1000
	manySites     = 1000
)

// featureBars are what an operator switches on and hits must not feel, beside hotpath
// without it.
var featureBars = []featureBar{
	{bar{"CPU per hit, limits", rowHit, cpuPerRequest, false, []limit{{hotpath, 1.05}}, nil}, limits},
	{bar{"CPU per hit, traces at 1 in 1,000", rowHit, cpuPerRequest, false, []limit{{hotpath, 1.03}}, nil}, traced},
	{bar{"CPU per hit, 100,000 purges", rowHit, cpuPerRequest, false, []limit{{hotpath, 1.02}}, nil}, purged},
	{bar{"CPU per hit, 1,000 purges", rowHit, cpuPerRequest, false, []limit{{hotpath, 1.02}}, nil}, fewer},
	{bar{"CPU per compressed hit, 16 KiB of HTML ÷ of a file of its size", rowCoded, cpuCoded, false, []limit{{"", 1.05}}, nil}, hotpath},
	{bar{"CPU per handshake, 1,000 certificates ÷ one", rowNames, handshakeNames, false, []limit{{"", 1.02}}, nil}, names},
	{bar{"start, 1,000 sites with 1,000 certificates", rowStart, startTime, false, []limit{{"", 2000}}, nil}, names},
	{bar{"their reload", rowReload, reloadTime, false, []limit{{"", 1000}}, nil}, names},
	{bar{"their memory", rowStart, memoryGrowth, false, []limit{{"", 64}}, nil}, names},
	{bar{"memory of limits, 1,000,000 clients", rowClients, memoryGrowth, false, []limit{{"", 64}}, nil}, limits},
	{bar{"p99 in the second of a reload ÷ before", rowReload, p99Reload, false, []limit{{"", 2}}, nil}, limits},
	{bar{"the same with 1,000 sites", rowReload, p99Reload, false, []limit{{"", 2}}, nil}, names},
}

// featureBar is a bar for hotpath with a feature.
type featureBar struct {
	bar
	of string
}

// Rows of -features.
const (
	rowHit     = "beside-h2-8x32-1KiB"
	rowClients = "clients"
	rowNames   = "handshake-names"
	rowStart   = "start"
	rowReload  = "reload"
)

// runFeatures measures what features of hotpath cost.
func runFeatures(ctx context.Context, o options) (err error) {
	rows, err := chooseRows(featureRows(), o.rows)
	if err != nil {
		return err
	}
	cores := runtime.NumCPU() // before pinning
	if err := twoCores(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hotpath-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := require(ctx, []string{"h2load"}, o.install); err != nil {
		return err
	}
	binary := o.server
	if binary == "" {
		binary = filepath.Join(dir, "hotpath")
		if err := servers.Build(ctx, binary, "./server"); err != nil {
			return err
		}
	}
	s, err := newSite(dir)
	if err != nil {
		return fmt.Errorf("making the files to serve: %w", err)
	}
	if err := writeSites(s); err != nil {
		return err
	}
	collector, err := startCollector()
	if err != nil {
		return err
	}
	defer collector.Close()
	contenders, err := featureContenders(o, s, binary, collector.Addr().String())
	if err != nil {
		return err
	}
	var called []string
	for _, c := range contenders {
		called = append(called, c.name)
	}
	st := &state{site: s, size: fullSizes, runs: make(map[cell]int), res: newResults(called), binary: binary}
	if o.quick {
		st.size = quickSizes
		st.res.note("A quick run: it shows that everything works, and its figures mean nothing.")
	}
	if o.rounds > 0 {
		st.size.rounds = o.rounds
	}
	a := describe(contenders[:1], cores)
	a.rounds = st.size.rounds
	if err := machine.PinSelf(clientCore); err != nil {
		return err
	}
	if err := measureAll(ctx, contenders, rows, st); err != nil {
		return err
	}
	text := report(a, st.res)
	fmt.Print(text)
	return write(o, text, st.res, featuresCommand)
}

// featureContenders are hotpath with each feature.
func featureContenders(o options, s *site, binary, collector string) ([]contender, error) {
	limited := filepath.Join(s.dir, limitsFile)
	if err := os.WriteFile(limited, limitsConfig(s, "1MiB"), 0o644); err != nil {
		return nil, err
	}
	all := []contender{
		hotpathContender(hotpath, binary),
		configContender(limits, binary, limited),
		hotpathContender(traced, binary, "-otlp-endpoint", "http://"+collector, "-trace-sample", "0.001"),
		hotpathContender(purged, binary),
		hotpathContender(fewer, binary),
		configContender(names, binary, filepath.Join(s.dir, manyFile)),
	}
	all[3].prepare = func(ctx context.Context, p *process, _ *state) error { return purgeMany(ctx, p, purgesInForce) }
	all[4].prepare = func(ctx context.Context, p *process, _ *state) error { return purgeMany(ctx, p, fewerInForce) }
	if o.only == "" {
		return all, nil
	}
	chosen := strings.Split(o.only, ",")
	for _, name := range chosen {
		if !slices.ContainsFunc(all, func(c contender) bool { return c.name == name }) {
			return nil, fmt.Errorf("-only: %q is none of %s, %s, %s, %s, %s, %s", name, hotpath, limits, traced, purged, fewer, names)
		}
	}
	return slices.DeleteFunc(all, func(c contender) bool { return !slices.Contains(chosen, c.name) }), nil
}

// limitsFile is the configuration of the contender limits.
const limitsFile = "limits.yaml"

// limitsConfig is that configuration, with a setting that reloads change.
func limitsConfig(s *site, maxBody string) []byte {
	return fmt.Appendf(nil, "cert: %s\nkey: %s\nmax-body: %s\nlimit-requests: 1000000/s\nlimit-burst: 1000000000\nsites:\n  - {default: true, root: %s, trusted-proxies: 127.0.0.1}\n",
		s.cert, s.key, maxBody, s.root)
}

// configContender is a binary of this project with a configuration.
func configContender(name, binary, config string) contender {
	return contender{
		name: name,
		command: func(_ *site, _, addr string) (*exec.Cmd, error) {
			admin, err := freeport.Address()
			if err != nil {
				return nil, err
			}
			return exec.Command(binary, "-config", config, "-listen", addr, "-admin", admin), nil
		},
		version: func() string { return servers.GoVersion(binary) },
	}
}

// featureRows are what is measured, in its order: what fills the server's memory comes
// before hits beside it.
func featureRows() []row {
	only := func(names ...string) func(string) bool {
		return func(s string) bool { return slices.Contains(names, s) }
	}
	return []row{
		{name: rowClients, rounds: 1, only: only(limits), measure: measureClients},
		placedRow(rowHit, shapes[0], bodies[1], func(string) string { return "/" }),
		{name: rowCoded, only: only(hotpath), measure: measureCoded},
		{name: rowNames, only: only(names), measure: measureNames},
		{name: rowStart, only: only(names), measure: measureStart},
		{name: rowReload, only: only(limits, names), measure: measureReload},
	}
}

// startCollector takes traces and drops them.
func startCollector() (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the collector: %w", err)
	}
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // it ends when l is closed
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/x-protobuf")
		}))
	}()
	return l, nil
}

// purgeMany has a server purge so many tags that no response has.
func purgeMany(ctx context.Context, p *process, n int) error {
	const each = 10_000
	for first := 0; first < n; first += each {
		form := make(url.Values)
		for i := range min(each, n-first) {
			form.Add("tag", fmt.Sprintf("%x", first+i))
		}
		if _, err := post(ctx, p, "/purge", strings.NewReader(form.Encode())); err != nil {
			return err
		}
	}
	return nil
}

// post asks the admin listener of a hotpath for a change.
func post(ctx context.Context, p *process, path string, form io.Reader) (string, error) {
	i := slices.Index(p.Cmd.Args, "-admin")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.Cmd.Args[i+1]+path, form)
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("POST %s: %s: %s", path, answer.Status, text)
	}
	return string(text), err
}
