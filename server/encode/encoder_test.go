package encode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// text is a content of n bytes that has something to gain, and is never the same
// for long.
func text(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "<li class=%q><a href=\"/items/%d\">item number %d of %x</a></li>\n", []string{"odd", "even"}[r.IntN(2)], r.IntN(100_000), r.IntN(100), r.Uint32())
	}
	return b.Bytes()[:n]
}

func decode(t testing.TB, c Coding, coded []byte) []byte {
	t.Helper()
	var from io.Reader = bytes.NewReader(coded)
	var err error
	switch c {
	case Brotli:
		from = brotli.NewReader(from)
	case Gzip:
		from, err = gzip.NewReader(from)
	case Zstd:
		// A browser takes windows of 8 MiB at most (RFC 9659).
		from, err = zstd.NewReader(from, zstd.WithDecoderMaxWindow(8<<20))
	}
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(from)
	if err != nil {
		t.Errorf("decoding %v: %v", c, err)
	}
	return body
}

// library is what the library makes of a content by itself: in one call, but for
// Brotli of more than 1 MiB, of which it makes something else if it sees at the
// start how much it is.
func library(t testing.TB, c Coding, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch n := window(len(body)); c {
	case Brotli:
		w = brotli.NewWriterOptions(&out, brotli.WriterOptions{Quality: 5, LGWin: n})
	case Gzip:
		w, err = gzip.NewWriterLevel(&out, 6)
	case Zstd:
		var z *zstd.Encoder
		z, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(1<<n), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
		z.ResetContentSize(&out, int64(len(body)))
		w = z
	}
	for part := len(body); err == nil && len(body) > 0; body = body[min(part, len(body)):] {
		if c == Brotli && len(body) > 1<<20 {
			part = chunk
		}
		_, err = w.Write(body[:min(part, len(body))])
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestEncode: contents of all sizes come back, in the bytes that the library makes
// of them at once, from coders that have coded others before.
func TestEncode(t *testing.T) {
	var e Encoders
	sizes := []int{1, 100, chunk - 1, chunk, chunk + 1, 60_000, 1 << 17, 1200 << 10, 500, 70_000}
	for _, size := range sizes {
		body := text(size)
		for c := range Dcz {
			coded, err := e.Encode(c, body, size+1000)
			if err != nil {
				t.Fatalf("%v of %d bytes: %v", c, size, err)
			}
			if !bytes.Equal(decode(t, c, coded), body) {
				t.Errorf("%v of %d bytes is decoded to another content", c, size)
			}
			if want := library(t, c, body); !bytes.Equal(coded, want) {
				t.Errorf("%v of %d bytes is %d bytes, and the library makes %d others", c, size, len(coded), len(want))
			}
			if cap(coded) != len(coded) {
				t.Errorf("%v: %d bytes take %d", c, len(coded), cap(coded))
			}
		}
	}
}

// TestNoGain: what cannot be made smaller is given up, and the coder is of use
// afterwards.
func TestNoGain(t *testing.T) {
	noise := make([]byte, 300_000)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(noise)
	var e Encoders
	for c := range Dcz {
		if _, err := e.Encode(c, noise, Worth(len(noise))); !errors.Is(err, ErrNoGain) {
			t.Errorf("%v of noise: %v", c, err)
		}
		if _, err := e.Encode(c, []byte("short"), Worth(5)); !errors.Is(err, ErrNoGain) {
			t.Errorf("%v of a few bytes: %v", c, err)
		}
		body := text(50_000)
		if coded, err := e.Encode(c, body, Worth(len(body))); err != nil || !bytes.Equal(decode(t, c, coded), body) {
			t.Errorf("%v after noise: %v", c, err)
		}
	}
}

// TestMemory: no coder allocates more than Memory says and twice its result.
func TestMemory(t *testing.T) {
	for _, size := range []int{1 << 10, 20 << 10, 70 << 10, 300 << 10, 1 << 20, 2 << 20} {
		body := text(size)
		for c := range Dcz {
			var before, after runtime.MemStats
			var e Encoders
			runtime.ReadMemStats(&before)
			coded, err := e.Encode(c, body, size)
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			took, allowed := int64(after.TotalAlloc-before.TotalAlloc)-int64(len(coded)), Memory(c, size)+2*int64(Worth(size))
			t.Logf("%v of %d KiB: %d KiB of %d", c, size>>10, took>>10, allowed>>10)
			if took > allowed {
				t.Errorf("%v of %d KiB takes %d KiB, and %d are counted", c, size>>10, took>>10, allowed>>10)
			}
		}
	}
}

// purse is a ledger with so much left.
type purse struct {
	mu   sync.Mutex
	left int64
}

func (p *purse) TakeSpare(n int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n > p.left {
		return false
	}
	p.left -= n
	return true
}

func (p *purse) Give(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left += n
}

// TestReserve: coders keep what they have taken, take no more than the largest of
// them needs, and give all of it back when there is no room for another one.
func TestReserve(t *testing.T) {
	all := Memory(Brotli, 1<<20) + Memory(Gzip, 1<<20)
	p := &purse{left: all}
	e := Encoders{ledger: p}
	for _, size := range []int{5000, 1 << 20, 5000, 1 << 20} {
		if !e.Reserve(Brotli, size) {
			t.Fatalf("no memory for %d bytes", size)
		}
	}
	if !e.Reserve(Gzip, 1<<20) || p.left != 0 {
		t.Errorf("%d bytes are left", p.left)
	}
	if _, err := e.Encode(Brotli, text(5000), 5000); err != nil {
		t.Fatal(err)
	}
	if e.Reserve(Zstd, 5000) || p.left != all || e.made[Brotli].coder != nil {
		t.Errorf("%d bytes are left when there was no room for one more", p.left)
	}
	if !e.Reserve(Zstd, 5000) {
		t.Error("no room though all was dropped")
	}
	e.Drop()
	e.Drop()
	if p.left != all {
		t.Errorf("%d bytes are left of %d", p.left, all)
	}
	var free Encoders
	if !free.Reserve(Brotli, 5000) {
		t.Error("coders without a ledger want memory")
	}
}

func BenchmarkEncode(b *testing.B) {
	body := text(64 << 10)
	for c := range Dcz {
		b.Run(c.String(), func(b *testing.B) {
			var e Encoders
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := e.Encode(c, body, len(body)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
