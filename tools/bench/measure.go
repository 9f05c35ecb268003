//go:build linux

package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"
)

// row is one line of the comparison: something that is measured for each
// server.
type row struct {
	name string

	// fresh says that each measurement needs a server that has done nothing
	// yet: what a run leaves in memory would be in the figure.
	fresh bool

	// rounds is how often it is measured at most; 0: no limit.
	rounds int

	// only has the servers that are measured; nil is all.
	only func(server string) bool

	measure func(ctx context.Context, p *process, st *state) ([]value, error)
}

// state is what measurements share.
type state struct {
	site *site
	size sizes
	runs map[cell]int // calibrated number of requests, by row and server
	res  *results

	binary  string // hotpath's, for rows that start it with flags of their own
	reloads int    // so far
}

// requests is the number of requests that take about d, found in the first
// round of a row and a server and then the same for the others.
func (st *state) requests(ctx context.Context, row, server string, s shape, url string, d time.Duration) (int, error) {
	key := cell{row: row, server: server}
	if n, ok := st.runs[key]; ok {
		return n, nil
	}
	n, err := calibrate(ctx, s, url, d)
	if err != nil {
		return 0, fmt.Errorf("calibrating: %w", err)
	}
	st.runs[key] = n
	return n, nil
}

// sizes are how much is measured.
type sizes struct {
	rounds     int
	least      int           // requests on each stream of a run of load
	load       time.Duration // of one run of load
	percentile time.Duration // of the run that logs every request
	idle       int           // connections
	settle     time.Duration // before memory is read
	handshakes int
	many       int           // connections of the row "many"
	manyLoad   time.Duration // of load on 1 % of them
	hits       int           // one after the other, of the row "stalled"
	large      int64         // bytes of a content that no cache holds
	keys       time.Duration // of the row "keys"
}

var (
	fullSizes = sizes{
		rounds: 5, least: 100, load: 3 * time.Second, percentile: 600 * time.Millisecond,
		idle: 2000, settle: 6 * time.Second, handshakes: 2000, many: 19000, manyLoad: 10 * time.Second,
		hits: 5000, large: 4 << 30, keys: time.Minute,
	}
	// quickSizes show that everything works. Their figures mean nothing.
	quickSizes = sizes{
		rounds: 1, load: 200 * time.Millisecond, percentile: 100 * time.Millisecond,
		idle: 200, settle: time.Second, handshakes: 200, many: 1000, manyLoad: time.Second,
		hits: 200, large: 256 << 20, keys: 2 * time.Second,
	}
)

// Names of the rows that are not a shape with a body.
const (
	rowIdle      = "idle"
	rowHandshake = "handshake"
	rowMany      = "many"
)

// allRows is the comparison, in its order.
func allRows() []row {
	var rows []row
	for _, b := range bodies {
		for _, s := range shapes {
			rows = append(rows, loadRow(s, b))
		}
	}
	return append(rows,
		row{name: rowIdle, fresh: true, measure: measureIdle},
		row{name: rowHandshake, measure: measureHandshakes},
		row{name: rowMany, fresh: true, only: func(s string) bool { return s == hotpath || s == baseline }, measure: measureMany},
	)
}

// measureAll runs the rows. Within a row the servers take turns round by
// round, so that what changes on the machine meanwhile changes for all.
func measureAll(ctx context.Context, contenders []contender, rows []row, st *state) error {
	running := make(map[string]*process)
	defer func() {
		for _, p := range running {
			p.Stop()
		}
	}()
	for _, c := range contenders {
		p, err := start(ctx, c, st.site)
		if err != nil {
			return err
		}
		running[c.name] = p
		if err := verify(ctx, p, st.site); err != nil {
			return fmt.Errorf("checking %s: %w", c.name, err)
		}
		if c.prepare != nil {
			if err := c.prepare(ctx, p, st); err != nil {
				return fmt.Errorf("preparing %s: %w", c.name, err)
			}
		}
	}
	for _, r := range rows {
		st.res.rows = append(st.res.rows, r.name)
		rounds := st.size.rounds
		if r.rounds > 0 {
			rounds = min(rounds, r.rounds)
		}
		for round := range rounds {
			for _, c := range contenders {
				if r.only != nil && !r.only(c.name) {
					continue
				}
				values, err := measureOnce(ctx, r, c, running[c.name], st)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", r.name, c.name, err)
				}
				st.res.add(r.name, c.name, values)
				log.Printf("%-14s round %d  %-9s%s", r.name, round+1, c.name, formatValues(values))
			}
		}
	}
	return nil
}

// measureOnce measures the running process, or a fresh one if r needs it.
func measureOnce(ctx context.Context, r row, c contender, p *process, st *state) ([]value, error) {
	if r.fresh {
		var err error
		if p, err = start(ctx, c, st.site); err != nil {
			return nil, err
		}
		defer p.Stop()
	}
	values, err := r.measure(ctx, p, st)
	if err != nil {
		if said := p.Tail(); said != "" {
			err = fmt.Errorf("%w\n%s has written:\n%s", err, c.name, said)
		}
		return nil, err
	}
	return values, nil
}

// loadRow is full speed with one shape and one body.
func loadRow(s shape, b body) row {
	return placedRow(s.name+"-"+b.name, s, b, func(string) string { return "/" })
}

// placedRow is full speed with one shape and one body, which a server has in a
// place, asked for with the fields.
func placedRow(name string, s shape, b body, place func(server string) string, fields ...string) row {
	return row{name: name, measure: func(ctx context.Context, p *process, st *state) ([]value, error) {
		url := "https://" + p.Addr + place(p.Name) + b.file()
		if s.streams == 0 {
			return measureLoad(ctx, p, b, func() (load, error) { return runWrk(ctx, s, url, st.size.load, fields...) }, nil)
		}
		n, err := st.requests(ctx, name, p.Name, s, url, st.size.load)
		if err != nil {
			return nil, err
		}
		n = max(n, least(s, b, st.size.least))
		return measureLoad(ctx, p, b, func() (load, error) {
			l, err := runH2load(ctx, s, url, n, "", fields...)
			st.res.ciphers[p.Name] = l.cipher
			return l, err
		}, func() (time.Duration, error) {
			return h2loadP99(ctx, s, url, share(n, s, st.size.percentile.Seconds()/st.size.load.Seconds()), st.site)
		})
	}}
}

// measureLoad runs the load and reads the server's processor time before and
// after: every request of the run, and the handshakes of its connections. p99,
// if not nil, measures what the load's own report lacks.
func measureLoad(ctx context.Context, p *process, b body, run func() (load, error), p99 func() (time.Duration, error)) ([]value, error) {
	before, err := awaitIdle(ctx, p)
	if err != nil {
		return nil, err
	}
	l, err := run()
	if err != nil {
		return nil, err
	}
	after, err := awaitIdle(ctx, p)
	if err != nil {
		return nil, err
	}
	if p99 != nil {
		if l.p99, err = p99(); err != nil {
			return nil, err
		}
	}
	cpu := after - before
	values := []value{
		{cpuPerRequest, microseconds(cpu) / float64(l.requests)},
		{requestRate, l.rate()},
		{meanLatency, microseconds(l.mean) / 1000},
		{p99Latency, microseconds(l.p99) / 1000},
	}
	if b.size >= 1<<20 {
		mib := float64(b.size) * float64(l.requests) / (1 << 20)
		values = append(values, value{bytesPerCPU, mib / cpu.Seconds()})
	}
	return values, nil
}

// h2loadP99 makes a run of its own, because logging slows the client.
func h2loadP99(ctx context.Context, s shape, url string, n int, st *site) (time.Duration, error) {
	name := filepath.Join(st.dir, "h2load.log")
	if _, err := runH2load(ctx, s, url, n, name); err != nil {
		return 0, err
	}
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	all, err := parseH2loadLog(f)
	if err != nil {
		return 0, err
	}
	if err := os.Remove(name); err != nil {
		return 0, err
	}
	return percentile(all, 0.99)
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
