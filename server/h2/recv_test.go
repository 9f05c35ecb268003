package h2

import (
	"net/http"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// raw is a frame of whatever type and content.
func raw(typ frame.Type, flags frame.Flags, id uint32, payload string) []byte {
	return append(frame.AppendHeader(nil, frame.Header{Length: uint32(len(payload)), Type: typ, Flags: flags, StreamID: id}), payload...)
}

// TestConnectionErrors: what a frame does wrong on a connection that has one
// stream open, 3, one closed, 1, and one reset by the client, 5.
func TestConnectionErrors(t *testing.T) {
	part := raw(frame.Headers, frame.FlagEndStream, 7, "\x82\x87")
	for name, tt := range map[string]struct {
		bytes []byte
		code  frame.ErrCode
	}{
		"a frame too large":                {frame.AppendHeader(nil, frame.Header{Length: frame.MinMaxSize + 1, Type: frame.Data, StreamID: 3}), frame.FrameSizeError},
		"DATA on an idle stream":           {data(7, "x", true), frame.ProtocolError},
		"DATA on an even stream":           {data(2, "x", true), frame.ProtocolError},
		"DATA with too much padding":       {raw(frame.Data, frame.FlagPadded, 3, "\x01"), frame.ProtocolError},
		"HEADERS on an even stream":        {get(8, "/"), frame.ProtocolError},
		"HEADERS on a closed stream":       {get(1, "/"), frame.StreamClosed},
		"HEADERS on a stream never opened": {append(get(9, "/slow"), get(7, "/")...), frame.StreamClosed},
		"HEADERS on a stream it has reset": {get(5, "/"), frame.StreamClosed},
		"HEADERS that are no HPACK":        {raw(frame.Headers, frame.FlagEndHeaders, 7, "\x80"), frame.CompressionError},
		"HEADERS that depend on itself":    {raw(frame.Headers, frame.FlagEndHeaders|frame.FlagPriority, 7, "\x00\x00\x00\x07\x00\x82"), frame.ProtocolError},
		"CONTINUATION alone":               {raw(frame.Continuation, frame.FlagEndHeaders, 3, ""), frame.ProtocolError},
		"CONTINUATION after END_HEADERS":   {append(get(7, "/slow"), raw(frame.Continuation, frame.FlagEndHeaders, 7, "")...), frame.ProtocolError},
		"a block interrupted by PING":      {append(part, frame.AppendPing(nil, false, []byte("12345678"))...), frame.ProtocolError},
		"a block interrupted by DATA":      {append(part, data(7, "", true)...), frame.ProtocolError},
		"a block interrupted by HEADERS":   {append(part, get(9, "/")...), frame.ProtocolError},
		"a block interrupted, unknown":     {append(part, raw(0xbb, 0, 7, "")...), frame.ProtocolError},
		"CONTINUATION of another stream":   {append(part, raw(frame.Continuation, frame.FlagEndHeaders, 9, "\x84")...), frame.ProtocolError},
		"RST_STREAM on an idle stream":     {frame.AppendRSTStream(nil, 7, frame.Cancel), frame.ProtocolError},
		"RST_STREAM on an even stream":     {frame.AppendRSTStream(nil, 2, frame.Cancel), frame.ProtocolError},
		"PRIORITY on itself, idle":         {raw(frame.Priority, 0, 7, "\x00\x00\x00\x07\x10"), frame.ProtocolError},
		"PRIORITY on itself, even":         {raw(frame.Priority, 0, 2, "\x00\x00\x00\x02\x10"), frame.ProtocolError},
		"PRIORITY too short, idle":         {raw(frame.Priority, 0, 7, "1234"), frame.FrameSizeError},
		"PUSH_PROMISE":                     {raw(frame.PushPromise, frame.FlagEndHeaders, 3, "\x00\x00\x00\x02"), frame.ProtocolError},
		"WINDOW_UPDATE on an idle stream":  {frame.AppendWindowUpdate(nil, 7, 1), frame.ProtocolError},
		"WINDOW_UPDATE of 0":               {frame.AppendWindowUpdate(nil, 0, 0), frame.ProtocolError},
		"connection window past the end":   {frame.AppendWindowUpdate(nil, 0, frame.MaxWindow), frame.FlowControlError},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{source: stored("/", "hit"), handler: stall}, func(p *peer) {
				p.Write(get(1, "/"), post(3, "/slow"), get(5, "/slow"), frame.AppendRSTStream(nil, 5, frame.Cancel))
				p.wantBody(1, 200, "hit")
				p.Write(tt.bytes)
				p.wantGoAway(tt.code, metrics.CloseError)
			})
		})
	}
}

// TestStreamErrors end one stream: 3, which a handler has, while 5 goes on.
func TestStreamErrors(t *testing.T) {
	const open, ended, closed = 3, 5, 1
	for name, tt := range map[string]struct {
		bytes []byte
		id    uint32
		code  frame.ErrCode
	}{
		"DATA after the end":              {data(ended, "x", true), ended, frame.StreamClosed},
		"DATA on a closed stream":         {data(closed, "x", true), closed, frame.StreamClosed},
		"HEADERS after the end":           {get(ended, "/"), ended, frame.StreamClosed},
		"HEADERS in the middle":           {headers(open, false, "x", "y"), open, frame.ProtocolError},
		"pseudo-field in trailers":        {headers(open, true, ":path", "/"), open, frame.ProtocolError},
		"bad field in trailers":           {headers(open, true, "Upper", "1"), open, frame.ProtocolError},
		"connection field in trailers":    {headers(open, true, "connection", "close"), open, frame.ProtocolError},
		"PRIORITY too short":              {raw(frame.Priority, 0, open, "1234"), open, frame.FrameSizeError},
		"PRIORITY that depends on itself": {raw(frame.Priority, 0, open, "\x00\x00\x00\x03\x00"), open, frame.ProtocolError},
		"WINDOW_UPDATE of 0":              {frame.AppendWindowUpdate(nil, open, 0), open, frame.ProtocolError},
		"a window past the end":           {frame.AppendWindowUpdate(nil, open, frame.MaxWindow), open, frame.FlowControlError},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{source: stored("/", "hit"), handler: stall}, func(p *peer) {
				p.Write(get(closed, "/"), post(open, "/open"), get(ended, "/ended"), get(7, "/7"))
				p.wantBody(closed, 200, "hit")
				handlers := make(map[string]<-chan struct{})
				for range 3 {
					r := <-p.entered
					handlers[r.URL.Path] = r.Context().Done()
				}
				p.Write(tt.bytes)
				p.WantReset(tt.id, tt.code)
				switch tt.id {
				case open:
					<-handlers["/open"]
				case ended:
					<-handlers["/ended"]
				}
				p.WantAlive()
				p.release <- struct{}{}
				for range 2 { // of those that are left one was released
					f := p.NextFrame()
					if f.StreamID == tt.id || f.Type != frame.Headers && f.Type != frame.Data {
						p.Errorf("%v after the reset", f.Header)
					}
				}
			})
		})
	}
}

// TestPriorityOnAnIdleStream: PRIORITY opens nothing (RFC 9113 §5.3.2).
func TestPriorityOnAnIdleStream(t *testing.T) {
	run(t, setup{source: stored("/", "hit")}, func(p *peer) {
		p.Write(raw(frame.Priority, 0, 101, "\x00\x00\x00\x00\x10"))
		p.WantAlive()
		p.Write(get(3, "/"))
		p.wantBody(3, 200, "hit")
	})
}

// TestFramesUnderWay: after we have reset a stream, what the client sent before
// that reached it is ignored, but kept in the accounts of HPACK and windows.
func TestFramesUnderWay(t *testing.T) {
	run(t, setup{source: stored("/", "hit")}, func(p *peer) {
		p.Write(post(1, "/", "te", "bad"))
		p.WantReset(1, frame.ProtocolError)
		for range 20 {
			p.Write(data(1, strings.Repeat("x", frame.MinMaxSize), false))
		}
		enter := append([]byte{0x82, 0x87, 0x40 | 4, 1}, '/')
		p.Write(
			frame.AppendHeaders(nil, 1, true, enter, frame.MinMaxSize), // trailers, odd ones, that enter a field
			frame.AppendWindowUpdate(nil, 1, 1), frame.AppendRSTStream(nil, 1, frame.Cancel),
			frame.AppendHeaders(nil, 3, true, []byte{0x82, 0x87, 0x80 | 62, 0x01, 4, 't', 'e', 's', 't'}, frame.MinMaxSize),
		)
		p.wantBody(3, 200, "hit")
		if n := p.Credit[0]; n < 20*frame.MinMaxSize {
			p.Errorf("%d bytes given back", n)
		}
		if n := p.Credit[1]; n != 0 {
			p.Errorf("%d bytes given back to a stream that is closed", n)
		}
	})
}

// TestUploadsRefusedTogether: all the streams that a client may have open are
// reset at once, and each has DATA and trailers under way.
func TestUploadsRefusedTogether(t *testing.T) {
	const n = 250
	run(t, setup{source: stored("/", "hit"), handler: func(*peer, writer, *http.Request) {}}, func(p *peer) {
		for i := range uint32(n) {
			p.Write(post(1+2*i, "/"))
			p.wantResponse(1+2*i, 200)
			p.WantReset(1+2*i, frame.NoError)
		}
		for i := range uint32(n) {
			p.Write(data(1+2*i, "late", false), headers(1+2*i, true, "late", "1"))
		}
		p.WantAlive()
		p.Write(get(2*n+1, "/"))
		p.wantBody(2*n+1, 200, "hit")
	})
}

// TestErrorsAfterAReset: what is wrong even for a stream that we have reset is
// answered: the client may not have received our reset.
func TestErrorsAfterAReset(t *testing.T) {
	for name, bad := range map[string][]byte{
		"HEADERS in the middle": headers(1, false, "a", "b"),
		"WINDOW_UPDATE of 0":    frame.AppendWindowUpdate(nil, 1, 0),
		"PRIORITY on itself":    raw(frame.Priority, 0, 1, "\x00\x00\x00\x01\x00"),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{}, func(p *peer) {
				p.Write(post(1, "/"))
				p.wantResponseAndReset(1)
				p.Write(bad)
				p.WantReset(1, frame.ProtocolError)
				p.WantAlive()
			})
		})
	}
}

// TestFramesAfterBothReset: once the client has reset the stream too, nothing
// of it can be under way.
func TestFramesAfterBothReset(t *testing.T) {
	run(t, setup{}, func(p *peer) {
		for id := uint32(1); id < 4; id += 2 {
			p.Write(post(id, "/"))
			p.wantResponseAndReset(id)
			p.Write(frame.AppendRSTStream(nil, id, frame.Cancel))
		}
		p.Write(data(1, "x", true))
		p.WantReset(1, frame.StreamClosed)
		p.Write(headers(3, true, "a", "b"))
		p.wantGoAway(frame.StreamClosed, metrics.CloseError)
	})
}

func TestIgnoredFrames(t *testing.T) {
	run(t, setup{source: stored("/", "hit")}, func(p *peer) {
		p.Write(
			raw(0xa, 0xff, 0, "altsvc"), raw(0xfe, 0, 77, strings.Repeat("x", frame.MinMaxSize)),
			raw(frame.Priority, 0, 1, "\x00\x00\x00\x03\x10"),
			frame.AppendGoAway(nil, 0, frame.NoError, "bye"),
			frame.AppendSettings(nil, frame.Setting{ID: 0x99, Value: 1}),
			raw(frame.Headers, 0xff&^frame.FlagPadded&^frame.FlagPriority, 1, string(block(pseudo("GET", "/")...))), // unknown flags
		)
		p.Want(frame.Settings, 0, frame.FlagAck)
		p.wantBody(1, 200, "hit") // streams go on after the client's GOAWAY
	})
}

func TestPaddedAndSplitHeaders(t *testing.T) {
	b := string(block(pseudo("GET", "/")...))
	for name, request := range map[string][][]byte{
		"padding":               {raw(frame.Headers, frame.FlagEndStream|frame.FlagEndHeaders|frame.FlagPadded, 1, "\x03"+b+"\x00\x00\x00")},
		"priority":              {raw(frame.Headers, frame.FlagEndStream|frame.FlagEndHeaders|frame.FlagPriority, 1, "\x80\x00\x00\x00\x10"+b)},
		"CONTINUATION":          {raw(frame.Headers, frame.FlagEndStream, 1, b[:3]), raw(frame.Continuation, 0, 1, b[3:6]), raw(frame.Continuation, frame.FlagEndHeaders, 1, b[6:])},
		"empty fragments":       {raw(frame.Headers, frame.FlagEndStream, 1, ""), raw(frame.Continuation, 0, 1, ""), raw(frame.Continuation, frame.FlagEndHeaders, 1, b)},
		"padding, CONTINUATION": {raw(frame.Headers, frame.FlagEndStream|frame.FlagPadded, 1, "\x01"+b[:5]+"\x00"), raw(frame.Continuation, frame.FlagEndHeaders, 1, b[5:])},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{source: stored("/", "hit")}, func(p *peer) {
				for _, b := range request { // each in a turn of its own
					p.Write(b)
				}
				p.wantBody(1, 200, "hit")
			})
		})
	}
}
