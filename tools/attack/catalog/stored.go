package catalog

import (
	"fmt"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/tools/attack/origin"
	"github.com/e0ac7cd4/hotpath/tools/attack/peer"
)

// open are windows that no answer here fills.
var open = peer.Options{Settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: frame.MaxWindow}}}

// many is how many ranges a request has.
const many = 1000

func stored() []Attack {
	var ranges strings.Builder
	for i := range many {
		fmt.Fprintf(&ranges, ",%d-%d", 2*i, 2*i)
	}
	return []Attack{
		{
			Name: "random-keys", Reference: "cache flooding",
			Does:   "a key that is not stored with each request, ten million in a minute if the server is as fast",
			Passes: "what is popular stays, and memory keeps to cache-bytes",
			Ends:   []string{peer.Held}, Short: 8, Long: 50, NeedsOrigin: true,
			Try: requests(func(c *peer.Conn) []byte {
				_, get := c.Get(c.To.Origin + origin.Key + random())
				return get
			}),
		},
		{
			Name: "vary-values", Reference: "cache flooding, RFC 9111 §4.1",
			Does:   "another value of a field that Vary names with each request, a million in a minute if the server is as fast",
			Passes: "32 variants are stored, the next are passed on",
			Ends:   []string{peer.Held}, Short: 8, Long: 50, NeedsOrigin: true,
			Try: requests(func(c *peer.Conn) []byte {
				_, get := c.Get(c.To.Origin+origin.Vary, "x-value", random())
				return get
			}),
		},
		{
			Name: "ranges", Reference: "CVE-2011-3192",
			Does:   "1,000 ranges in each request",
			Passes: "the whole is sent, once",
			Ends:   []string{peer.Held}, Short: 4, Long: 50,
			Try: requests(func(c *peer.Conn) []byte {
				_, get := c.Get(c.To.File, "range", "bytes="+ranges.String()[1:])
				return get
			}),
		},
	}
}

// requests sends what one makes, in batches, and reads all answers.
func requests(one func(*peer.Conn) []byte) try {
	const batch = 15 // whose answers of origin.EntrySize have room in the first window
	return script(open, func(c *peer.Conn) {
		for {
			var b []byte
			for range batch {
				b = append(b, one(c)...)
			}
			if !c.Send(batch+1, c.Credit(b)) || !c.AnswerAll() {
				return
			}
		}
	})
}
