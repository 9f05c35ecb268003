package h2client

import "github.com/e0ac7cd4/hotpath/loadgen/exchange"

// remembered is how many targets a connection remembers what was sent and what
// came. The few that a load mostly has fit; more share slots, and are encoded
// and decoded again.
const remembered = 16

// memory is of a target.
type memory struct {
	request sentHead
	answer  answerHead
}

// sentHead is a request's header block that was sent and changed nothing in
// the table: it can be sent again while the generation is the same.
type sentHead struct {
	of         *exchange.Request
	generation uint32 // of the encoder
	block      []byte
}

// answerHead is a response's header block that changed nothing in the table: it
// means the same while the generation is.
type answerHead struct {
	generation uint32 // of the decoder
	block      []byte // nil: none
	head       responseHead
}

// memory returns a target's. Most connections have one target: room is made as
// targets come.
func (c *Conn) memory(target int) *memory {
	slot := target % remembered
	for slot >= len(c.memories) {
		c.memories = append(c.memories, memory{})
	}
	return &c.memories[slot]
}
