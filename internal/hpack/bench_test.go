package hpack

import (
	"bytes"
	"testing"

	xhpack "golang.org/x/net/http2/hpack"
)

// The blocks that benchmarks and allocation tests work on: what a load
// generator, a plain client and a browser send.
var (
	toolFields = []Field{
		field(":method", "GET"), field(":scheme", "https"), field(":path", "/static/app.js"),
		field(":authority", "127.0.0.1:8443"), field("user-agent", "h2load nghttp2/1.52.0"), field("accept", "*/*"),
	}
	browserFields = []Field{
		field(":method", "GET"), field(":authority", "www.example.com"), field(":scheme", "https"), field(":path", "/articles/2026/an-edge-server?page=2"),
		field("sec-ch-ua", `"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"`), field("sec-ch-ua-mobile", "?0"), field("sec-ch-ua-platform", `"Linux"`),
		field("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"),
		field("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"),
		field("sec-fetch-site", "same-origin"), field("sec-fetch-mode", "navigate"), field("sec-fetch-dest", "document"),
		field("referer", "https://www.example.com/articles/2026/"), field("accept-encoding", "gzip, deflate, br, zstd"), field("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
	}
)

// shape is a block in the state of the connection that it is decoded in.
type shape struct {
	name   string
	before []byte // sets the table up
	block  []byte
	fields []Field
}

func shapes() []shape {
	indexed := func(name string, fields []Field) shape {
		var e Encoder
		s := shape{name: name, fields: fields}
		s.before = appendAll(&e, nil, fields)
		s.block = appendAll(&e, nil, fields)
		return s
	}
	literal := func(name string, fields []Field) shape {
		s := shape{name: name, fields: fields}
		for _, f := range fields {
			s.block = AppendLiteral(s.block, f)
		}
		return s
	}
	// An insertion with each block, which evicts an old entry from a full table.
	inserting := func(name string, fields []Field) shape {
		var e Encoder
		e.SetMaxTableSize(1000)
		s := shape{name: name, fields: fields}
		s.before = appendAll(&e, nil, fields)
		s.block = append(AppendInt(s.block, insertPattern, insertBits, 4), AppendString(nil, "/static/app.js")...)
		for _, f := range fields[3:] {
			s.block = AppendLiteral(s.block, f)
		}
		s.fields = fields[2:]
		return s
	}
	return []shape{
		indexed("tool/indexed", toolFields),
		literal("tool/literal", toolFields),
		inserting("tool/inserting", toolFields),
		indexed("browser/indexed", browserFields),
		literal("browser/literal", browserFields),
	}
}

func appendAll(e *Encoder, dst []byte, fields []Field) []byte {
	dst = e.AppendBlockStart(dst)
	for _, f := range fields {
		dst = e.AppendField(dst, f, true)
	}
	return dst
}

func TestDecodeAllocations(t *testing.T) {
	for _, s := range shapes() {
		d := NewDecoder(DefaultTableSize)
		l := usualList()
		decode := func(block []byte) {
			if err := d.Decode(&l, block); err != nil {
				t.Fatal(err)
			}
		}
		decode(s.before)
		for range 200 { // until the table has all the memory it needs
			decode(s.block)
		}
		if n := testing.AllocsPerRun(100, func() { decode(s.block) }); n > 0 {
			t.Errorf("%s: %v allocations", s.name, n)
		}
		if len(l.Fields) != len(s.fields) {
			t.Errorf("%s: %d fields, want %d", s.name, len(l.Fields), len(s.fields))
		}
	}
}

func TestEncodeAllocations(t *testing.T) {
	var e Encoder
	dst := make([]byte, 0, 4096)
	tests := []struct {
		name string
		run  func()
	}{
		{"indexed", func() { appendAll(&e, dst, browserFields) }},
		{"literal", func() {
			for _, f := range browserFields {
				AppendLiteral(dst, f)
			}
		}},
		{"status", func() { AppendStatus(AppendStatus(dst, 200), 431) }},
		{"inserting", func() {
			for range 8 {
				for i := range 64 {
					e.AppendField(dst, field("x-name", browserFields[4].Value[:i]), true)
				}
			}
		}},
	}
	for _, tt := range tests {
		if n := testing.AllocsPerRun(100, tt.run); n > 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}

// TestIdleMemory is the contract of a connection that has indexed nothing, and
// of one whose table is full.
func TestIdleMemory(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		d := NewDecoder(DefaultTableSize)
		var e Encoder
		e.SetMaxTableSize(DefaultTableSize)
		d.Generation()
	}); n > 0 {
		t.Errorf("%v allocations before anything is indexed", n)
	}
	for _, value := range []int{0, 1, 10, 40, 500} {
		var e Encoder
		for i := range 1000 {
			e.table.insert("", browserFields[7].Value[:min(value, 100)]+string(make([]byte, max(0, value-100))))
			if held := cap(e.table.text) + 6*len(e.table.ring); held > 4096+6*128 {
				t.Fatalf("%d values of %d octets: %d octets held", i, value, held)
			}
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, s := range shapes() {
		b.Run(s.name+"/hotpath", func(b *testing.B) {
			d := NewDecoder(DefaultTableSize)
			l := usualList()
			if err := d.Decode(&l, s.before); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Decode(&l, s.block); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(s.name+"/x-net", func(b *testing.B) {
			n := 0
			d := xhpack.NewDecoder(DefaultTableSize, func(xhpack.HeaderField) { n++ })
			if _, err := d.Write(s.before); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Write(s.block); err != nil {
					b.Fatal(err)
				}
				if err := d.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// buffer is the plainest io.Writer, for x/net's encoder.
type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

func BenchmarkEncode(b *testing.B) {
	for _, s := range []struct {
		name   string
		fields []Field
		index  bool
	}{
		{"tool/indexed", toolFields, true},
		{"tool/literal", toolFields, false},
		{"browser/indexed", browserFields, true},
		{"browser/literal", browserFields, false},
	} {
		b.Run(s.name+"/hotpath", func(b *testing.B) {
			var e Encoder
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				block := e.AppendBlockStart(dst)
				for i := range s.fields {
					block = e.AppendField(block, s.fields[i], s.index)
				}
			}
		})
		b.Run(s.name+"/x-net", func(b *testing.B) {
			dst := make(buffer, 0, 4096)
			e := xhpack.NewEncoder(&dst)
			if !s.index {
				e.SetMaxDynamicTableSize(0) // there is no other way not to index
			}
			b.ReportAllocs()
			for b.Loop() {
				dst = dst[:0]
				for _, f := range s.fields {
					if err := e.WriteField(xhpack.HeaderField{Name: f.Name, Value: f.Value}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkHuffmanDecode(b *testing.B) {
	for _, f := range []Field{toolFields[2], browserFields[4], browserFields[7]} {
		code := appendHuffman(nil, f.Value)
		b.Run(f.Name+"/hotpath", func(b *testing.B) {
			dst := make([]byte, huffmanRoom(len(code)))
			b.SetBytes(int64(len(f.Value)))
			for b.Loop() {
				if _, ok := decodeHuffman(dst, code); !ok {
					b.Fatal("not decoded")
				}
			}
		})
		b.Run(f.Name+"/x-net", func(b *testing.B) {
			var dst bytes.Buffer
			b.SetBytes(int64(len(f.Value)))
			for b.Loop() {
				dst.Reset()
				if _, err := xhpack.HuffmanDecode(&dst, code); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
