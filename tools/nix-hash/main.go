// Command nix-hash prints the hash of this module's dependencies as Nix counts
// it, without Nix: what nixpkgs' buildGoModule calls vendorHash.
//
//	go run ./tools/nix-hash         print it
//	go run ./tools/nix-hash -check  fail if nix/vendor-hash has another
//	go run ./tools/nix-hash -write  put it into nix/vendor-hash
//
// A change of go.mod, or of which packages of a dependency are imported,
// changes it. It needs the go command and the modules, from its cache or the
// network.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// file holds the hash, and flake.nix reads it. It is relative to go.mod.
const file = "nix/vendor-hash"

func main() {
	check := flag.Bool("check", false, "fail if "+file+" has another hash")
	write := flag.Bool("write", false, "put the hash into "+file)
	flag.Parse()
	if flag.NArg() > 0 || *check && *write {
		fmt.Fprintln(os.Stderr, "usage: nix-hash [-check | -write]")
		os.Exit(2)
	}
	if err := run(context.Background(), ".", *check, *write, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "nix-hash:", err)
		os.Exit(1)
	}
}

// run does what the flags ask for, for the module that dir is in.
func run(ctx context.Context, dir string, check, write bool, stdout io.Writer) error {
	root, err := moduleRoot(ctx, dir)
	if err != nil {
		return err
	}
	hash, err := vendorHash(ctx, root)
	if err != nil {
		return fmt.Errorf("hashing the dependencies of %s: %w", root, err)
	}
	name := filepath.Join(root, file)
	switch {
	case check:
		written, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if got := strings.TrimSpace(string(written)); got != hash {
			return fmt.Errorf("%s is stale: it has %q, the dependencies have %s; go run ./tools/nix-hash -write mends it", file, got, hash)
		}
		return nil
	case write:
		return os.WriteFile(name, []byte(hash+"\n"), 0o644)
	}
	_, err = fmt.Fprintln(stdout, hash)
	return err
}
