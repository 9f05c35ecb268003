package acme

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPaths: no name and no directory leads out of the storage, and two authorities
// share nothing.
func TestPaths(t *testing.T) {
	a := Settings{Directory: "https://ca.example/dir", Storage: "/s"}
	b := Settings{Directory: "https://ca.example/staging", Storage: "/s"}
	if storageOf(a) == storageOf(b) {
		t.Error("two authorities have one folder")
	}
	for _, name := range []string{"a.example", "*.example", "../../x", `..\x`, "::1"} {
		for _, path := range []string{storageOf(a).certificate(name), storageOf(a).challenge(name), storageOf(a).lock(name)} {
			rest, ok := strings.CutPrefix(path, string(storageOf(a))+"/")
			if !ok || strings.Count(rest, "/") != 1 || strings.ContainsAny(filepath.Base(path), `*:\`) {
				t.Errorf("%q is at %q", name, path)
			}
		}
	}
	other := a
	other.Email = "other@example.com"
	if storageOf(a).account(a) == storageOf(a).account(other) {
		t.Error("two addresses have one account")
	}
}

// TestLock: one at a time, and to wait for it has an end.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "locks", "a")
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := lock(short, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second one: %v", err)
	}
	unlock()
	again, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	again()
}
