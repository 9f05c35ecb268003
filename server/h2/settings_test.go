package h2

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

func TestHello(t *testing.T) {
	run(t, setup{silent: true, limits: Limits{Streams: 77, HeaderBytes: 4096}}, func(p *peer) {
		f := p.Want(frame.Settings, 0, 0) // before the client has said anything
		got := make(map[frame.SettingID]uint32)
		for b := f.Payload; len(b) > 0; b = b[frame.SettingLen:] {
			s, err := frame.ParseSetting(b)
			if err != nil {
				p.Fatal(err)
			}
			got[s.ID] = s.Value
		}
		for id, want := range map[frame.SettingID]uint32{
			frame.MaxConcurrentStreams: 77,
			frame.InitialWindowSize:    streamWindow,
			frame.MaxHeaderListSize:    4096,
		} {
			if got[id] != want {
				p.Errorf("setting %d is %d, want %d", id, got[id], want)
			}
		}
		p.Write([]byte(frame.Preface), frame.AppendSettings(nil))
		p.Want(frame.Settings, 0, frame.FlagAck)
		if n := p.Credit[0]; n != connWindow-frame.InitialWindow {
			p.Errorf("connection window enlarged by %d, want %d", n, connWindow-frame.InitialWindow)
		}
	})
}

func TestPrefaceInParts(t *testing.T) {
	run(t, setup{silent: true, source: stored("/", "hit")}, func(p *peer) {
		p.Want(frame.Settings, 0, 0)
		all := append([]byte(frame.Preface), frame.AppendSettings(nil)...)
		for _, b := range append(all, get(1, "/")...) {
			p.Write([]byte{b})
		}
		p.Want(frame.Settings, 0, frame.FlagAck)
		p.wantBody(1, 200, "hit")
	})
}

func TestPrefaceWrong(t *testing.T) {
	for name, hello := range map[string]string{
		"HTTP/1.1":         "GET / HTTP/1.1\r\n\r\n",
		"its first byte":   "X",
		"its last byte":    frame.Preface[:len(frame.Preface)-1] + "X",
		"something binary": "\x16\x03\x01",
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{silent: true}, func(p *peer) {
				p.Want(frame.Settings, 0, 0)
				p.Write([]byte(hello))
				p.wantGoAway(frame.ProtocolError, metrics.CloseError)
			})
		})
	}
}

func TestFirstFrame(t *testing.T) {
	for name, first := range map[string][]byte{
		"PING":                     frame.AppendPing(nil, false, []byte("12345678")),
		"a request":                get(1, "/"),
		"SETTINGS acknowledgement": frame.AppendSettingsAck(nil),
		"an unknown type":          frame.AppendHeader(nil, frame.Header{Type: 0xbb}),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{silent: true}, func(p *peer) {
				p.Want(frame.Settings, 0, 0)
				p.Write([]byte(frame.Preface), first)
				p.wantGoAway(frame.ProtocolError, metrics.CloseError)
			})
		})
	}
}

func TestBadSettings(t *testing.T) {
	for name, tt := range map[string]struct {
		s    frame.Setting
		code frame.ErrCode
	}{
		"ENABLE_PUSH":         {frame.Setting{ID: frame.EnablePush, Value: 2}, frame.ProtocolError},
		"INITIAL_WINDOW_SIZE": {frame.Setting{ID: frame.InitialWindowSize, Value: 1 << 31}, frame.FlowControlError},
		"MAX_FRAME_SIZE":      {frame.Setting{ID: frame.MaxFrameSize, Value: 1}, frame.ProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{}, func(p *peer) {
				p.Write(frame.AppendSettings(nil, tt.s))
				p.wantGoAway(tt.code, metrics.CloseError)
				if n := p.metrics.ProtocolErrors.Value(metrics.ErrorCodeOf(uint32(tt.code)), metrics.ScopeConnection); n != 1 {
					p.Errorf("%d errors counted", n)
				}
			})
		})
	}
}

// TestWindowSetting: the initial window changes by its difference for streams
// that are open (RFC 9113 §6.9.2), below zero as well.
func TestWindowSetting(t *testing.T) {
	window := func(n uint32) []byte {
		return frame.AppendSettings(nil, frame.Setting{ID: frame.InitialWindowSize, Value: n})
	}
	run(t, setup{source: stored("/", strings.Repeat("x", 100)), settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 10}}}, func(p *peer) {
		p.Write(get(1, "/"))
		p.wantHead(1, 200)
		if f := p.Want(frame.Data, 1, 0); f.Length != 10 {
			p.Errorf("%d bytes into a window of 10", f.Length)
		}
		p.Write(window(0)) // -10
		p.Want(frame.Settings, 0, frame.FlagAck)
		p.Write(window(8)) // -2
		p.Want(frame.Settings, 0, frame.FlagAck)
		p.Write(frame.AppendWindowUpdate(nil, 1, 2)) // 0
		p.WantSilence()
		p.Write(window(15)) // 7
		p.Want(frame.Settings, 0, frame.FlagAck)
		if f := p.Want(frame.Data, 1, 0); f.Length != 7 {
			p.Errorf("%d bytes into a window of 7", f.Length)
		}
		p.Write(window(1000))
		p.Want(frame.Settings, 0, frame.FlagAck)
		if f := p.Want(frame.Data, 1, frame.FlagEndStream); f.Length != 83 {
			p.Errorf("%d bytes at the end, want 83", f.Length)
		}
	})
}

// TestWindowSettingRepeated: the last value of a frame is the one that counts.
func TestWindowSettingRepeated(t *testing.T) {
	window := func(n uint32) frame.Setting { return frame.Setting{ID: frame.InitialWindowSize, Value: n} }
	run(t, setup{handler: stall, settings: []frame.Setting{window(0)}}, func(p *peer) {
		p.Write(get(1, "/0123456"), frame.AppendWindowUpdate(nil, 1, 1))
		<-p.entered
		p.Write(frame.AppendSettings(nil, window(frame.MaxWindow), window(0), window(5)))
		p.Want(frame.Settings, 0, frame.FlagAck)
		close(p.release)
		p.wantHead(1, 200)
		if f := p.Want(frame.Data, 1, 0); f.Length != 6 {
			p.Errorf("%d bytes into a window of 6", f.Length)
		}
	})
}

func TestWindowSettingOverflow(t *testing.T) {
	run(t, setup{source: stored("/", strings.Repeat("x", 1000)), settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 0}}}, func(p *peer) {
		p.Write(get(1, "/"))
		p.wantHead(1, 200)
		p.Write(frame.AppendWindowUpdate(nil, 0, 1<<30)) // of the connection: not concerned
		p.Write(frame.AppendWindowUpdate(nil, 1, 1), frame.AppendSettings(nil, frame.Setting{ID: frame.InitialWindowSize, Value: frame.MaxWindow}))
		for f := p.NextFrame(); f.Type != frame.GoAway; f = p.NextFrame() {
			if f.Type != frame.Data {
				p.Fatalf("%v", f)
			}
		}
		p.wantEnd(metrics.CloseError)
	})
}

// TestMaxFrameSetting: a head longer than the peer's frames is split, DATA is
// cut to fill a TLS record whatever larger size the peer allows.
func TestMaxFrameSetting(t *testing.T) {
	for _, size := range []uint32{frame.MinMaxSize, 1 << 20} {
		run(t, setup{settings: []frame.Setting{{ID: frame.MaxFrameSize, Value: size}}, handler: func(_ *peer, w writer, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("~", 20<<10)) // 13 bits each in Huffman code: a literal is shorter
			_, _ = w.Write(make([]byte, 40<<10))
		}}, func(p *peer) {
			p.Write(get(1, "/"))
			f := p.wantHead(1, 200)
			if want := 1 + int(20<<10/size); f.Frames != min(want, 2) {
				p.Errorf("a head of %d bytes in %d frames of at most %d", len(f.Payload), f.Frames, size)
			}
			for !f.Ends() {
				if f = p.NextFrame(); f.Length > maxData {
					p.Errorf("DATA of %d bytes", f.Length)
				}
			}
		})
	}
}

// TestTableSetting: the next block announces the table that the peer allows
// (RFC 7541 §4.2).
func TestTableSetting(t *testing.T) {
	run(t, setup{source: stored("/", "hit"), settings: []frame.Setting{{ID: frame.HeaderTableSize, Value: 0}}}, func(p *peer) {
		for id := uint32(1); id < 20; id += 2 {
			p.Write(get(id, "/"))
			r := p.wantBody(id, 200, "hit")
			if resized := r.Payload[0]&0xe0 == 0x20; resized != (id == 1) {
				p.Errorf("stream %d: block begins with %#x", id, r.Payload[0])
			}
		}
	})
}

func TestSettingsAcknowledgedTwice(t *testing.T) {
	run(t, setup{limits: Limits{Control: 3, ControlPerSec: 1}}, func(p *peer) { // hello took 1
		ack := frame.AppendSettingsAck(nil)
		p.Write(ack, ack)
		time.Sleep(time.Millisecond)
		p.Write(ack)
		p.wantGoAway(frame.EnhanceYourCalm, metrics.CloseLimit)
		p.wantBreaches(metrics.LimitControlFrames, 1)
	})
}
