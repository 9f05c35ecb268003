package catalog

import (
	"context"
	"fmt"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/tools/attack/origin"
	"github.com/e0ac7cd4/hotpath/tools/attack/peer"
	"github.com/e0ac7cd4/hotpath/tools/attack/target"
)

func slow() []Attack {
	const reference = "Slowloris, 2009"
	over := []string{peer.Closed, peer.Reset, "GOAWAY NO_ERROR", "GOAWAY ENHANCE_YOUR_CALM", "GOAWAY PROTOCOL_ERROR", "status 408"}
	return []Attack{
		{
			Name: "slow-preface", Reference: reference,
			Does:   "HTTP/2's preface comes byte by byte",
			Passes: "the connection ends within head-timeout",
			Ends:   over, Limit: "head_timeout", Short: 100, Long: crowd, Takes: shortTakes, PerClient: perClient,
			Try: overTLS("h2", func(*target.Target) []byte { return []byte(strings.Repeat(frame.Preface, 1)) }),
		},
		{
			Name: "slow-head", Reference: reference,
			Does:   "a HEADERS frame of HTTP/2 comes byte by byte",
			Passes: "the connection ends within head-timeout",
			Ends:   over, Limit: "head_timeout", Short: 100, Long: crowd, Takes: shortTakes, PerClient: perClient,
			Try: script(peer.Options{}, func(c *peer.Conn) {
				_, get := c.Get(c.To.File, "x-slow", strings.Repeat("~", 1000))
				for i := range get {
					if !c.Send(0, get[i:i+1]) || !c.Pause(trickle) {
						return
					}
				}
			}),
		},
		{
			Name: "slow-head-http1", Reference: reference,
			Does:   "a request head of HTTP/1.1 comes byte by byte",
			Passes: "the connection ends within head-timeout",
			Ends:   over, Limit: "head_timeout", Short: 100, Long: crowd, Takes: shortTakes, PerClient: perClient,
			Try: overTLS("http/1.1", func(to *target.Target) []byte {
				return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nX-Slow: %s", to.File, to.Authority, strings.Repeat("~", 1000))
			}),
		},
		{
			Name: "slow-body", Reference: "R-U-Dead-Yet, 2010",
			Does:   "content of a request comes in DATA frames of a byte, now and then",
			Passes: "the stream ends within write-timeout, for its rate",
			Ends:   append([]string{"RST_STREAM CANCEL", "status 408"}, over...), Limit: "body_timeout", Short: 100, Long: crowd, Takes: slowTakes, PerClient: perClient, NeedsOrigin: true,
			Try: upload(1),
		},
		{
			Name: "slow-body-http1", Reference: "R-U-Dead-Yet, 2010",
			Does:   "content of a request of HTTP/1.1 comes byte by byte",
			Passes: "408 within write-timeout, for its rate",
			Ends:   over, Limit: "body_timeout", Short: 100, Long: crowd, Takes: slowTakes, PerClient: perClient, NeedsOrigin: true,
			Try: func(ctx context.Context, to *target.Target) peer.End {
				conn, err := to.DialTLS(ctx, "http/1.1")
				if err != nil {
					return refusal(ctx)
				}
				if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 100000\r\n\r\n", to.Origin+origin.Upload, to.Authority); err != nil {
					conn.Close()
					return peer.End{What: peer.Of(err)}
				}
				return peer.Slowly(ctx, conn, make([]byte, 100000), trickle)
			},
		},
		{
			Name: "stalled-upload", Reference: "R-U-Dead-Yet, 2010",
			Does:   "content of a request is announced and never comes",
			Passes: "the stream ends within write-timeout",
			Ends:   append([]string{"RST_STREAM CANCEL", "status 408"}, over...), Limit: "body_timeout", Short: 100, Long: crowd, Takes: slowTakes, PerClient: perClient, NeedsOrigin: true,
			Try: upload(0),
		},
	}
}

// overTLS sends a text byte by byte, on a connection of that protocol.
func overTLS(protocol string, text func(*target.Target) []byte) try {
	return func(ctx context.Context, to *target.Target) peer.End {
		conn, err := to.DialTLS(ctx, protocol)
		if err != nil {
			return refusal(ctx)
		}
		return peer.Slowly(ctx, conn, text(to), trickle)
	}
}

// upload begins one of 100,000 bytes, and goes on by some bytes now and then.
func upload(bytes int) try {
	return scriptEnd(peer.Options{}, func(c *peer.Conn) string {
		id, post := c.Post(c.To.Origin+origin.Upload, "content-length", "100000")
		c.Send(1, post)
		answered := make(chan string, 1)
		go func() { answered <- c.Answer(id) }()
		for {
			select {
			case what := <-answered:
				return what
			default:
			}
			if !c.Pause(trickle) || bytes > 0 && !c.Send(1, peer.Raw(frame.Data, 0, id, make([]byte, bytes))) {
				return <-answered
			}
		}
	})
}
