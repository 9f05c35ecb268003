package hpack

import (
	"slices"
	"unsafe"
)

const (
	// minBuffer is the first allocation for decoded strings. A browser's
	// request carries some 500 octets that are in Huffman code.
	minBuffer = 1 << 10
	// minFields is how many fields the first allocation has room for: a
	// request of a browser.
	minFields = 16
	// maxKept is how large a buffer Reset keeps: twice what a server usually
	// allows, 16 KiB, as buffers double. Browsers send 1 to 4 KiB.
	maxKept = 32 << 10
)

// List is the memory that a header block is decoded into, made to be pooled
// and used again. It is ready once it has its limits.
//
// The strings in Fields are borrowed, from the block, from the List and from
// the Decoder: valid until the block's memory is used again and until the next
// Decode with either. Clone what is kept.
type List struct {
	Fields []Field

	// MaxBytes and MaxFields limit what is kept, in bytes as Field.Size
	// counts and in fields. There is no default: to decode into a List
	// without either panics. From the first field that is over a limit,
	// fields are decoded, counted and dropped.
	MaxBytes, MaxFields int

	// Bytes is the size of all fields (RFC 9113 §6.5.2), and Count their
	// number, the dropped ones included. Truncated is that there are any.
	Bytes, Count int
	Truncated    bool

	// buf holds decoded Huffman code and other copies. It never moves: if
	// it is full, a new one takes its place and the old one lives on in the
	// strings borrowed from it. buf[:kept] belongs to Fields.
	buf  []byte
	kept int
}

// Reset drops the fields, and with them what they keep alive. It is to be
// called before a List rests in a pool.
func (l *List) Reset() {
	l.begin()
	clear(l.Fields[:cap(l.Fields)])
	if cap(l.buf) > maxKept {
		l.buf = nil
	}
}

// begin readies the list for a block.
func (l *List) begin() {
	l.Fields = l.Fields[:0]
	l.Bytes, l.Count, l.Truncated = 0, 0, false
	l.buf, l.kept = l.buf[:0], 0
}

// add counts a field and keeps or drops it, and with it what was put into buf
// for it.
func (l *List) add(name, value string, sensitive bool) {
	l.Bytes += len(name) + len(value) + fieldOverhead
	l.Count++
	if l.Bytes > l.MaxBytes || l.Count > l.MaxFields {
		l.Truncated = true
		l.buf = l.buf[:l.kept]
		return
	}
	n := len(l.Fields)
	if n == cap(l.Fields) {
		l.Fields = slices.Grow(l.Fields, minFields)
	}
	l.Fields = l.Fields[:n+1]
	f := &l.Fields[n] // stored in place: an append would build the Field elsewhere and copy it
	f.Name, f.Value, f.Sensitive = name, value, sensitive
	l.kept = len(l.buf)
}

// reserve makes room for n octets behind buf.
func (l *List) reserve(n int) {
	if cap(l.buf)-len(l.buf) < n {
		l.buf = make([]byte, 0, max(n, 2*cap(l.buf), minBuffer))
		l.kept = 0
	}
}

// copied returns s in the list's own memory.
func (l *List) copied(s string) string {
	l.reserve(len(s))
	start := len(l.buf)
	l.buf = append(l.buf, s...)
	return view(l.buf[start:])
}

// decoded returns the text of Huffman code, and whether that is right.
func (l *List) decoded(code []byte) (string, bool) {
	l.reserve(huffmanRoom(len(code)))
	start := len(l.buf)
	n, ok := decodeHuffman(l.buf[start:cap(l.buf)], code)
	if !ok {
		return "", false
	}
	l.buf = l.buf[:start+n]
	return view(l.buf[start:]), true
}

// detach copies every string of Fields that is borrowed from text, which is
// about to move.
func (l *List) detach(text []byte) {
	for i := range l.Fields {
		f := &l.Fields[i]
		if within(f.Name, text) {
			f.Name = l.copied(f.Name)
			l.kept = len(l.buf)
		}
		if within(f.Value, text) {
			f.Value = l.copied(f.Value)
			l.kept = len(l.buf)
		}
	}
}

// within reports whether s, unless empty, lies in b's memory.
func within(s string, b []byte) bool {
	offset := uintptr(unsafe.Pointer(unsafe.StringData(s))) - uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return len(s) > 0 && offset < uintptr(cap(b))
}
