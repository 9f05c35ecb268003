package frame

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func TestUnpad(t *testing.T) {
	for _, tt := range []struct {
		name    string
		flags   Flags
		payload []byte
		want    []byte
		code    ErrCode
	}{
		{"not padded", FlagEndStream, []byte{5, 'a'}, []byte{5, 'a'}, NoError},
		{"not padded, empty", 0, nil, nil, NoError},
		{"padding of 0", FlagPadded, []byte{0, 'a'}, []byte{'a'}, NoError},
		{"padding of 2", FlagPadded, []byte{2, 'a', 'b', 0, 0}, []byte{'a', 'b'}, NoError},
		{"nothing but padding", FlagPadded, []byte{2, 0, 0}, nil, NoError},
		{"nothing but its length", FlagPadded, []byte{0}, nil, NoError},
		{"the longest", FlagPadded, append([]byte{255, 'a'}, make([]byte, 255)...), []byte{'a'}, NoError},
		{"longer than the frame", FlagPadded, []byte{3, 'a', 'b'}, nil, ProtocolError},
		{"no length", FlagPadded, nil, nil, FrameSizeError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Unpad(Header{Type: Data, Flags: tt.flags, StreamID: 1}, tt.payload)
			if !failsWith(t, err, tt.code, 0) && !bytes.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestHeaderFragment(t *testing.T) {
	for _, tt := range []struct {
		name    string
		flags   Flags
		payload []byte
		want    []byte
		code    ErrCode
	}{
		{"plain", 0, []byte{0x82}, []byte{0x82}, NoError},
		{"empty", 0, nil, nil, NoError},
		{"priority", FlagPriority, []byte{0, 0, 0, 3, 16, 0x82}, []byte{0x82}, NoError},
		{"exclusive priority", FlagPriority, []byte{0x80, 0, 0, 3, 16, 0x82}, []byte{0x82}, NoError},
		{"priority and padding", FlagPriority | FlagPadded, []byte{1, 0, 0, 0, 3, 16, 0x82, 0}, []byte{0x82}, NoError},
		{"priority and nothing", FlagPriority, []byte{0, 0, 0, 3, 16}, nil, NoError},
		{"priority cut off", FlagPriority, []byte{0, 0, 0, 3}, nil, FrameSizeError},
		{"priority eaten by padding", FlagPriority | FlagPadded, []byte{2, 0, 0, 0, 3, 16, 0}, nil, FrameSizeError},
		{"too much padding", FlagPadded, []byte{2, 0x82}, nil, ProtocolError},
		{"depends on itself", FlagPriority, []byte{0, 0, 0, 1, 16, 0x82}, nil, ProtocolError},
		{"depends on itself, exclusively", FlagPriority, []byte{0x80, 0, 0, 1, 16, 0x82}, nil, ProtocolError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := HeaderFragment(Header{Type: Headers, Flags: tt.flags, StreamID: 1}, tt.payload)
			if !failsWith(t, err, tt.code, 0) && !bytes.Equal(got, tt.want) {
				t.Errorf("%x, want %x", got, tt.want)
			}
		})
	}
}

// TestHeaderFragmentTruncated: whatever is missing of a frame whose length says
// so, the parser returns a part of it or an error, and reads nothing beyond.
func TestHeaderFragmentTruncated(t *testing.T) {
	whole := []byte{2, 0, 0, 0, 3, 16, 0x82, 0x84, 0, 0}
	for n := range whole {
		for _, flags := range []Flags{0, FlagPadded, FlagPriority, FlagPadded | FlagPriority} {
			cut := whole[:n:n]
			got, err := HeaderFragment(Header{Type: Headers, Flags: flags, StreamID: 1}, cut)
			if err == nil && !bytes.Contains(cut, got) {
				t.Errorf("%d bytes, flags %#x: %x is no part of %x", n, flags, got, cut)
			}
		}
	}
}

func TestIncrement(t *testing.T) {
	for _, tt := range []struct {
		stream  uint32
		payload []byte
		want    uint32
		code    ErrCode
	}{
		{0, []byte{0, 0, 0, 1}, 1, NoError},
		{0, []byte{0x7f, 0xff, 0xff, 0xff}, MaxWindow, NoError},
		{3, []byte{0x80, 0, 0, 2}, 2, NoError}, // the reserved bit
		{0, []byte{0, 0, 0, 0}, 0, ProtocolError},
		{3, []byte{0x80, 0, 0, 0}, 0, ProtocolError},
	} {
		got, err := Increment(Header{Type: WindowUpdate, StreamID: tt.stream}, tt.payload)
		if !failsWith(t, err, tt.code, tt.stream) && got != tt.want {
			t.Errorf("%x: %d, want %d", tt.payload, got, tt.want)
		}
	}
}

func TestParseSetting(t *testing.T) {
	for _, tt := range []struct {
		s    Setting
		code ErrCode
	}{
		{Setting{HeaderTableSize, 0}, NoError},
		{Setting{HeaderTableSize, 1<<32 - 1}, NoError},
		{Setting{EnablePush, 0}, NoError},
		{Setting{EnablePush, 1}, NoError},
		{Setting{EnablePush, 2}, ProtocolError},
		{Setting{MaxConcurrentStreams, 0}, NoError},
		{Setting{MaxConcurrentStreams, 1<<32 - 1}, NoError},
		{Setting{InitialWindowSize, 0}, NoError},
		{Setting{InitialWindowSize, MaxWindow}, NoError},
		{Setting{InitialWindowSize, MaxWindow + 1}, FlowControlError},
		{Setting{MaxFrameSize, MinMaxSize - 1}, ProtocolError},
		{Setting{MaxFrameSize, MinMaxSize}, NoError},
		{Setting{MaxFrameSize, MaxMaxSize}, NoError},
		{Setting{MaxFrameSize, MaxMaxSize + 1}, ProtocolError},
		{Setting{MaxHeaderListSize, 0}, NoError},
		{Setting{0, 1<<32 - 1}, NoError},
		{Setting{0x7, 1<<32 - 1}, NoError},
		{Setting{0xffff, 7}, NoError},
	} {
		b := AppendSettings(nil, tt.s)[HeaderLen:]
		got, err := ParseSetting(b)
		failsWith(t, err, tt.code, 0)
		if got != tt.s {
			t.Errorf("%v came back as %v", tt.s, got)
		}
	}
}

func TestBorrowedPayloads(t *testing.T) {
	b := AppendGoAway(nil, 77, Cancel, "debug")[HeaderLen:]
	if last, code := LastStream(b); last != 77 || code != Cancel {
		t.Errorf("GOAWAY of stream %d with %v", last, code)
	}
	binary.BigEndian.PutUint32(b, 1<<31|5) // the reserved bit
	if last, _ := LastStream(b); last != 5 {
		t.Errorf("the reserved bit counts: stream %d", last)
	}
	if code := Code(AppendRSTStream(nil, 1, 0xfffffff0)[HeaderLen:]); code != 0xfffffff0 {
		t.Errorf("RST_STREAM with %v", code)
	}
	if d := Dependency([]byte{0x80, 0, 0, 9, 255}); d != 9 {
		t.Errorf("depends on %d, want 9", d)
	}
}

// failsWith checks err against code, NoError for none, and the stream that it
// ends. It reports whether there is an error.
func failsWith(t *testing.T, err *Error, code ErrCode, stream uint32) bool {
	t.Helper()
	switch {
	case err == nil && code != NoError:
		t.Errorf("no error, want %v", code)
	case err != nil && (err.Code != code || err.StreamID != stream):
		t.Errorf("%v, want %v of stream %d", err, code, stream)
	}
	return err != nil
}
