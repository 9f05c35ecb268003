// Package replay reads access logs, so that what they say is sent again: Common and
// Combined Log Format, and hotpath's JSON (docs/operations.md). The format is found
// for each line.
//
// Of a line its time, its client, its method and its path count. Those that cannot
// be read are counted, and so are those with a method that may change something:
// what it was sent with is in no log, and to send it again would do it again.
//
// Memory is bounded: maxLine for a line, MaxEntries of 40 bytes, and maxTargets
// different requests.
package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

const (
	// maxLine is the longest line that is read: more than servers write.
	maxLine = 64 << 10

	// MaxEntries is how many requests a log may have.
	MaxEntries = 2_000_000

	// maxSpan is from when to when a log may be: a year is less.
	maxSpan = 10_000 * time.Hour

	// maxTargets is how many different ones of them.
	maxTargets = 1_000_000
)

// Log is what was read of a log.
type Log struct {
	Targets []Target // different ones, in the order in which they come first
	Entries []Entry  // by time
	Clients int      // different ones

	Lines      int   // that were read, but for empty ones
	Unreadable int   // of these
	First      error // what is wrong with the first of them, with its number; nil: none
	Unsafe     int   // lines whose method may change something
}

// Target is a method and a path with its query.
type Target struct{ Method, Path string }

// Entry is a request.
type Entry struct {
	At     time.Time
	Target int // its index
	Client int // from 0
}

// Read reads a log to its end. An error is that of r, that there is more than is
// allowed, or that nothing could be read.
func Read(r io.Reader) (*Log, error) {
	p := parser{log: new(Log), targets: make(map[Target]int), clients: make(map[string]int)}
	in := bufio.NewReaderSize(r, maxLine)
	for number := 1; ; number++ {
		line, err := in.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n') // the rest of it
		}
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("reading line %d: %w", number, err)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			if err := p.add(text, long, number); err != nil {
				return nil, err
			}
		}
		if err == io.EOF {
			return p.end()
		}
	}
}

// parser gathers a log.
type parser struct {
	log     *Log
	targets map[Target]int
	clients map[string]int
	coarse  bool // some times are whole seconds only
}

// add takes a line.
func (p *parser) add(text []byte, long bool, number int) error {
	p.log.Lines++
	l, err := line{}, error(nil)
	if long {
		err = fmt.Errorf("it is longer than %d bytes", maxLine)
	} else {
		l, err = parseLine(text)
	}
	switch {
	case err != nil:
		if p.log.Unreadable++; p.log.First == nil {
			p.log.First = fmt.Errorf("line %d: %w", number, err)
		}
		return nil
	case l.method != "GET" && l.method != "HEAD" && l.method != "OPTIONS": // RFC 9110 §9.2.1
		p.log.Unsafe++
		return nil
	case len(p.log.Entries) == MaxEntries:
		return fmt.Errorf("line %d: there are more than %d requests, as many as are allowed", number, MaxEntries)
	}
	t := Target{l.method, l.path}
	target, known := p.targets[t]
	if !known {
		if len(p.targets) == maxTargets {
			return fmt.Errorf("line %d: there are more than %d different requests, as many as are allowed", number, maxTargets)
		}
		target = len(p.targets)
		p.targets[t] = target
		p.log.Targets = append(p.log.Targets, t)
	}
	client, known := p.clients[l.client]
	if !known {
		client = len(p.clients)
		p.clients[l.client] = client
	}
	p.coarse = p.coarse || l.coarse
	p.log.Entries = append(p.log.Entries, Entry{l.at, target, client})
	return nil
}

// end puts the entries in order.
func (p *parser) end() (*Log, error) {
	l := p.log
	l.Clients = len(p.clients)
	switch {
	case l.Lines == 0:
		return nil, errors.New("there is no line in it")
	case len(l.Entries) == 0 && l.First != nil:
		return nil, fmt.Errorf("no request in %d lines could be read; %w", l.Lines, l.First)
	case len(l.Entries) == 0:
		return nil, fmt.Errorf("all of %d lines have methods that may change something: GET, HEAD and OPTIONS are sent again", l.Lines)
	}
	inOrder(l.Entries)
	if first, last := l.Entries[0].At, l.Entries[len(l.Entries)-1].At; last.Sub(first) > maxSpan {
		return nil, fmt.Errorf("its requests are from %v to %v: allowed are up to %v", first, last, maxSpan)
	}
	if p.coarse {
		spread(l.Entries)
		inOrder(l.Entries) // others may have been in the same seconds
	}
	return l, nil
}

func inOrder(all []Entry) {
	slices.SortStableFunc(all, func(a, b Entry) int { return a.At.Compare(b.At) })
}

// spread shares each second out among the requests that have its begin as their
// time, in their order: Common Log Format says no more.
func spread(all []Entry) {
	for from := 0; from < len(all); {
		to := from
		for to < len(all) && all[to].At.Equal(all[from].At) {
			to++
		}
		if n := to - from; n > 1 && all[from].At.Nanosecond() == 0 {
			for i := from; i < to; i++ {
				all[i].At = all[i].At.Add(time.Second * time.Duration(i-from) / time.Duration(n))
			}
		}
		from = to
	}
}

// Moments are when each entry is due if the log goes speed times as fast, from 0,
// and when it ends: a moment behind the last, a second if times are whole seconds.
func (l *Log) Moments(speed float64) (all []time.Duration, end time.Duration) {
	first := l.Entries[0].At
	for _, e := range l.Entries {
		all = append(all, time.Duration(float64(e.At.Sub(first))/speed))
	}
	last := l.Entries[len(l.Entries)-1].At
	whole := last.Truncate(time.Second).Add(time.Second).Sub(first) // of the log
	return all, max(time.Duration(float64(whole)/speed), all[len(all)-1]+time.Millisecond)
}
