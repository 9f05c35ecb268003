package catalog

import (
	"bytes"
	"crypto/rand"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/tools/attack/origin"
	"github.com/e0ac7cd4/hotpath/tools/attack/peer"
)

// Representations of RFC 7541 §6 that an encoder for use does not write.
func indexed(b []byte, i uint64) []byte { return hpack.AppendInt(b, 0x80, 7, i) }
func resize(b []byte, n uint64) []byte  { return hpack.AppendInt(b, 0x20, 5, n) }

// inserted is a literal that enters the dynamic table.
func inserted(b []byte, name, value string) []byte {
	return hpack.AppendString(hpack.AppendString(hpack.AppendInt(b, 0x40, 6, 0), name), value)
}

// newest is the index of what entered the dynamic table last.
const newest = 62

// random is a text that no request had before.
func random() string { return strings.ToLower(rand.Text()) }

func headers() []Attack {
	return []Attack{
		{
			Name: "continuation-flood", Reference: "CVE-2024-27316 and kin",
			Does:   "a header block goes on in CONTINUATION frames of 1 KiB without END_HEADERS",
			Passes: "the connection ends at max-continuations or twice max-header-bytes",
			Ends:   calm, Limit: "continuation", Short: 4, Long: 50,
			Try: continuations(bytes.Repeat([]byte{0x80 | 16}, 1<<10)), // accept-encoding: gzip, deflate
		},
		{
			Name: "continuation-empty", Reference: "CVE-2024-27316 and kin",
			Does:   "the same with frames of nothing",
			Passes: "the connection ends at max-continuations",
			Ends:   calm, Limit: "continuation", Short: 4, Long: 50,
			Try: continuations(nil),
		},
		{
			Name: "continuation-huffman", Reference: "CVE-2024-27316 and kin, CVE-2019-9517",
			Does:   "the same in frames of 16 KiB of Huffman code",
			Passes: "the connection ends at twice max-header-bytes, and nothing is decoded",
			Ends:   calm, Limit: "header_block", Short: 4, Long: 50,
			Try: continuations(hpack.AppendString([]byte{0x00, 1, 'x'}, strings.Repeat("0", 24<<10))[:frame.MinMaxSize]),
		},
		{
			Name: "continuation-ended", Reference: "RFC 9113 §10.5.1",
			Does:   "requests in as many CONTINUATION frames of a few bytes as hotpath takes, with END_HEADERS, one after the other",
			Passes: "they are answered",
			Ends:   []string{peer.Held}, Short: 4, Long: 50,
			Try: requests(func(c *peer.Conn) []byte {
				const pieces = 9 // HEADERS and as many as max-continuations
				block := peer.Block(c.Request("GET", c.To.File)...)
				return frame.AppendHeaders(nil, c.NextID(), true, block, (len(block)+pieces-1)/pieces)
			}),
		},
		{
			Name: "hpack-bomb", Reference: "CVE-2016-6581",
			Does:   "a field of 4,000 bytes enters the table, and a block of 16 KiB refers to it with each byte",
			Passes: "the list is counted as it is decoded, and the connection ends",
			Ends:   calm, Limit: "header_list", Short: 4, Long: 50,
			Try: flood(peer.Options{}, 1, func(c *peer.Conn) []byte {
				block := inserted(peer.Block(c.Request("GET", c.To.File)...), "x-bomb", strings.Repeat("b", 4000))
				for len(block) < frame.MinMaxSize {
					block = indexed(block, newest)
				}
				return frame.AppendHeaders(nil, c.NextID(), true, block, frame.MinMaxSize)
			}),
		},
		{
			Name: "table-thrash", Reference: "RFC 7541 §4.2",
			Does:   "each request empties the table, sets it to 4,096 bytes and fills it",
			Passes: "they are answered, or refused for their fields; memory is the table",
			Ends:   []string{peer.Held}, Short: 4, Long: 50,
			Try: requests(func(c *peer.Conn) []byte {
				block := resize(resize(nil, 0), hpack.DefaultTableSize)
				block = append(block, peer.Block(c.Request("GET", c.To.File)...)...)
				for range 60 {
					block = inserted(block, "x"+random(), "")
				}
				return frame.AppendHeaders(nil, c.NextID(), true, block, frame.MinMaxSize)
			}),
		},
		{
			Name: "table-size-settings", Reference: "CVE-2019-9515",
			Does:   "SETTINGS set the table of responses to 0 and 4,096 bytes in turn",
			Passes: "SETTINGS are control frames, whatever they say",
			Ends:   calm, Limit: "control_frames", Short: 4, Long: 50,
			Try: flood(peer.Options{}, floodBatch, func(*peer.Conn) (b []byte) {
				for range floodBatch / 2 {
					b = frame.AppendSettings(b, frame.Setting{ID: frame.HeaderTableSize, Value: 0})
					b = frame.AppendSettings(b, frame.Setting{ID: frame.HeaderTableSize, Value: hpack.DefaultTableSize})
				}
				return b
			}),
		},
		headerList("at", "exactly of the size that the server's SETTINGS allow", "it is answered", func(n int) int { return n }, "status 200", ""),
		headerList("under", "one byte below the size that the server's SETTINGS allow", "it is answered", func(n int) int { return n - 1 }, "status 200", ""),
		headerList("over", "one byte over the size that the server's SETTINGS allow", "431, and the connection goes on", func(n int) int { return n + 1 }, "status 431", "header_list"),
		headerList("far", "four times the size that the server's SETTINGS allow", "the connection ends", func(n int) int { return 4 * n }, calm[0], ""),
		{
			Name: "http2-bomb", Reference: "\"HTTP/2 bomb\", June 2026",
			Does:   "requests of 100 cookie crumbs, each a reference of a byte, whose answers wait for a window that opens by a byte now and then",
			Passes: "a request that is answered holds nothing of its fields, and its stream ends for its rate",
			Ends:   []string{"RST_STREAM CANCEL", calm[0]}, Limit: "write_timeout", Short: 50, Long: 50, Takes: slowTakes,
			Try: bomb(func(c *peer.Conn) string { return c.To.Large }),
		},
		{
			Name: "http2-bomb-misses", Reference: "\"HTTP/2 bomb\", June 2026",
			Does:   "the same for what an origin does not answer",
			Passes: "requests in progress count in memory: beyond it they are refused or ended, and 504 ends the others",
			Ends:   []string{"RST_STREAM CANCEL", "RST_STREAM REFUSED_STREAM", "status 503", "status 504", calm[0], peer.Held}, Short: 50, Long: 50, Takes: slowTakes, NeedsOrigin: true,
			Try: bomb(func(c *peer.Conn) string { return c.To.Origin + origin.Stall }),
		},
	}
}

// continuations begins a header block and goes on with frames of that payload.
func continuations(payload []byte) try {
	const batch = 10
	more := bytes.Repeat(peer.Raw(frame.Continuation, 0, 1, payload), batch)
	return script(peer.Options{}, func(c *peer.Conn) {
		c.Send(1, peer.Raw(frame.Headers, frame.FlagEndStream, c.NextID(), peer.Block(c.Request("GET", c.To.File)...)))
		again(c, batch, func(*peer.Conn) []byte { return more })
	})
}

// headerList is a request with a header list of a size that is made of what is allowed.
func headerList(name, does, passes string, size func(allowed int) int, end, limit string) Attack {
	return Attack{
		Name: "header-list-" + name, Reference: "RFC 9113 §10.5.1",
		Does: "a header list " + does, Passes: passes,
		Ends: []string{end}, Limit: limit, Short: 4, Long: 50,
		Try: scriptEnd(peer.Options{}, func(c *peer.Conn) string {
			id := c.NextID()
			c.Send(1, frame.AppendHeaders(nil, id, true, peer.Block(c.Fat(c.To.File, size(c.HeaderBytes()))...), frame.MinMaxSize))
			return c.Answer(id)
		}),
	}
}

// bomb holds as many requests as the server lets it, and gives windows in drips.
func bomb(path func(*peer.Conn) string) try {
	const (
		streams = 100
		crumbs  = 100 // under hotpath's 128 fields, and with 98 bytes each under 16 KiB
	)
	return scriptEnd(stuck, func(c *peer.Conn) string {
		var b []byte
		var first uint32
		for i := range streams {
			id := c.NextID()
			block := peer.Block(c.Request("GET", path(c))...)
			if i == 0 {
				first = id
				block = inserted(block, "cookie", strings.Repeat("c", 60))
			}
			for range crumbs {
				block = indexed(block, newest)
			}
			b = frame.AppendHeaders(b, id, true, block, frame.MinMaxSize)
		}
		c.Send(streams, b)
		answered := make(chan string, 1)
		go func() { answered <- c.Answer(first) }()
		for c.Pause(pause) {
			c.Send(1, frame.AppendWindowUpdate(nil, first, 1))
			select {
			case what := <-answered:
				return what
			default:
			}
		}
		return ""
	})
}
