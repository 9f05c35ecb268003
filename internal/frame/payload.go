package frame

import "encoding/binary"

// Unpad returns the content of a DATA frame's payload without its padding.
func Unpad(h Header, payload []byte) ([]byte, *Error) {
	if !h.Flags.Has(FlagPadded) {
		return payload, nil
	}
	if len(payload) == 0 {
		return nil, ConnError(FrameSizeError, "padded frame without a pad length")
	}
	pad := int(payload[0])
	payload = payload[1:]
	if pad > len(payload) {
		// §6.1: padding as long as the payload or longer.
		return nil, ConnError(ProtocolError, "padding longer than the frame")
	}
	return payload[:len(payload)-pad], nil
}

// HeaderFragment returns the header block fragment of a HEADERS frame, without
// padding and without the deprecated priority fields, which are validated and
// dropped (RFC 9113 §5.3.2, §6.2).
func HeaderFragment(h Header, payload []byte) ([]byte, *Error) {
	payload, err := Unpad(h, payload)
	if err != nil || !h.Flags.Has(FlagPriority) {
		return payload, err
	}
	if len(payload) < 5 {
		return nil, ConnError(FrameSizeError, "HEADERS frame too short for its priority fields")
	}
	if Dependency(payload) == h.StreamID {
		return nil, ConnError(ProtocolError, "stream depends on itself")
	}
	return payload[5:], nil
}

// Dependency reads the stream dependency at the start of b: a PRIORITY frame's
// payload or the priority fields of HEADERS.
func Dependency(b []byte) uint32 { return binary.BigEndian.Uint32(b) & MaxStreamID }

// Code reads the error code of a RST_STREAM payload.
func Code(payload []byte) ErrCode { return ErrCode(binary.BigEndian.Uint32(payload)) }

// Increment reads the window size increment of a WINDOW_UPDATE payload. An
// increment of 0 is an error of the stream, or of the connection on stream 0
// (§6.9).
func Increment(h Header, payload []byte) (uint32, *Error) {
	n := binary.BigEndian.Uint32(payload) & MaxWindow
	if n == 0 {
		return 0, &Error{Code: ProtocolError, StreamID: h.StreamID, Reason: "window increment of 0"}
	}
	return n, nil
}

// LastStream reads the last stream identifier and the error code of a GOAWAY
// payload.
func LastStream(payload []byte) (uint32, ErrCode) {
	return binary.BigEndian.Uint32(payload) & MaxStreamID, ErrCode(binary.BigEndian.Uint32(payload[4:]))
}

// SettingID names a setting (RFC 9113 §6.5.2).
type SettingID uint16

// The settings of RFC 9113 §6.5.2, and of RFC 8441 §3. Any other is ignored.
const (
	HeaderTableSize       SettingID = 0x1
	EnablePush            SettingID = 0x2
	MaxConcurrentStreams  SettingID = 0x3
	InitialWindowSize     SettingID = 0x4
	MaxFrameSize          SettingID = 0x5
	MaxHeaderListSize     SettingID = 0x6
	EnableConnectProtocol SettingID = 0x8
)

// Setting is one pair of a SETTINGS frame.
type Setting struct {
	ID    SettingID
	Value uint32
}

// SettingLen is the length of one setting in a SETTINGS payload, in bytes.
const SettingLen = 6

// ParseSetting reads the setting at the start of b and checks its value
// (§6.5.2).
func ParseSetting(b []byte) (Setting, *Error) {
	s := Setting{SettingID(binary.BigEndian.Uint16(b)), binary.BigEndian.Uint32(b[2:])}
	switch {
	case s.ID == EnablePush && s.Value > 1:
		return s, ConnError(ProtocolError, "SETTINGS_ENABLE_PUSH neither 0 nor 1")
	case s.ID == EnableConnectProtocol && s.Value > 1:
		return s, ConnError(ProtocolError, "SETTINGS_ENABLE_CONNECT_PROTOCOL neither 0 nor 1")
	case s.ID == InitialWindowSize && s.Value > MaxWindow:
		return s, ConnError(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1")
	case s.ID == MaxFrameSize && (s.Value < MinMaxSize || s.Value > MaxMaxSize):
		return s, ConnError(ProtocolError, "SETTINGS_MAX_FRAME_SIZE outside 2^14 to 2^24-1")
	}
	return s, nil
}
