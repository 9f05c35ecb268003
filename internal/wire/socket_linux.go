package wire

import (
	"syscall"
	"unsafe"
)

const pollable = true

// readSocket and writeSocket use RawSyscall: the socket does not block, so the
// scheduler need not prepare for a call that does.

// readSocket reads once from a non-blocking socket; (0, nil) is end of stream.
func readSocket(fd uintptr, p []byte) (int, error) {
	return ioSocket(syscall.SYS_READ, fd, p)
}

// writeSocket writes once to a non-blocking socket; it may take a part of p.
func writeSocket(fd uintptr, p []byte) (int, error) {
	return ioSocket(syscall.SYS_WRITE, fd, p)
}

func ioSocket(call, fd uintptr, p []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, ErrWouldBlock
		default:
			return 0, errno
		}
	}
}
