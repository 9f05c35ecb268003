package yield

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// event is an eventfd (eventfd(2)) that the scheduler's poller watches.
type event struct {
	file *os.File
	raw  syscall.RawConn
}

func newEvent() (event, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return event{}, fmt.Errorf("making an eventfd: %w", err)
	}
	file := os.NewFile(uintptr(fd), "eventfd")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return event{}, fmt.Errorf("watching an eventfd: %w", err)
	}
	return event{file, raw}, nil
}

// one is what is added to the eventfd's counter. Each addition is an edge (EPOLLET), so
// that the counter is never read; it has room for 2^64.
var one = binary.NativeEndian.AppendUint64(nil, 1)

// await raises the event and waits for it. The order matters: Read forgets what was
// raised before, then calls the function, then waits.
func (e event) await() {
	raised := false
	_ = e.raw.Read(func(fd uintptr) bool { // fails only for a file that is closed
		if raised {
			return true
		}
		_, err := unix.Write(int(fd), one)
		raised = true
		return err != nil
	})
}
