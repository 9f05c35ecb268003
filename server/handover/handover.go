// Package handover passes the listeners of a server from one process to the next,
// so that none of its connections is refused in between. A process has them from
//
//	its predecessor    which has started it for an upgrade
//	systemd            by socket activation (LISTEN_FDS)
//	itself             which opens them
//
// in this order. An upgrade starts the program again, by the path and with the
// arguments of this process: both accept connections from the moment in which the
// new process is ready, and the old one then drains. If the new one does not get
// ready, it is ended, and the old one goes on.
//
// A service manager that has asked for it learns which process serves (sd_notify).
package handover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/cloudflare/tableflip"
	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// Names of listeners, also those of systemd's FileDescriptorName=. The public one
// has any other name as well.
const (
	Public = "public"
	Admin  = "admin"
	HTTP   = "http" // the plain one, which redirects
)

// readyTimeout is how long a successor may take until it is ready: a thousand
// certificates take it two seconds. A request for an upgrade waits for it,
// 30 seconds at most.
const readyTimeout = 20 * time.Second

// Config is what a configuration says of it.
type Config struct {
	PIDFile   string // has the number of the process that serves; "": none
	ReusePort bool   // other processes may listen at the same addresses (SO_REUSEPORT)
}

// Handover has the listeners of this process. Its methods are safe for concurrent
// use. A nil one opens listeners, and is otherwise not there.
type Handover struct {
	config    Config
	flip      *tableflip.Upgrader
	succeeded chan struct{}           // closed when a successor serves
	activated map[string]net.Listener // that systemd has opened, and that are not in use yet; for Listen, one call at a time
}

// New takes what this process was given. It can be called once in a process, and
// returns nil on systems that pass no sockets.
func New(c Config) (*Handover, error) {
	flip, err := tableflip.New(tableflip.Options{UpgradeTimeout: readyTimeout, PIDFile: c.PIDFile})
	if errors.Is(err, tableflip.ErrNotSupported) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("preparing upgrades: %w", err)
	}
	h := &Handover{config: c, flip: flip, succeeded: make(chan struct{})}
	named, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("taking the sockets of systemd: %w", err)
	}
	h.activated, err = byName(named)
	return h, err
}

// byName sorts the sockets of systemd: one may be the admin listener's, one the
// plain HTTP listener's, one the public one.
func byName(named map[string][]net.Listener) (map[string]net.Listener, error) {
	sorted := make(map[string]net.Listener)
	for name, all := range named {
		use := Public
		if name == Admin || name == HTTP {
			use = name
		}
		for _, l := range all {
			if sorted[use] != nil {
				return nil, fmt.Errorf("systemd has given more than one socket for the %s listener: FileDescriptorName=%s and %s are for the others", use, Admin, HTTP)
			}
			if sorted[use] = l; l == nil {
				return nil, fmt.Errorf("the socket that systemd has given for the %s listener is no stream socket", use)
			}
		}
	}
	return sorted, nil
}

// Listen returns the listener of that name: the one of the predecessor if it has
// the same address, that of systemd at any address, or a new one.
func (h *Handover) Listen(ctx context.Context, name, address string) (net.Listener, error) {
	open := func() (net.Listener, error) {
		// Without TCP keep-alive: connections that are silent end by our own,
		// shorter limits, and switching it on costs four system calls for each.
		lc := net.ListenConfig{KeepAlive: -1}
		if h != nil && h.config.ReusePort {
			lc.Control = reusePort
		}
		return lc.Listen(ctx, "tcp", address)
	}
	if h == nil {
		return open()
	}
	return h.flip.ListenWithCallback(name, address, func(name, _ string) (net.Listener, error) {
		if l := h.activated[name]; l != nil {
			delete(h.activated, name)
			return l, nil
		}
		return open()
	})
}

// HasPredecessor reports whether the process that has started this one for an
// upgrade is still there.
func (h *Handover) HasPredecessor() bool { return h != nil && h.flip.HasParent() }

// Ready says that this process serves: the file has its number, the predecessor
// drains, and a service manager is notified. The error is that of the file: a
// predecessor goes on then. What fails behind it is logged, since by then this
// process may be the only one that serves.
func (h *Handover) Ready(log *slog.Logger) error {
	if h == nil {
		return nil
	}
	err := h.flip.Ready()
	if err != nil && !h.numbered() {
		return fmt.Errorf("saying that this process is ready: %w", err)
	}
	err = errors.Join(err, notify(fmt.Sprintf("MAINPID=%d\n%s", os.Getpid(), daemon.SdNotifyReady)))
	if err != nil {
		log.Warn("serving, and not all could be notified", "err", err)
	}
	return nil
}

// numbered reports whether the file has the number of this process, if there is to
// be one.
func (h *Handover) numbered() bool {
	if h.config.PIDFile == "" {
		return true
	}
	number, err := os.ReadFile(h.config.PIDFile)
	return err == nil && string(number) == strconv.Itoa(os.Getpid())
}

// predecessorDrains is the text of tableflip's error, which is no value to compare
// with.
const predecessorDrains = "parent hasn't exited"

// ErrUnsupported is that nothing can be handed over.
var ErrUnsupported = errors.New("this process was started without the means for an upgrade")

// A predecessor that still drains is waited for so long: an upgrade that follows
// one at once has to wait for little more than the end of a process. (WaitForParent
// returns a moment before an upgrade is allowed.)
const (
	drainWait = 5 * time.Second
	drainLook = 10 * time.Millisecond
)

// Upgrade starts the successor, and returns when it is ready. The error says why
// there is none: this process goes on.
func (h *Handover) Upgrade() error {
	if h == nil {
		return ErrUnsupported
	}
	err := h.flip.Upgrade()
	for end := time.Now().Add(drainWait); err != nil && err.Error() == predecessorDrains && time.Now().Before(end); {
		time.Sleep(drainLook)
		err = h.flip.Upgrade()
	}
	if err != nil {
		return fmt.Errorf("no upgrade, this process goes on: %w", err)
	}
	close(h.succeeded) // there is no second time
	return nil
}

// Succeeded is closed when a successor serves.
func (h *Handover) Succeeded() <-chan struct{} {
	if h == nil {
		return nil
	}
	return h.succeeded
}

// Stop ends it, if there is no successor: there is no upgrade any more, and a
// service manager knows that this process ends.
func (h *Handover) Stop() error {
	if h == nil {
		return nil
	}
	select {
	case <-h.succeeded:
		return nil
	default:
	}
	h.flip.Stop()
	<-h.flip.Exit() // by now its descriptors of the listeners are closed
	return notify(daemon.SdNotifyStopping)
}

// Close removes the file with the number of this process, unless it has a
// successor's by now.
func (h *Handover) Close() error {
	if h == nil || h.config.PIDFile == "" || !h.numbered() {
		return nil
	}
	if err := os.Remove(h.config.PIDFile); err != nil {
		return fmt.Errorf("removing the file with the process's number: %w", err)
	}
	return nil
}

// notify sends a state to the service manager, if there is one that waits for it.
func notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notifying the service manager: %w", err)
	}
	return nil
}
