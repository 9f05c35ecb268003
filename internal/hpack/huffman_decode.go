package hpack

import "encoding/binary"

// lookBits is how many bits of Huffman code one look-up reads. All letters,
// digits and common punctuation have codes of 5 to 11 bits, most of 5 or 6, so
// that one look-up finds two. The table is 16 KiB. With 11 bits it would be
// half as large and decoding a fifth slower.
const lookBits = 12

// A look is what some bits of code begin with: how many bits of them are one
// or two symbols' codes, how many symbols, and which. (As a struct with an
// array it would not live in a register; the bits come first and are masked
// when read, so that they are a shift without further instructions.)
type look uint32

func (l look) bits() uint      { return uint(l & 63) }
func (l look) count() int      { return int(l >> 8 & 3) }
func (l look) symbols() uint16 { return uint16(l >> 16) }
func (l look) first() byte     { return byte(l >> 16) }

// one is a look that found one symbol.
func one(symbol, length uint8) look { return look(length) | 1<<8 | look(symbol)<<16 }

// and adds a second symbol.
func (l look) and(symbol, length uint8) look {
	return l + look(length) + 1<<8 + look(symbol)<<24
}

// looks has a look for any lookBits bits, 0 if not even one code is whole.
var looks = makeLooks()

func makeLooks() (table [1 << lookBits]look) {
	for code := range table {
		bits := uint64(code) << (64 - lookBits)
		symbol, length, ok := firstSymbol(bits)
		if !ok || length > lookBits {
			continue
		}
		table[code] = one(symbol, length)
		second, more, ok := firstSymbol(bits << length)
		if ok && length+more <= lookBits {
			table[code] = table[code].and(second, more)
		}
	}
	return table
}

// A span is the codes of one length, which are consecutive numbers: they are
// what is below limit and not in a shorter span.
type span struct {
	limit  uint32 // the first code beyond, from the top of 32 bits
	first  uint32 // the first code, likewise
	length uint8
	order  uint16 // the place of the first code's symbol in inOrder
}

// spans are in the order of their lengths, inOrder the symbols in that of
// their codes.
var spans, inOrder = makeSpans()

func makeSpans() (spans []span, inOrder [256]byte) {
	order := uint16(0)
	for length := uint8(1); length <= eosLen; length++ {
		s := span{length: length, order: order}
		for symbol, l := range huffmanLens {
			if l != length {
				continue
			}
			code := huffmanCodes[symbol] << (32 - length)
			if order == s.order {
				s.first = code
			}
			s.limit = code + 1<<(32-length)
			inOrder[order] = byte(symbol)
			order++
		}
		if order > s.order {
			spans = append(spans, s)
		}
	}
	return spans, inOrder
}

// firstSymbol returns the symbol whose code is at the top of code, and the
// code's length; not ok is EOS.
func firstSymbol(code uint64) (symbol byte, length uint8, ok bool) {
	top := uint32(code >> 32)
	for i := range spans {
		if s := &spans[i]; top < s.limit {
			return inOrder[uint32(s.order)+(top-s.first)>>(32-s.length)], s.length, true
		}
	}
	return 0, 0, false
}

// huffmanRoom returns how many octets decodeHuffman needs for that many octets
// of code: the shortest codes have 5 bits, and a look-up writes two symbols
// even if it has only one.
func huffmanRoom(code int) int { return code*8/5 + 2 }

// decodeHuffman decodes code into dst, which has huffmanRoom, and returns how
// many octets that are. It is not ok if the code holds EOS, or ends in more
// than 7 bits of padding or in others than ones (RFC 7541 §5.2).
func decodeHuffman(dst, code []byte) (n int, ok bool) {
	var (
		acc  uint64 // the next bits of code, from the top
		have uint   // how many of them count
	)
	for len(code) >= 8 {
		// As many octets as fit. The bits of acc beyond have are those of
		// code[0], where the next round puts them again.
		acc |= binary.BigEndian.Uint64(code) >> have
		octets := (64 - have) / 8
		code = code[octets:]
		have += octets * 8
		for have >= eosLen { // no code is longer
			l := lookUp(acc)
			if l == 0 {
				return 0, false
			}
			binary.LittleEndian.PutUint16(dst[n:], l.symbols())
			n += l.count()
			acc <<= l.bits()
			have -= l.bits()
		}
	}
	var tail uint64 // the last octets, from the top
	for i, b := range code {
		tail |= uint64(b) << (56 - 8*i)
	}
	rest := uint(len(code)) * 8
	for {
		acc |= tail >> have
		more := min(64-have, rest)
		tail <<= more
		have += more
		rest -= more
		if have < 8 && acc>>(64-have) == 1<<have-1 {
			return n, true
		}
		l := lookUp(acc)
		if l.count() == 2 && l.bits() > have {
			l = one(l.first(), huffmanLens[l.first()])
		}
		if l == 0 || l.bits() > have {
			return 0, false
		}
		binary.LittleEndian.PutUint16(dst[n:], l.symbols())
		n += l.count()
		acc <<= l.bits()
		have -= l.bits()
	}
}

// lookUp returns what code begins with, 0 for EOS.
func lookUp(code uint64) look {
	l := looks[code>>(64-lookBits)]
	if l == 0 {
		return lookFurther(code)
	}
	return l
}

func lookFurther(code uint64) look {
	symbol, length, ok := firstSymbol(code)
	if !ok {
		return 0
	}
	return one(symbol, length)
}
