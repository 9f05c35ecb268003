package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxStrangers is how many connections may be without proof, or waiting
	// for an answer to their hello: each has a handshake's memory.
	maxStrangers = 16

	// helloTime is how long a connection may take from being accepted to its
	// hello's answer.
	helloTime = 5 * time.Second

	// turnTime is how long a coordinator waits for the attack before its own:
	// an attack whose coordinator is gone takes a second to end.
	turnTime = 2 * time.Second

	// acceptPause is between attempts to accept when descriptors are short.
	acceptPause = 100 * time.Millisecond
)

// AgentConfig configures an agent.
type AgentConfig struct {
	Token string       // see NewToken
	Log   *slog.Logger // nil: no log
}

// agent serves coordinators.
type agent struct {
	tls  *tls.Config
	log  *slog.Logger
	turn chan struct{}          // held by the attack that runs
	from atomic.Pointer[string] // whose it is
}

func newAgent(cfg AgentConfig) (*agent, error) {
	t, err := identity(cfg.Token)
	if err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &agent{tls: t, log: cfg.Log, turn: make(chan struct{}, 1)}, nil
}

// Serve runs the attacks that coordinators ask for, one at a time, until ctx
// ends or l fails. An attack that runs then ends early and is reported. Serve
// closes l.
func Serve(ctx context.Context, l net.Listener, cfg AgentConfig) error {
	a, err := newAgent(cfg)
	if err != nil {
		_ = l.Close()
		return err
	}
	return a.serve(ctx, l)
}

func (a *agent) serve(ctx context.Context, l net.Listener) error {
	life, end := context.WithCancel(ctx)
	context.AfterFunc(life, func() { _ = l.Close() })
	var served sync.WaitGroup
	defer func() {
		end()
		served.Wait()
	}()
	strangers := make(chan struct{}, maxStrangers)
	for {
		nc, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = nc.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("waiting for coordinators: %w", err)
		case err != nil:
			a.log.Warn("accepting a coordinator", "err", err, "retry", acceptPause)
			sleep(ctx, acceptPause)
			continue
		}
		select {
		case strangers <- struct{}{}:
			served.Go(func() { a.meet(life, nc, sync.OnceFunc(func() { <-strangers })) })
		default:
			_ = nc.Close()
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// meet is the life of a connection. known is called when it is a stranger no
// more.
func (a *agent) meet(ctx context.Context, nc net.Conn, known func()) {
	defer known()
	defer nc.Close()
	from := nc.RemoteAddr().String()
	l, err := a.greet(ctx, nc, from)
	if err != nil {
		a.log.Warn("no coordinator", "from", from, "err", err)
		return
	}
	known()
	a.log.Info("coordinator", "from", from)
	if err := newSession(ctx, l).run(sync.OnceFunc(func() { <-a.turn })); err != nil {
		a.log.Warn("attack", "from", from, "err", err)
		return
	}
	a.log.Info("attack has ended", "from", from)
}

// greet checks that a connection has the token, and that it is its turn. Without
// an error the turn is the caller's.
func (a *agent) greet(ctx context.Context, nc net.Conn, from string) (*link, error) {
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	if err := nc.SetDeadline(time.Now().Add(helloTime)); err != nil {
		return nil, err
	}
	tc := tls.Server(nc, a.tls)
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	l := newLink(tc)
	var theirs hello
	if err := l.recv(&theirs, maxHello); err != nil {
		return nil, fmt.Errorf("hello: %w", err)
	}
	if err := mismatch(version, theirs.Version); err != nil {
		_ = l.send(hello{Version: version})
		return nil, err
	}
	select {
	case a.turn <- struct{}{}:
		a.from.Store(&from)
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(turnTime):
		_ = l.send(hello{Version: version, Refusal: "it is busy with an attack from " + *a.from.Load()})
		return nil, errors.New("busy")
	}
	err := l.send(hello{Version: version})
	if err == nil {
		err = l.watch()
	}
	if err != nil {
		<-a.turn
		return nil, fmt.Errorf("hello: %w", err)
	}
	return l, nil
}
