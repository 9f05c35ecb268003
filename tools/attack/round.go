//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/machine"
	"github.com/e0ac7cd4/hotpath/tools/attack/attackers"
	"github.com/e0ac7cd4/hotpath/tools/attack/catalog"
	"github.com/e0ac7cd4/hotpath/tools/attack/origin"
	"github.com/e0ac7cd4/hotpath/tools/attack/peer"
)

// row is what came of an attack.
type row struct {
	attack  catalog.Attack
	clients int
	length  time.Duration

	tally                 *catalog.Tally
	before, during, after state // during: the most of each
	alone, beside         service
	aloneCPU, besideCPU   float64 // cores
	slowest               time.Duration
	broken                error // the server's end, or an admin listener that did not answer
	busy                  int   // requests that the origin is answering after it
	faults                []string
}

const (
	// lead is how long the good client asks before the attack begins, and lag how long
	// it goes on.
	lead = 300 * time.Millisecond
	lag  = 200 * time.Millisecond

	// calming is how long the server may take until all that an attack has left behind
	// is gone.
	calming = 10 * time.Second
)

// round performs an attack.
func (g *ground) round(ctx context.Context, a catalog.Attack, f form) (r row, err error) {
	r = row{attack: a, clients: f.clients(a), length: max(f.attack, f.takes(a))}
	s, err := g.start(ctx, a)
	if err != nil {
		return r, err
	}
	defer func() {
		if err := s.stop(); err != nil && r.broken == nil {
			r.broken = err
		}
		r.judge(g, f)
	}()
	if r.alone, r.aloneCPU, err = g.serveAlone(ctx, s, f); err != nil {
		return r, err
	}
	if err = g.warm(ctx, s); err != nil {
		return r, err
	}
	if r.before, err = s.settled(ctx, s.quiet(state{}, 0)); err != nil {
		return r, err
	}
	w := s.watch(ctx, f.asking)
	r.beside, r.besideCPU, err = g.serve(ctx, s, f, lead+r.length+lag, func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lead):
		}
		var err error
		r.tally, err = attackers.Run(ctx, attackers.Asked{Name: a.Name, To: s.to, Clients: r.clients, For: r.length}, func(cmd *exec.Cmd) error {
			return machine.StartPinned(cmd, clientCore())
		})
		return err
	})
	w.end()
	r.during, r.slowest, r.broken = w.peak, w.slow, w.failed
	if err != nil {
		return r, err
	}
	if r.broken == nil {
		r.after, r.broken = s.settled(ctx, s.quiet(r.before, r.resting()))
		r.during.Memory = max(r.during.Memory, r.after.Memory)
	}
	if g.origin != nil {
		for end := time.Now().Add(calming); ; time.Sleep(every / 4) {
			if r.busy, err = g.origin.busy(); err != nil {
				return r, err
			}
			if r.busy == 0 || time.Now().After(end) || ctx.Err() != nil {
				break
			}
		}
	}
	return r, ctx.Err()
}

// serveAlone is serve without an attack: before each in the long form, in which it is
// compared with, and before the first in the short one. The server is looked at as it
// is beside the attack, so that what this costs is in both.
func (g *ground) serveAlone(ctx context.Context, s *subject, f form) (got service, cores float64, err error) {
	if !f.strict && g.alone.Requests > 0 {
		return g.alone, g.aloneCPU, nil
	}
	w := s.watch(ctx, f.asking)
	defer w.end()
	g.alone, g.aloneCPU, err = g.serve(ctx, s, f, f.alone, func() error { return nil })
	return g.alone, g.aloneCPU, err
}

// warm has the server do once what leaves something behind that is kept: files in its
// cache, and goroutines that rest for the next handlers, as many as it lets rest.
func (g *ground) warm(ctx context.Context, s *subject) error {
	if g.origin == nil {
		return nil
	}
	const conns, streams = 4, 100 // more than rest, less than may be open
	var all errgroup.Group
	for range conns {
		all.Go(func() error {
			c, err := peer.Open(ctx, s.to, peer.Options{Settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: frame.MaxWindow}}})
			if err != nil {
				return fmt.Errorf("warming the server: %w", err)
			}
			defer c.Drop()
			_, b := c.Get(s.to.Large)
			for range streams {
				_, get := c.Get(s.to.Origin + origin.Slow + rand.Text())
				b = append(b, get...)
			}
			c.Send(1+streams, frame.AppendWindowUpdate(b, 0, largeSize+streams*origin.EntrySize))
			if !c.AnswerAll() {
				return errors.New("warming the server: it ended the connection")
			}
			return nil
		})
	}
	return all.Wait()
}

// serve has the good client ask for d, and does something meanwhile. It returns the
// server's processor time for each second, too.
func (g *ground) serve(ctx context.Context, s *subject, f form, d time.Duration, meanwhile func() error) (got service, cores float64, err error) {
	// A server that has ended is no error of this program: what was measured says so.
	first, _ := s.look(ctx)
	begun := time.Now()
	c, err := g.startGood(s.to, f.rate, d)
	if err != nil {
		return got, 0, err
	}
	doing := meanwhile()
	got, err = c.wait(ctx)
	if last, failed := s.look(ctx); failed == nil {
		cores = (last.CPU - first.CPU).Seconds() / time.Since(begun).Seconds()
	}
	return got, cores, errors.Join(doing, err)
}

// quiet reports whether a server is as it was before, all clients being gone. Without a
// state before, that is that it has no connection.
func (s *subject) quiet(before state, rest int) func(state) bool {
	return func(now state) bool {
		return now.Permits <= before.Permits && now.Held <= before.Held && (before.Goroutines == 0 || now.Goroutines <= before.Goroutines+rest)
	}
}

// resting are goroutines that wait for the next handshake, and the garbage collector's
// own; those of handlers were there before: see warm.
const resting = 16

// pooled are goroutines of idle connections to the origin: two of each, of as many as
// may be open to one upstream.
const pooled = 2 * (512 + 2)

// resting is how many goroutines may be left that were not there before.
func (r *row) resting() int {
	if r.attack.NeedsOrigin {
		return resting + pooled
	}
	return resting
}

// settled looks until the server is quiet, or too much time has passed.
func (s *subject) settled(ctx context.Context, quiet func(state) bool) (state, error) {
	for end := time.Now().Add(calming); ; {
		st, err := s.look(ctx)
		if err != nil || quiet(st) || time.Now().After(end) {
			return st, err
		}
		select {
		case <-ctx.Done():
			return st, ctx.Err()
		case <-time.After(every / 4):
		}
	}
}
