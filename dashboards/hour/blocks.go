package hour

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Blocks writes the hour that ends at a time into a data directory for Prometheus,
// and what the rules of these files make of it; both programs of Prometheus must be
// installed. dir is made if it is not there, and must be empty.
func Blocks(ctx context.Context, dir string, end time.Time, ruleFiles ...string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return fmt.Errorf("%s is not empty: the hour needs a directory of its own", dir)
	}
	if err := importText(ctx, dir, func(w io.Writer) error { return Record(w, end) }); err != nil {
		return err
	}
	left, err := readRules(ruleFiles)
	if err != nil {
		return err
	}
	// What is imported is read at the start alone, so rules are evaluated in turns:
	// each takes those whose inputs are there.
	for len(left) > 0 {
		ready, later := split(left)
		if len(ready) == 0 {
			return fmt.Errorf("rules %v need each other", names(left))
		}
		if err := evaluate(ctx, dir, end, ready); err != nil {
			return err
		}
		left = later
	}
	return nil
}

// importText makes blocks in dir of the OpenMetrics text that write writes.
func importText(ctx context.Context, dir string, write func(io.Writer) error) error {
	f, err := os.CreateTemp("", "hour-*.txt")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	buffered := bufio.NewWriter(f)
	if err := write(buffered); err != nil {
		return fmt.Errorf("write OpenMetrics text: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "promtool", "tsdb", "create-blocks-from", "--quiet", "openmetrics", f.Name(), dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("promtool: %w: %s", err, out)
	}
	return nil
}

func evaluate(ctx context.Context, dir string, end time.Time, ready []rule) error {
	p, err := Serve(ctx, dir)
	if err != nil {
		return err
	}
	defer p.Stop()
	return importText(ctx, dir, func(w io.Writer) error {
		for _, r := range ready {
			if err := r.record(ctx, w, p, end); err != nil {
				return fmt.Errorf("rule %s: %w", r.name(), err)
			}
		}
		_, err := io.WriteString(w, "# EOF\n")
		return err
	})
}
