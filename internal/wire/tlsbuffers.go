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
	known    bool
}

func findTLSBuffers() (o tlsBufferOffsets) {
	conn := reflect.TypeFor[tls.Conn]()
	rawInput, ok1 := conn.FieldByName("rawInput")
	hand, ok2 := conn.FieldByName("hand")
	input, ok3 := conn.FieldByName("input")
	buffer, reader := reflect.TypeFor[bytes.Buffer](), reflect.TypeFor[bytes.Reader]()
	o.known = ok1 && ok2 && ok3 && rawInput.Type == buffer && hand.Type == buffer && input.Type == reader
	o.rawInput, o.hand, o.input = rawInput.Offset, hand.Offset, input.Offset
	return o
}

// TLSBuffers reports, as an error, why crypto/tls's buffers are left alone in
// this program; nil if they are used.
func TLSBuffers() error {
	switch {
	case !tlsBuffersTested:
		return fmt.Errorf("it was not tested with %s", runtime.Version())
	case !tlsBuffers.known:
		return errors.New("crypto/tls does not have them as they were")
	}
	return nil
}

// direct reports whether this connection uses them.
func (c *Conn) direct() bool { return tlsBuffersTested && tlsBuffers.known && !c.opt.PlainTLS }

func rawInputOf(c *tls.Conn) *bytes.Buffer {
	return (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), tlsBuffers.rawInput))
}

// feed gives TLS a whole record before it asks, and reports whether it did: not
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

// lend gives TLS the turn's buffer for its records.
func (c *Conn) lend() {
	if c.tls == nil || !c.direct() {
		return
	}
	if rawInput := rawInputOf(c.tls); rawInput.Cap() == 0 {
		*rawInput = *bytes.NewBuffer(c.scratch.record[:0])
	}
}

// shrink lets go of TLS's input buffers if they are empty, of what was lent too:
// new ones are the same. TLS must not be reading. If they are not, TLS keeps
// them, and the turn's memory gets another buffer.
func (c *Conn) shrink() {
	if c.tls == nil || !c.direct() {
		return
	}
	rawInput := rawInputOf(c.tls)
	hand := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c.tls), tlsBuffers.hand))
	input := (*bytes.Reader)(unsafe.Add(unsafe.Pointer(c.tls), tlsBuffers.input))
	if rawInput.Len() > 0 || hand.Len() > 0 || input.Len() > 0 {
		if c.scratch != nil {
			c.scratch.record = make([]byte, recordHeaderLen+maxCiphertext)
		}
		return
	}
	*rawInput, *hand, *input = bytes.Buffer{}, bytes.Buffer{}, bytes.Reader{}
}
