package listen

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// tell tells the access log of a request that net/http's handler has answered.
func (c *handedConn) tell(r *http.Request, a access.Answer) {
	if r.Method == http.MethodHead {
		a.Bytes = 0 // net/http drops what was written
	}
	protocol := access.HTTP11
	if !r.ProtoAtLeast(1, 1) {
		protocol = access.HTTP10
	}
	c.tellOf(protocol, &message.Request{
		Method:    r.Method,
		Authority: r.Host,
		Path:      r.RequestURI,
		Fields:    []hpack.Field{{Name: "referer", Value: r.Referer()}, {Name: "user-agent", Value: r.UserAgent()}},
	}, a)
}

func (c *handedConn) tellOf(p access.Protocol, r *message.Request, a access.Answer) {
	c.tap.SetProtocol(p)
	c.tap.End(access.AppendRequest(nil, r), a)
	c.tap.Flush(0)
}

// Write looks for what net/http answers by itself, without a handler: a head
// that it cannot read, that is too large, or that expects what it does not know.
// Nobody else would hear of it.
func (c *handedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if status, body, ok := ownAnswer(p); ok {
		c.server.cfg.Metrics.Requests.Add(c.conn.stripe, metrics.H1, metrics.ClassOf(status), metrics.Bypass, 1)
		c.tellOf(access.HTTP11, new(message.Request), access.Answer{
			Began: time.Now(), Status: status, Bytes: int64(len(body)), Result: metrics.Bypass,
		})
	}
	return n, err
}

var (
	// ownFields are the fields of what net/http answers to a head that it does
	// not take; a handler's answer has others beside them.
	ownFields = []byte("Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

	// A 417 comes as a handler's would, but that of a handler has at least
	// Server before Date.
	closing = []byte("Connection: close\r\n")
	dated   = []byte("Date: ")
)

// ownAnswer takes such an answer apart: net/http writes it in one piece.
func ownAnswer(p []byte) (status int, body []byte, ok bool) {
	line, fields, ok := bytes.Cut(p, []byte("\r\n"))
	if !ok || len(line) < len("HTTP/1.1 400") || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0, nil, false
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, nil, false
	}
	if status == http.StatusExpectationFailed {
		return status, nil, bytes.HasPrefix(bytes.TrimPrefix(fields, closing), dated)
	}
	body, ok = bytes.CutPrefix(fields, ownFields)
	return status, body, ok
}
