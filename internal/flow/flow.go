// Package flow is the arithmetic of HTTP/2 flow control (RFC 9113 §5.2, §6.9):
// a [Window] for what may be sent, a [Credit] for what may be received. Neither
// is safe for several goroutines at once.
package flow

import "github.com/e0ac7cd4/hotpath/internal/frame"

// Window is a flow-control window: how many bytes of DATA its sender may still
// send. It may be negative after a setting shrank it (RFC 9113 §6.9.2).
type Window int32

// Add enlarges the window by n, or shrinks it, and reports false if it
// would pass 2^31-1.
func (w *Window) Add(n int64) bool {
	sum := int64(*w) + n
	if sum > frame.MaxWindow {
		return false
	}
	*w = Window(sum)
	return true
}

// Take uses n bytes of the window and reports false if it has not as many.
func (w *Window) Take(n int) bool {
	if int64(n) > int64(*w) {
		return false
	}
	*w -= Window(n)
	return true
}

// Room is how many bytes may be sent now.
func (w Window) Room() int { return int(max(w, 0)) }

// Credit is a receive window and what has left it: the
// latter is granted again once it is worth a frame.
type Credit struct {
	left  Window
	freed int
	size  int
}

// NewCredit makes the credit of a window of size bytes.
func NewCredit(size int) Credit { return Credit{left: Window(size), size: size} }

// Take notes n bytes of the peer's and reports false if it may not send as
// many.
func (c *Credit) Take(n int) bool { return c.left.Take(n) }

// Room is how many bytes the peer may send now.
func (c *Credit) Room() int { return c.left.Room() }

// Free gives n bytes back and returns the increment to announce now, mostly 0:
// a frame for every half window is enough to keep a sender going.
func (c *Credit) Free(n int) (increment int) {
	c.freed += n
	if c.freed < c.size/2 {
		return 0
	}
	increment, c.freed = c.freed, 0
	c.left += Window(increment)
	return increment
}
