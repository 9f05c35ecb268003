package listen

import (
	"net"
	"os"
	"time"
)

// spare is a descriptor kept back: out of them, it is given up for a moment to
// take a connection and close it, which its client sees at once.
type spare struct{ file *os.File }

func newSpare() *spare {
	f, err := os.Open(os.DevNull)
	if err != nil {
		return &spare{} // works without one, only less kindly
	}
	return &spare{f}
}

// acceptAndClose closes the first connection in the queue and returns how many
// that were: 0 or 1.
func (s *spare) acceptAndClose(l net.Listener) (n int) {
	if s.file == nil {
		return 0
	}
	_ = s.file.Close() // the point of it
	if t, ok := l.(interface{ SetDeadline(time.Time) error }); ok && t.SetDeadline(time.Now().Add(minBackoff)) == nil {
		if nc, err := l.Accept(); err == nil {
			_ = nc.Close() // likewise
			n = 1
		}
		_ = t.SetDeadline(time.Time{}) // fails on a closed listener, which the caller sees next
	}
	*s = *newSpare()
	return n
}

func (s *spare) close() {
	if s.file != nil {
		_ = s.file.Close() // nothing was written
	}
}
