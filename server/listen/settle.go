package listen

import (
	"runtime/debug"
	"time"
)

const (
	// rush is how many new connections make giving memory back worth a
	// collection: each handshake leaves some 20 KiB of garbage, and connections
	// that then wait would carry it until the next collection, minutes away
	// if hits allocate nothing.
	rush = 500

	// calm is how few new connections a second end a rush.
	calm = 10
)

// settle gives memory back after a rush of new connections, until Serve returns.
// Under a steady stream of them it does nothing: the collector runs
// often enough by itself.
func (s *Server) settle() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	settled := s.cfg.Metrics.ConnectionsAccepted.Value()
	last := settled
	for {
		select {
		case <-s.stopped:
			return
		case <-tick.C:
		}
		now := s.cfg.Metrics.ConnectionsAccepted.Value()
		if now-settled >= rush && now-last < calm {
			debug.FreeOSMemory()
			settled = now
		}
		last = now
	}
}
