package main

import (
	"fmt"
	"os"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/report"
)

// resultsFile is the file that every outcome is written to; nil is none.
type resultsFile struct {
	file  *os.File
	owned bool // else it is the standard output, which others may write to yet
	*report.Results
}

// openResults makes the file before the attack, so that a name which cannot be
// written does not cost an attack.
func (o *options) openResults(out *os.File) (*resultsFile, error) {
	if o.results == "" {
		return nil, nil
	}
	if o.results == standard {
		return &resultsFile{file: out}, nil
	}
	f, err := os.Create(o.results)
	if err != nil {
		return nil, usageError{fmt.Errorf("-results: %w", err)}
	}
	return &resultsFile{file: f, owned: true}, nil
}

// begin is called before the first outcome comes. epoch is their moment 0.
func (r *resultsFile) begin(name string, epoch time.Time) {
	if r != nil {
		r.Results = report.NewResults(r.file, name, epoch)
	}
}

// stalled is how long connections have waited for the file, together.
func (r *resultsFile) stalled() time.Duration {
	if r == nil || r.Results == nil {
		return 0
	}
	return r.Stalled()
}

func (r *resultsFile) add(batch []exchange.Outcome) {
	if r != nil {
		r.Add(batch)
	}
}

func (r *resultsFile) close() error {
	if r == nil {
		return nil
	}
	var err error
	if r.Results != nil {
		err = r.Results.Close()
	}
	if r.owned {
		if closing := r.file.Close(); err == nil {
			err = closing
		}
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", r.file.Name(), err)
	}
	return nil
}
