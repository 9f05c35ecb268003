// Command simulate compares policies of eviction by their hit ratios on traces: each
// is given a trace, generated or read, at several sizes of a cache, and its object and
// byte hit ratios are printed in a table.
//
//	go run ./cache/simulate                                  # generated traces
//	zstd -dc FILE | go run ./cache/simulate -trace -         # one in libCacheSim's oracleGeneral
//	go run ./cache/simulate -trace FILE -format csv -object 2 -size 3
//
// tools/peers/cache is the same with libraries beside it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/e0ac7cd4/hotpath/cache/simulate/policy"
	"github.com/e0ac7cd4/hotpath/cache/simulate/replay"
)

func main() {
	err := replay.Command(os.Args[1:], os.Stdin, os.Stdout, policy.All)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}
