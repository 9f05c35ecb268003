package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/live"
)

// TestLogEscapes: what a peer's text hides or turns round is seen in the log, in
// both of its forms.
func TestLogEscapes(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var b bytes.Buffer
		newLogger(config.Config{LogFormat: format}, &b, slog.LevelInfo, new(live.Journal)).Warn("m", "reason", "a\u202eb\u05d0")
		if !strings.Contains(b.String(), `\u202eb`) || !strings.Contains(b.String(), `\u05d0`) {
			t.Errorf("%s: %q", format, b.String())
		}
	}
}
