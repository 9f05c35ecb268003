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

// A pipe is not waited for, whatever names it; two are both named.
func TestPipesAreRefused(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir, "a")
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		says []string // the settings that are named, a line each
	}{
		{[]string{"-cert", pipe, "-key", key}, []string{"cert"}},
		{[]string{"-cert", cert, "-key", pipe}, []string{"key"}},
		{[]string{"-cert", pipe, "-key", pipe}, []string{"cert", "key"}},
		{[]string{"-admin-token-file", pipe}, []string{"admin-token-file"}},
		{[]string{"-root", pipe}, []string{"root"}},
	} {
		t.Run(strings.Join(tt.says, " and "), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			done := make(chan int, 1)
			go func() { done <- Check(tt.args, nil, &stdout, &stderr) }()
			select {
			case status := <-done:
				lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
				if status != 2 || len(lines) != len(tt.says) {
					t.Fatalf("exit status %d, %q", status, lines)
				}
				for i, key := range tt.says {
					if want := "hotpath: flag -" + key + " \"" + pipe + "\": is not a "; !strings.HasPrefix(lines[i], want) {
						t.Errorf("line %d is %q, want %q", i+1, lines[i], want)
					}
				}
			case <-time.After(patience):
				t.Fatal("it waits for the pipe")
			}
		})
	}
}
