package frame

import (
	"bytes"
	"testing"
)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// TestAppend holds each encoder against annotated bytes, and parses them again.
func TestAppend(t *testing.T) {
	for _, tt := range []struct {
		name   string
		got    []byte
		want   []byte
		header Header
	}{
		{
			"SETTINGS", AppendSettings(nil, Setting{MaxConcurrentStreams, 250}, Setting{InitialWindowSize, 1 << 17}),
			join(
				[]byte{0, 0, 12, 4, 0, 0, 0, 0, 0}, // 12 bytes of SETTINGS on stream 0
				[]byte{0, 3, 0, 0, 0, 250},         // MAX_CONCURRENT_STREAMS
				[]byte{0, 4, 0, 2, 0, 0},           // INITIAL_WINDOW_SIZE
			),
			Header{Length: 12, Type: Settings},
		},
		{
			"empty SETTINGS", AppendSettings(nil),
			[]byte{0, 0, 0, 4, 0, 0, 0, 0, 0},
			Header{Type: Settings},
		},
		{
			"SETTINGS acknowledgement", AppendSettingsAck(nil),
			[]byte{0, 0, 0, 4, 1, 0, 0, 0, 0},
			Header{Type: Settings, Flags: FlagAck},
		},
		{
			"PING", AppendPing(nil, false, []byte("12345678")),
			join([]byte{0, 0, 8, 6, 0, 0, 0, 0, 0}, []byte("12345678")),
			Header{Length: 8, Type: Ping},
		},
		{
			"PING acknowledgement, data too long", AppendPing(nil, true, []byte("12345678+")),
			join([]byte{0, 0, 8, 6, 1, 0, 0, 0, 0}, []byte("12345678")),
			Header{Length: 8, Type: Ping, Flags: FlagAck},
		},
		{
			"RST_STREAM", AppendRSTStream(nil, 0x01020304, EnhanceYourCalm),
			[]byte{0, 0, 4, 3, 0, 1, 2, 3, 4, 0, 0, 0, 0xb},
			Header{Length: 4, Type: RSTStream, StreamID: 0x01020304},
		},
		{
			"WINDOW_UPDATE", AppendWindowUpdate(nil, 0, MaxWindow),
			[]byte{0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff},
			Header{Length: 4, Type: WindowUpdate},
		},
		{
			"GOAWAY", AppendGoAway(nil, MaxStreamID, InadequateSecurity, "why"),
			join(
				[]byte{0, 0, 11, 7, 0, 0, 0, 0, 0},
				[]byte{0x7f, 0xff, 0xff, 0xff}, // last stream
				[]byte{0, 0, 0, 0xc},           // code
				[]byte("why"),
			),
			Header{Length: 11, Type: GoAway},
		},
		{
			"HEADERS", AppendHeaders(nil, 7, true, []byte{0x82, 0x84}, MinMaxSize),
			[]byte{0, 0, 2, 1, 0x05, 0, 0, 0, 7, 0x82, 0x84}, // END_STREAM | END_HEADERS
			Header{Length: 2, Type: Headers, Flags: FlagEndStream | FlagEndHeaders, StreamID: 7},
		},
		{
			"a header of any type, all bits", AppendHeader(nil, Header{Length: MaxMaxSize, Type: 0xfe, Flags: 0xff, StreamID: MaxStreamID}),
			[]byte{0xff, 0xff, 0xff, 0xfe, 0xff, 0x7f, 0xff, 0xff, 0xff},
			Header{Length: MaxMaxSize, Type: 0xfe, Flags: 0xff, StreamID: MaxStreamID},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !bytes.Equal(tt.got, tt.want) {
				t.Fatalf("bytes\n %x, want\n %x", tt.got, tt.want)
			}
			if h := ParseHeader(tt.got); h != tt.header {
				t.Errorf("parsed again: %+v, want %+v", h, tt.header)
			}
		})
	}
}

func TestParseHeaderIgnoresTheReservedBit(t *testing.T) {
	got := ParseHeader([]byte{0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	if got.StreamID != MaxStreamID {
		t.Errorf("stream %d, want %d", got.StreamID, MaxStreamID)
	}
}

// TestAppendersKeepWhatIsThere: encoders append, and change nothing before.
func TestAppendersKeepWhatIsThere(t *testing.T) {
	for name, appendTo := range appenders() {
		alone := appendTo(nil)
		behind := appendTo([]byte("before"))
		if !bytes.Equal(behind, append([]byte("before"), alone...)) {
			t.Errorf("%s: %x behind text, %x alone", name, behind, alone)
		}
	}
}

func TestAppendHeadersSplits(t *testing.T) {
	const size = 4
	for _, tt := range []struct {
		block string
		end   bool
		want  []Header
	}{
		{"", true, []Header{{0, Headers, FlagEndStream | FlagEndHeaders, 5}}},
		{"abc", false, []Header{{3, Headers, FlagEndHeaders, 5}}},
		{"abcd", true, []Header{{4, Headers, FlagEndStream | FlagEndHeaders, 5}}},
		{"abcde", true, []Header{{4, Headers, FlagEndStream, 5}, {1, Continuation, FlagEndHeaders, 5}}},
		{"abcdefgh", false, []Header{{4, Headers, 0, 5}, {4, Continuation, FlagEndHeaders, 5}}},
		{"abcdefghi", true, []Header{{4, Headers, FlagEndStream, 5}, {4, Continuation, 0, 5}, {1, Continuation, FlagEndHeaders, 5}}},
	} {
		t.Run(tt.block, func(t *testing.T) {
			b := AppendHeaders(nil, 5, tt.end, []byte(tt.block), size)
			var block []byte
			for i, want := range tt.want {
				h := ParseHeader(b)
				if h != want {
					t.Errorf("frame %d is %+v, want %+v", i, h, want)
				}
				end := HeaderLen + int(h.Length)
				block = append(block, b[HeaderLen:end]...)
				b = b[end:]
			}
			if len(b) > 0 {
				t.Errorf("%d bytes behind the last frame", len(b))
			}
			if string(block) != tt.block {
				t.Errorf("the fragments make %q", block)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		Data.String():                               "DATA",
		Continuation.String():                       "CONTINUATION",
		Type(0xa).String():                          "frame type 0xa",
		NoError.String():                            "NO_ERROR",
		HTTP11Required.String():                     "HTTP_1_1_REQUIRED",
		ErrCode(0xe).String():                       "error code 0xe",
		ErrCode(1<<32 - 1).String():                 "error code 0xffffffff",
		ConnError(ProtocolError, "why").Error():     "connection error PROTOCOL_ERROR: why",
		StreamError(3, StreamClosed, "why").Error(): "stream 3 error STREAM_CLOSED: why",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestFlagsHas(t *testing.T) {
	f := FlagEndStream | FlagPadded
	if !f.Has(FlagEndStream) || !f.Has(f) || f.Has(FlagEndHeaders) || f.Has(FlagEndStream|FlagEndHeaders) {
		t.Errorf("Has is wrong on %#x", f)
	}
}

// appenders is every encoder, on a frame of its kind.
func appenders() map[string]func([]byte) []byte {
	data, block := []byte("12345678"), bytes.Repeat([]byte{0x82}, 100)
	return map[string]func([]byte) []byte{
		"header": func(b []byte) []byte { return AppendHeader(b, Header{Length: 1, Type: Data, StreamID: 1}) },
		"settings": func(b []byte) []byte {
			return AppendSettings(b, Setting{MaxFrameSize, MinMaxSize}, Setting{EnablePush, 0})
		},
		"settings ack":  AppendSettingsAck,
		"ping":          func(b []byte) []byte { return AppendPing(b, true, data) },
		"reset":         func(b []byte) []byte { return AppendRSTStream(b, 1, Cancel) },
		"window update": func(b []byte) []byte { return AppendWindowUpdate(b, 1, 1) },
		"goaway":        func(b []byte) []byte { return AppendGoAway(b, 1, NoError, "why") },
		"headers":       func(b []byte) []byte { return AppendHeaders(b, 1, true, block, 16) },
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 1024)
	for name, appendTo := range appenders() {
		if n := testing.AllocsPerRun(100, func() { appendTo(buf) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	head := AppendHeader(nil, Header{Length: 40, Type: Headers, Flags: FlagEndHeaders | FlagEndStream, StreamID: 1})
	for b.Loop() {
		if err := Check(ParseHeader(head), MinMaxSize); err != nil {
			b.Fatal(err)
		}
	}
}
