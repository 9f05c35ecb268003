//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/localcert"
	"github.com/e0ac7cd4/hotpath/internal/machine"
)

// siteName is the host of a site of many.
func siteName(i int) string { return fmt.Sprintf("site%d.example", i) }

// manyFile is the configuration of many sites.
const manyFile = "many.yaml"

// writeSites writes the configuration of many sites and their certificates.
func writeSites(s *site) error {
	dir := filepath.Join(s.dir, "certs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for i := range manySites {
		base := filepath.Join(dir, siteName(i))
		if err := localcert.WriteFor(base+".crt", base+".key", siteName(i)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(s.dir, manyFile), manyConfig(s, "1MiB"), 0o644)
}

// manyConfig is their configuration, with a setting that reloads change. The default
// site has the files.
func manyConfig(s *site, maxBody string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "cert: %s\nkey: %s\ncert-dir: %s\nmax-body: %s\nsites:\n  - default: true\n    root: %s\n",
		s.cert, s.key, filepath.Join(s.dir, "certs"), maxBody, s.root)
	for i := range manySites {
		fmt.Fprintf(&b, "  - {hosts: %s, upstream: http://127.0.0.1:1}\n", siteName(i)) // which no request needs
	}
	return []byte(b.String())
}

// measureStart starts a server with many sites, and reads what it takes beyond one with
// one site: both have answered a request.
func measureStart(ctx context.Context, p *process, st *state) ([]value, error) {
	memory := func(c contender) (taken time.Duration, bytes int64, err error) {
		before := time.Now()
		q, err := start(ctx, c, st.site)
		if err != nil {
			return 0, 0, err
		}
		defer q.Stop()
		taken = time.Since(before)
		if err := sleep(ctx, st.size.settle); err != nil {
			return 0, 0, err
		}
		bytes, err = machine.Memory(q.Cmd.Process.Pid)
		return taken, bytes, err
	}
	all, err := featureContenders(options{}, st.site, st.binary, "127.0.0.1:1")
	if err != nil {
		return nil, err
	}
	_, one, err := memory(all[0])
	if err != nil {
		return nil, err
	}
	taken, many, err := memory(all[len(all)-1])
	if err != nil {
		return nil, err
	}
	return []value{{startTime, microseconds(taken) / 1000}, {memoryGrowth, float64(many-one) / 1024}}, nil
}

// measureNames compares handshakes with a server of many certificates, for each name
// in turn, with those with a server that has one. What is to be seen is a few per cent,
// less than a machine's speed changes within seconds: so they are made in short runs in
// turn, and each is compared with that beside it, which is the first of every other pair.
func measureNames(ctx context.Context, p *process, st *state) ([]value, error) {
	const each = 100
	all, err := featureContenders(options{}, st.site, st.binary, "127.0.0.1:1")
	if err != nil {
		return nil, err
	}
	one, err := start(ctx, all[0], st.site)
	if err != nil {
		return nil, err
	}
	defer one.Stop()
	var ratios []float64
	for pair := range max(1, st.size.handshakes/each*2) {
		var ofOne, ofMany float64
		measure := []func() error{
			func() (err error) {
				ofOne, err = spentOnHandshakes(ctx, one, each, func(int) string { return "localhost" })
				return err
			},
			func() (err error) {
				ofMany, err = spentOnHandshakes(ctx, p, each, func(i int) string { return siteName((pair*each + i) * 7 % manySites) })
				return err
			},
		}
		for i := range measure {
			if err := measure[(pair+i)%len(measure)](); err != nil {
				return nil, err
			}
		}
		ratios = append(ratios, ofMany/ofOne)
	}
	return []value{{handshakeNames, median(ratios)}}, nil
}

// reloadRate is what is asked for around a reload, in requests per second: what leaves
// the server's core half idle.
const reloadRate = 100_000

// measureReload reloads a server under load, and compares the latencies
// in the second in which the reload begins with those in the second before. No request
// may fail, and no connection end.
func measureReload(ctx context.Context, p *process, st *state) ([]value, error) {
	const before, after = 3 * time.Second, 3 * time.Second
	name := filepath.Join(st.site.dir, "h2load.log")
	s := shapes[0]
	var began time.Time
	var taken time.Duration
	var failed error
	var reloading sync.WaitGroup
	reloading.Go(func() {
		if failed = sleep(ctx, before); failed != nil {
			return
		}
		st.reloads++
		config, text := filepath.Join(st.site.dir, manyFile), manyConfig
		if p.Name == limits {
			config, text = filepath.Join(st.site.dir, limitsFile), limitsConfig
		}
		if failed = os.WriteFile(config+".new", text(st.site, fmt.Sprintf("%dMiB", 1+st.reloads%2)), 0o644); failed != nil {
			return
		}
		if failed = os.Rename(config+".new", config); failed != nil {
			return
		}
		began = time.Now()
		_, failed = post(ctx, p, "/reload", http.NoBody)
		taken = time.Since(began)
	})
	n := int((before + after).Seconds() * reloadRate)
	err := runPaced(ctx, s, "https://"+p.Addr+"/"+bodies[1].file(), n, reloadRate, name)
	reloading.Wait()
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := parseH2loadTimes(bufio.NewReader(f))
	if err != nil {
		return nil, err
	}
	within := func(from, to time.Time) (latencies []time.Duration) {
		for _, t := range all {
			if !t.began.Before(from) && t.began.Before(to) {
				latencies = append(latencies, t.taken)
			}
		}
		return latencies
	}
	quiet, err := percentile(within(began.Add(-time.Second), began), 0.99)
	if err != nil {
		return nil, err
	}
	during, err := percentile(within(began, began.Add(time.Second)), 0.99)
	if err != nil {
		return nil, err
	}
	return []value{{reloadTime, microseconds(taken) / 1000}, {p99Reload, float64(during) / float64(quiet)}}, os.Remove(name)
}
