package frame

import "fmt"

// ErrCode is an error code of RST_STREAM and GOAWAY (RFC 9113 §7).
type ErrCode uint32

// The error codes of RFC 9113 §7.
const (
	NoError            ErrCode = 0x0
	ProtocolError      ErrCode = 0x1
	InternalError      ErrCode = 0x2
	FlowControlError   ErrCode = 0x3
	SettingsTimeout    ErrCode = 0x4
	StreamClosed       ErrCode = 0x5
	FrameSizeError     ErrCode = 0x6
	RefusedStream      ErrCode = 0x7
	Cancel             ErrCode = 0x8
	CompressionError   ErrCode = 0x9
	ConnectError       ErrCode = 0xa
	EnhanceYourCalm    ErrCode = 0xb
	InadequateSecurity ErrCode = 0xc
	HTTP11Required     ErrCode = 0xd
)

var codeNames = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR",
	"SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM",
	"CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
	"INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

func (c ErrCode) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return fmt.Sprintf("error code %#x", uint32(c))
}

// Error is a protocol error: of one stream, or of the connection if
// StreamID is 0.
type Error struct {
	Code     ErrCode
	StreamID uint32
	Reason   string // what the peer did, for the log and GOAWAY's debug data
}

func (e *Error) Error() string {
	if e.StreamID == 0 {
		return fmt.Sprintf("connection error %v: %s", e.Code, e.Reason)
	}
	return fmt.Sprintf("stream %d error %v: %s", e.StreamID, e.Code, e.Reason)
}

// ConnError makes an error that ends the connection.
func ConnError(code ErrCode, reason string) *Error {
	return &Error{Code: code, Reason: reason}
}

// StreamError makes an error that ends one stream.
func StreamError(id uint32, code ErrCode, reason string) *Error {
	return &Error{Code: code, StreamID: id, Reason: reason}
}
