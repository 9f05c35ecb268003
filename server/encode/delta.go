package encode

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/bits"

	"github.com/klauspost/compress/zstd"
)

// MaxDelta is the largest content that is a dictionary, or coded with one, in bytes:
// the window of a client that decodes it has room for both.
const MaxDelta = 2 << 20

// Dictionary is a content that another one may be coded with (RFC 9842).
type Dictionary struct {
	content []byte
	sum     [sha256.Size]byte
}

// NewDictionary makes a dictionary of a content, which must not change.
func NewDictionary(content []byte) *Dictionary {
	return &Dictionary{content, sha256.Sum256(content)}
}

// Available is the value of Available-Dictionary with which a client says that it
// has the dictionary (RFC 9842 §2.2): a byte sequence of structured fields.
func (d *Dictionary) Available() string {
	return ":" + base64.StdEncoding.EncodeToString(d.sum[:]) + ":"
}

// magics begin what is coded with a dictionary, before the dictionary's hash: of dcz a
// skippable frame of Zstandard, of dcb what is no beginning of Brotli (RFC 9842 §4, §5).
var magics = map[Coding][]byte{
	Dcz: {0x5e, 0x2a, 0x4d, 0x18, 0x20, 0x00, 0x00, 0x00},
	Dcb: {0xff, 0x44, 0x43, 0x42},
}

// deltaWindow is how far back a coder looks in a content and its dictionary, of so
// many bytes together.
func deltaWindow(both int) int64 { return 1 << min(max(bits.Len(uint(both)), 16), 23) }

// EncodeDelta codes body in c, with a dictionary, as [Encoders.Encode] does.
func (e *Encoders) EncodeDelta(c Coding, body []byte, d *Dictionary, most int) ([]byte, error) {
	e.out = bounded{most: most}
	for _, part := range [][]byte{magics[c], d.sum[:]} {
		if _, err := e.out.Write(part); err != nil {
			return nil, err
		}
	}
	if c == Dcb {
		return e.encode(Dcb, newDeltaBrotli(&e.out, d.content, len(body)), body)
	}
	window := int(deltaWindow(len(body) + len(d.content)))
	coder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstdLevel), zstd.WithWindowSize(window),
		zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithEncoderDictRaw(0, d.content))
	if err != nil {
		return nil, fmt.Errorf("making a coder with a dictionary: %w", err)
	}
	coder.ResetContentSize(&e.out, int64(len(body)))
	return e.encode(Dcz, coder, body)
}
