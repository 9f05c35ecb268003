package frame

import "encoding/binary"

// AppendSettings appends a SETTINGS frame.
func AppendSettings(dst []byte, settings ...Setting) []byte {
	dst = AppendHeader(dst, Header{Length: uint32(len(settings) * SettingLen), Type: Settings})
	for _, s := range settings {
		dst = binary.BigEndian.AppendUint16(dst, uint16(s.ID))
		dst = binary.BigEndian.AppendUint32(dst, s.Value)
	}
	return dst
}

// AppendSettingsAck appends the acknowledgement of a SETTINGS frame.
func AppendSettingsAck(dst []byte) []byte {
	return AppendHeader(dst, Header{Type: Settings, Flags: FlagAck})
}

// AppendPing appends a PING frame, or its acknowledgement. data has 8 bytes.
func AppendPing(dst []byte, ack bool, data []byte) []byte {
	h := Header{Length: 8, Type: Ping}
	if ack {
		h.Flags = FlagAck
	}
	return append(AppendHeader(dst, h), data[:8]...)
}

// AppendRSTStream appends a RST_STREAM frame.
func AppendRSTStream(dst []byte, id uint32, code ErrCode) []byte {
	dst = AppendHeader(dst, Header{Length: 4, Type: RSTStream, StreamID: id})
	return binary.BigEndian.AppendUint32(dst, uint32(code))
}

// AppendWindowUpdate appends a WINDOW_UPDATE frame; id 0 is the connection's
// window.
func AppendWindowUpdate(dst []byte, id, increment uint32) []byte {
	dst = AppendHeader(dst, Header{Length: 4, Type: WindowUpdate, StreamID: id})
	return binary.BigEndian.AppendUint32(dst, increment)
}

// AppendGoAway appends a GOAWAY frame; debug is opaque and may be empty.
func AppendGoAway(dst []byte, last uint32, code ErrCode, debug string) []byte {
	dst = AppendHeader(dst, Header{Length: uint32(8 + len(debug)), Type: GoAway})
	dst = binary.BigEndian.AppendUint32(dst, last)
	dst = binary.BigEndian.AppendUint32(dst, uint32(code))
	return append(dst, debug...)
}

// AppendHeaders appends a complete header block as one HEADERS frame and as
// many CONTINUATION frames as maxSize, the peer's SETTINGS_MAX_FRAME_SIZE,
// asks for.
func AppendHeaders(dst []byte, id uint32, endStream bool, block []byte, maxSize int) []byte {
	h := Header{Type: Headers, StreamID: id}
	if endStream {
		h.Flags = FlagEndStream
	}
	for {
		n := min(len(block), maxSize)
		h.Length = uint32(n)
		if n == len(block) {
			h.Flags |= FlagEndHeaders
		}
		dst = append(AppendHeader(dst, h), block[:n]...)
		block = block[n:]
		if len(block) == 0 {
			return dst
		}
		h.Type, h.Flags = Continuation, 0
	}
}
