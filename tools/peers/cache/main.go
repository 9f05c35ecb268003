// Command cache is cache/simulate with libraries beside the policies there, which the
// project does not depend on.
//
//	cd tools/peers/cache && go run .
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/maypok86/otter/v2"

	"github.com/e0ac7cd4/hotpath/cache/simulate/policy"
	"github.com/e0ac7cd4/hotpath/cache/simulate/replay"
)

// library is otter: W-TinyLFU, weighed by costs.
type library struct{ cache *otter.Cache[uint64, int64] }

func newOtter(limit int64) policy.Policy {
	return library{otter.Must(&otter.Options[uint64, int64]{
		MaximumWeight: uint64(limit),
		Weigher:       func(_ uint64, cost int64) uint32 { return uint32(cost) },
		Executor:      func(task func()) { task() }, // at once: nothing is left to chance
	})}
}

func (l library) Access(id uint64, cost int64) bool {
	if _, ok := l.cache.GetIfPresent(id); ok {
		return true
	}
	l.cache.Set(id, cost)
	l.cache.CleanUp()
	return false
}

func main() {
	policies := append([]policy.Named{{Name: "otter", Make: newOtter}}, policy.All...)
	err := replay.Command(os.Args[1:], os.Stdin, os.Stdout, policies)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}
