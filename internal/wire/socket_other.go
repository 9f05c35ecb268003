//go:build !linux

package wire

// pollable is false if connections are served by a pump: a platform that is
// built and tested, but not the one that is made fast.
const pollable = false

func readSocket(uintptr, []byte) (int, error)  { return 0, ErrWouldBlock }
func writeSocket(uintptr, []byte) (int, error) { return 0, ErrWouldBlock }
