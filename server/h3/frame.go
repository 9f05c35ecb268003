package h3

import (
	"errors"
	"fmt"
	"io"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// Types of frames (RFC 9114 §7.2).
const (
	frameData        = 0x0
	frameHeaders     = 0x1
	frameCancelPush  = 0x3
	frameSettings    = 0x4
	framePushPromise = 0x5
	frameGoAway      = 0x7
	frameMaxPushID   = 0xd
)

// Settings (RFC 9114 §7.2.4.1, RFC 9220 §3).
const (
	settingMaxFieldSection = 0x6
	settingExtendedConnect = 0x8
)

// Types of unidirectional streams (RFC 9114 §6.2, RFC 9204 §4.2).
const (
	streamControl = 0x0
	streamPush    = 0x1
	streamEncoder = 0x2
	streamDecoder = 0x3
)

// Error codes (RFC 9114 §8.1, RFC 9204 §6), as both QUIC's stream and connection
// errors have them.
const (
	codeNoError              = 0x100
	codeGeneralProtocolError = 0x101
	codeInternalError        = 0x102
	codeStreamCreation       = 0x103
	codeClosedCriticalStream = 0x104
	codeFrameUnexpected      = 0x105
	codeFrameError           = 0x106
	codeExcessiveLoad        = 0x107
	codeIDError              = 0x108
	codeSettingsError        = 0x109
	codeMissingSettings      = 0x10a
	codeRequestRejected      = 0x10b
	codeRequestCancelled     = 0x10c
	codeRequestIncomplete    = 0x10d
	codeMessageError         = 0x10e
	codeConnectError         = 0x10f
	codeDecompressionFailed  = 0x200
	codeEncoderStreamError   = 0x201
)

// labelOf is the error of HTTP/2 that says the same, for the metric.
func labelOf(code uint64) metrics.ErrorCode {
	switch code {
	case codeNoError:
		return metrics.NoError
	case codeInternalError:
		return metrics.InternalError
	case codeFrameError:
		return metrics.FrameSizeError
	case codeExcessiveLoad:
		return metrics.EnhanceYourCalm
	case codeRequestRejected:
		return metrics.RefusedStream
	case codeRequestCancelled:
		return metrics.Cancel
	case codeConnectError:
		return metrics.ConnectError
	case codeDecompressionFailed, codeEncoderStreamError:
		return metrics.CompressionError
	}
	return metrics.ProtocolError
}

// failure is an error of the peer's: it ends its stream, or the connection.
type failure struct {
	code   uint64
	conn   bool // ends the connection
	reason string
}

func (f *failure) Error() string { return "h3: " + f.reason }

func connError(code uint64, reason string) *failure   { return &failure{code, true, reason} }
func streamError(code uint64, reason string) *failure { return &failure{code, false, reason} }

// source is what frames are read from.
type source interface {
	io.Reader
	io.ByteReader
}

// frameHead is the head of a frame: its payload follows.
type frameHead struct {
	kind   uint64
	length uint64 // of the payload, in bytes
}

// readFrameHead reads the head of a frame (RFC 9114 §7.1). io.EOF is the stream's
// end in front of a frame; within one it is [io.ErrUnexpectedEOF].
func readFrameHead(r source) (h frameHead, err error) {
	if h.kind, err = readVarint(r); err != nil {
		return h, err
	}
	if h.length, err = readVarint(r); err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return h, err
}

// readVarint reads an integer of QUIC (RFC 9000 §16). io.EOF: there is nothing.
func readVarint(r io.ByteReader) (n uint64, err error) {
	first, err := r.ReadByte()
	if err != nil {
		return 0, err
	}
	n = uint64(first & 0x3f)
	for range 1<<(first>>6) - 1 {
		b, err := r.ReadByte()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, err
		}
		n = n<<8 | uint64(b)
	}
	return n, nil
}

// belongs reports whether a frame of that type may stand on a request's stream
// (RFC 9114 §7.2): the error is the connection's if it may not.
func (h frameHead) belongs() *failure {
	switch h.kind {
	case frameData, frameHeaders:
		return nil
	case frameCancelPush, frameSettings, framePushPromise, frameGoAway, frameMaxPushID, 0x2, 0x6, 0x8, 0x9: // the last four are HTTP/2's (§7.2.8)
		return connError(codeFrameUnexpected, fmt.Sprintf("a frame of type %#x on a request's stream", h.kind))
	}
	return nil
}

// appendFrameHead appends the head of a frame.
func appendFrameHead(dst []byte, kind uint64, length int) []byte {
	dst = quicvarint.Append(dst, kind)
	return quicvarint.Append(dst, uint64(length))
}

// skip reads over n bytes.
func skip(r io.Reader, n uint64) error {
	_, err := io.CopyN(io.Discard, r, int64(n))
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// brokenOff reports whether err says that the peer has ended the stream early.
func brokenOff(err error) bool {
	var reset *quic.StreamError
	return errors.As(err, &reset) && reset.Remote
}
