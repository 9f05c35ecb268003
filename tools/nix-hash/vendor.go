package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/nix-community/go-nix/pkg/nar"
)

// vendorHash is the hash of what "go mod vendor" gives for the module at root:
// buildGoModule hashes just that.
func vendorHash(ctx context.Context, root string) (string, error) {
	dir, err := os.MkdirTemp("", "nix-hash-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	vendor := filepath.Join(dir, "vendor")
	if _, err := goCommand(ctx, root, "mod", "vendor", "-o", vendor); err != nil {
		return "", err
	}
	if _, err := os.Stat(vendor); errors.Is(err, os.ErrNotExist) {
		return "", errors.New("the module has no dependencies: flake.nix needs vendorHash = null instead")
	}
	return pathHash(vendor)
}

// pathHash is "nix hash path dir": the SHA-256 of its Nix archive (Nix manual,
// Nix Archive Format) in the form of Subresource Integrity. Of a file's mode
// only the owner's executable bit counts.
func pathHash(dir string) (string, error) {
	hash := sha256.New()
	if err := nar.DumpPath(hash, dir); err != nil {
		return "", err
	}
	return "sha256-" + base64.StdEncoding.EncodeToString(hash.Sum(nil)), nil
}

func moduleRoot(ctx context.Context, dir string) (string, error) {
	out, err := goCommand(ctx, dir, "env", "GOMOD")
	if err != nil {
		return "", err
	}
	mod := strings.TrimSpace(string(out))
	if mod == "" || mod == os.DevNull {
		return "", fmt.Errorf("there is no go.mod above %s; run it in a clone", dir)
	}
	return filepath.Dir(mod), nil
}

// goCommand runs the go command in dir as Nix's builder would: what a person
// has set in GOFLAGS or a workspace shall not change the result.
func goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GOFLAGS=", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
