package h2

import (
	"github.com/e0ac7cd4/hotpath/internal/frame"
)

// peerSettings is what the peer has set, with the initial values of RFC 9113
// §6.5.2.
type peerSettings struct {
	initialWindow int64
	maxFrame      int
}

var initialSettings = peerSettings{initialWindow: frame.InitialWindow, maxFrame: frame.MinMaxSize}

// appendHello appends what we say first: our settings, and a connection window
// beyond the initial one.
func (c *Conn) appendHello(dst []byte) []byte {
	dst = frame.AppendSettings(dst,
		frame.Setting{ID: frame.MaxConcurrentStreams, Value: uint32(c.cfg.Limits.Streams)},
		frame.Setting{ID: frame.InitialWindowSize, Value: streamWindow},
		frame.Setting{ID: frame.MaxHeaderListSize, Value: uint32(c.cfg.Limits.HeaderBytes)},
		frame.Setting{ID: frame.EnableConnectProtocol, Value: 1}, // RFC 8441 §3
	)
	return frame.AppendWindowUpdate(dst, 0, connWindow-frame.InitialWindow)
}

// onSettings applies the peer's settings in order and acknowledges them
// (RFC 9113 §6.5.3).
func (c *Conn) onSettings(h frame.Header, payload []byte) *frame.Error {
	if h.Flags.Has(frame.FlagAck) {
		if !c.settingsUnacked {
			return c.useless("SETTINGS acknowledgement of nothing")
		}
		c.settingsUnacked = false
		return nil
	}
	if err := c.useless("SETTINGS"); err != nil {
		return err
	}
	initial := c.peer.initialWindow
	for ; len(payload) > 0; payload = payload[frame.SettingLen:] {
		s, err := frame.ParseSetting(payload)
		if err != nil {
			return err
		}
		switch s.ID {
		case frame.HeaderTableSize:
			c.encoder.SetMaxTableSize(s.Value)
		case frame.MaxFrameSize:
			c.peer.maxFrame = int(s.Value)
		case frame.InitialWindowSize:
			initial = int64(s.Value)
		}
	}
	// The last value alone: a frame has room for 2,730, and each would cost a
	// look at every stream.
	if err := c.resizeWindows(initial); err != nil {
		return err
	}
	c.wire.Out = frame.AppendSettingsAck(c.wire.Out)
	return c.controlAnswer()
}

// resizeWindows applies a new initial window to the streams that are open, by
// its difference (RFC 9113 §6.9.2).
func (c *Conn) resizeWindows(initial int64) *frame.Error {
	change := initial - c.peer.initialWindow
	if change == 0 {
		return nil
	}
	c.peer.initialWindow = initial
	for _, s := range c.streams {
		if !s.window.Add(change) {
			return frame.ConnError(frame.FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE takes a window past 2^31-1")
		}
		c.queue(s)
	}
	return nil
}
