package proxy

import (
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// peeker looks, before a request is written on a connection that was idle,
// whether bytes or an end wait in its socket that the goroutine which reads it
// has not run for yet. They cannot be the answer.
type peeker struct {
	raw  syscall.RawConn
	look func(fd uintptr) // made once: a closure for each request is an allocation
	n    int
}

// newPeeker returns a peeker for a connection of the kernel's, and one that
// sees nothing for any other (TLS: its records are checked by the reader alone).
func newPeeker(c net.Conn) *peeker {
	p := &peeker{}
	sock, ok := c.(syscall.Conn)
	if !ok {
		return p
	}
	raw, err := sock.SyscallConn()
	if err != nil {
		return p
	}
	p.raw = raw
	p.look = func(fd uintptr) {
		var b [1]byte
		// unix.Recvfrom allocates an address that is of no use here.
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b)), 1,
			unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
		if p.n = int(n); errno != 0 {
			p.n = -1
		}
	}
	return p
}

// pending returns why the connection cannot be used, if a byte or the end of
// the stream waits. It is called by one goroutine at a time.
func (p *peeker) pending() error {
	if p.raw == nil {
		return nil
	}
	p.n = -1
	if err := p.raw.Control(p.look); err != nil {
		return err
	}
	switch {
	case p.n == 0:
		return errEnded
	case p.n > 0:
		return errUnasked
	}
	return nil
}
