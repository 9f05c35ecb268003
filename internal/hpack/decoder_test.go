package hpack

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// entries returns a table's content, newest first, in memory of its own.
func (t *table) entries() []Field {
	var all []Field
	for i := uint32(1); i <= t.count; i++ {
		name, value, _ := t.at(i)
		all = append(all, Field{Name: strings.Clone(name), Value: strings.Clone(value)})
	}
	return all
}

// usualList has the limits that a server has by default.
func usualList() List { return List{MaxBytes: 16 << 10, MaxFields: 128} }

// TestListWithoutLimits: a limit that was forgotten is not taken for another one.
func TestListWithoutLimits(t *testing.T) {
	for _, l := range []List{{}, {MaxBytes: 1}, {MaxFields: 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a block is decoded with the limits %d and %d", l.MaxBytes, l.MaxFields)
				}
			}()
			d := NewDecoder(4096)
			_ = d.Decode(&l, nil)
		}()
	}
}

func TestDecodeRFC(t *testing.T) {
	for _, s := range rfcSequences {
		t.Run(s.name, func(t *testing.T) {
			d := NewDecoder(s.tableSize)
			l := usualList()
			for _, v := range s.blocks {
				if err := d.Decode(&l, v.octets(t)); err != nil {
					t.Fatalf("%s: %v", v.name, err)
				}
				if !slices.Equal(l.Fields, v.fields) {
					t.Errorf("%s: fields\n%+v, want\n%+v", v.name, l.Fields, v.fields)
				}
				if got := d.table.entries(); !slices.Equal(got, v.table) {
					t.Errorf("%s: table\n%+v, want\n%+v", v.name, got, v.table)
				}
				if d.table.size != v.size {
					t.Errorf("%s: table size %d, want %d", v.name, d.table.size, v.size)
				}
			}
		})
	}
}

// TestDecodeTruncated cuts every block of the RFC at every octet: it then
// either ends within a representation or is a shorter block, with the first of
// the fields.
func TestDecodeTruncated(t *testing.T) {
	for _, s := range rfcSequences {
		for i, last := range s.blocks {
			block := last.octets(t)
			for n := range block {
				d := NewDecoder(s.tableSize)
				l := usualList()
				for _, v := range s.blocks[:i] {
					if err := d.Decode(&l, v.octets(t)); err != nil {
						t.Fatal(err)
					}
				}
				err := d.Decode(&l, slices.Clone(block[:n]))
				if err != nil && !errors.Is(err, ErrTruncated) {
					t.Errorf("%s %s to %d octets: %v", s.name, last.name, n, err)
				}
				if len(l.Fields) >= len(last.fields) || !slices.Equal(l.Fields, last.fields[:len(l.Fields)]) {
					t.Errorf("%s %s to %d octets: fields %v", s.name, last.name, n, l.Fields)
				}
			}
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	tests := []struct {
		name   string
		block  string
		want   error
		offset int
	}{
		{"index 0", "\x80", ErrIndex, 0},
		{"index beyond both tables", "\x82\xbe", ErrIndex, 1},
		{"index far beyond", "\xff\x80\xff\xff\xff\x0f", ErrIndex, 0},
		{"name index beyond both tables", "\x7f\x00\x01a", ErrIndex, 0},
		{"index beyond 32 bits", "\xff\x81\xff\xff\xff\x0f", ErrInteger, 0},
		{"six continuation octets", "\xff\x80\x80\x80\x80\x80\x00", ErrInteger, 0},
		{"integer without end", "\x82\xff\x80", ErrTruncated, 1},
		{"no name", "\x40", ErrTruncated, 0},
		{"no value", "\x40\x01a", ErrTruncated, 0},
		{"no value behind a name index", "\x04", ErrTruncated, 0},
		{"string longer than the block", "\x82\x04\x03ab", ErrTruncated, 1},
		{"string of 4 GiB", "\x04\x7f\x80\xff\xff\xff\x0f", ErrTruncated, 0},
		{"eight bits of padding", "\x04\x82\xf8\xff", ErrHuffman, 0}, // f8 is &
		{"an octet of padding alone", "\x04\x81\xff", ErrHuffman, 0},
		{"padding of zeros", "\x04\x81\x18", ErrHuffman, 0}, // a, 000
		{"EOS", "\x04\x84\xff\xff\xff\xff", ErrHuffman, 0},
		{"EOS within", "\x04\x8a\x1f\xff\xff\xff\xff\x18\xc6\x31\x8c\x63", ErrHuffman, 0},
		{"size update above the limit", "\x3f\xe2\x1f", ErrTableSize, 0}, // 4097
		{"size update behind a field", "\x82\x20", ErrTableSize, 1},
		{"size update without end", "\x3f", ErrTruncated, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := NewDecoder(4096)
			l := usualList()
			err := d.Decode(&l, []byte(tt.block))
			var de *DecodingError
			if !errors.As(err, &de) || !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if de.Offset != tt.offset {
				t.Errorf("%v: offset %d, want %d", err, de.Offset, tt.offset)
			}
			if !strings.Contains(err.Error(), tt.want.Error()) {
				t.Errorf("text %q lacks the reason", err)
			}
		})
	}
}

func TestDecodeTableSize(t *testing.T) {
	insert := []byte("\x40\x01a\x01b")
	tests := []struct {
		name    string
		limit   uint32
		block   string
		max     uint32
		entries int
	}{
		{"unchanged", 4096, "", 4096, 2},
		{"the default though more is allowed", 1 << 14, "", 4096, 2},
		{"raised by the peer", 1 << 14, "\x3f\xe1\x7f", 1 << 14, 2},
		{"limit above what offsets hold", 1 << 20, "\x3f\xe0\xff\x03", 1<<16 - 1, 2},
		{"room for one", 4096, "\x3f\x18", 55, 1},
		{"emptied and restored", 4096, "\x20\x3f\xe1\x1f", 4096, 0},
		{"below an entry", 4096, "\x21", 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := NewDecoder(tt.limit)
			l := usualList()
			for _, b := range [][]byte{insert, insert, []byte(tt.block)} {
				if err := d.Decode(&l, b); err != nil {
					t.Fatal(err)
				}
			}
			if d.table.max != tt.max || int(d.table.count) != tt.entries {
				t.Errorf("maximum %d with %d entries, want %d with %d", d.table.max, d.table.count, tt.max, tt.entries)
			}
		})
	}
}

func TestDecodeGeneration(t *testing.T) {
	tests := []struct {
		name    string
		block   string
		changes bool
	}{
		{"static index", "\x82", false},
		{"dynamic index", "\xbe", false},
		{"plain literal", "\x04\x01/", false},
		{"never indexed", "\x14\x01/", false},
		{"insertion", "\x44\x01/", true},
		{"insertion larger than the table", "\x44\x7f\x81\x1f" + strings.Repeat("x", 4096), true},
		{"size update", "\x3f\xe1\x1f", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := NewDecoder(4096)
			l := usualList()
			if err := d.Decode(&l, []byte("\x40\x01a\x01b")); err != nil {
				t.Fatal(err)
			}
			before := d.Generation()
			if err := d.Decode(&l, []byte(tt.block)); err != nil {
				t.Fatal(err)
			}
			if changed := d.Generation() != before; changed != tt.changes {
				t.Errorf("generation changed: %v, want %v", changed, tt.changes)
			}
		})
	}
}

// TestDecodeEvictedWithin references entries and inserts so much behind them,
// in one block, that they are evicted and the table's text moves many times.
func TestDecodeEvictedWithin(t *testing.T) {
	for _, size := range []int{1, 30, 100, 700, 1900, 3000, 4000} {
		d := NewDecoder(4096)
		l := List{MaxBytes: 1 << 22, MaxFields: 1 << 10}
		var block []byte
		var want []Field
		for i := range 200 {
			value := strings.Repeat(string(rune('a'+i%26)), size)
			f := field("x-name-"+string(rune('a'+i%7)), value)
			block = AppendInt(block, insertPattern, insertBits, 0)
			block = AppendString(block, f.Name)
			block = append(AppendInt(block, 0, lengthBits, uint64(size)), value...)
			block = append(block, indexedPattern|62)
			// The same name by its index, for an insertion that evicts it.
			block = AppendString(append(block, insertPattern|62), "v")
			want = append(want, f, f, field(f.Name, "v"))
		}
		if err := d.Decode(&l, block); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(l.Fields, want) {
			t.Errorf("values of %d octets: fields differ", size)
		}
		if d.table.size > 4096 || cap(d.table.text) > 4096 || len(d.table.ring) > 128 {
			t.Errorf("values of %d octets: table of %d, %d octets of text, %d places", size, d.table.size, cap(d.table.text), len(d.table.ring))
		}
	}
}

func TestDecodeLimits(t *testing.T) {
	// Three fields of 4+5+32 = 41 bytes, the second of which is inserted, and
	// a reference to that.
	block := []byte("\x00\x04name\x05value\x40\x04name\x05other\x00\x04name\x05third\xbe")
	third := field("name", "third")
	all := []Field{field("name", "value"), field("name", "other"), third, field("name", "other")}
	tests := []struct {
		name                string
		maxBytes, maxFields int
		kept                int
	}{
		{"within", 164, 4, 4},
		{"far within", 16 << 10, 128, 4},
		{"one byte over", 163, 4, 3},
		{"one field over", 164, 3, 3},
		{"the insertion dropped", 41, 4, 1},
		{"nothing kept", 1, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := NewDecoder(4096)
			l := List{MaxBytes: tt.maxBytes, MaxFields: tt.maxFields}
			if err := d.Decode(&l, block); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(l.Fields, all[:tt.kept]) {
				t.Errorf("fields %v, want %v", l.Fields, all[:tt.kept])
			}
			if l.Bytes != 164 || l.Count != 4 || l.Truncated != (tt.kept < 4) {
				t.Errorf("%d bytes, %d fields, truncated %v", l.Bytes, l.Count, l.Truncated)
			}
			if got := d.table.entries(); !slices.Equal(got, all[1:2]) {
				t.Errorf("table %v out of step", got)
			}
		})
	}
}

// TestDecodeDroppedMemory sends a block whose every two octets insert a large
// entry again: the copies must not pile up in the list.
func TestDecodeDroppedMemory(t *testing.T) {
	name := strings.Repeat("n", 4000)
	block := []byte("\x40\x7f\xa1\x1e" + name + "\x00")
	block = append(block, bytes.Repeat([]byte{insertPattern | 62, 0}, 5000)...)
	d := NewDecoder(4096)
	l := usualList()
	if err := d.Decode(&l, block); err != nil {
		t.Fatal(err)
	}
	if l.Count != 5001 || l.Bytes != 5001*4032 || len(l.Fields) != 4 {
		t.Errorf("%d fields of %d bytes, %d kept", l.Count, l.Bytes, len(l.Fields))
	}
	if cap(l.buf) > maxKept {
		t.Errorf("buffer of %d octets", cap(l.buf))
	}
}

func TestListReset(t *testing.T) {
	d := NewDecoder(4096)
	l := List{MaxBytes: 1 << 20, MaxFields: 1}
	block := AppendLiteral(nil, field("name", strings.Repeat("a", 1<<16)))
	if err := d.Decode(&l, block); err != nil || len(l.Fields) != 1 {
		t.Fatal(err, len(l.Fields))
	}
	l.Reset()
	if l.buf != nil || len(l.Fields) != 0 || l.Fields[:1][0] != (Field{}) || l.Bytes+l.Count != 0 {
		t.Errorf("after Reset: %d octets kept, fields %v", cap(l.buf), l.Fields[:1])
	}
	if l.MaxBytes != 1<<20 {
		t.Error("Reset changed the limit")
	}
}
