package h2

import (
	"bytes"
	"net/http"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/perclient"
)

// repeat is a request that this connection has sent more than once, byte for
// byte, and what answering it takes.
//
// A header block that does not change the HPACK table decodes to the same
// request as long as nothing else changes the table. So its bytes and the
// table's generation name the request, and a comparison does for decoding. The
// same holds for the block of the response: sent once with every field entered
// into the table, it is afterwards a few references, the same bytes each time,
// until the table changes, which it does for the date once a second.
//
// With one URL from one client this is every request. A browser repeats
// little: for it a slot costs a hash, and memory only from the second time on.
type repeat struct {
	block      []byte
	generation uint32 // of the decoder
	lookup     message.Lookup
	headOnly   bool   // HEAD
	about      []byte // the request's record for the access log
	client     perclient.Client

	turn uint64 // in which lookup was made; see forgetTurn

	reply           []byte // response header block, only references and age
	replyTo         uint64 // ID of the response
	replyDate       *message.DateText
	replyGeneration uint32 // of the encoder
}

// status is the Cache-Status of a hit; nil for none.
func (r *repeat) status() *message.FixedField {
	if r == nil {
		return nil
	}
	return r.lookup.Status
}

// repeatSlots is how many requests are remembered: load generators and
// monitors send one, pages that poll a few.
const repeatSlots = 4

// maxRepeat bounds the block that is remembered, in bytes.
const maxRepeat = 512

// repeats remembers by the hash of the block.
type repeats struct {
	slots [repeatSlots]*repeat
	hash  [repeatSlots]uint32 // of the last block that fell on the slot
}

// hashBlock mixes the block's ends, which mostly have the path and the fields
// that differ, and its length. A collision costs the slot, nothing else.
func hashBlock(b []byte) uint32 {
	h := uint32(len(b)) * 0x9e3779b1
	for i, n := 0, min(len(b), 16); i < n; i++ {
		h = (h ^ uint32(b[i])) * 0x01000193
		h = (h ^ uint32(b[len(b)-1-i])) * 0x01000193
	}
	return h ^ h>>15
}

// answerRepeat answers a block that is remembered, from memory, and reports whether
// it dealt with the request.
func (c *Conn) answerRepeat(id uint32, block []byte) (done bool, err *frame.Error) {
	if len(block) > maxRepeat {
		return false, nil
	}
	r := c.repeats.slots[hashBlock(block)%repeatSlots]
	if r == nil || r.generation != c.decoder.Generation() || !bytes.Equal(r.block, block) {
		return false, nil
	}
	if r.turn != c.turn {
		r.turn = c.turn
		if !c.cfg.Source.Again(&r.lookup, c.now) {
			r.lookup.Response = nil
		}
	}
	if r.lookup.Response == nil {
		return false, nil // it is decoded again: its client may be another as well
	}
	if c.cfg.PerClient != nil && c.refuses(r.client) {
		c.refuseOver(id, nil, r)
		return true, nil
	}
	return true, c.answer(id, r.lookup.Response, r.lookup.Response, r.headOnly, nil, r)
}

// forgetTurn lets go of the responses that the turn looked up: between turns a
// connection holds none that the cache may have evicted.
func (c *Conn) forgetTurn() {
	for _, r := range &c.repeats.slots {
		if r != nil && r.turn == c.turn {
			r.lookup.Response = nil
		}
	}
}

// remember takes a plain request that was answered from memory, at its second
// time in a row on its slot. generation is the decoder's before the block.
func (c *Conn) remember(block []byte, d *decoded, generation uint32) {
	if len(block) > maxRepeat || generation != c.decoder.Generation() {
		return
	}
	h := hashBlock(block)
	slot := h % repeatSlots
	if c.repeats.hash[slot] != h {
		c.repeats.hash[slot] = h
		return
	}
	r := c.repeats.slots[slot]
	if r == nil {
		r = new(repeat)
		c.repeats.slots[slot] = r
	}
	r.block = append(r.block[:0], block...)
	key := append(r.lookup.Key[:0], d.lookup.Key...)
	r.lookup = d.lookup
	r.lookup.Key, r.lookup.Response = key, nil
	r.about = access.AppendRequest(r.about[:0], &d.request.Request)
	r.client = d.client
	r.generation, r.headOnly = generation, d.request.Method == http.MethodHead
	r.turn, r.replyTo = 0, 0
}

// appendReply appends the response's header block for a request that repeats:
// by reference as far as the peer's table allows. It stays the same for a second,
// which is what date and age count.
func (c *Conn) appendReply(dst []byte, r *repeat, to *message.Response) []byte {
	dst = c.encoder.AppendBlockStart(dst)
	generation := c.encoder.Generation()
	if r.replyTo == to.ID && r.replyDate == c.date && r.replyGeneration == generation {
		return append(dst, r.reply...)
	}
	start := len(dst)
	dst = hpack.AppendStatus(dst, to.Status)
	for _, f := range to.Fields {
		dst = c.encoder.AppendField(dst, f, true)
	}
	if to.Born == 0 {
		dst = c.encoder.AppendField(dst, c.date.Field, true)
	} else { // it has its own date
		dst = message.AppendAge(dst, to.Age(c.date.Unix))
	}
	if c.date.Alternative != nil {
		dst = c.encoder.AppendField(dst, c.date.Alternative.Field, true)
	}
	if r.lookup.Status != nil {
		dst = c.encoder.AppendField(dst, r.lookup.Status.Field, true)
	}
	if c.encoder.Generation() == generation { // nothing that enters the table
		r.reply = append(r.reply[:0], dst[start:]...)
		r.replyTo, r.replyDate, r.replyGeneration = to.ID, c.date, generation
	}
	return dst
}
