package report

import (
	"fmt"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// OwnLimit is a limit of the load generator, which says nothing about the server.
type OwnLimit string

// The limits, by the names that they have in JSON.
const (
	NoLimit     OwnLimit = ""
	InFlight    OwnLimit = "in flight"   // all requests that may be in flight were
	Processor   OwnLimit = "processor"   // its cores were full, or nearly
	Ports       OwnLimit = "ports"       // no local port was free
	Descriptors OwnLimit = "descriptors" // it had as many files open as it may
)

// unhurried is up to how much longer than at the lowest rate a server may take for
// each request and still not be the limit: one that is takes as much longer as
// there are requests in flight for each that it can work on.
const unhurried = 1.5

// OwnLimit is the load generator's limit that the lowest rate that was missed met,
// if it did. unloaded is the service time at the lowest rate of all.
func (p *Probe) OwnLimit(unloaded time.Duration) OwnLimit {
	for _, counts := range []map[string]uint64{p.Run.Total.Errors, p.Run.Total.ConnectionErrors} {
		for text := range counts {
			switch exchange.OwnLimit(text) {
			case exchange.NoPort:
				return Ports
			case exchange.NoDescriptor:
				return Descriptors
			}
		}
	}
	switch {
	case p.Run.MostBusy() >= busyMuch:
		return Processor
	case p.Crowded() && float64(p.Run.Total.Service.Mean()) <= unhurried*float64(unloaded):
		return InFlight
	}
	return NoLimit
}

// OwnLimit is the limit of the load generator at which the search ended, if it was
// one: that of the lowest rate that was missed.
func (c *Capacity) OwnLimit() OwnLimit {
	var lowest *measure.Run
	for _, p := range c.byRate() {
		if lowest == nil && p.Run.Total.Service.Count() > 0 {
			lowest = p.Run
		}
		if p.Held || p.Rate <= c.Best {
			continue
		}
		var unloaded time.Duration
		if lowest != nil {
			unloaded = lowest.Total.Service.Mean()
		}
		return p.OwnLimit(unloaded)
	}
	return NoLimit
}

// limit says that a higher rate was not the server's limit.
func (c *Capacity) limit() string {
	held := "No rate held"
	if c.Best > 0 {
		held = "At least " + human.Rate(c.Best) + " held"
	}
	held += " " + c.bounds() + ". Beyond it "
	switch c.Limit {
	case InFlight:
		return held + "all requests that may be in flight were, and the server took no longer for each: " +
			"that is the load generator's limit, not the server's. Raise -connections or -max-connections."
	case Ports:
		return held + "no local port was free: that is the load generator's limit, not the server's. Make fewer connections, or give it several machines."
	case Descriptors:
		return held + "no descriptor was free: that is the load generator's limit, not the server's. Raise ulimit -n."
	}
	for _, p := range c.byRate() {
		if !p.Held && p.Rate > c.Best {
			return held + fmt.Sprintf("the load generator used %s of its cores: it may be the limit, not the server. Give it more, or several machines.", human.Percent(min(p.Run.MostBusy(), 1)))
		}
	}
	return held + "the load generator was the limit."
}
