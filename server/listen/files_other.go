//go:build !unix

package listen

import "math"

// RaiseFileLimit returns how many files the process may have open: any number,
// as there is no such limit.
func RaiseFileLimit() (uint64, error) { return math.MaxUint64, nil }
