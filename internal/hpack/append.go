package hpack

// The first octet of each representation: its pattern and the width of the
// integer that follows in it (RFC 7541 §6).
const (
	indexedPattern = 0x80 // §6.1, 7 bits: an index
	insertPattern  = 0x40 // §6.2.1, 6 bits: a literal that is added to the table
	resizePattern  = 0x20 // §6.3, 5 bits: a dynamic table size update
	neverPattern   = 0x10 // §6.2.3, 4 bits: a literal that is never indexed
	plainPattern   = 0x00 // §6.2.2, 4 bits: a literal without indexing

	indexedBits = 7
	insertBits  = 6
	resizeBits  = 5
	literalBits = 4 // never-indexed and plain
)

// AppendStatus appends the :status field for a status code of three digits:
// one octet if the static table has it, else a literal without indexing.
func AppendStatus(dst []byte, code int) []byte {
	switch code {
	case 200:
		return append(dst, indexedPattern|8)
	case 204:
		return append(dst, indexedPattern|9)
	case 206:
		return append(dst, indexedPattern|10)
	case 304:
		return append(dst, indexedPattern|11)
	case 400:
		return append(dst, indexedPattern|12)
	case 404:
		return append(dst, indexedPattern|13)
	case 500:
		return append(dst, indexedPattern|14)
	}
	digits := [3]byte{'0' + byte(code/100), '0' + byte(code/10%10), '0' + byte(code%10)}
	return AppendString(append(dst, plainPattern|statusIndex), string(digits[:]))
}

// AppendLiteral appends f without any reference to a dynamic table: indexed
// if the static table has name and value, else as a literal without
// indexing, with a static name if there is one; never indexed if f is
// sensitive.
func AppendLiteral(dst []byte, f Field) []byte {
	name, exact := staticIndex(f.Name, f.Value)
	if exact && !f.Sensitive {
		return append(dst, indexedPattern|name)
	}
	return appendLiteral(dst, f, uint64(name))
}

// appendLiteral appends f as a literal that does not enter a table; name is
// the index of its name, 0 if it is written out.
func appendLiteral(dst []byte, f Field, name uint64) []byte {
	pattern := byte(plainPattern)
	if f.Sensitive {
		pattern = neverPattern
	}
	dst = AppendInt(dst, pattern, literalBits, name)
	if name == 0 {
		dst = AppendString(dst, f.Name)
	}
	return AppendString(dst, f.Value)
}

// AppendString appends s as a string literal (RFC 7541 §5.2), in Huffman code
// if that is shorter.
func AppendString(dst []byte, s string) []byte {
	if n := huffmanLen(s); n < len(s) {
		return appendHuffman(AppendInt(dst, huffmanFlag, lengthBits, uint64(n)), s)
	}
	return append(AppendInt(dst, 0, lengthBits, uint64(len(s))), s...)
}

// A string's length has a prefix of 7 bits under the flag that says Huffman
// (RFC 7541 §5.2).
const (
	huffmanFlag = 0x80
	lengthBits  = 7
)
