package live

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/e0ac7cd4/hotpath/server/access"
)

// entry is a warning or an error of the log, or a note.
type entry struct {
	Time    int64  `json:"t"` // ms of Unix time
	Level   string `json:"level"`
	Message string `json:"message"`
	Details string `json:"details"` // its attributes, key=value
}

// Journal keeps the latest warnings and errors that pass through it on their
// way to a log, and notes: 50 and 20, each cut to some hundreds of bytes. The zero
// Journal is empty.
type Journal struct {
	mu      sync.Mutex
	entries []entry // the oldest first, as notes
	notes   []entry // apart, so that a purge a second leaves warnings where they are
	changed bool    // since they were last taken
}

// Watch returns a handler that keeps what is to be kept and gives everything to
// next.
func (j *Journal) Watch(next slog.Handler) slog.Handler { return &watcher{Handler: next, journal: j} }

// Note keeps what is news without being a warning.
func (j *Journal) Note(now time.Time, message, details string) {
	e := entry{now.UnixMilli(), slog.LevelInfo.String(), access.Cut(message, maxMessage), access.Visible(details, maxDetails)}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.notes, j.changed = add(j.notes, e, maxNotes), true
}

func (j *Journal) add(e entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries, j.changed = add(j.entries, e, maxEntries), true
}

// add appends an entry in place of the oldest, if there are as many as may be.
func add(all []entry, e entry, most int) []entry {
	if len(all) == most {
		all = slices.Delete(all, 0, 1)
	}
	return append(all, e)
}

// news returns what is kept, if it has changed since the last call.
func (j *Journal) news() (entries, notes []entry, changed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.changed {
		return nil, nil, false
	}
	j.changed = false
	return append([]entry{}, j.entries...), append([]entry{}, j.notes...), true
}

// watcher is a slog.Handler in front of another.
type watcher struct {
	slog.Handler
	journal *Journal
	with    []func(slog.Handler) slog.Handler // attributes and groups, in order
}

// Handle implements [slog.Handler].
func (w *watcher) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		w.journal.add(entry{
			Time:    r.Time.UnixMilli(),
			Level:   r.Level.String(),
			Message: access.Cut(r.Message, maxMessage),
			Details: access.Cut(w.details(ctx, r), maxDetails),
		})
	}
	return w.Handler.Handle(ctx, r)
}

// details writes a record's attributes in slog's own form. Warnings are rare: a
// handler for each costs less than one that is kept.
func (w *watcher) details(ctx context.Context, r slog.Record) string {
	var line bytes.Buffer
	var h slog.Handler = slog.NewTextHandler(&line, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
			return slog.Attr{}
		}
		return access.EscapeAttr(groups, a)
	}})
	for _, with := range w.with {
		h = with(h)
	}
	plain := slog.NewRecord(time.Time{}, r.Level, "", 0)
	r.Attrs(func(a slog.Attr) bool { plain.AddAttrs(a); return true })
	_ = h.Handle(ctx, plain) // into memory
	return strings.TrimSpace(line.String())
}

// WithAttrs implements [slog.Handler].
func (w *watcher) WithAttrs(attrs []slog.Attr) slog.Handler {
	return w.derive(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

// WithGroup implements [slog.Handler].
func (w *watcher) WithGroup(name string) slog.Handler {
	return w.derive(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func (w *watcher) derive(with func(slog.Handler) slog.Handler) *watcher {
	return &watcher{with(w.Handler), w.journal, append(slices.Clip(w.with), with)}
}
