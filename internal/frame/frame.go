package frame

import (
	"encoding/binary"
	"fmt"
)

// HeaderLen is the length of the header of every frame, in bytes (RFC 9113 §4.1).
const HeaderLen = 9

// Sizes of SETTINGS_MAX_FRAME_SIZE: its initial value and its upper end
// (RFC 9113 §6.5.2).
const (
	MinMaxSize = 1 << 14
	MaxMaxSize = 1<<24 - 1
)

// MaxStreamID is the highest stream identifier: 31 bits (RFC 9113 §5.1.1).
const MaxStreamID = 1<<31 - 1

// MaxWindow is the largest flow-control window (RFC 9113 §6.9.1).
const MaxWindow = 1<<31 - 1

// InitialWindow is the window of a connection, and of a stream until a
// setting changes it (RFC 9113 §6.9.2).
const InitialWindow = 1<<16 - 1

// Preface is what a client sends first (RFC 9113 §3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Type is a frame type (RFC 9113 §6).
type Type uint8

// The frame types of RFC 9113. Any other is ignored (§5.5).
const (
	Data         Type = 0x0
	Headers      Type = 0x1
	Priority     Type = 0x2
	RSTStream    Type = 0x3
	Settings     Type = 0x4
	PushPromise  Type = 0x5
	Ping         Type = 0x6
	GoAway       Type = 0x7
	WindowUpdate Type = 0x8
	Continuation Type = 0x9
)

var typeNames = [...]string{
	"DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS",
	"PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION",
}

func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("frame type %#x", uint8(t))
}

// Flags are a frame's flags; a bit means different things on different types.
type Flags uint8

// The flags of RFC 9113.
const (
	FlagEndStream  Flags = 0x1  // DATA, HEADERS
	FlagAck        Flags = 0x1  // SETTINGS, PING
	FlagEndHeaders Flags = 0x4  // HEADERS, CONTINUATION
	FlagPadded     Flags = 0x8  // DATA, HEADERS
	FlagPriority   Flags = 0x20 // HEADERS
)

// Has reports whether all bits of f are set.
func (fl Flags) Has(f Flags) bool { return fl&f == f }

// Header is the header of a frame.
type Header struct {
	Length   uint32 // of the payload, 24 bits
	Type     Type
	Flags    Flags
	StreamID uint32 // 31 bits
}

// ParseHeader reads a frame's header from the first HeaderLen bytes of b. The
// reserved bit is ignored (RFC 9113 §4.1).
func ParseHeader(b []byte) Header {
	_ = b[HeaderLen-1]
	return Header{
		Length:   uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]),
		Type:     Type(b[3]),
		Flags:    Flags(b[4]),
		StreamID: binary.BigEndian.Uint32(b[5:]) & MaxStreamID,
	}
}

// AppendHeader appends the header of a frame.
func AppendHeader(dst []byte, h Header) []byte {
	return append(dst,
		byte(h.Length>>16), byte(h.Length>>8), byte(h.Length),
		byte(h.Type), byte(h.Flags),
		byte(h.StreamID>>24), byte(h.StreamID>>16), byte(h.StreamID>>8), byte(h.StreamID))
}
