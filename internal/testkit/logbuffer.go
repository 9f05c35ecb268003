package testkit

import (
	"bytes"
	"strings"
	"sync"
)

// LogBuffer is a log that goroutines write while the test reads it. Its zero value
// is empty.
type LogBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (b *LogBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is all that was written so far.
func (b *LogBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Count is how often s was written so far.
func (b *LogBuffer) Count(s string) int { return strings.Count(b.String(), s) }
