package acme

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

func script(t *testing.T, text string) hookSolver {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return hookSolver{path, slog.New(slog.DiscardHandler)}
}

var dnsChallenge = acme.Challenge{Type: ByDNS, Identifier: acme.Identifier{Type: "dns", Value: "example.com"}, KeyAuthorization: "a.b"}

// TestHook: the program gets action, record and value, and what it says about a
// failure is in the error, the end of it.
func TestHook(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	h := script(t, `echo "$@" >>`+out+"\n")
	if err := errors.Join(h.Present(t.Context(), dnsChallenge), h.CleanUp(t.Context(), dnsChallenge)); err != nil {
		t.Fatal(err)
	}
	value := dnsChallenge.DNS01KeyAuthorization()
	text, err := os.ReadFile(out)
	if want := "add _acme-challenge.example.com " + value + "\nremove _acme-challenge.example.com " + value + "\n"; err != nil || string(text) != want {
		t.Errorf("it was called with %q, %v; want %q", text, err, want)
	}
	err = script(t, "head -c 100000 /dev/zero | tr '\\0' x; echo no such zone >&2; exit 3\n").Present(t.Context(), dnsChallenge)
	var failed *hookError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "exit status 3") || !strings.HasSuffix(err.Error(), "no such zone") || len(err.Error()) > 2*maxOutput {
		t.Errorf("a failure is %.100v", err)
	}
	if err := (hookSolver{"/nonexistent", slog.New(slog.DiscardHandler)}).Present(t.Context(), dnsChallenge); !errors.As(err, &failed) {
		t.Errorf("a program that is not there: %v", err)
	}
}

// TestHookEnds: at the deadline the program ends, with what it has started.
func TestHookEnds(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	h := script(t, "sleep 600 & echo $! >"+started+"; wait\n")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- h.Present(ctx, dnsChallenge) }()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(started); err == nil && len(text) > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the program does not start")
		}
	}
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("it has ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("it goes on")
	}
}
