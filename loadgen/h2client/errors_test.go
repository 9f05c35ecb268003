package h2client

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/flow"
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

// violation is what a server does wrong on a connection on which stream 1 is
// answered, 3 open, and 5 reset by the client.
type violation struct {
	name  string
	bytes []byte
	code  frame.ErrCode
	why   string
}

var (
	part = raw(frame.Headers, frame.FlagEndStream, 3, "\x88")

	violations = []violation{
		{"a frame too large", frame.AppendHeader(nil, frame.Header{Length: frame.MinMaxSize + 1, Type: frame.Data, StreamID: 3}), frame.FrameSizeError, "DATA frame larger than SETTINGS_MAX_FRAME_SIZE"},
		{"an unknown frame too large", frame.AppendHeader(nil, frame.Header{Length: frame.MinMaxSize + 1, Type: 0x50}), frame.FrameSizeError, "frame type 0x50 frame larger than SETTINGS_MAX_FRAME_SIZE"},
		{"DATA on the connection", data(0, "x", false), frame.ProtocolError, "DATA frame on stream 0"},
		{"DATA on an idle stream", data(7, "x", true), frame.ProtocolError, "DATA frame on a stream that was not opened"},
		{"DATA on an even stream", data(2, "x", true), frame.ProtocolError, "DATA frame on a stream that was not opened"},
		{"DATA behind the end", data(1, "x", true), frame.StreamClosed, "a frame behind the end of its stream"},
		{"empty DATA behind the end", data(1, "", true), frame.StreamClosed, "a frame behind the end of its stream"},
		{"padding longer than the frame", raw(frame.Data, frame.FlagPadded, 3, "\x01"), frame.ProtocolError, "padding longer than the frame"},
		{"padding without a length", raw(frame.Data, frame.FlagPadded, 3, ""), frame.FrameSizeError, "padded frame without a pad length"},
		{"bad padding on a stream that is gone", raw(frame.Data, frame.FlagPadded, 5, "\x01"), frame.ProtocolError, "padding longer than the frame"},
		{"padded HEADERS", raw(frame.Headers, frame.FlagPadded|frame.FlagEndHeaders, 3, "\x02\x88"), frame.ProtocolError, "padding longer than the frame"},
		{"HEADERS that depend on themselves", raw(frame.Headers, frame.FlagEndHeaders|frame.FlagPriority, 3, "\x00\x00\x00\x03\x00\x88"), frame.ProtocolError, "stream depends on itself"},
		{"HEADERS too short for their priority", raw(frame.Headers, frame.FlagEndHeaders|frame.FlagPriority, 3, "\x00\x00\x00"), frame.FrameSizeError, "HEADERS frame too short for its priority fields"},
		{"HEADERS on an idle stream", headers(7, true, ":status", "200"), frame.ProtocolError, "HEADERS frame on a stream that was not opened"},
		{"HEADERS on an even stream", headers(2, true, ":status", "200"), frame.ProtocolError, "HEADERS frame on a stream that was not opened"},
		{"HEADERS behind the end", headers(1, true, ":status", "200"), frame.StreamClosed, "a frame behind the end of its stream"},
		{"HEADERS behind a reset", append(frame.AppendRSTStream(nil, 3, frame.NoError), headers(3, true, ":status", "200")...), frame.StreamClosed, "a frame behind the end of its stream"},
		{"HEADERS that are no HPACK", raw(frame.Headers, frame.FlagEndHeaders, 3, "\x80"), frame.CompressionError, "a header block is not HPACK"},
		{"HEADERS that end early", raw(frame.Headers, frame.FlagEndHeaders, 3, "\x88\x40\x05a"), frame.CompressionError, "a header block is not HPACK"},
		{"an index of no entry", raw(frame.Headers, frame.FlagEndHeaders, 3, "\xbe"), frame.CompressionError, "a header block is not HPACK"},
		{"a table over our limit", raw(frame.Headers, frame.FlagEndHeaders, 3, "\x3f\xe2\x1f\x88"), frame.CompressionError, "a header block is not HPACK"},
		{"HPACK garbage on a stream that is gone", raw(frame.Headers, frame.FlagEndHeaders, 5, "\x80"), frame.CompressionError, "a header block is not HPACK"},
		{"HPACK garbage in trailers", append(headers(3, false, ":status", "200"), raw(frame.Headers, frame.FlagEndHeaders|frame.FlagEndStream, 3, "\x80")...), frame.CompressionError, "a header block is not HPACK"},
		{"CONTINUATION alone", raw(frame.Continuation, frame.FlagEndHeaders, 3, ""), frame.ProtocolError, "CONTINUATION without a header block"},
		{"CONTINUATION behind END_HEADERS", append(headers(3, false, ":status", "200"), raw(frame.Continuation, frame.FlagEndHeaders, 3, "")...), frame.ProtocolError, "CONTINUATION without a header block"},
		{"a block interrupted by PING", append(slices.Clip(part), frame.AppendPing(nil, false, []byte("12345678"))...), frame.ProtocolError, "header block interrupted by another frame"},
		{"a block interrupted by DATA", append(slices.Clip(part), data(3, "", true)...), frame.ProtocolError, "header block interrupted by another frame"},
		{"a block interrupted by HEADERS", append(slices.Clip(part), headers(3, true, ":status", "200")...), frame.ProtocolError, "header block interrupted by another frame"},
		{"a block interrupted, unknown", append(slices.Clip(part), raw(0xbb, 0, 3, "")...), frame.ProtocolError, "header block interrupted by another frame"},
		{"CONTINUATION of another stream", append(slices.Clip(part), raw(frame.Continuation, frame.FlagEndHeaders, 5, "\x88")...), frame.ProtocolError, "header block interrupted by another frame"},
		{"a block over 64 KiB", append(slices.Clip(part), slices.Repeat(raw(frame.Continuation, 0, 3, zeros[:frame.MinMaxSize]), 4)...), frame.EnhanceYourCalm, "header block over 64 KiB"},
		{"RST_STREAM on an idle stream", frame.AppendRSTStream(nil, 7, frame.Cancel), frame.ProtocolError, "RST_STREAM frame on a stream that was not opened"},
		{"RST_STREAM too short", raw(frame.RSTStream, 0, 3, "\x00\x00\x00"), frame.FrameSizeError, "RST_STREAM frame of a wrong size"},
		{"RST_STREAM on the connection", frame.AppendRSTStream(nil, 0, frame.Cancel), frame.ProtocolError, "RST_STREAM frame on stream 0"},
		{"SETTINGS on a stream", raw(frame.Settings, 0, 3, ""), frame.ProtocolError, "SETTINGS frame on a stream"},
		{"SETTINGS of a wrong size", raw(frame.Settings, 0, 0, "12345"), frame.FrameSizeError, "SETTINGS frame of a wrong size"},
		{"an acknowledgement with a payload", raw(frame.Settings, frame.FlagAck, 0, "123456"), frame.FrameSizeError, "SETTINGS acknowledgement with a payload"},
		{"push switched on", frame.AppendSettings(nil, frame.Setting{ID: frame.EnablePush, Value: 1}), frame.ProtocolError, "SETTINGS_ENABLE_PUSH of a server"},
		{"an initial window past the end", frame.AppendSettings(nil, frame.Setting{ID: frame.InitialWindowSize, Value: frame.MaxWindow + 1}), frame.FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1"},
		{"a window past the end by SETTINGS", append(frame.AppendWindowUpdate(nil, 3, 1), frame.AppendSettings(nil, frame.Setting{ID: frame.InitialWindowSize, Value: frame.MaxWindow})...), frame.FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE takes a window past 2^31-1"},
		{"a frame size too small", frame.AppendSettings(nil, frame.Setting{ID: frame.MaxFrameSize, Value: frame.MinMaxSize - 1}), frame.ProtocolError, "SETTINGS_MAX_FRAME_SIZE outside 2^14 to 2^24-1"},
		{"PUSH_PROMISE", raw(frame.PushPromise, frame.FlagEndHeaders, 3, "\x00\x00\x00\x02\x82"), frame.ProtocolError, "PUSH_PROMISE, which SETTINGS_ENABLE_PUSH forbids"},
		{"PING of a wrong size", raw(frame.Ping, 0, 0, "1234567"), frame.FrameSizeError, "PING frame of a wrong size"},
		{"PING on a stream", raw(frame.Ping, 0, 3, "12345678"), frame.ProtocolError, "PING frame on a stream"},
		{"GOAWAY on a stream", raw(frame.GoAway, 0, 3, "12345678"), frame.ProtocolError, "GOAWAY frame on a stream"},
		{"GOAWAY too short", raw(frame.GoAway, 0, 0, "1234567"), frame.FrameSizeError, "GOAWAY frame of a wrong size"},
		{"WINDOW_UPDATE on an idle stream", frame.AppendWindowUpdate(nil, 7, 1), frame.ProtocolError, "WINDOW_UPDATE frame on a stream that was not opened"},
		{"WINDOW_UPDATE of a wrong size", raw(frame.WindowUpdate, 0, 3, "\x00\x00\x01"), frame.FrameSizeError, "WINDOW_UPDATE frame of a wrong size"},
		{"WINDOW_UPDATE of 0", frame.AppendWindowUpdate(nil, 0, 0), frame.ProtocolError, "window increment of 0"},
		{"connection window past the end", frame.AppendWindowUpdate(nil, 0, frame.MaxWindow), frame.FlowControlError, "connection window past 2^31-1"},
	}
)

// Each violation ends the connection, with a code, and what is in flight fails
// for it at that moment.
func TestConnectionErrors(t *testing.T) {
	for _, c := range violations {
		t.Run(c.name, func(t *testing.T) {
			run(t, setup{}, func(p *peer) {
				p.get(1, "/answered")
				p.get(3, "/open")
				p.get(5, "/reset")
				p.Send(ok(1), headers(5, true))
				p.WantReset(5, frame.ProtocolError)
				time.Sleep(time.Second)
				p.Send(c.bytes)
				p.wantOutcome(0, 200, nil)
				p.wantCounts(3, 0)
				failure := malformed(c.why)
				open := p.ends()[2]
				if open.Failure.Kind != exchange.Reset && !same(open.Failure, failure) {
					p.Errorf("the open stream failed for %v, want %v", open.Failure, failure)
				}
				if open.Ended != p.now() {
					p.Errorf("it ended at %v, want %v", open.Ended, p.now())
				}
				p.wantGoAway(c.code)
				p.wantEnd(failure)
			})
		})
	}
}

// What comes behind a violation is not looked at.
func TestBehindAConnectionError(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		p.get(1, "/")
		p.Send(frame.AppendWindowUpdate(nil, 0, 0), ok(1), frame.AppendPing(nil, false, []byte("12345678")))
		p.wantOutcome(0, 0, errIncrement)
		p.wantGoAway(frame.ProtocolError)
	})
}

// The first frame must be SETTINGS.
func TestNotHTTP2(t *testing.T) {
	notSettings := malformed("the first frame is not SETTINGS")
	for name, c := range map[string]struct {
		bytes   string
		failure *exchange.Failure
	}{
		"PING":               {string(frame.AppendPing(nil, false, []byte("12345678"))), notSettings},
		"an acknowledgement": {string(frame.AppendSettingsAck(nil)), notSettings},
		"a response":         {string(ok(1)), notSettings},
		"GOAWAY":             {string(frame.AppendGoAway(nil, 0, frame.NoError, "")), notSettings},
		"an unknown frame":   {string(raw(0xbe, 0, 0, "")), notSettings},
		"SSH":                {"SSH-2.0-OpenSSH_9.2\r\n", notSettings},
		"HTTP/1.1":           {"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", exchange.NoHTTP2},
		"HTTP/1.0":           {"HTTP/1.0 400 Bad Request\r\n\r\n", exchange.NoHTTP2},
	} {
		for _, bytewise := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				run(t, setup{silent: true}, func(p *peer) {
					p.get(1, "/")
					p.get(3, "/")
					if bytewise {
						c.bytes = c.bytes[:9] // none of the rest is read
					}
					p.sendParts(bytewise, [][]byte{[]byte(c.bytes)})
					p.wantOutcome(0, 0, c.failure)
					p.wantOutcome(1, 0, c.failure)
					p.wantGoAway(frame.ProtocolError)
					p.wantEnd(c.failure)
				})
			})
		}
	}
}

// A server may not send more DATA than we gave it. As windows are given back at
// once, it takes windows that are smaller than a frame to see that.
func TestReceiveWindows(t *testing.T) {
	t.Run("of the connection", func(t *testing.T) {
		run(t, setup{prepare: func(c *Conn) { c.credit = flow.NewCredit(10) }}, func(p *peer) {
			p.get(1, "/")
			p.Send(headers(1, false, ":status", "200"), data(1, "0123456789a", true))
			failure := malformed("more DATA than the connection window allows")
			p.wantOutcome(0, 200, failure)
			p.wantGoAway(frame.FlowControlError)
			p.wantEnd(failure)
		})
	})
	t.Run("of a stream", func(t *testing.T) {
		run(t, setup{}, func(p *peer) {
			p.get(1, "/")
			p.engine.stream(1).credit = flow.NewCredit(10)
			p.Send(headers(1, false, ":status", "200"), data(1, "0123456789a", true))
			p.WantReset(1, frame.FlowControlError)
			p.wantOutcome(0, 200, malformed("more DATA than the stream window allows"))
			p.WantAlive()
		})
	})
}

// A server that reads in the end may ask as often as it likes.
func TestAnswersThatAreReadLate(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		question := frame.AppendPing(nil, false, []byte("12345678"))
		for range 5 {
			const burst = 8
			for range burst {
				p.Send([]byte(strings.Repeat(string(question), 100)))
			}
			for range 100 * burst {
				p.Want(frame.Ping, 0, frame.FlagAck)
			}
			synctest.Wait()
		}
	})
}

// A server that asks and does not read the answers is left, before they fill
// the memory.
func TestAnswersThatAreNotRead(t *testing.T) {
	for name, question := range map[string][]byte{
		"PING":     frame.AppendPing(nil, false, []byte("12345678")),
		"SETTINGS": frame.AppendSettings(nil),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{}, func(p *peer) {
				p.get(1, "/")
				questions := []byte(strings.Repeat(string(question), 100))
				sent := 0
				for ; sent < 100 && len(p.ends()) == 0; sent++ {
					if _, err := p.Conn.Write(questions); err != nil {
						break
					}
					synctest.Wait()
				}
				p.wantOutcome(0, 0, malformed("answers to PING and SETTINGS are not read"))
				if sent < maxAnswers/100 || sent > maxAnswers/100+3 {
					p.Errorf("after %d questions", 100*sent)
				}
			})
		})
	}
}
