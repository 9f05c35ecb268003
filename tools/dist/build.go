package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// environment is what must not differ between machines: a user's settings for
// his own builds, and instructions that not every processor has.
var environment = []string{
	"CGO_ENABLED=0",
	"GOFLAGS=-mod=readonly",
	"GOWORK=off",
	"GOEXPERIMENT=",
	"GOFIPS140=off",
	"GOAMD64=v1",
	"GOARM64=v8.0",
}

// build makes a binary of every program for every platform in dir. No path, no
// symbol table and no state of the repository is in it.
func build(ctx context.Context, dir string, platforms []platform, version string) (binaryFlag, error) {
	files := make(binaryFlag)
	for _, p := range platforms {
		for _, program := range programs {
			file := filepath.Join(dir, p.dashed(), program.name)
			cmd := exec.CommandContext(ctx, "go", "build", "-o", file, "-trimpath", "-buildvcs=false",
				"-ldflags=-s -w -buildid= -X "+module+"/internal/buildinfo.version="+version,
				"./"+program.pkg)
			cmd.Env = append(os.Environ(), append(environment, "GOOS="+p.os, "GOARCH="+p.arch)...)
			if out, err := cmd.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("building %s for %s: %w\n%s", program.name, p, err, out)
			}
			files[target{p, program.name}] = file
		}
	}
	return files, nil
}
