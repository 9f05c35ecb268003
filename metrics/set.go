package metrics

import (
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/prometheus/client_golang/prometheus"
)

// Stripe names the cells that its owner counts in. See [Set.Stripe].
type Stripe uint32

const (
	// lineCells is the number of 8-byte cells on a cache line: 64 bytes on
	// every amd64 and most arm64 cores.
	lineCells = 8

	// blockCells is how many cells of a stripe lie together: 4 KiB, a page,
	// more than all instruments of [Hotpath] take.
	blockCells = 512

	// stripesPerCore keeps connections that run at the same moment off each
	// other's stripe: a stripe is given for life, not per core, so with one
	// stripe for each core two of eight running connections would share one
	// nearly always.
	stripesPerCore = 4

	// maxStripes bounds the memory to 4 MiB for each block.
	maxStripes = 1024
)

// Set is a group of instruments that share their stripes. It implements
// [prometheus.Collector]. All its methods may be called at any time, but an
// instrument made after the Set was registered is not checked by the registry.
type Set struct {
	mask Stripe
	next atomic.Uint32

	mu          sync.Mutex
	names       map[string]bool
	instruments []instrument
	block       []atomic.Uint64 // stripes rows of blockCells
	used        int             // cells taken of each row of block
}

// instrument is what a Set collects: one metric family.
type instrument interface {
	descriptor() *prometheus.Desc
	collect(chan<- prometheus.Metric)
}

// NewSet makes a Set with at least that many stripes, rounded up to a power of
// two; 0 or less means four for each of GOMAXPROCS, and 1,024 is the most.
func NewSet(stripes int) *Set {
	if stripes <= 0 {
		stripes = stripesPerCore * runtime.GOMAXPROCS(0)
	}
	stripes = 1 << bits.Len(uint(min(stripes, maxStripes)-1))
	return &Set{
		mask:  Stripe(stripes - 1),
		names: make(map[string]bool),
		used:  blockCells, // the first instrument makes the first block
	}
}

// Stripe hands out the stripes in turn.
func (s *Set) Stripe() Stripe {
	return Stripe(s.next.Add(1)-1) & s.mask
}

// Stripes returns the number of stripes.
func (s *Set) Stripes() int { return int(s.mask) + 1 }

// Describe implements [prometheus.Collector].
func (s *Set) Describe(ch chan<- *prometheus.Desc) {
	for _, i := range s.list() {
		ch <- i.descriptor()
	}
}

// Collect implements [prometheus.Collector].
func (s *Set) Collect(ch chan<- prometheus.Metric) {
	for _, i := range s.list() {
		i.collect(ch)
	}
}

func (s *Set) list() []instrument {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instruments[:len(s.instruments):len(s.instruments)]
}

// add registers an instrument under its name.
func (s *Set) add(name string, i instrument) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names[name] {
		panic(fmt.Sprintf("metrics: a second instrument named %q in one set", name))
	}
	s.names[name] = true
	s.instruments = append(s.instruments, i)
}

// take returns width neighbouring cells in every stripe, all zero.
func (s *Set) take(width int) cells {
	s.mu.Lock()
	defer s.mu.Unlock()
	if width > blockCells {
		row := (width + lineCells - 1) / lineCells * lineCells
		return cells{base: alignedCells(s.Stripes() * row), row: row, mask: s.mask}
	}
	if s.used+width > blockCells {
		s.block, s.used = alignedCells(s.Stripes()*blockCells), 0
	}
	c := cells{base: s.block[s.used:], row: blockCells, mask: s.mask}
	s.used += width
	return c
}

// alignedCells returns n cells that begin at a cache line, so that rows that
// are whole lines long share none.
func alignedCells(n int) []atomic.Uint64 {
	all := make([]atomic.Uint64, n+lineCells-1)
	skip := 0
	for uintptr(unsafe.Pointer(&all[skip]))%(lineCells*8) != 0 {
		skip++
	}
	return all[skip : skip+n]
}

// cells are an instrument's cells in every stripe: cell i of stripe s is
// base[s*row+i].
type cells struct {
	base []atomic.Uint64
	row  int
	mask Stripe
}

func (c *cells) at(s Stripe, i int) *atomic.Uint64 {
	return &c.base[int(s&c.mask)*c.row+i]
}

// sum adds cell i over the stripes, modulo 2^64: a signed sum survives.
func (c *cells) sum(i int) uint64 {
	var n uint64
	for s := range c.mask + 1 {
		n += c.at(s, i).Load()
	}
	return n
}
