package access

import (
	"math/bits"
	"runtime"
	"sync"
)

const (
	// stripeSize is the memory of a stripe, in bytes: some five thousand
	// records, that is 10 ms of all requests of a core at its fastest. Without
	// a log the hottest keys need less.
	stripeSize = 1 << 20
	hotSize    = 64 << 10

	// maxStripes bounds the memory to 9 MiB: with one more, see drain.
	maxStripes = 8
)

// stripes are bounded buffers of encoded records between connections and the
// writer, about one for each core. Memory is touched as it fills.
type stripes struct {
	all   []stripe
	size  int           // of a stripe, in bytes
	spare []byte        // swapped for a stripe's buffer; the writer's
	news  chan struct{} // a stripe is no longer empty
	half  chan struct{} // a stripe is half full: the writer should hurry
}

// stripe is held for a copy or a swap, and only ever tried by connections. The
// padding keeps two of them off one cache line.
type stripe struct {
	mu  sync.Mutex
	buf []byte
	_   [64 - 8 - 24]byte
}

func newStripes(size int) *stripes {
	n := min(1<<bits.Len(uint(runtime.GOMAXPROCS(0)-1)), maxStripes)
	s := &stripes{
		all:   make([]stripe, n),
		size:  size,
		spare: make([]byte, 0, size),
		news:  make(chan struct{}, 1),
		half:  make(chan struct{}, 1),
	}
	for i := range s.all {
		s.all[i].buf = make([]byte, 0, size)
	}
	return s
}

// put adds a batch to the first stripe that is free and has room, and reports
// whether there was one. It never waits.
func (s *stripes) put(first int, batch []byte) bool {
	for i := range s.all {
		if s.all[(first+i)%len(s.all)].put(s, batch) {
			return true
		}
	}
	return false
}

func (p *stripe) put(s *stripes, batch []byte) bool {
	if !p.mu.TryLock() {
		return false
	}
	had := len(p.buf)
	has := had + len(batch)
	if has <= s.size {
		p.buf = append(p.buf, batch...)
	}
	p.mu.Unlock()
	switch {
	case has > s.size:
		return false
	case had < s.size/2 && has >= s.size/2:
		raise(s.half)
	case had == 0:
		raise(s.news)
	}
	return true
}

// drain gives each stripe's records to use, for the call. It is the writer's.
func (s *stripes) drain(use func(batch []byte)) {
	for i := range s.all {
		p := &s.all[i]
		p.mu.Lock()
		taken := p.buf
		p.buf = s.spare[:0]
		p.mu.Unlock()
		use(taken)
		s.spare = taken
	}
}

func raise(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}
