package frame

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/net/http2"
)

// sequence is frames of every type as our encoders write them.
func sequence() []byte {
	b := AppendSettings(nil, Setting{HeaderTableSize, 0}, Setting{MaxFrameSize, MaxMaxSize}, Setting{0x99, 7})
	b = AppendSettingsAck(b)
	b = AppendPing(b, false, []byte("12345678"))
	b = AppendPing(b, true, []byte("87654321"))
	b = AppendHeaders(b, 3, false, bytes.Repeat([]byte{0x82}, 20), 8)
	b = append(AppendHeader(b, Header{Length: 5, Type: Data, Flags: FlagPadded, StreamID: 3}), 2, 'h', 'i', 0, 0)
	b = AppendWindowUpdate(b, 0, 1)
	b = AppendWindowUpdate(b, 3, MaxWindow)
	b = append(AppendHeader(b, Header{Length: 5, Type: Priority, StreamID: 5}), 0x80, 0, 0, 3, 15)
	b = AppendHeader(b, Header{Type: Data, Flags: FlagEndStream, StreamID: 3})
	b = AppendRSTStream(b, 3, Cancel)
	return AppendGoAway(b, 3, EnhanceYourCalm, "why")
}

// TestXNetReadsWhatWeWrite: x/net's Framer finds the frames that were meant.
func TestXNetReadsWhatWeWrite(t *testing.T) {
	f := http2.NewFramer(nil, bytes.NewReader(sequence()))
	next := func() http2.Frame {
		t.Helper()
		fr, err := f.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		return fr
	}
	settings := next().(*http2.SettingsFrame)
	for id, want := range map[http2.SettingID]uint32{http2.SettingHeaderTableSize: 0, http2.SettingMaxFrameSize: MaxMaxSize, 0x99: 7} {
		if got, ok := settings.Value(id); !ok || got != want {
			t.Errorf("%v is %d, %v; want %d", id, got, ok, want)
		}
	}
	if !next().(*http2.SettingsFrame).IsAck() {
		t.Error("no SETTINGS acknowledgement")
	}
	if p := next().(*http2.PingFrame); p.IsAck() || string(p.Data[:]) != "12345678" {
		t.Errorf("PING %v", p)
	}
	if p := next().(*http2.PingFrame); !p.IsAck() || string(p.Data[:]) != "87654321" {
		t.Errorf("PING acknowledgement %v", p)
	}
	h := next().(*http2.HeadersFrame)
	if h.StreamID != 3 || h.StreamEnded() || h.HeadersEnded() || len(h.HeaderBlockFragment()) != 8 {
		t.Errorf("HEADERS %v", h)
	}
	if c := next().(*http2.ContinuationFrame); c.HeadersEnded() || len(c.HeaderBlockFragment()) != 8 {
		t.Errorf("CONTINUATION %v", c)
	}
	if c := next().(*http2.ContinuationFrame); !c.HeadersEnded() || len(c.HeaderBlockFragment()) != 4 {
		t.Errorf("last CONTINUATION %v", c)
	}
	if d := next().(*http2.DataFrame); string(d.Data()) != "hi" || d.StreamEnded() {
		t.Errorf("DATA %v: %q", d, d.Data())
	}
	if w := next().(*http2.WindowUpdateFrame); w.StreamID != 0 || w.Increment != 1 {
		t.Errorf("WINDOW_UPDATE %v", w)
	}
	if w := next().(*http2.WindowUpdateFrame); w.StreamID != 3 || w.Increment != MaxWindow {
		t.Errorf("WINDOW_UPDATE %v", w)
	}
	if p := next().(*http2.PriorityFrame); p.StreamDep != 3 || !p.Exclusive || p.Weight != 15 {
		t.Errorf("PRIORITY %v", p)
	}
	if d := next().(*http2.DataFrame); len(d.Data()) != 0 || !d.StreamEnded() {
		t.Errorf("last DATA %v", d)
	}
	if r := next().(*http2.RSTStreamFrame); r.StreamID != 3 || r.ErrCode != http2.ErrCodeCancel {
		t.Errorf("RST_STREAM %v", r)
	}
	if g := next().(*http2.GoAwayFrame); g.LastStreamID != 3 || g.ErrCode != http2.ErrCodeEnhanceYourCalm || string(g.DebugData()) != "why" {
		t.Errorf("GOAWAY %v", g)
	}
}

// TestXNetWritesTheSame: the two encoders agree to the byte.
func TestXNetWritesTheSame(t *testing.T) {
	var buf bytes.Buffer
	f := http2.NewFramer(&buf, nil)
	block := bytes.Repeat([]byte{0x82}, 20)
	err := errors.Join(
		f.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0}, http2.Setting{ID: http2.SettingMaxFrameSize, Val: MaxMaxSize}, http2.Setting{ID: 0x99, Val: 7}),
		f.WriteSettingsAck(),
		f.WritePing(false, [8]byte([]byte("12345678"))),
		f.WritePing(true, [8]byte([]byte("87654321"))),
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: block[:8]}),
		f.WriteContinuation(3, false, block[8:16]),
		f.WriteContinuation(3, true, block[16:]),
		f.WriteDataPadded(3, false, []byte("hi"), []byte{0, 0}),
		f.WriteWindowUpdate(0, 1),
		f.WriteWindowUpdate(3, MaxWindow),
		f.WritePriority(5, http2.PriorityParam{StreamDep: 3, Exclusive: true, Weight: 15}),
		f.WriteData(3, true, nil),
		f.WriteRSTStream(3, http2.ErrCodeCancel),
		f.WriteGoAway(3, http2.ErrCodeEnhanceYourCalm, []byte("why")),
	)
	if err != nil {
		t.Fatal(err)
	}
	if got := sequence(); !bytes.Equal(got, buf.Bytes()) {
		t.Errorf("ours\n %x\nx/net's\n %x", got, buf.Bytes())
	}
}

// judge is how this package judges a frame by itself.
func judge(h Header, payload []byte) *Error {
	if err := Check(h, MinMaxSize); err != nil {
		return err
	}
	var err *Error
	switch h.Type {
	case Data:
		_, err = Unpad(h, payload)
	case Headers:
		_, err = HeaderFragment(h, payload)
	case WindowUpdate:
		_, err = Increment(h, payload)
	case Settings:
		for ; len(payload) > 0 && err == nil; payload = payload[SettingLen:] {
			_, err = ParseSetting(payload)
		}
	case RSTStream:
		Code(payload)
	case GoAway:
		LastStream(payload)
	}
	return err
}

// FuzzFrame: no frame makes a parser panic, every frame survives being written
// again, and x/net refuses what we refuse, save for what it leaves to its
// server.
func FuzzFrame(f *testing.F) {
	for b := sequence(); len(b) > 0; {
		h := ParseHeader(b)
		end := HeaderLen + int(h.Length)
		f.Add(b[:HeaderLen], b[HeaderLen:end])
		b = b[end:]
	}
	for _, h := range []Header{
		{Type: Data, Flags: FlagPadded, StreamID: 1},
		{Type: Headers, Flags: FlagPadded | FlagPriority, StreamID: 1},
		{Type: Headers, Flags: FlagPriority, StreamID: 1},
		{Type: Settings, Flags: FlagAck},
		{Type: WindowUpdate},
		{Type: PushPromise, StreamID: 1},
		{Type: 0xfa},
	} {
		f.Add(AppendHeader(nil, h), []byte{0, 0, 0, 1, 0, 0})
	}
	f.Fuzz(func(t *testing.T, head, payload []byte) {
		if len(head) < HeaderLen || len(payload) > MinMaxSize {
			return
		}
		h := ParseHeader(head)
		h.Length = uint32(len(payload))
		err := judge(h, payload)

		whole := append(AppendHeader(nil, h), payload...)
		if again := ParseHeader(whole); again != h {
			t.Fatalf("%+v came back as %+v", h, again)
		}
		ours := err == nil
		theirs := xnetAccepts(whole)
		if ours && !theirs && !strictXNet(h) {
			t.Errorf("x/net refuses %x, we do not", whole)
		}
		if !ours && theirs && !strictHere(h) {
			t.Errorf("x/net accepts %x, we say %v", whole, err)
		}
	})
}

func xnetAccepts(whole []byte) bool {
	f := http2.NewFramer(nil, bytes.NewReader(whole))
	f.AllowIllegalReads = true // the order of frames is not the question
	f.SetMaxReadFrameSize(MinMaxSize)
	fr, err := f.ReadFrame()
	if s, ok := fr.(*http2.SettingsFrame); ok && err == nil {
		err = s.ForeachSetting(http2.Setting.Valid)
	}
	return err == nil
}

// strictXNet reports whether x/net judges what is not ours: the content of
// PUSH_PROMISE, which no server accepts, and PRIORITY_UPDATE (RFC 9218 §7.1),
// which we ignore.
func strictXNet(h Header) bool { return h.Type == PushPromise || h.Type == 0x10 }

// strictHere reports whether x/net leaves to its server what we judge: a
// stream that depends on itself.
func strictHere(h Header) bool { return h.Type == Headers && h.Flags.Has(FlagPriority) }
