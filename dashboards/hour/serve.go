package hour

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/freeport"
)

const (
	// startTime and stopTime are patience with Prometheus on a busy machine.
	startTime = 30 * time.Second
	stopTime  = 10 * time.Second

	// lookback is how long a value counts after its scrape. A Prometheus that
	// scrapes marks what is gone; imported blocks have no marks, so that a dead
	// server would be there for five minutes longer.
	lookback = 4 * Scrape
)

// Prometheus is a running one.
type Prometheus struct {
	URL string // http://host:port

	cmd   *exec.Cmd
	ended chan error
	own   string // a directory to remove
}

// Serve runs Prometheus on a data directory until ctx is done or [Prometheus.Stop].
func Serve(ctx context.Context, dir string) (*Prometheus, error) {
	address, err := freeport.Address()
	if err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp("", "hour-prometheus-")
	if err != nil {
		return nil, err
	}
	p := &Prometheus{URL: "http://" + address, ended: make(chan error, 1), own: own}
	log, err := os.Create(filepath.Join(own, "log"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(own))
	}
	defer log.Close()
	p.cmd = exec.CommandContext(ctx, "prometheus", append(Flags(dir), "--web.listen-address="+address)...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = stopTime
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(own))
	}
	go func() { p.ended <- p.cmd.Wait() }()
	if err := p.ready(ctx); err != nil {
		text, _ := os.ReadFile(log.Name())
		p.Stop()
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	return p, nil
}

// Flags are those of a Prometheus on such a data directory, but for where it
// listens: it scrapes nothing and keeps everything.
func Flags(dir string) []string {
	return []string{
		"--config.file=" + os.DevNull,
		"--storage.tsdb.path=" + dir,
		"--storage.tsdb.retention.time=10y",
		"--query.lookback-delta=" + lookback.String(),
		"--log.level=warn",
	}
}

// ready waits until it answers.
func (p *Prometheus) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, "GET", p.URL+"/-/ready", nil)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(r); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("prometheus ended: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("prometheus is not ready: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends it and waits for that.
func (p *Prometheus) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case err := <-p.ended:
		p.ended <- err // for a second Stop
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill()
		p.ended <- <-p.ended
	}
	_ = os.RemoveAll(p.own)
}

// Series is one of an answer.
type Series struct {
	Metric map[string]string
	Values []Sample // of a range
	Value  Sample   // of an instant
}

// Sample is a value, and when: seconds since 1970.
type Sample struct{ Time, Value float64 }

// UnmarshalJSON reads a pair of a number and a number in a string.
func (s *Sample) UnmarshalJSON(text []byte) error {
	var value string
	if err := json.Unmarshal(text, &[]any{&s.Time, &value}); err != nil {
		return err
	}
	var err error
	s.Value, err = strconv.ParseFloat(value, 64)
	return err
}

// Query evaluates an expression at an instant.
func (p *Prometheus) Query(ctx context.Context, expr string, at time.Time) ([]Series, error) {
	return p.ask(ctx, "query", url.Values{"query": {expr}, "time": {unix(at)}})
}

// QueryRange evaluates an expression at each step of a range.
func (p *Prometheus) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	return p.ask(ctx, "query_range", url.Values{
		"query": {expr}, "start": {unix(from)}, "end": {unix(to)}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
}

func (p *Prometheus) ask(ctx context.Context, path string, values url.Values) ([]Series, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", p.URL+"/api/v1/"+path+"?"+values.Encode(), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []Series }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s: %w", response.Status, err)
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s: %s", answer.Error, values.Get("query"))
	}
	return answer.Data.Result, nil
}

func unix(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }
