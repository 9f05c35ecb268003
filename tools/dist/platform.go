package main

import (
	"fmt"
	"slices"
	"strings"
)

const (
	module = "github.com/e0ac7cd4/hotpath"
	server = "hotpath" // the program that the image has
)

// platform is an operating system and an architecture, by Go's names.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

// dashed is the platform in the name of a file.
func (p platform) dashed() string { return p.os + "-" + p.arch }

// platforms are those that a release is for. inspect.go checks their binaries.
var platforms = []platform{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "arm64"}}

// programs are what an archive has, and the package that each is in.
var programs = []struct{ name, pkg string }{
	{server, "server"},
	{"loadgen", "loadgen"},
}

// target is one program for one platform.
type target struct {
	platform
	program string
}

func (t target) String() string { return t.platform.String() + "/" + t.program }

// parsePlatforms reads a list with commas; "" is all of them.
func parsePlatforms(list string) ([]platform, error) {
	if list == "" {
		return platforms, nil
	}
	chosen := make(map[platform]bool)
	for name := range strings.SplitSeq(list, ",") {
		system, arch, _ := strings.Cut(name, "/")
		p := platform{system, arch}
		switch {
		case !slices.Contains(platforms, p):
			return nil, fmt.Errorf("-platforms: %q is none of %s", name, platformNames())
		case chosen[p]:
			return nil, fmt.Errorf("-platforms: %s is there twice", name)
		}
		chosen[p] = true
	}
	// In one order, whatever the list's: it is that of the image's manifests.
	return slices.DeleteFunc(slices.Clone(platforms), func(p platform) bool { return !chosen[p] }), nil
}

// binaryFlag is the files of binaries that are given.
type binaryFlag map[target]string

func (f binaryFlag) String() string { return "" }

func (f binaryFlag) Set(s string) error {
	name, file, ok := strings.Cut(s, "=")
	parts := strings.Split(name, "/")
	if !ok || len(parts) != 3 || file == "" {
		return fmt.Errorf("want OS/ARCH/PROGRAM=FILE, such as linux/amd64/%s=FILE", server)
	}
	t := target{platform{parts[0], parts[1]}, parts[2]}
	switch {
	case !slices.Contains(platforms, t.platform):
		return fmt.Errorf("%s is none of %s", t.platform, platformNames())
	case packageOf(t.program) == "":
		return fmt.Errorf("the program %q is neither hotpath nor loadgen", t.program)
	case f[t] != "":
		return fmt.Errorf("%s is there twice", t)
	}
	f[t] = file
	return nil
}

// platforms are those of the binaries, each of which must have every program.
func (f binaryFlag) platforms() ([]platform, error) {
	var given []platform
	for _, p := range platforms {
		var missing []string
		for _, program := range programs {
			if f[target{p, program.name}] == "" {
				missing = append(missing, program.name)
			}
		}
		switch len(missing) {
		case 0:
			given = append(given, p)
		case len(programs): // a platform that is not asked for
		default:
			return nil, fmt.Errorf("-binary: %s/%s is missing, an archive has both programs", p, missing[0])
		}
	}
	return given, nil
}

// packageOf is the package of a program, below the module, or "".
func packageOf(name string) string {
	for _, p := range programs {
		if p.name == name {
			return p.pkg
		}
	}
	return ""
}
