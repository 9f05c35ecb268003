// Command dist makes what a release is: for each platform an archive with the
// static binaries, for Linux a Debian package, of the server an image with nothing
// else in it, and for every binary a list of what it was built from.
//
//	go run ./tools/dist                          everything, into out/dist
//	go run ./tools/dist -platforms linux/amd64   for one platform
//	go run ./tools/dist -o DIR -version v1.2.3 -binary linux/amd64/hotpath=FILE …
//	                                             of binaries that were built before
//
// It runs at the repository's root. What comes out depends on the tree, the
// toolchain and the flags alone, to the last byte: times are the commit's, or
// SOURCE_DATE_EPOCH's.
//
//  1. release.go   what it is called, and when it was made
//  2. build.go     go build, if binaries are not given
//  3. inspect.go   each binary is for its platform, static, and of that version
//  4. archive.go   archives; debian.go, deb.go: Debian packages; sbom.go: what is in
//     each binary
//  5. image.go     the image, as an OCI layout and as one file
//  6. sums.go      SHA256SUMS
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// options are the command line.
type options struct {
	out       string
	version   string
	revision  string
	platforms []platform
	binaries  binaryFlag
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(2)
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// parse reads the command line. If that asks for help, it is written to out,
// and the error is [flag.ErrHelp].
func parse(args []string, out io.Writer) (options, error) {
	o := options{binaries: make(binaryFlag)}
	var names string
	f := flag.NewFlagSet("dist", flag.ContinueOnError)
	f.StringVar(&o.out, "o", "out/dist", "`DIR` for what is made; it must be empty, or not there")
	f.StringVar(&o.version, "version", "", "`VERSION` of the release (default: what git describes the tree as)")
	f.StringVar(&o.revision, "revision", "", "`COMMIT` that it was built from (default: git's; none with -binary)")
	f.StringVar(&names, "platforms", "", "`LIST` of platforms, with commas (default "+platformNames()+")")
	f.Var(o.binaries, "binary", "pack the binary that `OS/ARCH/PROGRAM=FILE` names, and build none; repeatable")
	f.SetOutput(io.Discard)
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		f.SetOutput(out)
		f.PrintDefaults()
		return o, err
	} else if err != nil {
		return o, fmt.Errorf("%w (-h lists the flags)", err)
	}
	var err error
	switch {
	case f.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q: flags alone are allowed", f.Arg(0))
	case o.version != "" && !isVersion(o.version):
		err = fmt.Errorf("-version %q: allowed are up to 128 letters, digits, \"_\", \".\" and \"-\", as in a tag of an image", o.version)
	case len(o.binaries) == 0:
		o.platforms, err = parsePlatforms(names)
	case names != "":
		err = errors.New("-platforms: with -binary, they are those of the binaries")
	case o.version == "":
		err = errors.New("-binary: -version is needed too, the one that the binaries were built with")
	default:
		o.platforms, err = o.binaries.platforms()
	}
	return o, err
}

func run(ctx context.Context, o options) error {
	if err := emptyDir(o.out); err != nil {
		return err
	}
	r, err := describe(ctx, o)
	if err != nil {
		return err
	}
	files := o.binaries
	if len(files) == 0 {
		dir, err := os.MkdirTemp("", "hotpath-dist")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if files, err = build(ctx, dir, o.platforms, r.version); err != nil {
			return err
		}
	}
	var binaries []binary
	for _, p := range o.platforms {
		for _, program := range programs {
			b, err := inspect(target{p, program.name}, files[target{p, program.name}], r.version)
			if err != nil {
				return err
			}
			binaries = append(binaries, b)
		}
	}
	if err := writeArchives(o.out, r, binaries); err != nil {
		return err
	}
	if err := writeDebs(o.out, r, binaries); err != nil {
		return err
	}
	if err := writeSBOMs(o.out, r, binaries); err != nil {
		return err
	}
	if err := writeImage(o.out, r, binaries); err != nil {
		return err
	}
	sums, err := writeSums(o.out)
	if err != nil {
		return err
	}
	fmt.Print(sums)
	return nil
}

// emptyDir makes the directory. What is in it already would be taken for a part
// of the release.
func emptyDir(name string) error {
	if err := os.MkdirAll(name, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("-o %s: it is not empty; remove it, or name another directory", name)
	}
	return nil
}

func platformNames() string {
	var names []string
	for _, p := range platforms {
		names = append(names, p.String())
	}
	return strings.Join(names, ",")
}
