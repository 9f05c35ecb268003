package attack

import (
	"context"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sleeper sleeps to the microsecond: on a timerfd, which wakes the poller like
// a socket.
type sleeper struct {
	file *os.File // nil: there was no descriptor for it
	raw  syscall.RawConn
}

func newSleeper() sleeper {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return sleeper{}
	}
	f := os.NewFile(uintptr(fd), "timerfd")
	raw, err := f.SyscallConn()
	if err != nil {
		_ = f.Close()
		return sleeper{}
	}
	return sleeper{f, raw}
}

// sleep sleeps for d and reports true, or until close and false; without a
// timerfd as pause does.
func (s sleeper) sleep(ctx context.Context, d time.Duration) bool {
	if s.file == nil {
		return pause(ctx, d)
	}
	armed := false
	err := s.raw.Read(func(fd uintptr) bool {
		if armed {
			var expirations [8]byte
			_, err := unix.Read(int(fd), expirations[:])
			return err != unix.EAGAIN
		}
		armed = true
		return unix.TimerfdSettime(int(fd), 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}, nil) != nil
	})
	return err == nil
}

func (s sleeper) close() {
	if s.file != nil {
		_ = s.file.Close()
	}
}
