package catalog

import (
	"context"
	"time"

	"github.com/e0ac7cd4/hotpath/tools/attack/peer"
	"github.com/e0ac7cd4/hotpath/tools/attack/target"
)

// shortTakes is long enough for what head-timeout ends, 10 s by default, or a timeout of
// TLS.
var shortTakes = Span{2500 * time.Millisecond, 15 * time.Second}

// trickle is the time between two bytes of what comes byte by byte.
const trickle = 50 * time.Millisecond

func secure() []Attack {
	return []Attack{
		{
			Name: "silent-connections", Reference: "Slowloris, 2009",
			Does:   "connections on which nothing is sent",
			Passes: "they are closed within hello-timeout",
			Ends:   []string{peer.Closed, peer.Reset}, Limit: "hello_timeout", Short: 100, Long: crowd, Takes: shortTakes, PerClient: perClient,
			Try: peer.Silent,
		},
		{
			Name: "slow-hello", Reference: "Slowloris, 2009",
			Does:   "a ClientHello that comes byte by byte",
			Passes: "it is closed within hello-timeout",
			Ends:   []string{peer.Closed, peer.Reset}, Limit: "hello_timeout", Short: 100, Long: crowd, Takes: shortTakes, PerClient: perClient,
			Try: func(ctx context.Context, to *target.Target) peer.End {
				conn, err := to.Dial(ctx)
				if err != nil {
					return refusal(ctx)
				}
				return peer.Slowly(ctx, conn, peer.Hello(to), trickle)
			},
		},
		{
			Name: "half-open-handshakes", Reference: "RFC 8446 §C, state exhaustion",
			Does:   "handshakes that are silent behind their ClientHello, so that the server has signed",
			Passes: "they are closed within handshake-timeout, and sooner if others wait for their place",
			Ends:   []string{peer.Closed, peer.Reset, peer.Alert}, Short: 100, Long: crowd, Takes: shortTakes, PerClient: perClient,
			Try: peer.HalfOpen,
		},
		{
			Name: "handshake-flood", Reference: "THC-SSL-DOS, 2011",
			Does:   "whole handshakes, each closed at once",
			Passes: "they are served one a core, and hits between any two of them",
			Ends:   []string{peer.Answered, peer.Refused}, Short: 8, Long: 50, Rest: time.Millisecond,
			Try: func(ctx context.Context, to *target.Target) peer.End {
				begun := time.Now()
				conn, err := to.DialTLS(ctx, "h2")
				if err != nil {
					return refusal(ctx)
				}
				conn.Close()
				return peer.End{What: peer.Answered, Frames: 1, After: time.Since(begun)}
			},
		},
		{
			Name: "key-updates", Reference: "RFC 8446 §4.6.3",
			Does:   "KeyUpdate that asks for the server's, without end and without data between",
			Passes: "TLS ends the connection after a few of them",
			Ends:   []string{peer.Closed, peer.Reset}, Short: 4, Long: 50,
			Try: peer.KeyUpdates,
		},
		{
			Name: "connection-flood", Reference: "CAPEC-125",
			Does:   "more connections than max-conns, each kept",
			Passes: "exactly max-conns are served, the others are closed at once, and the admin listener answers",
			Ends:   []string{peer.Closed, peer.Reset, peer.Held}, Short: 300, Long: 300, Needs: Needs{Conns: 200},
			Try: keep,
		},
		{
			Name: "descriptors", Reference: "CVE-2009-5111 and kin, EMFILE",
			Does:   "more connections than the server may have descriptors",
			Passes: "the limit is divided beforehand: those that are served have all that they need, the others are closed at once",
			Ends:   []string{peer.Closed, peer.Reset, peer.Held}, Short: 300, Long: 300, Needs: Needs{Files: 256},
			Try: keep,
		},
	}
}

// keep makes a connection and keeps it.
func keep(ctx context.Context, to *target.Target) peer.End {
	begun := time.Now()
	conn, err := to.DialTLS(ctx, "http/1.1")
	if err != nil {
		return peer.End{What: peer.Of(err), After: time.Since(begun)}
	}
	return peer.Slowly(ctx, conn, nil, time.Second)
}
