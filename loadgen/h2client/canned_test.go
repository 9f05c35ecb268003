package h2client

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// pageSize is the content of a typical response.
const pageSize = 1 << 10

// typicalHead is a head as servers send it. Those of varied numbers differ.
func typicalHead(number int) []byte {
	return block(
		":status", "200", "server", "nginx/1.22.1", "date", "Tue, 06 Oct 2026 10:00:00 GMT", "content-type", "text/html; charset=utf-8",
		"content-length", fmt.Sprint(pageSize), "last-modified", "Mon, 05 Oct 2026 08:30:00 GMT", "etag", fmt.Sprintf(`"68e22d48-%04x"`, number),
		"cache-control", "public, max-age=3600", "accept-ranges", "bytes", "age", "17", "cache-status", "edge; fwd=uri-miss; stored",
	)
}

// batch is responses that are there at once, for whatever streams.
type batch struct {
	bytes  []byte
	frames []int // where stream identifiers stand, in the order of the responses
	each   int   // frames of a response
}

func newBatch(responses int, varied bool) *batch {
	b := &batch{each: 2}
	for i := range responses {
		if !varied {
			i = 0
		}
		b.add(frame.AppendHeaders(nil, 1, false, typicalHead(i), frame.MinMaxSize))
		b.add(data(1, strings.Repeat("x", pageSize), true))
	}
	return b
}

func (b *batch) add(f []byte) {
	b.frames = append(b.frames, len(b.bytes)+5)
	b.bytes = append(b.bytes, f...)
}

// answer makes the responses those of a stream and the ones behind it.
func (b *batch) answer(from uint32) []byte {
	for i, at := range b.frames {
		binary.BigEndian.PutUint32(b.bytes[at:], from+uint32(2*(i/b.each)))
	}
	return b.bytes
}

// closedLoop is a driver that always has a ticket, of its requests in turn, as
// long as some are left.
type closedLoop struct {
	requests  []*exchange.Request
	left      int // less than 0: always some
	sent      uint64
	succeeded int
	bytesIn   int64
}

func (d *closedLoop) Next(now time.Duration) (t exchange.Ticket, ok bool) {
	if d.left == 0 {
		return t, false
	}
	d.left--
	d.sent++
	return exchange.Ticket{Request: d.requests[d.sent%uint64(len(d.requests))], Due: now, Seq: d.sent}, true
}

func (d *closedLoop) Done(o *exchange.Outcome) {
	if o.Succeeded() {
		d.succeeded++
	}
	d.bytesIn += o.BytesIn
}

func (d *closedLoop) Again(exchange.Ticket, *exchange.Failure)            {}
func (d *closedLoop) Rest(time.Duration) (until time.Duration, more bool) { return 0, true }
func (d *closedLoop) Full() time.Duration                                 { return 0 }

// pages are so many targets.
func pages(tb testing.TB, n int) (all []*exchange.Request) {
	for i := range n {
		all = append(all, request(tb, i, "GET", fmt.Sprintf("https://127.0.0.1:8443/page/%d", i), ""))
	}
	return all
}
