package encode

import (
	"io"
	"slices"

	"github.com/andybalholm/brotli"
	"github.com/andybalholm/brotli/matchfinder"

	"github.com/e0ac7cd4/hotpath/internal/yield"
)

// deltaBrotli codes a content in Brotli with a dictionary. To a decoder the dictionary is
// what came before the first byte (RFC 9841 §3): a distance that reaches beyond the
// beginning of the content reaches into it. So the library's finder of matches is given
// the dictionary first, as if that had been sent, and its coder is not.
//
// The coder's window is of 16 MiB, more than both have together: no distance within the
// content is taken for one into the dictionary.
type deltaBrotli struct {
	to      io.Writer
	finder  matchfinder.Bargain1 // what the library has for levels 5 and 6
	coder   brotli.Encoder
	block   []byte // of the content, yet to be coded
	matches []matchfinder.Match
	coded   []byte
}

// deltaBlock is what is coded with one set of codes, in bytes. It takes the goroutine
// about a millisecond.
const deltaBlock = 64 << 10

// newDeltaBrotli makes a coder of a content of size bytes.
func newDeltaBrotli(to io.Writer, dictionary []byte, size int) *deltaBrotli {
	d := &deltaBrotli{to: to}
	d.finder.MaxDistance = max(len(dictionary)+size, 1)
	for part := range slices.Chunk(dictionary, deltaBlock) {
		d.matches = d.finder.FindMatches(d.matches[:0], part)
		yield.ToNetwork()
	}
	return d
}

// Write implements [io.Writer].
func (d *deltaBrotli) Write(p []byte) (n int, err error) {
	if d.block = append(d.block, p...); len(d.block) >= deltaBlock {
		err = d.flush(false)
	}
	return len(p), err
}

// Close implements [io.Closer]: it ends the content.
func (d *deltaBrotli) Close() error { return d.flush(true) }

func (d *deltaBrotli) flush(last bool) error {
	d.matches = d.finder.FindMatches(d.matches[:0], d.block)
	d.coded = d.coder.Encode(d.coded[:0], d.block, d.matches, last)
	d.block = d.block[:0]
	_, err := d.to.Write(d.coded)
	return err
}
