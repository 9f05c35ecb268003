//go:build !linux

package attack

import "time"

// sleeper sleeps as precisely as the runtime does.
type sleeper struct{}

func newSleeper() sleeper { return sleeper{} }

func (sleeper) sleep(d time.Duration) { time.Sleep(d) }

func (sleeper) close() {}
