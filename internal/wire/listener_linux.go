package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Adopt returns a TCP listener of package net as one whose connections are made for
// Serve: they are woken without garbage. A net.TCPConn allocates an error of 96 bytes
// for each wake, since a wake is a deadline that has passed; an os.File on the same
// socket returns one that is there already. Otherwise they are as those of package
// net, without TCP keep-alive. l is closed. Any other listener is returned as it is.
func Adopt(l net.Listener) (net.Listener, error) {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return l, nil
	}
	defer l.Close() // the file has a descriptor of its own
	file, err := tcp.File()
	if err != nil {
		return nil, fmt.Errorf("taking the listener's descriptor: %w", err)
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	ln := &listener{file: file, raw: raw, addr: l.Addr()}
	ln.accept = ln.accept4
	return ln, nil
}

// listener implements net.Listener.
type listener struct {
	file *os.File
	raw  syscall.RawConn
	addr net.Addr

	mu     sync.Mutex // for what follows: that Accept makes no garbage
	accept func(fd uintptr) bool
	fd     uintptr
	failed syscall.Errno
	peer   unix.RawSockaddrAny
}

func (l *listener) Addr() net.Addr                { return l.addr }
func (l *listener) Close() error                  { return closedError(l.file.Close()) }
func (l *listener) SetDeadline(d time.Time) error { return closedError(l.file.SetDeadline(d)) }

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch err := l.raw.Read(l.accept); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, err
	case err != nil:
		return nil, net.ErrClosed
	}
	return l.accepted()
}

// AcceptQueued is Accept for a connection that is in the system's queue; without
// one it fails at once. What is in the queue when a listener is closed is reset.
func (l *listener) AcceptQueued() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = syscall.EAGAIN
	if err := l.raw.Control(func(fd uintptr) { l.accept4(fd) }); err != nil {
		return nil, net.ErrClosed
	}
	return l.accepted()
}

// accepted is the connection that accept4 has taken.
func (l *listener) accepted() (net.Conn, error) {
	if l.failed != 0 {
		return nil, os.NewSyscallError("accept4", l.failed)
	}
	// What is written is to be sent, as package net has it.
	_ = unix.SetsockoptInt(int(l.fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // fails only if the peer is gone
	return &socket{file: os.NewFile(l.fd, ""), peer: tcpAddr(&l.peer)}, nil
}

// accept4 is the callback of RawConn.Read.
func (l *listener) accept4(fd uintptr) bool {
	for {
		size := uint32(unix.SizeofSockaddrAny)
		l.fd, _, l.failed = syscall.RawSyscall6(unix.SYS_ACCEPT4, fd, uintptr(unsafe.Pointer(&l.peer)), uintptr(unsafe.Pointer(&size)),
			unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		switch l.failed {
		case syscall.EINTR, syscall.ECONNABORTED: // the peer is gone already
		case syscall.EAGAIN:
			return false
		default:
			return true
		}
	}
}

// socket is an accepted connection. Its errors are those of package net.
type socket struct {
	file *os.File
	peer *net.TCPAddr
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.file.Read(p)
	return n, closedError(err)
}

func (s *socket) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	return n, closedError(err)
}

func (s *socket) Close() error                       { return closedError(s.file.Close()) }
func (s *socket) RemoteAddr() net.Addr               { return s.peer }
func (s *socket) SetDeadline(d time.Time) error      { return closedError(s.file.SetDeadline(d)) }
func (s *socket) SetReadDeadline(d time.Time) error  { return closedError(s.file.SetReadDeadline(d)) }
func (s *socket) SetWriteDeadline(d time.Time) error { return closedError(s.file.SetWriteDeadline(d)) }

// SyscallConn implements syscall.Conn.
func (s *socket) SyscallConn() (syscall.RawConn, error) { return s.file.SyscallConn() }

// LocalAddr is a system call: it is seldom needed.
func (s *socket) LocalAddr() net.Addr {
	var local unix.RawSockaddrAny
	if err := s.control(func(fd uintptr) error {
		size := uint32(unix.SizeofSockaddrAny)
		if _, _, errno := syscall.RawSyscall(unix.SYS_GETSOCKNAME, fd, uintptr(unsafe.Pointer(&local)), uintptr(unsafe.Pointer(&size))); errno != 0 {
			return errno
		}
		return nil
	}); err != nil {
		return new(net.TCPAddr)
	}
	return tcpAddr(&local)
}

// CloseWrite ends our half of the connection.
func (s *socket) CloseWrite() error {
	return s.control(func(fd uintptr) error { return unix.Shutdown(int(fd), unix.SHUT_WR) })
}

// SetLinger is that of net.TCPConn for 0 and more.
func (s *socket) SetLinger(sec int) error {
	return s.control(func(fd uintptr) error {
		return unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: int32(sec)})
	})
}

func (s *socket) control(do func(fd uintptr) error) error {
	raw, err := s.file.SyscallConn()
	if err != nil {
		return closedError(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = do(fd) }); err != nil {
		return closedError(err)
	}
	return failed
}

// tcpAddr is an address of the system as one of package net. The zone of a
// link-local address is the interface's number.
func tcpAddr(raw *unix.RawSockaddrAny) *net.TCPAddr {
	a := new(struct { // one allocation
		net.TCPAddr
		ip [net.IPv6len]byte
	})
	// Ports are in network byte order in both.
	switch raw.Addr.Family {
	case unix.AF_INET:
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		a.IP = append(a.ip[:0], v4.Addr[:]...)
		a.Port = int(binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&v4.Port))[:]))
	case unix.AF_INET6:
		v6 := (*unix.RawSockaddrInet6)(unsafe.Pointer(raw))
		a.IP = append(a.ip[:0], v6.Addr[:]...)
		a.Port = int(binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&v6.Port))[:]))
		if v6.Scope_id != 0 {
			a.Zone = strconv.FormatUint(uint64(v6.Scope_id), 10)
		}
	}
	return &a.TCPAddr
}
