package measure

import (
	"cmp"
	"slices"
	"strconv"
)

// maxCodes is how many statuses a point has apart: more than servers have in a
// second, and a bound for one that makes them up.
const maxCodes = 16

// Code is a status and how many requests came to it.
type Code struct {
	Status   int // 0: there was no whole response; -4: those of 400 to 499 that are rarer than others
	Requests uint64
}

// Class is the first digit of the status; 0: there was no whole response.
func (c Code) Class() int {
	if c.Status < 0 {
		return -c.Status
	}
	return c.Status / 100
}

// String is the status: "404", "4xx" for rarer ones together, "0" for none.
func (c Code) String() string {
	if c.Status < 0 {
		return strconv.Itoa(-c.Status) + "xx"
	}
	return strconv.Itoa(c.Status)
}

// codes are the statuses of a tally, from the lowest: maxCodes, and what is beyond
// by class.
func (t *Tally) codes() []Code {
	var all []Code
	for status, n := range t.Statuses {
		if n > 0 {
			all = append(all, Code{status, n})
		}
	}
	if len(all) <= maxCodes {
		return all
	}
	slices.SortStableFunc(all, func(a, b Code) int { return cmp.Compare(b.Requests, a.Requests) })
	var rare [statusCodes / 100]uint64
	for _, c := range all[maxCodes:] {
		rare[c.Class()] += c.Requests
	}
	all = all[:maxCodes:maxCodes]
	for class, n := range rare {
		if n > 0 {
			all = append(all, Code{-class, n})
		}
	}
	slices.SortFunc(all, func(a, b Code) int {
		return cmp.Or(cmp.Compare(a.Class(), b.Class()), cmp.Compare(a.Status, b.Status))
	})
	return all
}
