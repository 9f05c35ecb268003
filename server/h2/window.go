package h2

import "github.com/e0ac7cd4/hotpath/internal/frame"

// window is a flow-control window: how many bytes of DATA its sender may still
// send. It may be negative after a setting shrank it (RFC 9113 §6.9.2).
type window int32

// add enlarges the window by n, or shrinks it, and reports false where it
// would pass 2^31-1.
func (w *window) add(n int64) bool {
	sum := int64(*w) + n
	if sum > frame.MaxWindow {
		return false
	}
	*w = window(sum)
	return true
}

// take uses n bytes of the window and reports false where it has not as many.
func (w *window) take(n int) bool {
	if int64(n) > int64(*w) {
		return false
	}
	*w -= window(n)
	return true
}

// room is how many bytes may be sent now.
func (w window) room() int { return int(max(w, 0)) }

// credit is a receive window and what has left it: the peer is told of the
// latter once that is worth a frame.
type credit struct {
	left  window
	freed int
	size  int
}

func newCredit(size int) credit { return credit{left: window(size), size: size} }

// free gives n bytes back and returns the increment to announce now, mostly 0:
// a frame for every half window is enough to keep a sender going.
func (c *credit) free(n int) (increment int) {
	c.freed += n
	if c.freed < c.size/2 {
		return 0
	}
	increment, c.freed = c.freed, 0
	c.left += window(increment)
	return increment
}
