package hpack

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	xhpack "golang.org/x/net/http2/hpack"
)

func TestAppendStatus(t *testing.T) {
	for code := 100; code <= 999; code++ {
		block := AppendStatus(nil, code)
		d := NewDecoder(0)
		l := usualList()
		if err := d.Decode(&l, block); err != nil {
			t.Fatal(err)
		}
		digits := string([]byte{'0' + byte(code/100), '0' + byte(code/10%10), '0' + byte(code%10)})
		if !slices.Equal(l.Fields, []Field{field(":status", digits)}) {
			t.Errorf("%d: %v", code, l.Fields)
		}
		if len(block) > 5 {
			t.Errorf("%d: %d octets", code, len(block))
		}
		if other := AppendLiteral(nil, field(":status", digits)); !bytes.Equal(block, other) {
			t.Errorf("%d: %x, as a literal %x", code, block, other)
		}
	}
}

func TestAppendLiteral(t *testing.T) {
	tests := []struct {
		field Field
		want  string
	}{
		{field(":method", "GET"), "\x82"},
		{field(":status", "500"), "\x8e"},
		{field("accept-encoding", "gzip, deflate"), "\x90"},
		{field("age", ""), "\x95"},
		{field("www-authenticate", ""), "\xbd"},
		{field(":path", "\x00"), "\x04\x01\x00"},                          // 13 bits in Huffman code
		{field("age", "0"), "\x0f\x06\x01" + "0"},                         // no shorter in Huffman code
		{field("cache-control", "private"), "\x0f\x09\x85\xae\xc3w\x1aK"}, // C.6.1
		{field("custom-key", "<>"), "\x00\x88%\xa8I\xe9[\xa9}\x7f\x02<>"}, // C.4.3
		{field("", ""), "\x00\x00\x00"},
		{Field{":method", "GET", true}, "\x12\x03GET"}, // 3 octets in Huffman code too
		{Field{"age", "", true}, "\x1f\x06\x00"},
		{Field{"x", "", true}, "\x10\x01x\x00"},
	}
	for _, tt := range tests {
		if got := AppendLiteral(nil, tt.field); string(got) != tt.want {
			t.Errorf("%v: %q, want %q", tt.field, got, tt.want)
		}
		d := NewDecoder(0)
		l := usualList()
		if err := d.Decode(&l, []byte(tt.want)); err != nil || !slices.Equal(l.Fields, []Field{tt.field}) {
			t.Errorf("%v: decoded %v, %v", tt.field, l.Fields, err)
		}
	}
}

func TestStaticIndex(t *testing.T) {
	for i := uint8(1); i <= staticLen; i++ {
		f := staticTable[i]
		if got, exact := staticIndex(f.Name, f.Value); got != i || !exact {
			t.Errorf("%v: %d, %v, want %d", f, got, exact, i)
		}
		first, exact := staticIndex(f.Name, "no such value")
		if exact || staticTable[first].Name != f.Name || staticTable[first-1].Name == f.Name {
			t.Errorf("%s: %d, %v", f.Name, first, exact)
		}
	}
	for _, name := range []string{"", "x", ":statu", "Accept", "accept-"} {
		if got, _ := staticIndex(name, ""); got != 0 {
			t.Errorf("%q: %d", name, got)
		}
	}
}

// TestAppendInt has the examples of RFC 7541 Appendix C.1 and the edges.
func TestAppendInt(t *testing.T) {
	tests := []struct {
		pattern byte
		bits    uint
		n       uint64
		want    string
	}{
		{0x40, 5, 10, "\x4a"},
		{0xe0, 5, 1337, "\xff\x9a\x0a"},
		{0, 8, 42, "\x2a"},
		{0x80, 7, 126, "\xfe"},
		{0x80, 7, 127, "\xff\x00"},
		{0x80, 7, 254, "\xff\x7f"},
		{0x80, 7, 255, "\xff\x80\x01"},
		{0, 1, 1<<32 - 1, "\x01\xfe\xff\xff\xff\x0f"},
	}
	for _, tt := range tests {
		got := AppendInt(nil, tt.pattern, tt.bits, tt.n)
		if string(got) != tt.want {
			t.Errorf("%d in %d bits: %x, want %x", tt.n, tt.bits, got, tt.want)
		}
		n, next, err := readInt(got, 0, tt.bits)
		if uint64(n) != tt.n || next != len(got) || err != nil {
			t.Errorf("%x: %d, %d, %v", got, n, next, err)
		}
	}
}

// TestEncodeRFC encodes Appendix C.4 and C.6, in which everything that is no
// reference is inserted and in Huffman code, octet for octet.
func TestEncodeRFC(t *testing.T) {
	for _, s := range rfcSequences {
		if !strings.HasPrefix(s.name, "C.4") && !strings.HasPrefix(s.name, "C.6") {
			continue
		}
		e := Encoder{ready: true, table: table{max: s.tableSize}}
		for _, v := range s.blocks {
			got := e.AppendBlockStart(nil)
			for _, f := range v.fields {
				got = e.AppendField(got, f, true)
			}
			// C.6.2 has 307 in Huffman code though it is no shorter.
			if want := v.octets(t); !bytes.Equal(got, want) && v.name != "C.6.2" {
				t.Errorf("%s: %x, want %x", v.name, got, want)
			}
			if got := e.table.entries(); !slices.Equal(got, v.table) || e.table.size != v.size {
				t.Errorf("%s: table %v of %d, want %v of %d", v.name, got, e.table.size, v.table, v.size)
			}
		}
	}
}

func TestEncodeField(t *testing.T) {
	known, secret := field("x-known", "a"), Field{"x-known", "a", true}
	tests := []struct {
		name    string
		field   Field
		index   bool
		first   byte // of what is appended
		changes bool
	}{
		{"static", field(":path", "/"), true, 0x84, false},
		{"dynamic", known, true, 0xbe, false},
		{"dynamic, not to be indexed", known, false, 0xbe, false},
		{"dynamic name", field("x-known", "b"), true, 0x7e, true},
		{"dynamic name, not to be indexed", field("x-known", "b"), false, 0x0f, false},
		{"dynamic, sensitive", secret, true, 0x1f, false},
		{"new", field("x-new", "a"), true, 0x40, true},
		{"new, not to be indexed", field("x-new", "a"), false, 0x00, false},
		{"new, static name", field("server", "a"), true, 0x76, true},
		{"new, sensitive", Field{"x-new", "a", true}, true, 0x10, false},
		{"larger than the table", field("x-new", strings.Repeat("a", 4060)), true, 0x00, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var e Encoder
			block := e.AppendField(e.AppendBlockStart(nil), known, true)
			start, generation := len(block), e.Generation()
			block = e.AppendField(block, tt.field, tt.index)
			if block[start] != tt.first {
				t.Errorf("begins with %#x, want %#x", block[start], tt.first)
			}
			if changed := e.Generation() != generation; changed != tt.changes {
				t.Errorf("generation changed: %v, want %v", changed, tt.changes)
			}
			d := NewDecoder(DefaultTableSize)
			l := usualList()
			if err := d.Decode(&l, block); err != nil || !slices.Equal(l.Fields, []Field{known, tt.field}) {
				t.Errorf("decoded %v, %v", l.Fields, err)
			}
		})
	}
}

func TestEncodeTableSize(t *testing.T) {
	tests := []struct {
		name  string
		sizes []uint32
		want  string
	}{
		{"none", nil, ""},
		{"the default", []uint32{4096}, ""},
		{"more than we use", []uint32{1 << 16}, ""},
		{"off", []uint32{0}, "\x20"},
		{"smaller", []uint32{100}, "\x3f\x45"},
		{"off and on", []uint32{0, 4096}, "\x20\x3f\xe1\x1f"},
		{"up and down", []uint32{200, 100, 300, 4096, 250}, "\x20\x3f\xdb\x01"},
		{"falling", []uint32{200, 100}, "\x3f\x45"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := field("x-name", "value")
			var e Encoder
			first := e.AppendField(e.AppendBlockStart(nil), f, true)
			for _, n := range tt.sizes {
				e.SetMaxTableSize(n)
			}
			got := e.AppendBlockStart(nil)
			if string(got) != tt.want {
				t.Errorf("block begins with %x, want %x", got, tt.want)
			}
			if again := e.AppendBlockStart(nil); len(again) > 0 {
				t.Errorf("next block begins with %x", again)
			}
			got = e.AppendField(got, f, true)
			d := NewDecoder(DefaultTableSize)
			l := usualList()
			for _, block := range [][]byte{first, got} {
				if err := d.Decode(&l, block); err != nil || !slices.Equal(l.Fields, []Field{f}) {
					t.Errorf("decoded %v, %v", l.Fields, err)
				}
			}
			if !slices.Equal(d.table.entries(), e.table.entries()) || d.table.max != e.table.max {
				t.Errorf("tables differ: %v, %v", d.table.entries(), e.table.entries())
			}
		})
	}
}

func TestHuffman(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	texts := []string{"", "a", "www.example.com", string(all), strings.Repeat("\xff\n", 100), strings.Repeat("0", 100)}
	for n := range 40 {
		texts = append(texts, strings.Repeat("e&X", n)[:n*2])
	}
	for _, s := range texts {
		checkHuffman(t, s)
	}
}

// checkHuffman codes s there and back and compares the code with x/net's.
func checkHuffman(t *testing.T, s string) {
	t.Helper()
	code := appendHuffman(nil, s)
	if want := xhpack.AppendHuffmanString(nil, s); !bytes.Equal(code, want) || len(code) != huffmanLen(s) {
		t.Fatalf("%q: %x of length %d, want %x", s, code, huffmanLen(s), want)
	}
	dst := make([]byte, huffmanRoom(len(code)))
	n, ok := decodeHuffman(dst, code)
	if !ok || string(dst[:n]) != s {
		t.Fatalf("%x: %q, %v, want %q", code, dst[:n], ok, s)
	}
}
