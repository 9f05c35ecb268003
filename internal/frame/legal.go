package frame

// rule says what a frame of one type must look like whatever the connection's
// state.
type rule struct {
	stream   where
	size     uint32 // exact payload length; anySize
	multiple uint32 // payload length is a multiple of it; 0: no such rule
	min      uint32 // least payload length
}

type where uint8

const (
	anywhere     where = iota
	onStream           // stream identifier must not be 0
	onConnection       // stream identifier must be 0
)

const anySize = 1 << 31

// rules is RFC 9113 §6, a line a section.
var rules = [...]rule{
	Data:         {stream: onStream, size: anySize},                  // §6.1
	Headers:      {stream: onStream, size: anySize},                  // §6.2
	Priority:     {stream: onStream, size: 5},                        // §6.3
	RSTStream:    {stream: onStream, size: 4},                        // §6.4
	Settings:     {stream: onConnection, size: anySize, multiple: 6}, // §6.5
	PushPromise:  {stream: onStream, size: anySize},                  // §6.6
	Ping:         {stream: onConnection, size: 8},                    // §6.7
	GoAway:       {stream: onConnection, size: anySize, min: 8},      // §6.8
	WindowUpdate: {stream: anywhere, size: 4},                        // §6.9
	Continuation: {stream: onStream, size: anySize},                  // §6.10
}

// Check judges a frame by its header alone. maxSize is the receiver's
// SETTINGS_MAX_FRAME_SIZE. Frames of unknown types pass when they are not too
// large. nil means legal.
func Check(h Header, maxSize uint32) *Error {
	if h.Length > maxSize {
		// Always for the whole connection: a frame that is not read leaves
		// the HPACK state or the flow-control windows apart (§4.2).
		return ConnError(FrameSizeError, h.Type.String()+" frame larger than SETTINGS_MAX_FRAME_SIZE")
	}
	if int(h.Type) >= len(rules) {
		return nil
	}
	r := rules[h.Type]
	switch {
	case r.stream == onStream && h.StreamID == 0:
		return ConnError(ProtocolError, h.Type.String()+" frame on stream 0")
	case r.stream == onConnection && h.StreamID != 0:
		return ConnError(ProtocolError, h.Type.String()+" frame on a stream")
	case r.size != anySize && h.Length != r.size,
		r.multiple != 0 && h.Length%r.multiple != 0,
		h.Length < r.min:
		e := ConnError(FrameSizeError, h.Type.String()+" frame of a wrong size")
		if h.Type == Priority {
			e.StreamID = h.StreamID // the one that is a stream error (§6.3)
		}
		return e
	}
	if h.Type == Settings && h.Flags.Has(FlagAck) && h.Length != 0 {
		return ConnError(FrameSizeError, "SETTINGS acknowledgement with a payload")
	}
	return nil
}
