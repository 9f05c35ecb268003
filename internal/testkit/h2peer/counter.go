package h2peer

import (
	"fmt"
	"io"

	"github.com/e0ac7cd4/hotpath/internal/frame"
)

// Counter counts the messages that end on a connection and reads nothing else of
// them. It does not allocate: it is for allocation tests and benchmarks.
type Counter struct {
	conn io.Reader
	buf  []byte
	have int // bytes of buf that were read and not yet looked at
}

// NewCounter makes a counter of what conn sends. Its buffer of size bytes must hold
// any frame.
func NewCounter(conn io.Reader, size int) *Counter {
	return &Counter{conn: conn, buf: make([]byte, size)}
}

// Await reads until n more messages have ended. GOAWAY and RST_STREAM are errors.
func (c *Counter) Await(n int) error {
	for {
		b := c.buf[:c.have]
		for n > 0 && len(b) >= frame.HeaderLen {
			h := frame.ParseHeader(b)
			size := frame.HeaderLen + int(h.Length)
			if len(b) < size {
				break
			}
			switch {
			case h.Type == frame.GoAway, h.Type == frame.RSTStream:
				return fmt.Errorf("%v %x", h, b[frame.HeaderLen:size])
			case (h.Type == frame.Data || h.Type == frame.Headers) && h.Flags.Has(frame.FlagEndStream):
				n--
			}
			b = b[size:]
		}
		c.have = copy(c.buf, b)
		if n == 0 {
			return nil
		}
		read, err := c.conn.Read(c.buf[c.have:])
		if err != nil {
			return err
		}
		c.have += read
	}
}
