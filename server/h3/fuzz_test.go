package h3

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/quic-go/quic-go/quicvarint"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// TestVarints: the examples of RFC 9000 appendix A.1, and every truncation.
func TestVarints(t *testing.T) {
	for _, tt := range []struct {
		wire []byte
		want uint64
	}{
		{[]byte{0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c}, 151_288_809_941_952_652},
		{[]byte{0x9d, 0x7f, 0x3e, 0x7d}, 494_878_333},
		{[]byte{0x7b, 0xbd}, 15_293},
		{[]byte{0x25}, 37},
		{[]byte{0x40, 0x25}, 37},
	} {
		if got, err := readVarint(bytes.NewReader(tt.wire)); got != tt.want || err != nil {
			t.Errorf("%x is %d, %v; want %d", tt.wire, got, err, tt.want)
		}
		for n := range tt.wire {
			want := io.ErrUnexpectedEOF
			if n == 0 {
				want = io.EOF
			}
			if _, err := readVarint(bytes.NewReader(tt.wire[:n])); err != want {
				t.Errorf("%x: %v, want %v", tt.wire[:n], err, want)
			}
		}
	}
}

// FuzzFrameHead: what is read is what a head of the same type and length reads as,
// and as much of the input is taken as quic-go's reader takes.
func FuzzFrameHead(f *testing.F) {
	for _, b := range [][]byte{nil, {0}, {0, 5}, {1, 0x40, 0x25}, {0x40}, {0xc0, 0, 0, 0, 0, 0, 0, 1, 2}} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, theirs := bytes.NewReader(b), bytes.NewReader(b)
		h, err := readFrameHead(r)
		kind, kerr := quicvarint.Read(theirs)
		length, lerr := uint64(0), kerr
		if kerr == nil {
			length, lerr = quicvarint.Read(theirs)
		}
		if (err == nil) != (lerr == nil) {
			t.Fatalf("%v, quic-go %v", err, lerr)
		}
		if err != nil {
			return
		}
		if h.kind != kind || h.length != length || r.Len() != theirs.Len() {
			t.Fatalf("%+v with %d bytes left, quic-go %d, %d with %d", h, r.Len(), kind, length, theirs.Len())
		}
		again, err := readFrameHead(bytes.NewReader(appendFrameHead(nil, h.kind, int(h.length))))
		if err != nil || again != h {
			t.Errorf("%+v becomes %+v, %v", h, again, err)
		}
	})
}

// FuzzFields: a field section is decoded within its limits, and what was decoded is
// the same once encoded and decoded again.
func FuzzFields(f *testing.F) {
	f.Add([]byte{0, 0, 0xd1, 0xd7})
	f.Add([]byte{0, 0, 0x51, 0x01, '/', 0x23, 'a', 'b', 'c', 0x01, 'd'})
	f.Add([]byte{0, 0, 0x27, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, section []byte) {
		const most, count = 512, 8
		fields, truncated, err := decodeFields(nil, section, most, count)
		size := 0
		e := begin()
		for _, f := range fields {
			size += len(f.Name) + len(f.Value) + fieldOverhead
			e.add(f.Name, f.Value)
		}
		if size > most || len(fields) > count {
			t.Fatalf("%d fields of %d bytes pass", len(fields), size)
		}
		b := e.end(nil)
		if err != nil || truncated || len(fields) == 0 {
			return
		}
		r := bytes.NewReader(b)
		if _, err := readFrameHead(r); err != nil {
			t.Fatal(err)
		}
		again, _, err := decodeFields(nil, b[len(b)-r.Len():], most, count)
		if err != nil || len(again) != len(fields) {
			t.Fatalf("%v becomes %v, %v", fields, again, err)
		}
		for i := range fields {
			if fields[i] != again[i] {
				t.Errorf("%v becomes %v", fields[i], again[i])
			}
		}
	})
}

// TestHeads: what the engine adds to heads, and what it leaves out.
func TestHeads(t *testing.T) {
	now := message.Date(time.Unix(1_000_000_000, 0))
	names := func(b []byte) (all []string) {
		r := bytes.NewReader(b)
		if _, err := readFrameHead(r); err != nil {
			t.Fatal(err)
		}
		fields, _, err := decodeFields(nil, b[len(b)-r.Len():], 1<<20, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fields {
			all = append(all, f.Name+"="+f.Value)
		}
		return all
	}
	const date = "date=Sun, 09 Sep 2001 01:46:40 GMT"
	for _, tt := range []struct {
		why  string
		head []byte
		want []string
	}{
		{"ours", appendStored(nil, message.New(200, nil, []byte("x"), "", time.Time{}), now, "hotpath; hit"),
			[]string{":status=200", "server=hotpath", "content-length=1", date, "cache-status=hotpath; hit"}},
		{"another's, with its age", appendStored(nil, message.Stored(200, []hpack.Field{{Name: "a", Value: "b"}}, nil, now.Unix-5), now, ""),
			[]string{":status=200", "a=b", "content-length=0", "age=5"}},
		{"a handler's", appendHead(nil, &message.Head{Status: 200, Length: 3, Fields: []hpack.Field{{Name: "connection", Value: "close"}, {Name: "content-length", Value: "9"}}}, now, ""),
			[]string{":status=200", "server=hotpath", date, "content-length=3"}},
		{"with its own date and server", appendHead(nil, &message.Head{Status: 200, Length: -1, Fields: []hpack.Field{{Name: "date", Value: "x"}, {Name: "server", Value: "y"}}}, now, "z"),
			[]string{":status=200", "date=x", "server=y", "cache-status=z"}},
		{"informational", appendHead(nil, &message.Head{Status: 103}, now, ""), []string{":status=103"}},
		{"without content", appendHead(nil, &message.Head{Status: 204, Length: 0, Unnamed: true}, now, ""), []string{":status=204", date}},
	} {
		got := names(tt.head)
		if len(got) != len(tt.want) {
			t.Errorf("%s: %q, want %q", tt.why, got, tt.want)
			continue
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%s: %q, want %q", tt.why, got[i], tt.want[i])
			}
		}
	}
}
