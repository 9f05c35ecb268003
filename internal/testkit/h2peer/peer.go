// Package h2peer is one end of an HTTP/2 connection that a test drives frame by
// frame: a client of the server's engine, or a server for the load generator.
// What it reads is checked: each frame against RFC 9113, each header block with
// the HPACK decoder of golang.org/x/net, which is not ours. Nothing but tests
// imports it.
//
// A Peer belongs to the test's goroutine; Read may have another one if nothing
// else reads. What ends a test is reported through its testing.TB.
package h2peer

import (
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	xhpack "golang.org/x/net/http2/hpack"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Peer is a connection's scripted end.
type Peer struct {
	testing.TB
	Conn   net.Conn
	Credit map[uint32]int // bytes that WINDOW_UPDATE frames granted, by stream; 0 is the connection

	patience time.Duration
	decoder  *xhpack.Decoder
	table    uint32 // SETTINGS_HEADER_TABLE_SIZE as it was acknowledged last
	shrunk   bool   // it became smaller, and no header block has come since
	maxFrame uint32 // SETTINGS_MAX_FRAME_SIZE as it was acknowledged last
}

// New makes a peer of a connection's end. patience is how long NextFrame waits
// for a frame: long enough that only a failure takes that long.
func New(t testing.TB, conn net.Conn, patience time.Duration) *Peer {
	return &Peer{
		TB: t, Conn: conn, Credit: make(map[uint32]int), patience: patience,
		decoder: xhpack.NewDecoder(hpack.DefaultTableSize, nil), table: hpack.DefaultTableSize, maxFrame: frame.MinMaxSize,
	}
}

// Write sends the parts in one write, so that they arrive in one turn.
func (p *Peer) Write(parts ...[]byte) {
	p.Helper()
	if _, err := p.Conn.Write(slices.Concat(parts...)); err != nil {
		p.Fatalf("writing: %v", err)
	}
}

// Send is Write in a bubble of fake time. It returns when all that follows from
// the parts has been done.
func (p *Peer) Send(parts ...[]byte) {
	p.Helper()
	p.Write(parts...)
	synctest.Wait()
}

// SayHello begins as a client: it sends the preface, SETTINGS and the
// acknowledgement of the server's, and reads both of the server's.
func (p *Peer) SayHello(settings ...frame.Setting) {
	p.Helper()
	p.Write([]byte(frame.Preface), frame.AppendSettings(nil, settings...), frame.AppendSettingsAck(nil))
	p.Want(frame.Settings, 0, 0)
	p.WantAck(settings...)
}

// WantPreface reads, as a server, what a client sends first.
func (p *Peer) WantPreface() {
	p.Helper()
	p.wait()
	preface := make([]byte, len(frame.Preface))
	if _, err := io.ReadFull(p.Conn, preface); err != nil || string(preface) != frame.Preface {
		p.Fatalf("preface %q: %v", preface, err)
	}
	p.Want(frame.Settings, 0, 0)
}

// Settings sends a server's first SETTINGS with the acknowledgement of the
// client's, and reads the client's acknowledgement.
func (p *Peer) Settings(settings ...frame.Setting) {
	p.Helper()
	p.Write(frame.AppendSettings(nil, settings...), frame.AppendSettingsAck(nil))
	p.WantAck(settings...)
}

// WantAck reads an acknowledgement of SETTINGS, after which they hold.
func (p *Peer) WantAck(settings ...frame.Setting) {
	p.Helper()
	p.Want(frame.Settings, 0, frame.FlagAck)
	for _, s := range settings {
		switch s.ID {
		case frame.HeaderTableSize:
			p.decoder.SetAllowedMaxDynamicTableSize(s.Value)
			p.shrunk = p.shrunk || s.Value < min(p.table, hpack.DefaultTableSize)
			p.table = s.Value
		case frame.MaxFrameSize:
			p.maxFrame = s.Value
		}
	}
}

// Want reads a frame and checks its type, stream and flags.
func (p *Peer) Want(typ frame.Type, id uint32, flags frame.Flags) Frame {
	p.Helper()
	f := p.NextFrame()
	if f.Type != typ || f.StreamID != id || f.Flags != flags {
		p.Fatalf("%v, want %v of stream %d with flags %#x", f, typ, id, flags)
	}
	return f
}

// WantReset reads RST_STREAM.
func (p *Peer) WantReset(id uint32, code frame.ErrCode) {
	p.Helper()
	if f := p.Want(frame.RSTStream, id, 0); frame.Code(f.Payload) != code {
		p.Errorf("stream %d reset with %v, want %v", id, frame.Code(f.Payload), code)
	}
}

// WantGoAway reads GOAWAY and returns the last stream that it names.
func (p *Peer) WantGoAway(code frame.ErrCode) (last uint32) {
	p.Helper()
	f := p.Want(frame.GoAway, 0, 0)
	last, got := frame.LastStream(f.Payload)
	if got != code {
		p.Errorf("GOAWAY with %v (%s), want %v", got, f.Payload[8:], code)
	}
	return last
}

// WantEOF reads the connection's end.
func (p *Peer) WantEOF() {
	p.Helper()
	p.wait()
	if f, err := p.Read(); err != io.EOF {
		p.Fatalf("%v (%v), want the connection's end", f, err)
	}
}

// WantSilence checks, in a bubble of fake time, that nothing is sent until
// something happens.
func (p *Peer) WantSilence() {
	p.Helper()
	synctest.Wait()
	_ = p.Conn.SetReadDeadline(time.Now().Add(time.Microsecond))
	if f, err := p.Read(); err == nil {
		p.Fatalf("%v, want nothing", f)
	}
	_ = p.Conn.SetReadDeadline(time.Time{})
}

// WantAlive checks that a PING is answered, before anything else is sent.
func (p *Peer) WantAlive() {
	p.Helper()
	const data = "are you?"
	p.Write(frame.AppendPing(nil, false, []byte(data)))
	if f := p.Want(frame.Ping, 0, frame.FlagAck); string(f.Payload) != data {
		p.Errorf("PING answered with %q", f.Payload)
	}
}
