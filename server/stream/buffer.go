package stream

import (
	"errors"
	"sync"
)

// ErrMemory is what fails if the server has no memory left for it.
var ErrMemory = errors.New("the server's memory limit (cache-bytes) is reached")

// sizes are those of a buffer's memory in bytes: of a small answer, a record or
// frame, what a handler may write ahead, and a stream's window. One that is
// drained goes back to its pool, so that only what waits takes memory, and a
// stream of content makes no garbage.
var sizes = [...]int{4 << 10, 16 << 10, 64 << 10, 128 << 10}

var blocks [len(sizes)]sync.Pool

// block is the memory of a buffer.
type block struct {
	b    []byte
	size int // its index in sizes; len(sizes) if it is larger than all of them
}

// blockFor returns a block with room for n bytes.
func blockFor(n int) *block {
	i := sizeOf(n)
	if i == len(sizes) {
		return &block{make([]byte, 0, n), i}
	}
	if b, ok := blocks[i].Get().(*block); ok {
		return b
	}
	return &block{make([]byte, 0, sizes[i]), i}
}

// sizeOf is the index of the least size that holds n bytes, len(sizes) if none
// does.
func sizeOf(n int) int {
	for i, size := range sizes {
		if n <= size {
			return i
		}
	}
	return len(sizes)
}

// capFor is how much memory blockFor(n) takes.
func capFor(n int) int {
	if i := sizeOf(n); i < len(sizes) {
		return sizes[i]
	}
	return n
}

func (b *block) release() {
	if b.size < len(sizes) {
		b.b = b.b[:0]
		blocks[b.size].Put(b)
	}
}

// buffer is content between two goroutines, whose mutex guards it. Its memory is
// what has to be counted: all that it takes grow counts, as its result says.
type buffer struct {
	block *block // nil: no memory
	off   int    // what of it has been read
}

func (b *buffer) len() int {
	if b.block == nil {
		return 0
	}
	return len(b.block.b) - b.off
}

// memory is how much memory it takes.
func (b *buffer) memory() int {
	if b.block == nil {
		return 0
	}
	return cap(b.block.b)
}

// room is how many bytes can be added without more memory.
func (b *buffer) room() int { return b.memory() - b.len() }

// grow takes memory for n bytes in all, and returns by how much it has grown.
func (b *buffer) grow(n int) int {
	before := b.memory()
	if capFor(n) <= before {
		return 0
	}
	old := b.block
	b.block = blockFor(n)
	if old != nil {
		b.block.b = append(b.block.b, old.b[b.off:]...)
		old.release()
	}
	b.off = 0
	return b.memory() - before
}

// add adds p, for which there is room.
func (b *buffer) add(p []byte) {
	if len(p) == 0 {
		return
	}
	k := b.block
	if b.off > 0 && len(k.b)+len(p) > cap(k.b) {
		k.b = k.b[:copy(k.b, k.b[b.off:])]
		b.off = 0
	}
	k.b = append(k.b, p...)
}

// unread is what was added and not read.
func (b *buffer) unread() []byte {
	if b.block == nil {
		return nil
	}
	return b.block.b[b.off:]
}

// read takes n bytes off the front.
func (b *buffer) read(n int) { b.off += n }

// drop gives the memory back and returns how much it was.
func (b *buffer) drop() int {
	n := b.memory()
	if n > 0 {
		b.block.release()
	}
	*b = buffer{}
	return n
}
