package conformance

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit/h2peer"
)

// sent is a shape that was sent, and what came back.
type sent struct {
	name, says string
	want       fate
	content    string // of the one request
	script     *script
	status     int  // 0: none
	ended      bool // the connection, or in HTTP/2 the stream with an error
	err        error
}

// TestShapes: requests that are malformed or ambiguous are refused, or are one
// request that the origin reads as the server did. A request that is hidden
// in one never arrives.
func TestShapes(t *testing.T) {
	s := start(t)
	var all []*sent
	var sending sync.WaitGroup
	turns := make(chan struct{}, concurrent)
	play := func(x *sent, send func(*sent)) {
		all = append(all, x)
		x.script = s.add(x.name)
		x.script.set("200 | cache-control: no-store", x.name)
		sending.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			send(x)
		})
	}
	for _, group := range [][]shape{lengths, codings, lines, chunks} {
		for _, shape := range group {
			x := &sent{name: shape.name, says: shape.says, want: shape.want}
			play(x, func(x *sent) { s.sendH1(t.Context(), x, shape) })
		}
	}
	for _, shape := range frames {
		x := &sent{name: shape.name, says: shape.says, want: shape.want, content: shape.data}
		play(x, func(x *sent) { s.sendH2(t, x, shape) })
	}
	sending.Wait()
	time.Sleep(300 * time.Millisecond) // what is on its way to the origin arrives
	if len(all) < 80 {
		t.Errorf("%d shapes, want 80", len(all))
	}
	for _, x := range all {
		t.Run(x.name, x.judge)
	}
}

// judge compares what became of a shape with its fate.
func (x *sent) judge(t *testing.T) {
	whole, parts := 0, 0
	for _, q := range x.script.since(0) {
		if q.complete {
			whole++
		} else {
			parts++
		}
		if x.content != "" && q.complete && q.content != x.content {
			t.Errorf("%s: the origin got content %q", x.says, q.content)
		}
	}
	what := fmt.Sprintf("%s: status %d, connection ended: %t (%v); the origin got %d requests and %d broken ones",
		x.says, x.status, x.ended, x.err, whole, parts)
	isRefused := whole == 0 && parts <= 1 && (x.status == 0 || x.status >= 400) && x.ended
	isAnswered := whole+parts == 0 && (x.status >= 400 || x.ended && x.status == 0)
	isOne := whole == 1 && parts == 0 && x.status == 200
	switch {
	case x.want == refused && !isRefused:
		t.Errorf("%s, want it refused", what)
	case x.want == answered && !isAnswered:
		t.Errorf("%s, want an error and nothing there", what)
	case x.want == one && !isOne:
		t.Errorf("%s, want one request", what)
	case x.want == unfinished && (whole > 0 || parts > 1 || x.status != 0):
		t.Errorf("%s, want the rest waited for", what)
	case x.want == either && !isOne && !isAnswered && !isRefused:
		t.Errorf("%s, want one request or none", what)
	}
}

// sendTime is for a server that waits for more, rather than to answer.
const sendTime = 3 * time.Second

// connect opens a connection with a deadline.
func (s *server) connect(ctx context.Context, protocol string) (net.Conn, error) {
	c, err := s.dial(ctx, "plain.test", protocol)
	if err == nil {
		err = c.SetDeadline(time.Now().Add(patience))
	}
	return c, err
}

func (s *server) sendH1(ctx context.Context, x *sent, shape shape) {
	c, err := s.connect(ctx, "http/1.1")
	if err != nil {
		x.err = err
		return
	}
	defer c.Close()
	raw := strings.ReplaceAll(shape.raw, "{}", x.script.path)
	if shape.name == "cl-get" {
		x.content = hidden
	}
	go func() { _, _ = io.WriteString(c, raw) }() // it may not be read to its end
	if x.want == unfinished {
		_ = c.SetReadDeadline(time.Now().Add(sendTime / 10))
	}
	r := bufio.NewReader(c)
	method, _, _ := strings.Cut(raw, " ")
	for {
		res, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			x.err, x.ended = err, !isTimeout(err)
			return
		}
		if x.status == 0 || x.status == http.StatusContinue {
			x.status = res.StatusCode
		}
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err != nil {
			x.err, x.ended = err, !isTimeout(err)
			return
		}
		if x.status == http.StatusContinue {
			continue
		}
		_ = c.SetReadDeadline(time.Now().Add(sendTime))
		if x.want == one || x.want == either || x.want == answered {
			_ = c.SetReadDeadline(time.Now().Add(sendTime / 10)) // whether it ends is all the same
		}
	}
}

func isTimeout(err error) bool {
	t, ok := err.(net.Error)
	return ok && t.Timeout()
}

func (s *server) sendH2(t testing.TB, x *sent, shape shape2) {
	c, err := s.connect(t.Context(), "h2")
	if err != nil {
		x.err = err
		return
	}
	defer c.Close()
	b := frame.AppendSettings([]byte(frame.Preface))
	b = append(b, h2peer.Headers(1, shape.data == "" && shape.trailers == nil, x.fields(shape.fields)...)...)
	if shape.data != "" {
		b = append(b, h2peer.Data(1, shape.data, shape.trailers == nil)...)
	}
	if shape.trailers != nil {
		b = append(b, h2peer.Headers(1, true, x.fields(shape.trailers)...)...)
	}
	if _, err := c.Write(b); err != nil {
		x.err = err
	}
	x.readH2(h2peer.New(t, c, patience))
}

// fields are names and values in turn, with the script's path in place of {}.
func (x *sent) fields(fields []hpack.Field) (all []string) {
	for _, f := range fields {
		all = append(all, f.Name, strings.ReplaceAll(f.Value, "{}", x.script.path))
	}
	return all
}

// readH2 reads until stream 1 or the connection has ended. An answer of the
// server's own ends the stream as well as an error of it does.
func (x *sent) readH2(c *h2peer.Peer) {
	for {
		f, err := c.Read()
		switch {
		case err != nil:
			x.err, x.ended = err, !isTimeout(err)
			return
		case f.Type == frame.RSTStream && f.StreamID == 1, f.Type == frame.GoAway:
			x.ended = true
			return
		case f.Type == frame.Headers && f.StreamID == 1:
			x.status, _ = strconv.Atoi(f.Field(":status"))
		}
		if f.StreamID == 1 && (f.Type == frame.Headers || f.Type == frame.Data) && f.Ends() {
			x.ended = x.status >= 400
			return
		}
	}
}
