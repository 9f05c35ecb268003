//go:build !linux

package yield

import "errors"

// event is what Linux has: elsewhere ToNetwork is runtime.Gosched.
type event struct{}

func newEvent() (event, error) { return event{}, errors.ErrUnsupported }

func (event) await() {}
