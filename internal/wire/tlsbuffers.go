package wire

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"unsafe"
)

// tlsBuffers are the buffers in which a tls.Conn keeps its input, as offsets
// into it. crypto/tls offers no way to them, and it pays to have one:
//
//   - The two that hold handshake messages never shrink below the ClientHello,
//     or the largest record since: 5.6 KiB of an idle connection's 16, with the
//     post-quantum key share that Go and Chrome send. See shrink.
//   - What is put into rawInput need not be read through a net.Conn: that costs
//     an allocation for every record, the only one of a hit. See feed.
//
// They are found by name, and used only if they are of the types that they have
// today, in releases of Go with which that was tested, and unless
// Options.PlainTLS is set; else both methods do nothing, and all works as
// crypto/tls intends. TLSBuffers reports which it is.
var tlsBuffers = findTLSBuffers()

type tlsBufferOffsets struct {
	rawInput uintptr // bytes.Buffer: records as read, the first possibly in part
	hand     uintptr // bytes.Buffer: handshake messages, decrypted
	input    uintptr // bytes.Reader: the record that is being read, inside rawInput
	found    bool
}

func findTLSBuffers() (o tlsBufferOffsets) {
	conn := reflect.TypeFor[tls.Conn]()
	rawInput, ok1 := conn.FieldByName("rawInput")
	hand, ok2 := conn.FieldByName("hand")
	input, ok3 := conn.FieldByName("input")
	buffer, reader := reflect.TypeFor[bytes.Buffer](), reflect.TypeFor[bytes.Reader]()
	o.found = ok1 && ok2 && ok3 && rawInput.Type == buffer && hand.Type == buffer && input.Type == reader
	o.rawInput, o.hand, o.input = rawInput.Offset, hand.Offset, input.Offset
	return o
}

// TLSBuffers reports, as an error, why crypto/tls's buffers are left alone in
// this program; nil if they are used.
func TLSBuffers() error {
	switch {
	case !tlsBuffersTested:
		return fmt.Errorf("it was not tested with %s", runtime.Version())
	case !tlsBuffers.found:
		return errors.New("crypto/tls does not have them as they were")
	}
	return nil
}

// direct reports whether this connection uses them.
func (c *Conn) direct() bool { return tlsBuffersTested && tlsBuffers.found && !c.opt.PlainTLS }

func rawInputOf(c *tls.Conn) *bytes.Buffer {
	return (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), tlsBuffers.rawInput))
}

// feed gives TLS a whole record before it reads, and reports whether it did: not
// if it still holds part of another.
func (c *Conn) feed(record []byte) bool {
	if !c.direct() {
		return false
	}
	rawInput := rawInputOf(c.tls)
	if rawInput.Len() > 0 {
		return false
	}
	rawInput.Write(record)
	return true
}

func inputOf(c *tls.Conn) *bytes.Reader {
	return (*bytes.Reader)(unsafe.Add(unsafe.Pointer(c), tlsBuffers.input))
}

func handOf(c *tls.Conn) *bytes.Buffer {
	return (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), tlsBuffers.hand))
}

// ErrHandshakeTooLarge is the end of a connection whose peer has sent more of a
// handshake message than there is memory for.
var ErrHandshakeTooLarge = errors.New("a TLS handshake message is too large")

// Parts of a handshake message that TLS may hold, in bytes. It takes 256 KiB by
// itself, at any time.
const (
	// A client's, in the handshake: its certificate with the chain, which takes
	// 2 to 6 KiB.
	maxClientMessage = maxHello

	// A client's, behind it: a KeyUpdate has five bytes (RFC 8446 §4.6.3).
	maxClientUpdate = 64
)

// overfull is ErrHandshakeTooLarge if a client has sent more of a message than it
// may. A server's are bounded by TLS: whoever connects to it trusts it so far.
func (c *Conn) overfull() error {
	if c.client || c.tls == nil || !tlsBuffersTested || !tlsBuffers.found {
		return nil
	}
	most := maxClientUpdate
	if c.phase == handshaking {
		most = maxClientMessage
	}
	if handOf(c.tls).Len() >= most {
		return ErrHandshakeTooLarge
	}
	return nil
}

// lend gives TLS the turn's buffer for its records.
func (c *Conn) lend() {
	if c.tls == nil || !c.direct() {
		return
	}
	if rawInput := rawInputOf(c.tls); rawInput.Cap() == 0 {
		*rawInput = *bytes.NewBuffer(c.scratch.record[:0])
		c.scratch.lent = true
	}
}

// shrink lets go of TLS's input buffers if they are empty, of what was lent too:
// new ones are the same. TLS must not be reading. If they are not, TLS keeps
// them, and the turn's memory gets another buffer for one that was lent.
func (c *Conn) shrink() {
	if c.tls == nil || !c.direct() {
		return
	}
	if rawInputOf(c.tls).Len() > 0 || handOf(c.tls).Len() > 0 || inputOf(c.tls).Len() > 0 {
		if c.scratch != nil && c.scratch.lent {
			c.scratch.record = make([]byte, recordHeaderLen+maxCiphertext)
		}
		return
	}
	c.dropInput()
}

// dropInput lets go of TLS's input buffers and what is in them.
func (c *Conn) dropInput() {
	if c.tls == nil || !c.direct() {
		return
	}
	*rawInputOf(c.tls), *handOf(c.tls), *inputOf(c.tls) = bytes.Buffer{}, bytes.Buffer{}, bytes.Reader{}
}
