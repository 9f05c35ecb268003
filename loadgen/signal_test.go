package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestHangup: a terminal that is closed ends a run as Ctrl-C does, however often
// that is said.
func TestHangup(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("SIGHUP is ignored here, as under nohup")
	}
	came := make(chan os.Signal, 1) // else one that comes late would end the tests
	signal.Notify(came, syscall.SIGHUP)
	defer signal.Stop(came)
	ctx, stop := untilSignal()
	defer stop()
	if ctx.Err() != nil {
		t.Fatal("it ended without a signal")
	}
	for range 2 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		select {
		case <-came:
		case <-time.After(patience):
			t.Fatal("SIGHUP did not come")
		}
	}
	select {
	case <-ctx.Done():
	case <-time.After(patience):
		t.Fatal("SIGHUP did not end it")
	}
}

// TestVerdictsOfAPart: the report of an interrupted run says over how much of what
// was asked for its verdicts are.
func TestVerdictsOfAPart(t *testing.T) {
	t.Parallel()
	url, cacert, _ := server(t)
	const over = "The verdicts are over no more than "
	for _, tt := range []struct {
		why  string
		args []string
		want string // "": nothing is said of verdicts
	}{
		{"a part of the time", []string{"-duration", "1m", "-slo", "p99<=20s"}, "s of the 1m that were asked for."},
		{"a part of the requests", []string{"-requests", "100000", "-slo", "p99<=20s"}, " of the 100,000 requests that were asked for."},
		{"no end was asked for: it is all", []string{"-duration", "0", "-slo", "p99<=20s"}, ""},
		{"there are no verdicts", []string{"-duration", "1m"}, ""},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		code, out, stderr := call(t, ctx, "", append(tt.args, "-target", url, "-cacert", cacert, "-rate", "200", "-quiet")...)
		cancel()
		if code != exitOK || strings.Contains(out, over) != (tt.want != "") || !strings.Contains(out, tt.want) {
			t.Errorf("%s: exit %d, %s\n%s", tt.why, code, stderr, out)
		}
	}
}

// TestFilesWithoutReport: a report that cannot be written costs only itself.
func TestFilesWithoutReport(t *testing.T) {
	testkit.NeedFull(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	url, cacert, _ := server(t)
	page := filepath.Join(t.TempDir(), "page.html")
	code := run(t.Context(), []string{"-target", url, "-cacert", cacert, "-requests", "10", "-quiet", "-html", page}, streams{os.Stdin, full, full})
	if text, err := os.ReadFile(page); code != exitFailure || err != nil || !strings.HasSuffix(string(text), "</html>\n") {
		t.Errorf("exit %d, %v: the page has %d bytes", code, err, len(text))
	}
}
