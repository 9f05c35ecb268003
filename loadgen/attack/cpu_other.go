//go:build !unix

package attack

import "time"

// processorTime is not known here.
func processorTime() time.Duration { return 0 }
