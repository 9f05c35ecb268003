package catalog

import (
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/tools/attack/origin"
	"github.com/e0ac7cd4/hotpath/tools/attack/peer"
)

func streams() []Attack {
	return []Attack{
		{
			Name: "concurrent-streams", Reference: "RFC 9113 §5.1.2",
			Does:   "uploads are begun and not gone on with, far more than may be open",
			Passes: "those beyond max-streams are refused, at the cost of an early reset each",
			Ends:   calm, Limit: "early_reset", Short: 4, Long: 50, NeedsOrigin: true,
			Try: flood(peer.Options{}, resetBatch, func(c *peer.Conn) (b []byte) {
				for range resetBatch {
					_, post := c.Post(c.To.Origin + origin.Upload)
					b = append(b, post...)
				}
				return b
			}),
		},
		{
			Name: "stream-ids", Reference: "RFC 9113 §5.1.1",
			Does:   "the last stream that there can be is used, and then one below it",
			Passes: "the first is answered, the second ends the connection",
			Ends:   []string{"GOAWAY PROTOCOL_ERROR", "GOAWAY STREAM_CLOSED"}, Short: 4, Long: 50,
			Try: script(peer.Options{}, func(c *peer.Conn) {
				block := peer.Block(c.Request("GET", c.To.File)...)
				c.Send(1, frame.AppendHeaders(nil, frame.MaxStreamID, true, block, frame.MinMaxSize))
				c.Answer(frame.MaxStreamID)
				c.Send(1, frame.AppendHeaders(nil, frame.MaxStreamID-2, true, block, frame.MinMaxSize))
				c.Hold()
			}),
		},
	}
}
