package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
)

// session is an agent's side of a connection that has the turn.
type session struct {
	link   *link
	ctx    context.Context // ends with the connection, a stop, or the agent
	end    context.CancelCauseFunc
	starts chan *start // room for the one that comes
	begins chan time.Time
	next   kind          // of the message that is to come, beside pings; the reader's
	gone   chan struct{} // closed when nothing more is read
}

func newSession(ctx context.Context, l *link) *session {
	s := &session{
		link:   l,
		starts: make(chan *start, 1),
		begins: make(chan time.Time, 1),
		next:   kindStart,
		gone:   make(chan struct{}),
	}
	s.ctx, s.end = context.WithCancelCause(ctx)
	return s
}

var (
	errStopped = errors.New("the coordinator stopped it")
	errEnded   = errors.New("the agent was ended")
)

// run serves one attack. It calls release when another may begin.
func (s *session) run(release func()) error {
	defer release()
	go s.read()
	defer func() {
		s.link.close()
		<-s.gone
		s.end(nil)
	}()
	var st *start
	select {
	case st = <-s.starts:
	case <-s.ctx.Done():
		return s.why()
	}
	summary, err := s.attack(st)
	release()
	if err != nil {
		_ = s.link.send(message{Kind: kindFailed, Text: err.Error()})
	} else if err = s.link.send(message{Kind: kindDone, Summary: &summary}); err == nil && summary.Interrupted {
		err = s.why()
	}
	// The coordinator closes the connection: if we did while a ping is on its
	// way, what it has not read yet could be lost (RFC 9293 §3.6).
	<-s.gone
	return err
}

// attack runs the share.
func (s *session) attack(st *start) (attack.Summary, error) {
	hooks := attack.Hooks{
		Ready: s.ready,
		Interval: func(i *measure.Interval) {
			_ = s.link.send(message{Kind: kindInterval, Interval: i}) // the link is closed, and ctx ends
		},
	}
	if st.Outcomes {
		sp := newSpool(func(batch []outcome) error {
			return s.link.send(message{Kind: kindOutcomes, Outcomes: batch})
		})
		hooks.Outcomes = func(batch []exchange.Outcome) { sp.add(batch) }
		over, flushed := make(chan struct{}), make(chan struct{})
		go func() {
			sp.run(over)
			close(flushed)
		}()
		defer func() {
			close(over)
			<-flushed
		}()
	}
	return attack.Run(s.ctx, st.Config, hooks)
}

// ready says that the attack can begin and waits for the moment.
func (s *session) ready(ctx context.Context) (time.Time, error) {
	if err := s.link.send(message{Kind: kindReady}); err != nil {
		return time.Time{}, err
	}
	select {
	case epoch := <-s.begins:
		return epoch, nil
	case <-ctx.Done():
	}
	select {
	case epoch := <-s.begins: // and was stopped at once: that is an attack, if an empty one
		return epoch, nil
	default:
		return time.Time{}, s.why()
	}
}

// why is what ended ctx.
func (s *session) why() error {
	if err := context.Cause(s.ctx); err != context.Canceled {
		return err
	}
	return errEnded
}

// read obeys the coordinator until the connection ends.
func (s *session) read() {
	defer close(s.gone)
	for {
		var m message
		if err := s.link.recv(&m, maxMessage); err != nil {
			s.end(fmt.Errorf("the coordinator is gone: %w", err))
			return
		}
		if err := s.obey(&m); err != nil {
			s.end(err)
			s.link.close()
			return
		}
	}
}

func (s *session) obey(m *message) error {
	switch {
	case m.Kind == kindPing:
		return s.link.send(message{Kind: kindPong, At: m.At})
	case m.Kind == kindStop:
		s.end(errStopped)
	case m.Kind == kindStart && s.next == kindStart && m.Start != nil:
		s.next = kindBegin
		s.starts <- m.Start
	case m.Kind == kindBegin && s.next == kindBegin:
		s.next = kindStop
		s.begins <- time.Now().Add(m.In)
	default:
		return fmt.Errorf("the coordinator broke the protocol: %v out of place", m.Kind)
	}
	return nil
}
