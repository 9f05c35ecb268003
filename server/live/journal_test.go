package live

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

// TestJournal: warnings and errors are kept, with what belongs to them, and the
// log has everything.
func TestJournal(t *testing.T) {
	var out bytes.Buffer
	var j Journal
	log := slog.New(j.Watch(slog.NewTextHandler(&out, nil)))
	log.Debug("below the level")
	log.Info("started")
	log.Warn("few descriptors", "have", 20, "msg", "own")
	log.With("peer", "10.0.0.1").WithGroup("h2").With("stream", 3).Error("panic", "err", errors.New("a b"))
	entries, _, ok := j.news()
	if !ok || len(entries) != 2 {
		t.Fatalf("%d entries, want 2", len(entries))
	}
	for i, want := range []entry{
		{Level: "WARN", Message: "few descriptors", Details: "have=20"},
		{Level: "ERROR", Message: "panic", Details: `peer=10.0.0.1 h2.stream=3 h2.err="a b"`},
	} {
		got := entries[i]
		if got.Time == 0 {
			t.Errorf("entry %d has no time", i)
		}
		if got.Time = 0; got != want {
			t.Errorf("entry %d is %+v, want %+v", i, got, want)
		}
	}
	if _, _, again := j.news(); again {
		t.Error("the same news twice")
	}
	if lines := strings.Count(out.String(), "\n"); lines != 3 || !strings.Contains(out.String(), "h2.stream=3") {
		t.Errorf("the log is\n%s", out.String())
	}
}

func TestJournalIsBounded(t *testing.T) {
	var j Journal
	quiet := slog.New(j.Watch(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError})))
	quiet.Warn("below the log's level")
	if _, _, ok := j.news(); ok {
		t.Error("what the log does not have is kept")
	}
	log := slog.New(j.Watch(slog.NewTextHandler(io.Discard, nil)))
	for i := range 3 * maxEntries {
		log.Error(fmt.Sprint(i, strings.Repeat("é", 1000)), "key", strings.Repeat("x", 1000))
	}
	entries, _, _ := j.news()
	if len(entries) != maxEntries {
		t.Fatalf("%d entries, want %d", len(entries), maxEntries)
	}
	for i, e := range entries {
		if !strings.HasPrefix(e.Message, fmt.Sprint(2*maxEntries+i)) {
			t.Errorf("entry %d is %q", i, e.Message)
		}
		if len(e.Message) > maxMessage || len(e.Details) != maxDetails || strings.ToValidUTF8(e.Message, "") != e.Message {
			t.Errorf("entry %d has %d and %d bytes", i, len(e.Message), len(e.Details))
		}
	}
}

// TestJournalEscapes what hides or turns round the text of a peer.
func TestJournalEscapes(t *testing.T) {
	var j Journal
	slog.New(j.Watch(slog.NewTextHandler(io.Discard, nil))).Warn("m", "path", "a\u3164\u05d0")
	entries, _, _ := j.news()
	if want := `path=a\u3164\u05d0`; len(entries) != 1 || entries[0].Details != want {
		t.Errorf("%+v, want %s", entries, want)
	}
}
