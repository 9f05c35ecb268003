package main

import (
	"log/slog"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/live"
)

// cacheControl is what operators do to the cache, with a line of the log and a note of
// the live page for each purge: once a second, for some purge with every change of a
// page.
type cacheControl struct {
	*edge.Edge
	journal *live.Journal
	log     *slog.Logger
	said    limit.PerSecond
}

// Purge implements [admin.Cache].
func (c *cacheControl) Purge(p edge.Purge) (edge.Purged, error) {
	done, err := c.Edge.Purge(p)
	if err != nil {
		return done, err
	}
	now := time.Now()
	if withheld, ok := c.said.Allow("purge", now); ok {
		text, what := abridged(done.Targets), "purged"
		if done.Soft {
			what = "made stale"
		}
		args := []any{"targets", text, "withheld", withheld}
		if done.Matched != nil {
			args = append(args, "responses", done.Matched.Entries, "bytes", done.Matched.Bytes)
		}
		c.log.Info(what, args...)
		c.journal.Note(now, what, text)
	}
	return done, nil
}
