package hpack

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	xhpack "golang.org/x/net/http2/hpack"
)

// FuzzDecode decodes the same blocks with our decoder and x/net's. The input is
// blocks behind an octet with their length, those of one connection. A third
// decoder with tight limits has to stay in step.
//
// Ours refuses two things that x/net's accepts: integers of more than 32 bits
// or five continuation octets, and a table size update behind a field while
// the table is empty. X/net's refuses one thing that ours accepts, as RFC 7541
// §4.2 allows it: a second table size update in a block, if the first has left
// entries in the table.
func FuzzDecode(f *testing.F) {
	for _, s := range rfcSequences {
		var input []byte
		for _, v := range s.blocks {
			block := v.octets(f)
			input = append(append(input, byte(len(block))), block...)
		}
		f.Add(input)
	}
	f.Add([]byte("\x08\x20\x3f\xe1\x1f\x40\x01a\x01\x01\xbe"))
	f.Add([]byte("\x05\x40\x01a\x01\x01\x03\x3f\x30\x30")) // two updates, with an entry
	f.Add([]byte("\x09\x40\x02ab\x84\x1f\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, input []byte) {
		const tableSize = 200 // small, so that there are evictions
		d := NewDecoder(tableSize)
		l := List{MaxBytes: 1 << 30, MaxFields: 1 << 30}
		short, few := NewDecoder(tableSize), List{MaxBytes: 150, MaxFields: 3}
		var want []Field
		x := xhpack.NewDecoder(tableSize, func(f xhpack.HeaderField) {
			want = append(want, Field{f.Name, f.Value, f.Sensitive})
		})
		for len(input) > 0 {
			n := min(int(input[0]), len(input)-1)
			block := input[1 : 1+n]
			input = input[1+n:]
			want = want[:0]
			generation := d.Generation()
			err := d.Decode(&l, block)
			_, xerr := x.Write(block)
			if closeErr := x.Close(); xerr == nil {
				xerr = closeErr
			}
			switch {
			case err != nil && xerr == nil:
				behind := errors.Is(err, ErrTableSize) && l.Count > 0
				if !behind && !errors.Is(err, ErrInteger) {
					t.Fatalf("%x: %v, x/net decodes %v", block, err, want)
				}
				return
			case err == nil && xerr != nil:
				if updatesTwice(block) {
					return
				}
				t.Fatalf("%x: %v, x/net: %v", block, l.Fields, xerr)
			case err != nil:
				return
			}
			if !slices.Equal(l.Fields, want) {
				t.Fatalf("%x: %v, x/net: %v", block, l.Fields, want)
			}
			if err := short.Decode(&few, block); err != nil {
				t.Fatalf("%x: within limits: %v", block, err)
			}
			if few.Bytes != l.Bytes || few.Count != l.Count || !slices.Equal(few.Fields, l.Fields[:len(few.Fields)]) {
				t.Fatalf("%x: %v, within limits %v", block, l.Fields, few.Fields)
			}
			if !slices.Equal(d.table.entries(), short.table.entries()) {
				t.Fatalf("%x: table %v, within limits %v", block, d.table.entries(), short.table.entries())
			}
			if d.Generation() != generation {
				continue
			}
			fields := append([]Field(nil), l.Fields...)
			again := usualList()
			again.MaxBytes, again.MaxFields = 1<<30, 1<<30
			if err := d.Decode(&again, block); err != nil || !slices.Equal(again.Fields, fields) {
				t.Fatalf("%x: %v, once more %v (%v)", block, fields, again.Fields, err)
			}
		}
	})
}

// updatesTwice reports whether a block that is whole begins with two table size
// updates.
func updatesTwice(block []byte) bool {
	p := 0
	for range 2 {
		if p >= len(block) || block[p] < resizePattern || block[p] >= insertPattern {
			return false
		}
		_, p, _ = readInt(block, p, resizeBits)
	}
	return true
}

// FuzzEncode sends blocks, table sizes between them, to our decoder and to
// x/net's. The input is instructions of three octets: what to do, and what
// with.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("\x00ab\x00ab\x01cd\x02ef\x03gh\x00ab"))
	f.Add([]byte("\x00ab\x04\x00\x00\x04\x10\x00\x00ab\x03xx\x00ab\x04\xff\xff\x00ab"))
	f.Add([]byte("\x0010\x0510\x00ab"))
	f.Add(bytes.Repeat([]byte("\x00az\x00by\x05cx\x03\x00\x00"), 50))
	f.Fuzz(func(t *testing.T, input []byte) {
		var (
			e         Encoder
			l         = List{MaxBytes: 1 << 30, MaxFields: 1 << 30}
			d         = NewDecoder(DefaultTableSize)
			sent, got []Field
		)
		x := xhpack.NewDecoder(DefaultTableSize, func(f xhpack.HeaderField) {
			got = append(got, Field{f.Name, f.Value, f.Sensitive})
		})
		block := e.AppendBlockStart(nil)
		flush := func() {
			got = got[:0]
			if _, err := x.Write(block); err != nil {
				t.Fatalf("%x: %v", block, err)
			}
			if err := x.Close(); err != nil {
				t.Fatalf("%x: %v", block, err)
			}
			if err := d.Decode(&l, block); err != nil {
				t.Fatalf("%x: %v", block, err)
			}
			if !slices.Equal(got, sent) || !slices.Equal(l.Fields, sent) {
				t.Fatalf("%x: %v, x/net: %v, want %v", block, l.Fields, got, sent)
			}
			sent, block = sent[:0], block[:0]
		}
		for len(input) >= 3 {
			what, a, b := input[0]%6, input[1], input[2]
			input = input[3:]
			switch what {
			case 3:
				flush()
				block = e.AppendBlockStart(block)
			case 4:
				flush()
				e.SetMaxTableSize(uint32(a)<<8 | uint32(b))
				block = e.AppendBlockStart(block)
			case 5: // two changes between blocks
				flush()
				e.SetMaxTableSize(uint32(a) << 3)
				e.SetMaxTableSize(uint32(b) << 3)
				block = e.AppendBlockStart(block)
			default:
				// A few names, static ones among them, with values that are
				// mostly short, at times larger than the table.
				f := Field{staticTable[1+a%16].Name, string(bytes.Repeat([]byte{b}, int(a)*int(b)/8)), what == 2}
				if a >= 128 {
					f.Name = "x-" + string(rune('a'+a%8))
				}
				sent = append(sent, f)
				block = e.AppendField(block, f, what == 0)
			}
		}
		flush()
		if !slices.Equal(d.table.entries(), e.table.entries()) {
			t.Fatalf("tables differ: %v, %v", d.table.entries(), e.table.entries())
		}
	})
}

// FuzzHuffman codes any text there and back, and decodes it as if it were code,
// beside x/net.
func FuzzHuffman(f *testing.F) {
	f.Add([]byte("www.example.com"))
	f.Add([]byte("Mozilla/5.0 (X11; Linux x86_64)\x00\xff"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		checkHuffman(t, string(text))
		dst := make([]byte, huffmanRoom(len(text)))
		n, ok := decodeHuffman(dst, text)
		want, err := xhpack.HuffmanDecodeToString(text)
		if ok != (err == nil) || ok && string(dst[:n]) != want {
			t.Fatalf("%x: %q, %v; x/net: %q, %v", text, dst[:n], ok, want, err)
		}
	})
}
