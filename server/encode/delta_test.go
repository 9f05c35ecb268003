package encode

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// undelta is what a client with the dictionary makes of dcz.
func undelta(t testing.TB, coded, dictionary []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(dictionary)
	rest, ok := bytes.CutPrefix(coded, append(bytes.Clone(magic), sum[:]...))
	if !ok {
		t.Fatalf("it begins with %x", coded[:min(40, len(coded))])
	}
	r, err := zstd.NewReader(bytes.NewReader(rest), zstd.WithDecoderDictRaw(0, dictionary), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("decoding dcz: %v", err)
	}
	return body
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
	coded, err := e.EncodeDelta(after, d, Worth(len(after)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(undelta(t, coded, before), after) {
		t.Error("it is decoded to another content")
	}
	whole, err := e.Encode(Zstd, after, len(after))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes are %d in zstd, and %d in dcz", len(after), len(whole), len(coded))
	if len(coded) > len(whole)/20 {
		t.Errorf("%d bytes in dcz are more than a twentieth of %d in zstd", len(coded), len(whole))
	}
	if _, err := e.EncodeDelta(after, d, 20); !errors.Is(err, ErrNoGain) {
		t.Errorf("what is not worth it: %v", err)
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
	for _, sizes := range [][2]int{{100, 100}, {1 << 10, 200 << 10}, {200 << 10, 1 << 10}, {MaxDelta, 5000}, {MaxDelta, MaxDelta}} {
		old, body := text(sizes[0]), append([]byte("new"), text(sizes[1]-3)...)
		d := NewDictionary(old)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		coded, err := e.EncodeDelta(body, d, len(body)+1000)
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatalf("%d after %d bytes: %v", sizes[1], sizes[0], err)
		}
		took, allowed := int64(after.TotalAlloc-before.TotalAlloc), Memory(Dcz, len(old)+len(body))
		t.Logf("%d KiB of %d, %d bytes", took>>10, allowed>>10, len(coded))
		if took > allowed+2*int64(len(coded)) {
			t.Errorf("%d after %d bytes take %d KiB, and %d are counted", sizes[1], sizes[0], took>>10, allowed>>10)
		}
		if !bytes.Equal(undelta(t, coded, old), body) {
			t.Errorf("%d after %d bytes are decoded to another content", sizes[1], sizes[0])
		}
	}
}
