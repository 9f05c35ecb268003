package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Both take a minute on two cores, with a registry that is near.
const (
	installWait = 10 * time.Minute
	bundleWait  = 2 * time.Minute
)

// install returns a folder with the node_modules of package-lock.json, which it fills
// by npm ci if it is not there yet. It is in the user's cache, and not in the tree:
// tests read that as a whole, and go test ./... reads every folder of it.
func install(ctx context.Context, source string, out io.Writer) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("the folder for what npm installs: %w", err)
	}
	sum := sha256.New()
	texts := map[string][]byte{}
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc"} {
		if texts[name], err = os.ReadFile(filepath.Join(source, name)); err != nil {
			return "", fmt.Errorf("%w (run it from the root of the repository)", err)
		}
		sum.Write(texts[name])
	}
	parent := filepath.Join(cache, "hotpath-dashboards-look")
	dir := filepath.Join(parent, fmt.Sprintf("%x", sum.Sum(nil)[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	// Filled under another name first: one that is there is whole.
	filling, err := os.MkdirTemp(parent, "filling-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(filling)
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(filling, name), text, 0o600); err != nil {
			return "", err
		}
	}
	begin := time.Now()
	// No package's own scripts: none that is needed here has any.
	if err := command(ctx, installWait, filling, "npm", "ci", "--omit=dev", "--ignore-scripts", "--no-progress", "--loglevel=error"); err != nil {
		return "", fmt.Errorf("installing Grafana's libraries: %w", err)
	}
	fmt.Fprintf(out, "Grafana's libraries are installed after %.1f s\n", time.Since(begin).Seconds())
	if err := os.Rename(filling, dir); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return dir, nil
}

// bundle makes the page's main.js and main.css in dir.
func bundle(ctx context.Context, source, modules, dir string) error {
	script, err := filepath.Abs(filepath.Join(source, "build.mjs"))
	if err != nil {
		return err
	}
	if err := command(ctx, bundleWait, modules, "node", script, modules, dir); err != nil {
		return fmt.Errorf("bundling the page: %w", err)
	}
	index, err := os.ReadFile(filepath.Join(source, "page", "index.html"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "index.html"), index, 0o600)
}

// command runs a program in a folder. An error has what it printed.
func command(ctx context.Context, wait time.Duration, dir, program string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var printed bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &printed, &printed
	cmd.WaitDelay = 5 * time.Second // a child of it may keep its output open
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, errors.Join(err, context.Cause(ctx)), bytes.TrimSpace(printed.Bytes()))
	}
	return nil
}
