package exchange

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync/atomic"
)

// Digests are the SHA-256 sums that contents must have: one that is given, or
// for each target that of the first content that came. Safe for any goroutine.
type Digests struct {
	want  *[sha256.Size]byte
	first []atomic.Pointer[[sha256.Size]byte]
}

// DigestFirst and DigestOff are the words that NewDigests takes beside a sum.
const (
	DigestOff   = "off"
	DigestFirst = "first"
)

// NewDigests makes what checks the contents of that many targets. spec is "off"
// (the result is nil), "first", or a SHA-256 in hexadecimal that all of them
// must have.
func NewDigests(spec string, targets int) (*Digests, error) {
	switch spec {
	case "", DigestOff:
		return nil, nil
	case DigestFirst:
		return &Digests{first: make([]atomic.Pointer[[sha256.Size]byte], targets)}, nil
	}
	sum, err := hex.DecodeString(spec)
	if err != nil || len(sum) != sha256.Size {
		return nil, fmt.Errorf("%q is neither off, first nor a SHA-256 of %d hexadecimal digits", spec, 2*sha256.Size)
	}
	return &Digests{want: (*[sha256.Size]byte)(sum)}, nil
}

// Check reports whether a target's content may have this sum.
func (d *Digests) Check(target int, sum [sha256.Size]byte) bool {
	if d.want != nil {
		return *d.want == sum
	}
	if p := d.first[target].Load(); p != nil {
		return *p == sum
	}
	first := sum // on the heap; Check's own copy need not be
	return d.first[target].CompareAndSwap(nil, &first) || *d.first[target].Load() == sum
}
