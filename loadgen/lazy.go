package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// maxJSONLine bounds a target in JSON, whose content is in its line.
const maxJSONLine = 16 << 20

// lazyTargets are targets that are read while they are sent. nil: there are none.
type lazyTargets struct {
	*attack.Feed
	name   string
	file   *os.File
	lines  *wholeLines
	next   vegeta.Targeter
	first  vegeta.Target
	cancel context.CancelFunc
	ended  chan error // what reading came to, once
}

// openLazily opens the targets and reads the first, or returns when ctx ends: a
// pipe may never have one.
func (o *options) openLazily(ctx context.Context, stdin io.Reader, body []byte) (*lazyTargets, error) {
	l := &lazyTargets{Feed: attack.NewFeed(), name: o.targets, ended: make(chan error, 1)}
	src := stdin
	if o.targets != standard {
		f, err := open(ctx, o.targets)
		if err != nil {
			return nil, fmt.Errorf("-targets: %w", err)
		}
		src = f
	}
	l.file, _ = src.(*os.File)
	switch o.format {
	case vegeta.HTTPTargetFormat:
		l.lines = newWholeLines(src, bufio.MaxScanTokenSize)
		l.lines.check = contentFile
		l.next = vegeta.NewHTTPTargeter(l.lines, body, o.headers)
	case vegeta.JSONTargetFormat:
		l.lines = newWholeLines(src, maxJSONLine)
		l.next = vegeta.NewJSONTargeter(l.lines, body, o.headers)
	default:
		return nil, wrongFormat(o.format)
	}
	var err error
	l.first, err = patiently(ctx, func() (vegeta.Target, error) { return l.read(1) })
	switch {
	case errors.Is(err, vegeta.ErrNoTargets):
		return nil, fmt.Errorf("-targets %s: no target in it", l.name)
	case errors.Is(err, errInterrupted):
		return nil, fmt.Errorf("-targets: %w", err)
	case err != nil:
		return nil, err
	}
	return l, nil
}

// read reads a target. The error says what is wrong, or is vegeta.ErrNoTargets at
// the end.
func (l *lazyTargets) read(number int) (t vegeta.Target, err error) {
	err = l.next(&t)
	switch wrong := l.lines.wrong(); {
	case wrong != nil: // it may be a part of this target, that what reads them has left out
		return t, fmt.Errorf("-targets %s: %w", l.name, wrong)
	case err == nil:
		return t, nil
	case errors.Is(err, vegeta.ErrNoTargets):
		return t, vegeta.ErrNoTargets
	}
	return t, fmt.Errorf("-targets %s: target %d: %w", l.name, number, err)
}

// start begins to feed the attack. All targets must be of the first one's origin,
// to which the connections are made before others are read.
func (l *lazyTargets) start(cfg *attack.Config) {
	if l == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	go func() {
		defer l.Close()
		l.ended <- l.feed(ctx, cfg)
	}()
}

func (l *lazyTargets) feed(ctx context.Context, cfg *attack.Config) error {
	t, origin := l.first, exchange.Origin{}
	for number := 1; ; number++ {
		r, err := cfg.Request(number-1, &t)
		switch {
		case err != nil:
			return fmt.Errorf("-targets %s: %w", l.name, err)
		case number == 1:
			origin = r.Origin
		case r.Origin != origin:
			return fmt.Errorf("-targets %s: target %d is of %s, the first of %s: with -lazy all are of one origin, as connections are made before", l.name, number, r.Origin.Address(), origin.Address())
		}
		if err := l.Put(ctx, r); err != nil {
			return nil // the attack has ended
		}
		if t, err = l.read(number + 1); errors.Is(err, vegeta.ErrNoTargets) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// stop ends reading, and returns what had ended it before, if that was a mistake in
// the targets.
func (l *lazyTargets) stop() error {
	if l == nil || l.cancel == nil {
		return nil
	}
	defer l.file.Close()
	select {
	case err := <-l.ended:
		return err
	default:
	}
	l.cancel()
	if l.file.SetReadDeadline(time.Unix(1, 0)) == nil { // a pipe; else it may never end, as the process is about to
		<-l.ended
	}
	return nil
}
