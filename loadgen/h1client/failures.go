package h1client

import (
	"errors"
	"net"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// What a response may be at most.
const (
	// maxHead bounds the lines of a response's head, of the interim ones
	// before it (RFC 9110 §15.2) and of its trailers, all together: a line
	// that is not whole is held in memory.
	maxHead = 64 << 10

	// maxFields bounds the fields among them.
	maxFields = 256

	// maxChunkLine bounds a chunk's size with its extensions, of which
	// no server sends any (RFC 9112 §7.1.1).
	maxChunkLine = 4 << 10

	// maxSize bounds a content and a chunk: no sum of them overflows, and
	// JSON has the figure exactly.
	maxSize = 1 << 53
)

// What is wrong with a response.
var (
	errStatusLine   = malformed("no status line of HTTP/1.1 or HTTP/1.0")
	errLineEnd      = malformed("a line does not end in CRLF")
	errField        = malformed("a header field is not well-formed")
	errHeadSize     = malformed("a head of more than 64 KiB")
	errFieldCount   = malformed("more than 256 header fields")
	errLength       = malformed("a content-length that is no number up to 2^53")
	errLengths      = malformed("two content-lengths that differ")
	errCoding       = malformed("a transfer-encoding other than chunked")
	errCoding10     = malformed("a transfer-encoding in HTTP/1.0")
	errCodingLength = malformed("both content-length and transfer-encoding")
	errSwitching    = malformed("101, and no other protocol was asked for")
	errChunk        = malformed("a chunk is not well-formed")
	errChunkLine    = malformed("a chunk-size line of more than 4 KiB")
	errChunkSize    = malformed("a chunk of more than 2^53 bytes")
	errUnasked      = malformed("bytes that no request asked for")

	errShort  = &exchange.Failure{Kind: exchange.Length, Detail: "the content ended early"}
	errDigest = &exchange.Failure{Kind: exchange.Digest}
)

// What else ends an exchange.
var (
	errNoAnswer   = &exchange.Failure{Kind: exchange.Timeout, Detail: "no response"}
	errUnfinished = &exchange.Failure{Kind: exchange.Timeout, Detail: "the response is not whole"}
)

func malformed(detail string) *exchange.Failure {
	return &exchange.Failure{Kind: exchange.Malformed, Detail: detail}
}

// lostFailure is why a connection that was not ended here has ended.
func lostFailure(err error) *exchange.Failure {
	if errors.Is(err, net.ErrClosed) {
		return exchange.WasStopped // wire.Conn.Close, if a pump reads
	}
	return exchange.CloseFailure(err)
}
