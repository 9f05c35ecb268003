//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	attackorigin "github.com/e0ac7cd4/hotpath/tools/attack/origin"
)

const (
	// soakCache is the default, which is full within ten seconds. With much less, the
	// good client's own connections have more than their share of what requests in
	// progress may take while one attack goes on, and a few of its misses are refused.
	soakCache = 256 << 20

	// missShare and sentShare are those of misses and uploads over each protocol in the
	// rate of hits.
	missShare = 10
	sentShare = 100

	// calming is how long the server may take until all that the load has left is gone.
	calming = time.Minute
)

// What attacks need beside files and the good client's origin: a file of a MiB, and an
// origin of their own, which is as bad as they are.
const (
	largeFile  = "/large.bin"
	largeSize  = 1 << 20
	attackPath = "/attack/"
)

// soak is a run of one process under all that there is.
type soak struct {
	duration time.Duration
	rate     int
	only     *regexp.Regexp // attacks
	loadgen  string
	out      io.Writer

	server  *server
	origin  *origin
	journal *journal
	begin   time.Time

	mu      sync.Mutex // guards the rest
	did     map[string]int
	samples []sample
}

func (k *soak) count(what string, times int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.did[what] += times
}

// runSoak is the form with -duration.
func runSoak(ctx context.Context, o options, dir string, out io.Writer) (err error) {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if len(chosenAttacks(only)) == 0 {
		return fmt.Errorf("-only %q matches no attack; go run ./tools/attack -list has them", o.only)
	}
	k := &soak{duration: o.duration, rate: o.rate, only: only, out: out, journal: newJournal(out), did: make(map[string]int)}
	if k.loadgen, err = buildLoadgen(ctx, dir); err != nil {
		return err
	}
	if k.origin, err = startOrigin(); err != nil {
		return err
	}
	defer k.origin.down()
	bad, err := attackorigin.Start(attackPath)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bad.Close()) }()
	more := setup{
		top:   fmt.Sprintf("cache-bytes: %dMiB\ncache-entries: %d\n", o.cache>>20, 2*keys),
		sites: fmt.Sprintf("- hosts: [localhost]\n  path: %s\n  upstream: http://%s\n", attackPath, bad.Addr),
	}
	if k.server, err = startServer(ctx, o.server, dir, k.origin.url(), more); err != nil {
		return err
	}
	stopped := false
	defer func() {
		if !stopped {
			err = errors.Join(err, k.server.stop())
		}
		if err != nil && !errors.Is(err, errFailed) {
			err = fmt.Errorf("%w\nthe end of the server's log:\n%s", err, k.server.tail())
		}
	}()
	if err := k.prepare(); err != nil {
		return err
	}
	// A cache that is filled four times over is full at half that speed too.
	misses := int(o.duration.Seconds()) * 2 * (o.rate / missShare)
	result := &outcome{duration: o.duration, did: k.did, evicts: misses*(leastSize+mostSize)/2 >= 4*o.cache}
	if err := k.warm(ctx); err != nil {
		return fmt.Errorf("warming the server: %w", err)
	}
	if result.before, err = k.base(ctx); err != nil {
		return err
	}
	err = k.mix(ctx)
	k.origin.down() // its connections are not what is left
	err = errors.Join(err, bad.Close(), ctx.Err())
	if err == nil {
		result.last, result.settled, err = k.settle(ctx, result)
	}
	if o.samples != "" {
		err = errors.Join(err, writeSamples(o.samples, k.samples))
	}
	k.journal.report()
	if err != nil {
		return err
	}
	stopped = true
	if err := k.server.stop(); err != nil {
		return err
	}
	if result.log, err = k.server.faults(); err != nil {
		return err
	}
	result.samples = k.samples
	result.requests, result.failed = k.journal.sums()
	result.unserved = k.journal.unserved()
	k.did[evictions] = result.last.evicted - result.before.evicted
	fmt.Fprintf(out, "\nat rest again after %v\n", result.settled.Round(100*time.Millisecond))
	for _, line := range result.log {
		fmt.Fprintln(out, "the server's log:", line)
	}
	if !printBars(out, result.judge()) {
		return errFailed
	}
	return nil
}

// prepare makes the files of clients and attacks.
func (k *soak) prepare() error {
	large := make([]byte, largeSize)
	rand.Read(large)
	return errors.Join(os.WriteFile(k.server.file("upload"), make([]byte, uploadSize), 0o600),
		os.WriteFile(k.server.file("www"+largeFile), large, 0o644))
}

// warm has the server do once what leaves something behind that is kept: goroutines
// that rest for the next handlers, of which it keeps 256. The connections to the origin
// that it keeps too are ended.
func (k *soak) warm(ctx context.Context) error {
	const conns, streams = 4, 100 // together more than rest, each less than may be open
	text, err := exec.CommandContext(ctx, k.loadgen, "-target", k.server.upstreamURL()+slowPath, "-rate", "0", "-requests", strconv.Itoa(10*conns*streams),
		"-connections", strconv.Itoa(conns), "-streams", strconv.Itoa(streams), "-cacert", k.server.file("cert.pem"), "-quiet").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	k.origin.down()
	return k.origin.up()
}

// base waits until the server is at rest.
func (k *soak) base(ctx context.Context) (last sample, err error) {
	for end := time.Now().Add(calming); time.Now().Before(end); pause(ctx, time.Second) {
		s, err := k.server.sampleOf(ctx, k.journal.begin)
		if err != nil {
			return s, err
		}
		if s.permits == 0 && s.reserved == 0 && s.goroutines >= last.goroutines && last.goroutines > 0 {
			return s, nil
		}
		last = s
	}
	return last, fmt.Errorf("before the load the server is not at rest: %+v", last)
}

// settle waits until the server is as it was before, or too much time has passed.
func (k *soak) settle(ctx context.Context, result *outcome) (last sample, took time.Duration, err error) {
	for begin := time.Now(); ; pause(ctx, time.Second) {
		if last, err = k.server.sampleOf(ctx, k.begin); err != nil {
			return last, 0, err
		}
		took = time.Since(begin)
		b := result.before
		if took > calming || last.permits <= b.permits && last.reserved <= b.reserved && last.goroutines <= b.goroutines+restingLeft && last.descriptors <= b.descriptors+descriptorsLeft {
			return last, took, ctx.Err()
		}
	}
}

// mix has everything happen at once for the run's time.
func (k *soak) mix(ctx context.Context) error {
	k.begin = time.Now()
	ctx, cancel := context.WithTimeout(ctx, k.duration)
	defer cancel()
	all, ctx := errgroup.WithContext(ctx)
	for i, l := range k.loads() {
		c := k.journal.client(l.name)
		all.Go(func() error { return k.clientAgain(ctx, l, c, time.Duration(i)*clientLife/8) })
	}
	all.Go(func() error { return k.repeat(ctx, purges, purgeRest, k.purge(ctx)) })
	all.Go(func() error { return k.repeat(ctx, reloads, reloadRest, k.reload(ctx)) })
	all.Go(func() error { return k.repeat(ctx, originRestarts, originRest, k.restartOrigin(ctx)) })
	all.Go(func() error { return k.repeat(ctx, attacks, 0, k.attack(ctx)) })
	all.Go(func() error { return k.sample(ctx) })
	return all.Wait()
}

// loads are those of the good client: hits, misses of keys by chance, and uploads.
func (k *soak) loads() (all []load) {
	for _, http1 := range []bool{false, true} {
		protocol, rate := share(http1, k.rate)
		all = append(all,
			load{name: protocol + ", hits", rate: rate, http1: http1, targets: k.server.hitTargets(), strict: true},
			load{name: protocol + ", misses", rate: k.rate / missShare, http1: http1, template: k.server.upstreamURL() + "/key/{n}", keys: keys},
			load{name: protocol + ", uploads", rate: k.rate / sentShare, http1: http1, targets: k.server.uploadTargets()})
	}
	return all
}

// clientAgain starts a client again and again, each time for its life, the first time
// for less.
func (k *soak) clientAgain(ctx context.Context, l load, c *client, less time.Duration) error {
	l.comesBack = true
	if !l.strict {
		l.excuses = k.origin.excuses
	}
	for life := clientLife - less; ; life = clientLife {
		l.seed = mathrand.Uint32()
		stop, err := l.start(k.loadgen, k.server, k.journal, c)
		if err != nil {
			return fmt.Errorf("starting %s: %w", l.name, err)
		}
		pause(ctx, life)
		stop()
		if ctx.Err() != nil {
			return nil
		}
		k.count(clientRestarts, 1)
	}
}

// sample samples the server until ctx ends, and says how it is now and then.
func (k *soak) sample(ctx context.Context) error {
	every := sampling(k.duration)
	said := time.Duration(0)
	for pause(ctx, every); ctx.Err() == nil; pause(ctx, every) {
		s, err := k.server.sampleOf(ctx, k.begin)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		k.mu.Lock()
		k.samples = append(k.samples, s)
		did := maps.Clone(k.did)
		k.mu.Unlock()
		if s.at-said >= max(k.duration/20, every) {
			said = s.at
			requests, failed := k.journal.sums()
			fmt.Fprintf(k.out, "%v: %d MiB, %d goroutines, %d permits, %d KiB reserved, %d MiB stored, %d descriptors; %d requests, %d failed; %d purges, %d reloads, %d tries of attacks\n",
				s.at.Round(time.Second), s.memory>>20, s.goroutines, s.permits, s.reserved>>10, s.stored>>20, s.descriptors, requests, failed, did[purges], did[reloads], did[attacks])
		}
	}
	return nil
}

// Of the log, so many lines behind a fault are kept, which are its stack, and so many of all.
const (
	behindFault = 60
	mostFaults  = 1000
)

// faults are the lines of the log that no run may have, races that a binary with the race
// detector finds, and panics, with those behind them.
func (s *server) faults() (lines []string, err error) {
	f, err := os.Open(s.file("log"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for behind := 0; len(lines) < mostFaults; behind-- {
		line, err := r.ReadString('\n')
		if isFault(line) {
			behind = behindFault
		}
		if behind > 0 && line != "" {
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// faults is how many of lines are one.
func faults(lines []string) (n int) {
	for _, line := range lines {
		if isFault(line) {
			n++
		}
	}
	return n
}

func isFault(line string) bool {
	return strings.Contains(line, "WARNING: DATA RACE") || strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")
}
