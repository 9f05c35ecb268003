package h2client

import (
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

func same(a, b *exchange.Failure) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// byServer is the end of a connection that the server closed.
var byServer = exchange.CloseFailure(nil)

// underRequest is that of one that it closed under a request.
var underRequest = byServer.UnderRequest()

func malformed(detail string) *exchange.Failure {
	return &exchange.Failure{Kind: exchange.Malformed, Detail: detail}
}

func reset(code frame.ErrCode) *exchange.Failure {
	return &exchange.Failure{Kind: exchange.Reset, Detail: code.String()}
}

func wentAway(code frame.ErrCode) *exchange.Failure {
	return &exchange.Failure{Kind: exchange.GoAway, Detail: code.String()}
}

// The frames that the scripts send.
var raw, headers, data, block, split = h2peer.Raw, h2peer.Headers, h2peer.Data, h2peer.Block, h2peer.Split

// ok is a whole response of two bytes.
func ok(id uint32) []byte {
	return append(headers(id, false, ":status", "200", "content-type", "text/plain"), data(id, "ok", true)...)
}

var zeros = strings.Repeat("\x00", 1<<20)
