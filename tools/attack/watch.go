//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/machine"
	"github.com/e0ac7cd4/hotpath/tools/attack/target"
)

// state is what a server is like at a moment.
type state struct {
	Memory     int64         // bytes; 0: unknown
	CPU        time.Duration // of all its threads since it began
	Goroutines int           // 0: unknown
	Permits    int           // connections that have one
	Held       int64         // bytes that are arriving, sent or buffered
	Panics     int
	limits     map[string]int // breaches, by limit
}

// admins asks an admin address, which has to answer within its time.
var admins = target.Client(5 * time.Second)

// look reads what can be read of the server.
func (s *subject) look(ctx context.Context) (st state, err error) {
	if st, err = s.lookOutside(); err != nil || s.admin == "" {
		return st, err
	}
	return st, s.ask(ctx, &st)
}

// lookOutside reads what the system knows of the server, which costs that nothing.
func (s *subject) lookOutside() (st state, err error) {
	if s.pid != 0 {
		if s.process != nil {
			select {
			case <-s.process.Exited():
				return st, fmt.Errorf("the process has ended: %s", s.process.Tail())
			default:
			}
		}
		kib, err := machine.Memory(s.pid)
		if err != nil {
			return st, err
		}
		st.Memory = kib << 10
		if st.CPU, err = machine.CPUTime(s.pid); err != nil {
			return st, err
		}
	}
	return st, nil
}

// ask adds what the server says of itself.
func (s *subject) ask(ctx context.Context, st *state) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+"/metrics", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept-Encoding", "identity") // to compress it is not the server's service
	answer, err := admins.Do(r)
	if err != nil {
		return fmt.Errorf("the admin listener: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the admin listener: %s: %w", answer.Status, err)
	}
	return st.parse(text)
}

// parse reads what is of interest in the server's metrics.
func (st *state) parse(text []byte) error {
	st.limits = make(map[string]int)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		series, number, ok := strings.Cut(line, " ")
		if !ok || line[0] == '#' {
			continue
		}
		name, label, _ := strings.Cut(series, "{")
		_, label, _ = strings.Cut(strings.TrimSuffix(label, `"}`), `="`)
		var to *int
		switch name {
		case "go_goroutines":
			to = &st.Goroutines
		case "hotpath_connection_permits_in_use":
			to = &st.Permits
		case "hotpath_panics_total":
			to = &st.Panics
		case "hotpath_limit_breaches_total":
			to = new(int)
			defer func() { st.limits[label] = *to }()
		case "hotpath_memory_bytes":
			if label != "arriving" && label != "sending" && label != "buffered" {
				continue
			}
			to = new(int)
			defer func() { st.Held += int64(*to) }()
		default:
			continue
		}
		value, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return fmt.Errorf("/metrics: %q: %w", line, err)
		}
		*to = int(value)
	}
	return nil
}

// every is how often the system is asked for the server's memory: often enough for the
// peak of what lasts.
const every = 200 * time.Millisecond

// watch is the most of each while it lasts.
type watch struct {
	peak   state
	failed error         // the first look that failed
	slow   time.Duration // the longest answer of the admin listener
	stop   context.CancelFunc
	done   chan struct{}
}

// watch begins to look. The server itself is asked each time that asking has passed:
// answers cost it milliseconds of the core that it serves with.
func (s *subject) watch(ctx context.Context, asking time.Duration) *watch {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		var due time.Time
		for {
			begun := time.Now()
			asks := !begun.Before(due)
			look := s.lookOutside
			if asks {
				due = begun.Add(asking)
				look = func() (state, error) { return s.look(ctx) }
			}
			st, err := look()
			if ctx.Err() != nil {
				return
			}
			if asks {
				w.slow = max(w.slow, time.Since(begun))
			}
			if err != nil && w.failed == nil {
				w.failed = err
			}
			w.peak.Memory = max(w.peak.Memory, st.Memory)
			w.peak.Goroutines = max(w.peak.Goroutines, st.Goroutines)
			w.peak.Permits = max(w.peak.Permits, st.Permits)
			w.peak.Held = max(w.peak.Held, st.Held)
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
			}
		}
	}()
	return w
}

// end ends it.
func (w *watch) end() {
	w.stop()
	<-w.done
}
