package hpack

import "encoding/binary"

// huffmanLens are the lengths in bits of RFC 7541 Appendix B's code, symbol by
// symbol. The code is canonical: codes of one length follow each other in the
// order of their symbols, and a longer code begins where the shorter ones
// ended. So the lengths are the whole code.
var huffmanLens = [256]uint8{
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, // 0x00
	28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, // 0x10
	6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, // 0x20
	5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, // 0x30
	13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, // 0x40
	7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, // 0x50
	15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, // 0x60
	6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, // 0x70
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, // 0x80
	24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, // 0x90
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, // 0xa0
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, // 0xb0
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, // 0xc0
	19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, // 0xd0
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, // 0xe0
	26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, // 0xf0
}

// eosLen is the length of the code of EOS, thirty ones: the longest and last
// code. It is never sent whole; its first bits are the padding.
const eosLen = 30

// huffmanCodes are the codes themselves, in the low bits.
var huffmanCodes = canonicalCodes()

func canonicalCodes() (codes [256]uint32) {
	code := uint32(0)
	for length := uint8(1); length <= eosLen; length++ {
		code <<= 1
		for symbol, l := range huffmanLens {
			if l == length {
				codes[symbol] = code
				code++
			}
		}
	}
	return codes
}

// huffmanLen returns the number of octets that appendHuffman appends for s.
func huffmanLen(s string) int {
	bits := 0
	for i := range len(s) {
		bits += int(huffmanLens[s[i]])
	}
	return (bits + 7) / 8
}

// appendHuffman appends s in RFC 7541 Appendix B's code, padded with ones to
// an octet (§5.2).
func appendHuffman(dst []byte, s string) []byte {
	acc, n := uint64(0), uint(0) // acc's low n bits are not yet written; n < 64
	for i := range len(s) {
		length := uint(huffmanLens[s[i]])
		acc = acc<<(length&63) | uint64(huffmanCodes[s[i]])
		n += length
		if n >= 32 {
			n -= 32
			dst = binary.BigEndian.AppendUint32(dst, uint32(acc>>(n&63)))
		}
	}
	for n >= 8 {
		n -= 8
		dst = append(dst, byte(acc>>n))
	}
	if n > 0 {
		dst = append(dst, byte(acc<<(8-n))|0xff>>n)
	}
	return dst
}
