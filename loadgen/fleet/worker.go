package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// roundTrips are measured before the attack, for the shortest of them.
const roundTrips = 5

// worker is the coordinator's side of an agent.
type worker struct {
	address string
	share   attack.Config
	born    time.Time // pings count from here
	link    *link
	pongs   chan time.Duration // how long each round trip took; full: dropped
	gone    chan struct{}      // closed when nothing more is read

	// Of the goroutine that called Run:
	sent      chan struct{} // closed when all commands so far were sent; nil: there was none
	trip      time.Duration // a round trip; 0: not known
	intervals int           // that it reported, and in them
	requests  uint64        // outcomes
	due       uint64        // requests that were due
	reached   time.Duration // where the last one ended
	ended     bool
	lost      bool // it ended without a summary
	summary   attack.Summary
}

func newWorker(address string, share attack.Config) *worker {
	return &worker{
		address: address,
		share:   share,
		born:    time.Now(),
		pongs:   make(chan time.Duration, 1),
		gone:    make(chan struct{}),
	}
}

// fail says which agent an error is about.
func (w *worker) fail(err error) error { return fmt.Errorf("agent %s: %w", w.address, err) }

// meet makes the connection and agrees on the protocol. Without an error the
// agent waits for a start.
func (w *worker) meet(ctx context.Context, secure *tls.Config) error {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", w.address)
	if err != nil {
		return w.fail(fmt.Errorf("it cannot be reached (does `loadgen agent` run there?): %w", err))
	}
	if err := w.greet(ctx, nc, secure); err != nil {
		_ = nc.Close()
		return w.fail(err)
	}
	return nil
}

func (w *worker) greet(ctx context.Context, nc net.Conn, secure *tls.Config) error {
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	tc := tls.Client(nc, secure)
	if err := tc.HandshakeContext(ctx); err != nil {
		return notAgent(ctx, err)
	}
	l := newLink(tc)
	if err := l.send(hello{Version: version}); err != nil {
		return notAgent(ctx, err)
	}
	var theirs hello
	if err := l.recv(&theirs, maxHello); err != nil {
		return notAgent(ctx, err)
	}
	if err := mismatch(version, theirs.Version); err != nil {
		return err
	}
	if theirs.Refusal != "" {
		return fmt.Errorf("%s: wait until that has ended, or leave the agent out", theirs.Refusal)
	}
	if !stop() {
		return ctx.Err()
	}
	w.link = l
	return l.watch()
}

// notAgent says what to do about an error before the end of the hello.
func notAgent(ctx context.Context, err error) error {
	var (
		header tls.RecordHeaderError
		remote *net.OpError
	)
	switch {
	case errors.Is(err, errStranger):
		return fmt.Errorf("%w: give both sides the same", errStranger)
	case errors.As(err, &remote) && remote.Op == "remote error": // a TLS alert
		return fmt.Errorf("it refuses us (is it a `loadgen agent` with the same token?): %w", err)
	case errors.As(err, &header):
		return errors.New("it does not speak TLS: is it a `loadgen agent`?")
	case ctx.Err() != nil:
		return errors.New("it does not answer in time: is it a `loadgen agent`?")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return errors.New("it closed the connection: it is ending, or is no `loadgen agent`, or has too many connections without the token")
	}
	return fmt.Errorf("no agreement with it: %w", err)
}

// beat pings until the connection ends.
func (w *worker) beat() {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		if w.ping() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-w.gone:
			return
		}
	}
}

func (w *worker) ping() error {
	return w.link.send(message{Kind: kindPing, At: time.Since(w.born)})
}

// measureTrip finds the shortest of a few round trips, unless the connection or
// ctx ends before.
func (w *worker) measureTrip(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	for range roundTrips {
		if w.ping() != nil {
			return
		}
		select {
		case t := <-w.pongs:
			if w.trip == 0 || t < w.trip {
				w.trip = t
			}
		case <-w.gone:
			return
		case <-ctx.Done():
			return
		}
	}
}

// begin names the moment by how far it is away when the message arrives: clocks
// differ.
func (w *worker) begin(epoch time.Time) message {
	return message{Kind: kindBegin, In: time.Until(epoch) - w.trip/2}
}

// read takes what the agent says until its last message: outcomes go to
// deliver; the rest, and the error that ends the connection, to post.
func (w *worker) read(deliver func([]outcome) error, post func(*worker, *message, error)) {
	for {
		m := new(message)
		err := w.link.recv(m, maxMessage)
		if err != nil {
			err = fmt.Errorf("the connection ended: %w", err)
		} else if m.Kind == kindOutcomes {
			err = deliver(m.Outcomes)
		}
		switch {
		case err != nil, m.Kind == kindDone, m.Kind == kindFailed:
			close(w.gone)
			post(w, m, err)
			return
		case m.Kind == kindPong:
			select {
			case w.pongs <- time.Since(w.born) - m.At:
			default:
			}
		case m.Kind != kindOutcomes:
			post(w, m, nil)
		}
	}
}

// count takes an interval into the sums, unless it is not the next one.
func (w *worker) count(i *measure.Interval) error {
	switch {
	case i == nil || i.Tally == nil || !i.Tally.Valid():
		return errors.New("it broke the protocol: an interval without a tally")
	case i.Index != w.intervals:
		return fmt.Errorf("it broke the protocol: interval %d where %d was to come", i.Index, w.intervals)
	}
	w.intervals++
	w.requests += i.Tally.Requests()
	w.due += i.Due
	w.reached = i.Begin + i.Length
	return nil
}

// writeOff makes the summary of a lost agent, and returns how many requests it
// had to send and has not reported, when the attack was stopped or, with 0, was
// not.
func (w *worker) writeOff(stopped time.Duration) (missing uint64, err error) {
	if w.summary, err = attack.Planned(w.share, stopped); err != nil {
		return 0, err
	}
	if w.share.Pacer == nil {
		w.summary.Duration = w.reached
		if w.share.Duration > 0 {
			w.summary.Duration = min(w.reached, w.share.Duration)
		}
		return 1, nil
	}
	// It may have stopped a little later than we have.
	w.summary.Scheduled = max(w.summary.Scheduled, w.requests)
	return w.summary.Scheduled - w.requests, nil
}

// obituary is the error of what was lost with the agent.
func (w *worker) obituary() string {
	f := exchange.Failure{Kind: exchange.Lost, Detail: "agent " + w.address}
	if w.share.Pacer == nil {
		f.Detail += " (a closed loop: how many requests were lost is not known, 1 is counted)"
	}
	return f.Error()
}
