//go:build unix

package config

import (
	"bytes"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestNamedPipe: a pipe that nothing writes to is refused, and does not hold up
// the start.
func TestNamedPipe(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	cert, key := writePair(t, dir, "a")
	for _, args := range [][]string{{"-config", pipe}, {"-cert", pipe, "-key", key}, {"-cert", cert, "-key", pipe}, {"-root", cert, "-config", pipe}} {
		var stdout, stderr bytes.Buffer
		if status := Check(args, nil, &stdout, &stderr); status != 2 || !strings.Contains(stderr.String(), "is not a regular file") {
			t.Errorf("%q: exit status %d, %q", args, status, stderr.String())
		}
	}
}
