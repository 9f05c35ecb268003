package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// writePair writes a certificate and its key into dir.
func writePair(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	return writePairFor(t, dir, name, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
}

// writePairFor is writePair with a certificate's time.
func writePairFor(t *testing.T, dir, name string, begin, end time.Time) (cert, key string) {
	t.Helper()
	cert, key, err := testkit.NewIdentityFor(begin, end).Write(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir, "a")
	_, otherKey := writePair(t, dir, "b")
	text := filepath.Join(dir, "text")
	writeFile(t, text, []byte("no PEM in here\n"))
	good := filepath.Join(dir, "good.yaml")
	writeFile(t, good, []byte("cert: "+cert+"\nkey: "+key+"\nroot: "+dir+"\n"))
	missing := filepath.Join(dir, "missing")

	tests := []struct {
		name   string
		args   []string
		status int
		out    []string // parts of stdout, or of stderr if status is not 0
	}{
		{"defaults", nil, 0, []string{"valid"}},
		{"good file", []string{"-config", good}, 0, []string{"valid"}},
		{"help", []string{"-h"}, 0, []string{"-cache-bytes (default 256MiB)"}},
		{"config missing", []string{"-config", missing}, 2, []string{"flag -config", missing, "no such file"}},
		{"config is a directory", []string{"-config", dir}, 2, []string{"flag -config", dir, "is a directory"}},
		{"certificate without an end", []string{"-cert", "/dev/zero", "-key", key}, 2, []string{"flag -cert", "/dev/zero", "is not a regular file"}},
		{"config without an end", []string{"-config", "/dev/zero"}, 2, []string{"/dev/zero", "is not a regular file"}},
		{"bad value", []string{"-max-conns", "many"}, 2, []string{"-max-conns", "many", "a number from 1"}},
		{"cert missing", []string{"-cert", missing, "-key", key}, 2, []string{"flag -cert", missing, "no such file"}},
		{"key missing", []string{"-cert", cert, "-key", missing}, 2, []string{"key", missing, "no such file"}},
		{"cert is text", []string{"-cert", text, "-key", key}, 2, []string{"cert", text}},
		{"key of another", []string{"-cert", cert, "-key", otherKey}, 2, []string{"key \"" + otherKey, "does not match", cert}},
		{"access log to be made", []string{"-access-log", "all", "-access-log-file", missing}, 0, []string{"valid"}},
		{"access log to go on", []string{"-access-log", "all", "-access-log-file", text}, 0, []string{"valid"}},
		{"access log is a device", []string{"-access-log", "all", "-access-log-file", os.DevNull}, 0, []string{"valid"}},
		{"access log is a directory", []string{"-access-log", "all", "-access-log-file", dir}, 2, []string{"access-log-file", dir, "is a directory"}},
		{"access log in no directory", []string{"-access-log", "all", "-access-log-file", missing + "/log"}, 2, []string{"access-log-file", missing, "no such file"}},
		{"root missing", []string{"-root", missing}, 2, []string{"flag -root", missing, "no such file"}},
		{"root is a file", []string{"-root", text}, 2, []string{"root", text, "is not a directory"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if status := Check(tt.args, nil, &stdout, &stderr); status != tt.status {
				t.Errorf("exit status %d, want %d", status, tt.status)
			}
			out, silent := stdout.String(), stderr.String()
			if tt.status != 0 {
				out, silent = silent, out
				if strings.Count(out, "\n") != 1 {
					t.Errorf("the error is not one line: %q", out)
				}
			}
			if silent != "" {
				t.Errorf("unexpected output %q", silent)
			}
			for _, part := range tt.out {
				if !strings.Contains(out, part) {
					t.Errorf("%q does not contain %q", out, part)
				}
			}
		})
	}
}
