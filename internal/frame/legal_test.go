package frame

import "testing"

// TestCheck breaks each rule of RFC 9113 §6 once, and keeps it once, at its
// boundary if it has one.
func TestCheck(t *testing.T) {
	const conn, stream = 0, 1
	for _, tt := range []struct {
		name  string
		h     Header
		code  ErrCode // NoError: legal
		scope uint32  // stream that the error ends
	}{
		{"§4.2 the largest", Header{Length: MinMaxSize, Type: Data, StreamID: 1}, NoError, 0},
		{"§4.2 too large", Header{Length: MinMaxSize + 1, Type: Data, StreamID: 1}, FrameSizeError, conn},
		{"§4.2 too large, of an unknown type", Header{Length: MinMaxSize + 1, Type: 0xa, StreamID: 1}, FrameSizeError, conn},
		{"§5.5 of an unknown type", Header{Length: MinMaxSize, Type: 0xa, Flags: 0xff, StreamID: 1}, NoError, 0},
		{"§5.5 of the last type", Header{Type: 0xff}, NoError, 0},

		{"§6.1 DATA", Header{Type: Data, StreamID: 1}, NoError, 0},
		{"§6.1 DATA on stream 0", Header{Type: Data}, ProtocolError, conn},
		{"§6.2 HEADERS", Header{Type: Headers, StreamID: 1}, NoError, 0},
		{"§6.2 HEADERS on stream 0", Header{Type: Headers}, ProtocolError, conn},
		{"§6.3 PRIORITY", Header{Length: 5, Type: Priority, StreamID: 1}, NoError, 0},
		{"§6.3 PRIORITY on stream 0", Header{Length: 5, Type: Priority}, ProtocolError, conn},
		{"§6.3 PRIORITY too short", Header{Length: 4, Type: Priority, StreamID: 1}, FrameSizeError, stream},
		{"§6.3 PRIORITY too long", Header{Length: 6, Type: Priority, StreamID: 1}, FrameSizeError, stream},
		{"§6.4 RST_STREAM", Header{Length: 4, Type: RSTStream, StreamID: 1}, NoError, 0},
		{"§6.4 RST_STREAM on stream 0", Header{Length: 4, Type: RSTStream}, ProtocolError, conn},
		{"§6.4 RST_STREAM too short", Header{Length: 3, Type: RSTStream, StreamID: 1}, FrameSizeError, conn},
		{"§6.4 RST_STREAM too long", Header{Length: 5, Type: RSTStream, StreamID: 1}, FrameSizeError, conn},
		{"§6.5 SETTINGS, none", Header{Type: Settings}, NoError, 0},
		{"§6.5 SETTINGS, two", Header{Length: 12, Type: Settings}, NoError, 0},
		{"§6.5 SETTINGS on a stream", Header{Type: Settings, StreamID: 1}, ProtocolError, conn},
		{"§6.5 SETTINGS, one and a half", Header{Length: 9, Type: Settings}, FrameSizeError, conn},
		{"§6.5 SETTINGS acknowledgement", Header{Type: Settings, Flags: FlagAck}, NoError, 0},
		{"§6.5 SETTINGS acknowledgement with a setting", Header{Length: 6, Type: Settings, Flags: FlagAck}, FrameSizeError, conn},
		{"§6.6 PUSH_PROMISE", Header{Length: 4, Type: PushPromise, StreamID: 1}, NoError, 0},
		{"§6.6 PUSH_PROMISE on stream 0", Header{Length: 4, Type: PushPromise}, ProtocolError, conn},
		{"§6.7 PING", Header{Length: 8, Type: Ping}, NoError, 0},
		{"§6.7 PING on a stream", Header{Length: 8, Type: Ping, StreamID: 1}, ProtocolError, conn},
		{"§6.7 PING too short", Header{Length: 7, Type: Ping}, FrameSizeError, conn},
		{"§6.7 PING too long", Header{Length: 9, Type: Ping}, FrameSizeError, conn},
		{"§6.8 GOAWAY", Header{Length: 8, Type: GoAway}, NoError, 0},
		{"§6.8 GOAWAY with debug data", Header{Length: 100, Type: GoAway}, NoError, 0},
		{"§6.8 GOAWAY on a stream", Header{Length: 8, Type: GoAway, StreamID: 1}, ProtocolError, conn},
		{"§6.8 GOAWAY too short", Header{Length: 7, Type: GoAway}, FrameSizeError, conn},
		{"§6.9 WINDOW_UPDATE of the connection", Header{Length: 4, Type: WindowUpdate}, NoError, 0},
		{"§6.9 WINDOW_UPDATE of a stream", Header{Length: 4, Type: WindowUpdate, StreamID: 1}, NoError, 0},
		{"§6.9 WINDOW_UPDATE too short", Header{Length: 3, Type: WindowUpdate, StreamID: 1}, FrameSizeError, conn},
		{"§6.9 WINDOW_UPDATE too long", Header{Length: 5, Type: WindowUpdate}, FrameSizeError, conn},
		{"§6.10 CONTINUATION", Header{Type: Continuation, StreamID: 1}, NoError, 0},
		{"§6.10 CONTINUATION on stream 0", Header{Type: Continuation}, ProtocolError, conn},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Check(tt.h, MinMaxSize)
			if tt.code == NoError {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatalf("%+v passed", tt.h)
			}
			if err.Code != tt.code || err.StreamID != tt.scope {
				t.Errorf("%v, want %v of stream %d", err, tt.code, tt.scope)
			}
			if err.Reason == "" {
				t.Error("without a reason")
			}
		})
	}
}

// TestEveryTypeHasARule: a type without one would pass with any size.
func TestEveryTypeHasARule(t *testing.T) {
	const types = int(Continuation) + 1
	if n := len(rules); n != types {
		t.Errorf("%d rules for %d types", n, types)
	}
	if n := len(typeNames); n != types {
		t.Errorf("%d names for %d types", n, types)
	}
	for typ, r := range rules {
		if r.size == 0 {
			t.Errorf("%v has no rule of its size", Type(typ))
		}
	}
}
