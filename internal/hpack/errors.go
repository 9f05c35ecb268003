package hpack

import (
	"errors"
	"fmt"
)

// What can be wrong with a header block. Each is a connection error of type
// COMPRESSION_ERROR (RFC 9113 §4.3).
var (
	ErrInteger   = errors.New("integer beyond 32 bits or five continuation octets") // RFC 7541 §5.1
	ErrIndex     = errors.New("index of no table entry")                            // §2.3.3, §6.1
	ErrTruncated = errors.New("block ends within a representation")                 // §5.1, §5.2
	ErrHuffman   = errors.New("string in Huffman code with EOS or wrong padding")   // §5.2
	ErrTableSize = errors.New("table size update above the limit or after a field") // §4.2, §6.3
)

// DecodingError is a header block that is not HPACK.
type DecodingError struct {
	Err    error // one of the Err values of this package
	Offset int   // in the block, of the representation that is wrong
}

func (e *DecodingError) Error() string {
	return fmt.Sprintf("decoding header block: octet %d: %v", e.Offset, e.Err)
}

func (e *DecodingError) Unwrap() error { return e.Err }
