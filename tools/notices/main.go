// Command notices writes whose work is in both programs, and on which terms:
// what a release must have beside them.
//
//	go run ./tools/notices -write  put it into THIRD-PARTY-NOTICES.txt
//	go run ./tools/notices -check  fail if that file says something else
//
// It runs at the repository's root and needs the go command and the modules, from
// its cache or the network. What the programs embed that is not Go is listed by
// hand: embedded.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/chartpage/uplot"
)

// file is what is written, beside go.mod.
const file = "THIRD-PARTY-NOTICES.txt"

// programs are the packages that a release is built from.
var programs = []string{"./server", "./loadgen"}

// platforms are those that a release is for: tools/dist. Some modules are only
// in the programs of one.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/arm64"}

// embedded is in the programs as well, and no module that go list names.
var embedded = []notice{{"uPlot", uplot.License}}

func main() {
	check := flag.Bool("check", false, "fail if "+file+" says something else")
	write := flag.Bool("write", false, "write "+file)
	flag.Parse()
	if flag.NArg() > 0 || *check == *write {
		fmt.Fprintln(os.Stderr, "usage: notices -check | -write")
		os.Exit(2)
	}
	if err := run(context.Background(), ".", *write); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

// run writes the file of the module whose root is dir, or compares it.
func run(ctx context.Context, dir string, write bool) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	packages, err := list(ctx, dir, platforms, programs)
	if err != nil {
		return err
	}
	goroot, err := goCommand(ctx, dir, nil, "env", "GOROOT")
	if err != nil {
		return err
	}
	notices, err := collect(strings.TrimSpace(string(goroot)), packages)
	if err != nil {
		return err
	}
	text := document(append(notices, embedded...))
	if write {
		return root.WriteFile(file, []byte(text), 0o644)
	}
	written, err := root.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if string(written) != text {
		return fmt.Errorf("%s is stale; go run ./tools/notices -write mends it", file)
	}
	return nil
}
