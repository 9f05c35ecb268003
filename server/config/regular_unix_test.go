//go:build unix

package config

import (
	"bytes"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a check may take that must not wait at all.
const patience = 20 * time.Second

// A pipe is not waited for, whatever names it.
func TestPipesAreRefused(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir, "a")
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"-cert", pipe, "-key", key}, "cert"},
		{[]string{"-cert", cert, "-key", pipe}, "key"},
		{[]string{"-admin-token-file", pipe}, "admin-token-file"},
		{[]string{"-root", pipe}, "root"},
	} {
		t.Run(tt.says, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			done := make(chan int, 1)
			go func() { done <- Check(tt.args, nil, &stdout, &stderr) }()
			select {
			case status := <-done:
				if text := stderr.String(); status != 2 || !strings.HasPrefix(text, "hotpath: flag -"+tt.says+" ") || !strings.Contains(text, pipe) {
					t.Errorf("exit status %d, %q", status, text)
				}
			case <-time.After(patience):
				t.Fatal("it waits for the pipe")
			}
		})
	}
}
