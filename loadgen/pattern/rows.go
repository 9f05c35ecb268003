package pattern

import (
	"strconv"
	"strings"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Rows says where each target is counted, from 1: those with the same method and
// URL together. It is nil if that is all of them.
func Rows(targets []vegeta.Target) []int {
	type name struct{ method, url string }
	seen := make(map[name]int)
	rows := make([]int, len(targets))
	for i := range targets {
		n := name{targets[i].Method, targets[i].URL}
		if seen[n] == 0 {
			seen[n] = len(seen) + 1
		}
		rows[i] = seen[n]
	}
	if len(seen) < 2 {
		return nil
	}
	return rows
}

// Counted are the first targets that are counted apart, by their row from 1, most
// of them at most: of a template its keys. It is nil if there are not several.
func Counted(targets []vegeta.Target, s *Spec, most int) []vegeta.Target {
	var counted []vegeta.Target
	if s.Keys > 0 {
		for key := range min(s.Keys, most) {
			if s.Keys > 1 {
				counted = append(counted, s.of(targets[0], key))
			}
		}
		return counted
	}
	for i, row := range Rows(targets) {
		if row == len(counted)+1 && row <= most {
			counted = append(counted, targets[i])
		}
	}
	return counted
}

// of is the target of a key.
func (s *Spec) of(t vegeta.Target, key int) vegeta.Target {
	t.URL = strings.ReplaceAll(t.URL, Placeholder, strconv.Itoa(key))
	return t
}

// row is where a key, or a target, is counted.
func (b *Book) row(key int) int {
	switch {
	case b.spec.Keys > 1:
		return key + 1
	case b.rows != nil:
		return b.rows[key]
	}
	return 0
}
