package h2peer

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Frame is a frame that was read. HEADERS has the whole header block: the
// payloads and flags of its CONTINUATION frames are added to it.
type Frame struct {
	frame.Header
	Payload []byte
	Fields  []hpack.Field // of a header block
	Frames  int           // 1 and the CONTINUATION frames
}

// Ends reports whether the frame ends its stream.
func (f Frame) Ends() bool { return f.Flags.Has(frame.FlagEndStream) }

// Field is the value of the fields with a name, joined with "|".
func (f Frame) Field(name string) string {
	var values []string
	for _, f := range f.Fields {
		if f.Name == name {
			values = append(values, f.Value)
		}
	}
	return strings.Join(values, "|")
}

func (f Frame) String() string {
	if f.Fields != nil {
		return fmt.Sprintf("%v of stream %d with flags %#x %v", f.Type, f.StreamID, f.Flags, f.Fields)
	}
	return fmt.Sprintf("%v of stream %d with flags %#x (%.100q)", f.Type, f.StreamID, f.Flags, f.Payload)
}

// wait gives what is read next its deadline.
func (p *Peer) wait() { _ = p.Conn.SetReadDeadline(time.Now().Add(p.patience)) }

// NextFrame reads the next frame that is no WINDOW_UPDATE, and adds up those in
// Credit.
func (p *Peer) NextFrame() Frame {
	p.Helper()
	p.wait()
	for {
		f, err := p.Read()
		if err != nil {
			p.Fatalf("reading a frame: %v", err)
		}
		if f.Type != frame.WindowUpdate {
			return f
		}
		n, bad := frame.Increment(f.Header, f.Payload)
		if bad != nil {
			p.Fatal(bad)
		}
		p.Credit[f.StreamID] += int(n)
	}
}

// Until reads up to the next frame of a type, and drops those before it.
func (p *Peer) Until(typ frame.Type) Frame {
	p.Helper()
	for {
		if f := p.NextFrame(); f.Type == typ {
			return f
		}
	}
}

// Read reads a frame of any type, without a deadline of its own. It returns
// io.EOF at the connection's end. A frame that is illegal by itself is reported.
func (p *Peer) Read() (Frame, error) {
	p.Helper()
	f, err := p.readFrame()
	if err != nil || f.Type != frame.Headers {
		return f, err
	}
	for !f.Flags.Has(frame.FlagEndHeaders) {
		more, err := p.readFrame()
		if err != nil {
			return f, err
		}
		if more.Type != frame.Continuation || more.StreamID != f.StreamID {
			return f, fmt.Errorf("%v in the header block of stream %d", more, f.StreamID)
		}
		f.Payload = append(f.Payload, more.Payload...)
		f.Flags |= more.Flags
		f.Frames++
	}
	f.Fields, err = p.decode(f.Payload)
	return f, err
}

func (p *Peer) readFrame() (Frame, error) {
	p.Helper()
	var head [frame.HeaderLen]byte
	if _, err := io.ReadFull(p.Conn, head[:]); err != nil {
		return Frame{}, err
	}
	f := Frame{Header: frame.ParseHeader(head[:]), Frames: 1}
	if err := frame.Check(f.Header, p.maxFrame); err != nil {
		p.Errorf("an illegal frame was sent: %v", err)
	}
	f.Payload = make([]byte, f.Length)
	_, err := io.ReadFull(p.Conn, f.Payload)
	return f, err
}

// decode decodes a header block and checks that it begins with the new size of
// the table if that became smaller (RFC 7541 §4.2).
func (p *Peer) decode(block []byte) ([]hpack.Field, error) {
	p.Helper()
	if p.shrunk && block[0]&0xe0 != 0x20 {
		p.Errorf("the table became smaller, and header block %x does not say so", block)
	}
	p.shrunk = false
	decoded, err := p.decoder.DecodeFull(block)
	if err != nil {
		return nil, fmt.Errorf("header block %x: %w", block, err)
	}
	fields := make([]hpack.Field, len(decoded))
	for i, f := range decoded {
		fields[i] = hpack.Field{Name: f.Name, Value: f.Value, Sensitive: f.Sensitive}
	}
	return fields, nil
}
