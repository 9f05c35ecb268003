package encode

import (
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/e0ac7cd4/hotpath/internal/yield"
)

// How hard each coder tries: what is made once and sent many times may cost
// some, and the next level of each takes twice the time for one per cent (docs
// and scripts of 30 to 75 KiB on one core: gzip 6 codes 50 to 170 MB/s, Brotli 5
// 22 to 60, Zstandard's default 45 to 170).
const (
	gzipLevel   = 6
	brotliLevel = 5
	zstdLevel   = zstd.SpeedDefault
)

// maxWindow bounds how far back a coder looks, as a power of two, in bytes: 1 MiB.
// RFC 9659 allows Zstandard 8 MiB; a client has a window for each response that
// it decodes, and so have we for each that we make.
const maxWindow = 20

// chunk is what is coded at once, in bytes: in between the goroutine lets others
// go first.
const chunk = 16 << 10

// ErrNoGain is that a coding is not worth it: its result would be hardly smaller
// than the content.
var ErrNoGain = errors.New("the coding gains too little")

// Worth is how many bytes of a coded content are worth to be stored beside the
// content: a sixteenth less. The fields that come with it take some of that.
func Worth(content int) int { return content - content/16 - 64 }

// Memory is what a coder takes for a content, beside the result, in bytes: its
// tables and its window. Measured, as all that is allocated, for contents of 1 KiB
// to 8 MiB of text; see TestMemory.
func Memory(c Coding, content int) int64 {
	window := int64(1) << window(content)
	switch c {
	case Brotli:
		return 3<<20 + 12*window
	case Dcz:
		return 5<<20 + 2*deltaWindow(content)
	case Dcb:
		return 4<<20 + 6*int64(content)
	case Zstd:
		return 2<<20 + 4*window
	}
	return 1280 << 10
}

// window is how far back a coder looks in a content, as a power of two.
func window(content int) int { return min(max(bits.Len(uint(content)), 16), maxWindow) }

// Ledger is whose memory coders take; see package memory.
type Ledger interface {
	TakeSpare(n int64) bool
	Give(n int64)
}

// Encoders are coders with their memory, for one goroutine: the last one of each
// coding. The zero value has none yet, and no ledger.
type Encoders struct {
	ledger Ledger // nil: none
	taken  [Codings]int64
	made   [Codings]made
	out    bounded
}

// made is a coder that looks back as far as window.
type made struct {
	coder  coder
	window int
}

// coder is what the libraries' writers have in common.
type coder interface {
	io.WriteCloser
	Reset(io.Writer)
}

// Reserve takes the memory for a coder of contents of size bytes, beside their
// results, and keeps it until [Encoders.Drop]: coders are used again. If there is
// none it reports false, and drops all of them, so that there may be.
func (e *Encoders) Reserve(c Coding, size int) bool {
	more := Memory(c, size) - e.taken[c]
	if e.ledger == nil || more <= 0 {
		return true
	}
	if !e.ledger.TakeSpare(more) {
		e.Drop()
		return false
	}
	e.taken[c] += more
	return true
}

// Drop forgets all coders, and gives their memory back.
func (e *Encoders) Drop() {
	for _, n := range e.taken {
		if n > 0 {
			e.ledger.Give(n)
		}
	}
	*e = Encoders{ledger: e.ledger}
}

// Encode codes body, and lets other goroutines go first after each part of it. It
// returns ErrNoGain if the result would have more than most bytes. The result has
// memory of its own.
func (e *Encoders) Encode(c Coding, body []byte, most int) ([]byte, error) {
	e.out = bounded{most: most}
	coder, err := e.coder(c, len(body))
	if err != nil {
		return nil, fmt.Errorf("making a coder for %v: %w", c, err)
	}
	return e.encode(c, coder, body)
}

// encode has coder, which writes to e.out, code body.
func (e *Encoders) encode(c Coding, coder io.WriteCloser, body []byte) ([]byte, error) {
	for rest := body; len(rest) > 0; {
		n := min(len(rest), chunk)
		if _, err := coder.Write(rest[:n]); err != nil {
			return nil, e.failed(c, err)
		}
		rest = rest[n:]
		yield.ToNetwork()
	}
	if err := coder.Close(); err != nil {
		return nil, e.failed(c, err)
	}
	coded := e.out.held
	e.out = bounded{}
	return append(make([]byte, 0, len(coded)), coded...), nil
}

// coder returns the coder for a content of size bytes, ready for it.
func (e *Encoders) coder(c Coding, size int) (coder, error) {
	m := &e.made[c]
	if w := window(size); m.coder == nil || m.window != w {
		made, err := newCoder(c, w)
		if err != nil {
			return nil, err
		}
		m.coder, m.window = made, w
	}
	if z, ok := m.coder.(*zstd.Encoder); ok {
		z.ResetContentSize(&e.out, int64(size)) // so that the decoder takes the memory for it alone
	} else {
		m.coder.Reset(&e.out)
	}
	return m.coder, nil
}

func newCoder(c Coding, window int) (coder, error) {
	switch c {
	case Brotli:
		return brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: brotliLevel, LGWin: window}), nil
	case Zstd:
		// No goroutines of its own, and no checksum: TLS has one.
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstdLevel), zstd.WithWindowSize(1<<window), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	}
	return gzip.NewWriterLevel(nil, gzipLevel)
}

// failed is why a coder has not come to its end.
func (e *Encoders) failed(c Coding, err error) error {
	if e.out.full {
		return ErrNoGain
	}
	return fmt.Errorf("coding in %v: %w", c, err)
}

// bounded is what a coder writes to: at most so many bytes.
type bounded struct {
	held []byte
	most int
	full bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(b.held)+len(p) > b.most {
		b.full = true
		return 0, ErrNoGain
	}
	b.held = append(b.held, p...)
	return len(p), nil
}
