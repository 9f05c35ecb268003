package main

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"debug/macho"
	"errors"
	"fmt"
	"os"
)

// binary is a file that goes into archive and image.
type binary struct {
	target
	content []byte
	info    *buildinfo.BuildInfo // what "go version -m" shows
}

// inspect reads a binary and reports how it is not what it is said to be.
func inspect(t target, file, version string) (binary, error) {
	fail := func(err error) (binary, error) { return binary{}, fmt.Errorf("%s, as %s: %w", file, t, err) }
	content, err := os.ReadFile(file)
	if err != nil {
		return fail(err)
	}
	p, err := platformOf(content)
	if err != nil {
		return fail(err)
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return fail(err)
	}
	switch pkg := module + "/" + packageOf(t.program); {
	case p != t.platform:
		err = fmt.Errorf("it is for %s", p)
	case info.Path != pkg:
		err = fmt.Errorf("it is of package %s, not %s", info.Path, pkg)
	case len(info.Deps) == 0:
		err = errors.New("its build information has no modules, which the SBOM would be made of")
	case !bytes.Contains(content, []byte(version)):
		err = fmt.Errorf("it was not built as version %s: %s/internal/buildinfo.version is to be set", version, module)
	}
	if err != nil {
		return fail(err)
	}
	return binary{t, content, info}, nil
}

// platformOf reads a binary's head. It fails if the binary is for none of
// platforms, or needs a dynamic linker: the image has none.
func platformOf(content []byte) (platform, error) {
	r := bytes.NewReader(content)
	if f, err := elf.NewFile(r); err == nil {
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				return platform{}, errors.New("it is not static: build it with CGO_ENABLED=0")
			}
		}
		switch f.Machine {
		case elf.EM_X86_64:
			return platform{"linux", "amd64"}, nil
		case elf.EM_AARCH64:
			return platform{"linux", "arm64"}, nil
		}
	}
	if f, err := macho.NewFile(r); err == nil && f.Cpu == macho.CpuArm64 {
		return platform{"darwin", "arm64"}, nil
	}
	return platform{}, errors.New("it is no binary for any of " + platformNames())
}
