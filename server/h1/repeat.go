package h1

import (
	"bytes"
	"net/http"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/perclient"
)

// repeat is the request that this connection sent last, byte for byte: a
// client that sends it again costs a comparison instead of parsing. One is
// enough, since HTTP/1.1 clients that hurry send one. Only plain requests for
// small contents are remembered.
type repeat struct {
	raw      []byte
	headOnly bool   // HEAD
	about    []byte // the request, for the access log
	client   perclient.Client
	lookup   message.Lookup
	turn     uint64 // in which the lookup was made; its Response is kept no longer
}

// maxRepeat bounds the head that is remembered, in bytes.
const maxRepeat = 1 << 10

func (k *repeat) remember(raw []byte, h *head) {
	if len(raw) > maxRepeat {
		return
	}
	k.raw = append(k.raw[:0], raw...)
	k.about = access.AppendRequest(k.about[:0], &h.request)
	k.client = h.client
	k.headOnly, k.turn = h.request.Method == http.MethodHead, 0
	key := append(k.lookup.Key[:0], h.lookup.Key...)
	k.lookup = h.lookup
	k.lookup.Key, k.lookup.Response = key, nil
}

// answerRepeat answers the request at the front of unread if it is the
// remembered one.
func (c *Conn) answerRepeat(unread []byte) bool {
	k := &c.remembered
	if len(k.raw) == 0 || !bytes.HasPrefix(unread, k.raw) {
		return false
	}
	if k.turn != c.turn {
		k.turn = c.turn
		if !c.cfg.Source.Again(&k.lookup, c.now) {
			k.lookup.Response = nil
		}
	}
	r := k.lookup.Response
	if r == nil {
		return false // it is read again: its client may be another as well
	}
	if c.cfg.PerClient != nil && c.refuses(k.client) {
		c.answerNow(c.cfg.PerClient.Refusal, nil, metrics.Bypass, k.headOnly, len(k.raw), nil)
		return true
	}
	c.answerNow(r, k.lookup.Status, metrics.Hit, k.headOnly, len(k.raw), nil)
	return true
}
