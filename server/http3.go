package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/listen"
	"github.com/e0ac7cd4/hotpath/server/message"
)

const (
	// alternativeFor is how long clients remember that there is HTTP/3, in
	// seconds: a day, after which an answer over TCP says so again.
	alternativeFor = 24 * 60 * 60

	// handoverTime is how long connections of HTTP/3 may take to end at an
	// upgrade. Two processes cannot read one socket: until then the successor has
	// no HTTP/3, and its clients use TCP.
	handoverTime = 5 * time.Second

	// socketLook is how often a successor looks whether its predecessor has closed
	// the socket.
	socketLook = 50 * time.Millisecond
)

// quicListener is the way in of HTTP/3, which a reload opens and closes. Its methods are
// safe for concurrent use.
type quicListener struct {
	server  *listen.Server
	address net.UDPAddr // of the public listener, with its port
	log     *slog.Logger

	// inherits reports whether a predecessor may still have the socket.
	inherits func() bool

	mu      sync.Mutex
	cfg     config.Config // the one in effect
	way     *listen.QUIC  // nil: the socket is closed
	stopped bool
}

// newQUICListener makes the way in beside the public listener, closed.
func newQUICListener(server *listen.Server, public net.Addr, inherits func() bool, log *slog.Logger) *quicListener {
	h := &quicListener{server: server, inherits: inherits, log: log}
	if a, ok := public.(*net.TCPAddr); ok {
		h.address = net.UDPAddr{IP: a.IP, Port: a.Port, Zone: a.Zone}
	}
	return h
}

// prepare opens the socket if cfg wants HTTP/3 and there is none, which may fail. take
// has cfg take effect; undo closes what was opened.
func (h *quicListener) prepare(cfg config.Config) (take, undo func(), err error) {
	var opened *net.UDPConn
	h.mu.Lock()
	missing := cfg.HTTP3 == "on" && h.way == nil && !h.stopped
	h.mu.Unlock()
	if missing {
		opened, err = net.ListenUDP("udp", &h.address)
		switch {
		case err == nil:
		case errors.Is(err, syscall.EADDRINUSE) && h.inherits():
			opened = nil // see awaitSocket
		default:
			return nil, nil, fmt.Errorf("opening the socket for HTTP/3: %w", err)
		}
	}
	undo = func() {
		if opened != nil {
			_ = opened.Close() // nothing has come
		}
	}
	return func() { h.take(cfg, opened) }, undo, nil
}

// take has a configuration take effect.
func (h *quicListener) take(cfg config.Config, opened *net.UDPConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.cfg.HTTP3 == "on"
	h.cfg = cfg
	switch wanted := cfg.HTTP3 == "on" && !h.stopped; {
	case wanted && opened != nil:
		h.open(opened)
	case wanted && h.way == nil:
		h.log.Info("HTTP/3 waits for the predecessor to close its socket")
		go h.awaitSocket()
	case wanted:
		h.listen()
	case was && h.way != nil:
		message.Announce(nil)
		h.way.Stop()
		go h.close(h.way, cfg.DrainTimeout)
	}
}

// open begins to serve HTTP/3 on a socket. h.mu is held.
func (h *quicListener) open(socket *net.UDPConn) {
	listen.WarnOfBuffer(socket, h.log)
	h.way = h.server.NewQUIC(socket)
	h.listen()
}

// listen has connections taken in, and clients find them. h.mu is held.
func (h *quicListener) listen() {
	if err := h.way.Listen(); err != nil {
		h.log.Error("no HTTP/3", "err", err)
		return
	}
	port := h.cfg.HTTP3Port
	if port == 0 {
		port = h.address.Port
	}
	message.Announce(message.NewFixedField("alt-svc", fmt.Sprintf(`h3=":%d"; ma=%d`, port, alternativeFor)))
}

// awaitSocket opens the socket as soon as the predecessor has closed it.
func (h *quicListener) awaitSocket() {
	for {
		time.Sleep(socketLook)
		socket, err := net.ListenUDP("udp", &h.address)
		h.mu.Lock()
		wanted := h.cfg.HTTP3 == "on" && !h.stopped && h.way == nil
		switch {
		case err == nil && wanted:
			h.open(socket)
			h.log.Info("HTTP/3 is served")
		case err == nil:
			_ = socket.Close() // nothing has come
		case wanted && errors.Is(err, syscall.EADDRINUSE) && h.inherits():
			h.mu.Unlock()
			continue
		case wanted:
			h.log.Error("no HTTP/3: opening its socket", "err", err)
		}
		h.mu.Unlock()
		return
	}
}

// close closes a way in that a reload has switched off, when its connections have
// ended, unless another has switched it on again.
func (h *quicListener) close(way *listen.QUIC, within time.Duration) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), within, errors.New("drain-timeout has passed"))
	defer cancel()
	if err := way.Shutdown(ctx); err != nil {
		h.log.Warn("switching HTTP/3 off", "err", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if way.Listening() || h.way != way {
		return
	}
	h.way = nil
	if err := way.Close(); err != nil {
		h.log.Warn("switching HTTP/3 off", "err", err)
	}
}

// stop ends HTTP/3 for good: connections end gracefully, by the end of ctx.
func (h *quicListener) stop(ctx context.Context) {
	h.mu.Lock()
	way := h.way
	h.way, h.stopped = nil, true
	h.mu.Unlock()
	if way == nil {
		return
	}
	message.Announce(nil)
	if err := errors.Join(way.Shutdown(ctx), way.Close()); err != nil {
		h.log.Warn("stopping", "err", err)
	}
}

// shown is how the log names the way in.
func (h *quicListener) shown() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.way == nil {
		return "off"
	}
	return reachable(&h.address)
}
