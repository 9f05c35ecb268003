package encode

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// undelta is what a client with the dictionary makes of what is coded in c.
func undelta(t testing.TB, c Coding, coded, dictionary []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(dictionary)
	rest, ok := bytes.CutPrefix(coded, append(bytes.Clone(magics[c]), sum[:]...))
	if !ok {
		t.Fatalf("it begins with %x", coded[:min(40, len(coded))])
	}
	var r io.Reader
	var err error
	if c == Dcb {
		r = brotli.NewReader(bytes.NewReader(behind(dictionary, rest)))
		_, err = io.CopyN(io.Discard, r, int64(len(dictionary)))
	} else {
		r, err = zstd.NewReader(bytes.NewReader(rest), zstd.WithDecoderDictRaw(0, dictionary), zstd.WithDecoderMaxWindow(8<<20))
	}
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("decoding %v: %v", c, err)
	}
	return body
}

// behind is a stream of Brotli in which a dictionary is sent as it is, in front of what
// is coded with it: to a decoder without dictionaries that is the same (RFC 9841 §3).
func behind(dictionary, coded []byte) (stream []byte) {
	var bits uint64
	n := 0
	write := func(count int, value uint64) {
		bits |= value << n
		for n += count; n >= 8; n -= 8 {
			stream, bits = append(stream, byte(bits)), bits>>8
		}
	}
	write(4, 0b1111) // a window of 16 MiB (RFC 7932 §9.1)
	length, nibbles := uint64(len(dictionary)-1), 4
	for length>>(4*nibbles) > 0 {
		nibbles++
	}
	write(1, 0)                 // not the last meta-block (§9.2)
	write(2, uint64(nibbles-4)) // of its length
	write(4*nibbles, length)    // less 1
	write(1, 1)                 // not compressed
	write((8-n)%8, 0)           // to the boundary of a byte
	stream = append(stream, dictionary...)
	for i, octet := range coded { // without its first four bits, the window
		if i == 0 {
			write(4, uint64(octet>>4))
		} else {
			write(8, uint64(octet))
		}
	}
	if bits != 0 { // the end is not filled up any more
		write(8-n, 0)
	}
	return stream
}

// versions are two versions of a script of n bytes in which a function differs.
func versions(n int) (before, after []byte) {
	r := rand.New(rand.NewPCG(5, 6))
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "function f%x(a, b) { const x%x = a * %d; return x%x + b.p%x }\n", r.Uint32(), i, r.IntN(1000), i, r.Uint32())
	}
	before = b.Bytes()[:n]
	after = bytes.Replace(before, []byte("return "), []byte("console.log(a); return 2 * "), 1)
	return before, after
}

// TestDelta: two versions of a script of 100 KiB differ in a function, and so does
// what is sent.
func TestDelta(t *testing.T) {
	before, after := versions(100 << 10)
	d := NewDictionary(before)
	var e Encoders
	whole, err := e.Encode(Zstd, after, len(after))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Coding{Dcz, Dcb} {
		coded, err := e.EncodeDelta(c, after, d, Worth(len(after)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(undelta(t, c, coded, before), after) {
			t.Errorf("%v is decoded to another content", c)
		}
		t.Logf("%d bytes are %d in zstd, and %d in %v", len(after), len(whole), len(coded), c)
		if len(coded) > len(whole)/20 {
			t.Errorf("%d bytes in %v are more than a twentieth of %d in zstd", len(coded), c, len(whole))
		}
		for _, most := range []int{0, 20, len(coded) - 1} {
			if _, err := e.EncodeDelta(c, after, d, most); !errors.Is(err, ErrNoGain) {
				t.Errorf("%v that is not worth it in %d bytes: %v", c, most, err)
			}
		}
	}
	sum := sha256.Sum256([]byte("x"))
	if got, want := NewDictionary([]byte("x")).Available(), ":LXEWQrcmsEQBYnyp++7wEGxg==:"; len(got) != 46 || sum[0] != 0x2d || got[:4] != want[:4] {
		t.Errorf("it is named %s", got)
	}
}

// TestDeltaSizes: dictionaries and contents of all sizes go together, and no coder
// takes more than Memory says.
func TestDeltaSizes(t *testing.T) {
	var e Encoders
	for _, c := range []Coding{Dcz, Dcb} {
		for _, sizes := range [][2]int{{100, 100}, {1 << 10, 200 << 10}, {200 << 10, 1 << 10}, {200 << 10, deltaBlock}, {MaxDelta, 5000}, {MaxDelta, MaxDelta}} {
			old, body := text(sizes[0]), append([]byte("new"), text(sizes[1]-3)...)
			d := NewDictionary(old)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			coded, err := e.EncodeDelta(c, body, d, len(body)+1000)
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatalf("%v of %d after %d bytes: %v", c, sizes[1], sizes[0], err)
			}
			took, allowed := int64(after.TotalAlloc-before.TotalAlloc), Memory(c, len(old)+len(body))
			t.Logf("%v: %d KiB of %d, %d bytes", c, took>>10, allowed>>10, len(coded))
			if took > allowed+2*int64(len(coded)) {
				t.Errorf("%v of %d after %d bytes takes %d KiB, and %d are counted", c, sizes[1], sizes[0], took>>10, allowed>>10)
			}
			if !bytes.Equal(undelta(t, c, coded, old), body) {
				t.Errorf("%v of %d after %d bytes is decoded to another content", c, sizes[1], sizes[0])
			}
		}
	}
}

// rows are lines that begin and end alike, with numbers from a first one on: what ends a
// version and what begins the next are one match.
func rows(first, n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"id":%d,"name":"item","status":"active"}`+"\n", first+i)
	}
	return b.Bytes()
}

// TestDeltaBrotliCopies: no copy begins in the dictionary and ends behind it, which
// decoders refuse, and all of them make the content.
func TestDeltaBrotliCopies(t *testing.T) {
	total := 0
	for about, pair := range map[string][2][]byte{
		"one letter":           {bytes.Repeat([]byte("a"), 5000), bytes.Repeat([]byte("a"), 200_000)},
		"rows":                 {rows(1000, 500), rows(5000, 500)},
		"sent twice over":      {rows(1, 300), append(rows(1, 300), rows(1, 300)...)},
		"a piece of one byte":  {[]byte("0123456789abcdef0123456789abcdef-"), []byte("-0123456789abcdef0123456789abcdef-")},
		"nothing in common":    {rows(1, 3), bytes.Repeat([]byte("xyz"), 40_000)},
		"versions of a script": func() [2][]byte { a, b := versions(300 << 10); return [2][]byte{a, b} }(),
	} {
		old, body := pair[0], pair[1]
		crossed := checkCopies(t, old, body)
		t.Logf("%s: %d matches were divided", about, crossed)
		total += crossed
	}
	if total == 0 {
		t.Error("no match was to be divided")
	}
}

// checkCopies checks the copies of body, coded with a dictionary, and returns how many of
// the library's matches were to be divided.
func checkCopies(t *testing.T, old, body []byte) (crossed int) {
	t.Helper()
	d := newDeltaBrotli(io.Discard, old, len(body))
	got := bytes.Clone(old)
	for part := range slices.Chunk(body, deltaBlock) {
		d.find(part)
		at := len(old) + d.at
		for _, m := range d.matches {
			at += m.Unmatched
			if from := at - m.Distance; from < len(old) && from+m.Length > len(old) {
				crossed++
			}
			at += m.Length
		}
		d.divide()
		for _, m := range d.parts {
			got = append(got, body[len(got)-len(old):][:m.Unmatched]...)
			from := len(got) - m.Distance
			if m.Length > 0 && from < len(old) && from+m.Length > len(old) {
				t.Errorf("a copy of %d bytes begins %d before the end of the dictionary", m.Length, len(old)-from)
			}
			for i := range m.Length {
				got = append(got, got[from+i])
			}
		}
		d.at += len(part)
	}
	if !bytes.Equal(got[len(old):], body) {
		t.Error("the copies do not make the content")
	}
	return crossed
}

// FuzzDelta: whatever a content and its dictionary are, a client makes of what is coded
// the content again.
func FuzzDelta(f *testing.F) {
	f.Add([]byte("the one before"), []byte("the one behind"), uint8(3))
	f.Add([]byte("x"), []byte{}, uint8(255))
	f.Fuzz(func(t *testing.T, old, body []byte, times uint8) {
		if len(old) == 0 {
			return
		}
		// Long ones reach over the blocks of a coder.
		old, body = bytes.Repeat(old, 1+int(times)), bytes.Repeat(body, 1+int(times)/2)
		if len(old) > MaxDelta || len(body) > MaxDelta {
			return
		}
		checkCopies(t, old, body)
		d := NewDictionary(old)
		var e Encoders
		for _, c := range []Coding{Dcz, Dcb} {
			coded, err := e.EncodeDelta(c, body, d, len(body)+len(body)/8+1000)
			if err != nil {
				t.Fatalf("%v of %d after %d bytes: %v", c, len(body), len(old), err)
			}
			if !bytes.Equal(undelta(t, c, coded, old), body) {
				t.Errorf("%v of %d after %d bytes is decoded to another content", c, len(body), len(old))
			}
		}
	})
}
