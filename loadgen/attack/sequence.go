package attack

import (
	"math"
	"sort"
)

// sequence is the numbers of the requests that one connection sends. They are
// those of its origin's targets, which take turns, shared out among the
// origin's connections, which take turns as well:
//
//	targets     a b a b a b a b …     n = 0 1 2 3 4 5 6 7 …
//	connection  0 1 1 0 0 1 1 0 …     2 connections, both targets of one origin
//
// If the number of connections and that of targets have a common divisor,
// each row of turns begins one connection later than the one before, as above:
// else a connection would see some of the targets only.
type sequence struct {
	targets   uint64   // of the attack
	positions []uint64 // of the origin's among them
	lanes     uint64   // connections of the origin
	lane      uint64   // which of them this is
	rotate    bool
	row       uint64 // the next
	step      uint64 // from a row to the next; 1 until the sequence is split

	// Of a replay, instead of all but lanes, lane, row and step:
	numbers []uint32 // its rows
	order   []uint32 // the position of each number of the attack; nil: no replay
}

func newSequence(targets int, positions []uint64, lanes, lane int) sequence {
	return sequence{
		targets:   uint64(targets),
		positions: positions,
		lanes:     uint64(lanes),
		lane:      uint64(lane),
		step:      1,
		rotate:    len(positions) > 1 && gcd(lanes, len(positions)) > 1,
	}
}

// at is the number in a row, and the target's position.
func (s *sequence) at(row uint64) (n, position uint64) {
	if s.order != nil {
		return s.number(row)
	}
	column := s.lane
	if s.rotate {
		column = (s.lane + row) % s.lanes
	}
	m := row*s.lanes + column
	own := uint64(len(s.positions))
	position = s.positions[m%own]
	return m/own*s.targets + position, position
}

// next takes the next number.
func (s *sequence) next() (n, position uint64) {
	n, position = s.at(s.row)
	s.row += s.step
	return n, position
}

// split leaves every second number that is yet to come to another sequence.
func (s *sequence) split() sequence {
	other := *s
	s.row += s.step
	s.step *= 2
	other.step *= 2
	return other
}

// below is how many numbers of the whole sequence, before it was split, are less
// than limit.
func (s *sequence) below(limit uint64) uint64 {
	if s.order != nil {
		return s.numbersBelow(limit)
	}
	if limit > math.MaxInt64 {
		limit = math.MaxInt64
	}
	rows := int(limit/s.lanes) + 2 // a row's numbers are never less than its place in the sequence
	return uint64(sort.Search(rows, func(row int) bool {
		n, _ := s.at(uint64(row))
		return n >= limit
	}))
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
