package hpack

// AppendInt appends n as an integer with a prefix of bits bits, 1 to 8, whose
// first octet carries pattern in the bits above the prefix (RFC 7541 §5.1).
func AppendInt(dst []byte, pattern byte, bits uint, n uint64) []byte {
	full := uint64(1)<<bits - 1
	if n < full {
		return append(dst, pattern|byte(n))
	}
	dst = append(dst, pattern|byte(full))
	for n -= full; n >= 0x80; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}

// maxContinuation is how many octets may follow an integer's prefix: five hold
// 35 bits, enough for any length, index or table size in HTTP/2. More could
// only be zeros, sent to keep us busy.
const maxContinuation = 5

// readInt reads the integer at p, which is in the block, with a prefix of that
// many bits (RFC 7541 §5.1), and returns where it ends.
func readInt(block []byte, p int, bits uint) (n uint32, next int, err error) {
	full := byte(1)<<bits - 1
	first := block[p] & full
	if first < full {
		return uint32(first), p + 1, nil
	}
	return readContinuation(block, p+1, full)
}

func readContinuation(block []byte, p int, full byte) (n uint32, next int, err error) {
	sum := uint64(full)
	for i := range maxContinuation {
		if p+i >= len(block) {
			return 0, 0, ErrTruncated
		}
		b := block[p+i]
		sum += uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			if sum > 1<<32-1 {
				return 0, 0, ErrInteger
			}
			return uint32(sum), p + i + 1, nil
		}
	}
	return 0, 0, ErrInteger
}
