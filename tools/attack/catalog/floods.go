package catalog

import (
	"bytes"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/tools/attack/origin"
	"github.com/e0ac7cd4/hotpath/tools/attack/peer"
)

// floodBatch is how many frames go out in one write: some KiB.
const floodBatch = 100

// deafWrites is how many batches a peer sends that reads nothing, as far as the
// server takes them: answers to them fill every buffer in between.
const deafWrites = 1000

func floods() []Attack {
	ping := frame.AppendPing(nil, false, []byte("attack!!"))
	settings := frame.AppendSettings(nil)
	var all []Attack
	for _, v := range []struct {
		name, reference, does string
		one                   []byte
	}{
		{"ping", "CVE-2019-9512", "PING", ping},
		{"ping-ack", "CVE-2019-9512", "answers to PINGs that were not sent", frame.AppendPing(nil, true, []byte("attack!!"))},
		{"settings", "CVE-2019-9515", "empty SETTINGS", settings},
		{"priority", "CVE-2019-9513", "PRIORITY, each for another stream", nil},
		{"window-update", "RFC 9113 §10.5", "WINDOW_UPDATE of a byte for the connection", frame.AppendWindowUpdate(nil, 0, 1)},
		{"unknown-frame", "RFC 9113 §5.5", "frames of unknown types", peer.Raw(0xbb, 0, 0, []byte("x"))},
	} {
		batch := func(*peer.Conn) []byte { return bytes.Repeat(v.one, floodBatch) }
		if v.one == nil {
			batch = reprioritize
		}
		all = append(all, Attack{
			Name: v.name + "-flood", Reference: v.reference, Does: v.does + ", as fast as the server reads",
			Passes: "the connection ends within control-budget frames and one write",
			Ends:   calm, Limit: "control_frames", Short: 4, Long: 50, Try: flood(peer.Options{}, floodBatch, batch),
		})
	}
	for _, v := range []struct {
		name, reference, does string
		one                   []byte
	}{
		{"ping", "CVE-2019-9512", "PING", ping},
		{"settings", "CVE-2019-9515", "SETTINGS", settings},
		{"mixed", "CVE-2019-9512, CVE-2019-9515", "PING, SETTINGS and unknown frames in turn", append(append(bytes.Clone(ping), settings...), peer.Raw(0xbb, 0, 0, nil)...)},
	} {
		all = append(all, Attack{
			Name: v.name + "-flood-deaf", Reference: v.reference,
			Does:   v.does + ", of a peer that reads no answer and goes on after the server's last word",
			Passes: "answers are not kept beyond max-control, and what comes behind the end is read for a bounded time",
			Ends:   append([]string{peer.Reset, peer.Closed}, calm...), Limit: "control_frames", Short: 4, Long: 50,
			Try: script(peer.Options{Deaf: true}, func(c *peer.Conn) {
				for range deafWrites {
					if !c.Send(floodBatch, bytes.Repeat(v.one, floodBatch)) {
						return
					}
				}
			}),
		})
	}
	return append(all,
		Attack{
			Name: "empty-data", Reference: "CVE-2019-9518",
			Does:   "DATA frames without content on a stream that does not end",
			Passes: "the connection ends within control-budget frames and one write",
			Ends:   calm, Limit: "control_frames", Short: 4, Long: 50, NeedsOrigin: true,
			Try: dataFlood(peer.Raw(frame.Data, 0, 1, nil)),
		},
		Attack{
			Name: "padded-data", Reference: "CVE-2019-9518",
			Does:   "DATA frames of nothing but padding",
			Passes: "the connection ends within control-budget frames and one write",
			Ends:   calm, Limit: "control_frames", Short: 4, Long: 50, NeedsOrigin: true,
			Try: dataFlood(peer.Raw(frame.Data, frame.FlagPadded, 1, []byte{1, 0})),
		},
		Attack{
			Name: "one-byte-data", Reference: "RFC 9113 §10.5",
			Does:   "uploads in DATA frames of one byte, one after the other, within their windows",
			Passes: "they are uploads like any other, and answered",
			Ends:   []string{"status 200"}, Short: 4, Long: 50, NeedsOrigin: true,
			Try: scriptEnd(peer.Options{}, func(c *peer.Conn) string {
				id, post := c.Post(c.To.Origin + origin.Upload)
				c.Send(1, post)
				one := bytes.Repeat(peer.Raw(frame.Data, 0, id, []byte("x")), floodBatch)
				for left := frame.InitialWindow; left > floodBatch; left -= floodBatch {
					c.Send(floodBatch, one)
				}
				c.Send(1, peer.Raw(frame.Data, frame.FlagEndStream, id, []byte("x")))
				return c.Answer(id)
			}),
		},
		Attack{
			Name: "reset-flood", Reference: "CVE-2019-9514",
			Does:   "RST_STREAM for a stream that has ended long since",
			Passes: "the connection ends within control-budget frames and one write",
			Ends:   calm, Limit: "control_frames", Short: 4, Long: 50,
			Try: script(peer.Options{}, func(c *peer.Conn) {
				id, get := c.Get(c.To.File)
				c.Send(1, get)
				c.Answer(id)
				again(c, floodBatch, func(*peer.Conn) []byte { return bytes.Repeat(frame.AppendRSTStream(nil, id, frame.Cancel), floodBatch) })
			}),
		},
	)
}

// dataFlood sends the frame on stream 1 without end.
func dataFlood(one []byte) try {
	return script(peer.Options{}, func(c *peer.Conn) {
		_, post := c.Post(c.To.Origin + origin.Upload)
		c.Send(1, post)
		again(c, floodBatch, func(*peer.Conn) []byte { return bytes.Repeat(one, floodBatch) })
	})
}

// reprioritize is a batch of PRIORITY for streams that never come to be.
func reprioritize(c *peer.Conn) (b []byte) {
	for range floodBatch {
		b = append(b, peer.Raw(frame.Priority, 0, c.NextID(), []byte{0, 0, 0, 0, 16})...)
	}
	return b
}
