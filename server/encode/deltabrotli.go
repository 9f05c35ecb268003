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
// the dictionary first, as if that had been sent, and its coder is not. But a copy from
// the dictionary must end in it: browsers refuse one that goes on into the content.
//
// The coder's window is of 16 MiB, more than both have together: no distance within the
// content is taken for one into the dictionary.
type deltaBrotli struct {
	to         io.Writer
	dictionary int                  // its length
	finder     matchfinder.Bargain1 // what the library has for levels 5 and 6
	coder      brotli.Encoder
	at         int    // where in the content the block begins
	block      []byte // of the content, yet to be coded
	matches    []matchfinder.Match
	parts      []matchfinder.Match // of them, none beyond the end of the dictionary
	coded      []byte
}

// deltaBlock is what is coded with one set of codes, in bytes.
const deltaBlock = 64 << 10

// leastCopy is the shortest copy that is worth its distance, in bytes.
const leastCopy = 3

// newDeltaBrotli makes a coder of a content of size bytes.
func newDeltaBrotli(to io.Writer, dictionary []byte, size int) *deltaBrotli {
	d := &deltaBrotli{to: to, dictionary: len(dictionary)}
	d.finder.MaxDistance = max(len(dictionary)+size, 1)
	for part := range slices.Chunk(dictionary, deltaBlock) {
		d.find(part)
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
	d.find(d.block)
	d.divide()
	d.coded = d.coder.Encode(d.coded[:0], d.block, d.parts, last)
	d.at += len(d.block)
	d.block = d.block[:0]
	_, err := d.to.Write(d.coded)
	return err
}

// find finds the matches of what comes next, and lets other goroutines go first after
// each part of it.
func (d *deltaBrotli) find(next []byte) {
	d.matches = d.matches[:0]
	for part := range slices.Chunk(next, chunk) {
		d.matches = d.finder.FindMatches(d.matches, part)
		yield.ToNetwork()
	}
}

// divide makes two of a match that begins in the dictionary and ends behind it.
func (d *deltaBrotli) divide() {
	d.parts = d.parts[:0]
	literals := 0
	add := func(length, distance int) {
		if length < leastCopy {
			literals += length
			return
		}
		d.parts = append(d.parts, matchfinder.Match{Unmatched: literals, Length: length, Distance: distance})
		literals = 0
	}
	at := d.dictionary + d.at
	for _, m := range d.matches {
		literals += m.Unmatched
		at += m.Unmatched
		within := m.Length // the dictionary, or behind it
		if left := d.dictionary - (at - m.Distance); left > 0 && left < m.Length {
			within = left
		}
		add(within, m.Distance)
		add(m.Length-within, m.Distance)
		at += m.Length
	}
	if literals > 0 {
		d.parts = append(d.parts, matchfinder.Match{Unmatched: literals})
	}
}
