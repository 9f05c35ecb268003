//go:build !linux

package attack

import (
	"context"
	"time"
)

// sleeper sleeps as precisely as the runtime does.
type sleeper struct{}

func newSleeper() sleeper { return sleeper{} }

func (sleeper) sleep(ctx context.Context, d time.Duration) bool { return pause(ctx, d) }

func (sleeper) close() {}
