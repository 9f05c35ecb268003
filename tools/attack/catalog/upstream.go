package catalog

import (
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/tools/attack/origin"
	"github.com/e0ac7cd4/hotpath/tools/attack/peer"
)

func upstream() []Attack {
	return []Attack{
		{
			Name: "origin-stalls", Reference: "CAPEC-469",
			Does:   "clients wait for an origin that does not answer",
			Passes: "504 within the site's timeouts, 503 beyond the places for requests",
			Ends:   []string{"status 503", "status 504", "RST_STREAM REFUSED_STREAM"}, Short: 8, Long: 50, Takes: slowTakes, NeedsOrigin: true,
			Try: ask(peer.Options{}, origin.Stall),
		},
		{
			Name: "origin-drips", Reference: "CAPEC-469",
			Does:   "clients follow an origin that sends a byte now and then",
			Passes: "it is passed on as it comes, and waits for no one else",
			Ends:   []string{peer.Held}, Short: 8, Long: 50, NeedsOrigin: true,
			Try: ask(peer.Options{}, origin.Drip),
		},
		{
			// The attackers run while nothing else does: those whose turn does not come
			// take nothing from their sockets, which are closed.
			Name: "origin-floods", Reference: "CAPEC-130",
			Does:   "clients that do not read ask for content without end",
			Passes: "no more than 64 KiB a stream waits, of all together no more than memory has for slow clients, and the stream ends within write-timeout",
			Ends:   []string{"RST_STREAM CANCEL", "GOAWAY CANCEL", "GOAWAY NO_ERROR", calm[0], "status 503", "status 504", peer.Closed, peer.Reset}, Short: 8, Long: 50, Takes: slowTakes, NeedsOrigin: true,
			Try: ask(peer.Options{}, origin.Flood),
		},
		{
			Name: "origin-heads", Reference: "CAPEC-130",
			Does:   "the origin answers with fields without end",
			Passes: "502 at 64 KiB or 256 fields",
			Ends:   []string{"status 502"}, Short: 8, Long: 50, NeedsOrigin: true,
			Try: ask(peer.Options{}, origin.Heads),
		},
		{
			Name: "cancelled-misses", Reference: "CVE-2023-44487 and kin",
			Does:   "misses are asked for and given up with their connection, 10,000 in a second if the server is as fast",
			Passes: "fetches that no client waits for are given up; nothing is left of them",
			Ends:   []string{peer.Answered, peer.Refused}, Short: 8, Long: 50, Rest: time.Millisecond, NeedsOrigin: true,
			Try: scriptEnd(peer.Options{}, func(c *peer.Conn) string {
				const misses = 100
				var b []byte
				for range misses {
					_, get := c.Get(c.To.Origin + origin.Slow + random())
					b = append(b, get...)
				}
				if !c.Send(misses, b) {
					return ""
				}
				c.Pause(origin.Pause / 5) // the server has asked the origin by then
				return peer.Answered
			}),
		},
	}
}

// ask asks the origin for that, on several streams, and waits for the last.
func ask(o peer.Options, path string) try {
	const streams = 16
	return scriptEnd(o, func(c *peer.Conn) string {
		var b []byte
		var last uint32
		for range streams {
			id, get := c.Get(c.To.Origin + path)
			b, last = append(b, get...), id
		}
		// Of the streams' windows each is the limit, not the connection's.
		c.Send(streams+1, frame.AppendWindowUpdate(b, 0, streams<<16))
		return c.Answer(last)
	})
}
