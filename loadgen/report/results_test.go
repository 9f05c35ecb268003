package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

var resultsRequest = &exchange.Request{Method: "POST", URL: "https://127.0.0.1:8443/a?b=c"}

// resultsOutcome is a success in all but what change says.
func resultsOutcome(seq uint64, change func(*exchange.Outcome)) exchange.Outcome {
	due := time.Duration(seq) * time.Millisecond
	o := exchange.Outcome{
		Ticket: exchange.Ticket{Request: resultsRequest, Due: due, Seq: seq},
		Sent:   due + time.Millisecond,
		Ended:  due + 3*time.Millisecond,
		Status: 200,
	}
	if change != nil {
		change(&o)
	}
	return o
}

// resultsRead decodes what was written.
func resultsRead(t *testing.T, file io.Reader) (all []vegeta.Result) {
	t.Helper()
	decode := vegeta.DecoderFor(file)
	if decode == nil {
		t.Fatal("vegeta does not read the encoding")
	}
	for {
		var v vegeta.Result
		if err := decode(&v); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatalf("record %d: %v", len(all), err)
		}
		all = append(all, v)
	}
}

func TestResultsFields(t *testing.T) {
	begin := time.Date(2026, 3, 4, 5, 6, 7, 890, time.FixedZone("", 5*3600+1800))
	failure := &exchange.Failure{Kind: exchange.Reset, Detail: "INTERNAL_ERROR"}
	tests := []struct {
		name   string
		change func(*exchange.Outcome)
		want   vegeta.Result // what differs from a plain success
	}{
		{"success", nil, vegeta.Result{Code: 200}},
		{"contents", func(o *exchange.Outcome) { o.BytesIn, o.BytesOut = 1<<40, 7 }, vegeta.Result{Code: 200, BytesIn: 1 << 40, BytesOut: 7}},
		{"redirect", func(o *exchange.Outcome) { o.Status = 399 }, vegeta.Result{Code: 399}},
		{"client error", func(o *exchange.Outcome) { o.Status = 404 }, vegeta.Result{Code: 404, Error: "404 Not Found"}},
		{"the same again", func(o *exchange.Outcome) { o.Status = 404 }, vegeta.Result{Code: 404, Error: "404 Not Found"}},
		{"status without a name", func(o *exchange.Outcome) { o.Status = 999 }, vegeta.Result{Code: 999, Error: "999"}},
		{"below 200", func(o *exchange.Outcome) { o.Status = 101 }, vegeta.Result{Code: 101, Error: "101 Switching Protocols"}},
		{"no response", func(o *exchange.Outcome) { o.Status, o.Failure = 0, &exchange.Failure{Kind: exchange.Timeout} },
			vegeta.Result{Error: "timeout"}},
		{"half a response", func(o *exchange.Outcome) { o.Failure, o.BytesIn = failure, 9 },
			vegeta.Result{Error: "reset: INTERNAL_ERROR", BytesIn: 9}},
		{"half an error", func(o *exchange.Outcome) { o.Failure, o.Status = failure, 500 },
			vegeta.Result{Error: "reset: INTERNAL_ERROR"}},
		{"ended before it was due", func(o *exchange.Outcome) { o.Ended = o.Due - 1 }, vegeta.Result{Code: 200, Latency: -1}},
		{"after success again", nil, vegeta.Result{Code: 200}},
	}
	var file bytes.Buffer
	r := NewResults(&file, "night", begin)
	for i, tt := range tests {
		r.Add([]exchange.Outcome{resultsOutcome(uint64(i), tt.change)})
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	got := resultsRead(t, &file)
	if len(got) != len(tests) {
		t.Fatalf("%d records, want %d", len(got), len(tests))
	}
	for i, tt := range tests {
		want := tt.want
		want.Attack, want.Seq, want.Method, want.URL = "night", uint64(i), "POST", resultsRequest.URL
		want.Timestamp = begin.Add(time.Duration(i) * time.Millisecond)
		switch want.Latency {
		case 0:
			want.Latency = 3 * time.Millisecond
		case -1:
			want.Latency = 0
		}
		if !got[i].Equal(want) {
			t.Errorf("%s:\n got %+v\nwant %+v", tt.name, got[i], want)
		}
	}
}

// Every outcome of every goroutine is in the file once, though callers use
// their memory again at once and the queue is full many times.
func TestResultsManyCallers(t *testing.T) {
	const callers, each, batch, queue = 8, 50, 99, 250
	const total = callers * each * batch
	var file bytes.Buffer
	r := new(Results)
	r.start(&file, "", time.Now(), queue)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			own := make([]exchange.Outcome, batch)
			for b := range each {
				for i := range own {
					own[i] = resultsOutcome(uint64((c*each+b)*batch+i), nil)
				}
				r.Add(own)
			}
			clear(own)
		})
	}
	wg.Wait()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	seen := make([]bool, total)
	decode := vegeta.NewDecoder(&file)
	for range total {
		var v vegeta.Result
		if err := decode(&v); err != nil {
			t.Fatal(err)
		}
		if v.Seq >= total || seen[v.Seq] {
			t.Fatalf("record %d is there twice, or was never added", v.Seq)
		}
		seen[v.Seq] = true
	}
	var v vegeta.Result
	if err := decode(&v); err != io.EOF {
		t.Errorf("after the last record: %v, want EOF", err)
	}
}

func TestResultsNothing(t *testing.T) {
	var file bytes.Buffer
	r := NewResults(&file, "", time.Now())
	r.Add(nil)
	if err := r.Close(); err != nil || file.Len() != 0 {
		t.Errorf("%d bytes, %v; want none", file.Len(), err)
	}
}

// resultsDisk takes nothing until it is let go.
type resultsDisk struct {
	free chan struct{}
	bytes.Buffer
}

func (d *resultsDisk) Write(p []byte) (int, error) {
	<-d.free
	return d.Buffer.Write(p)
}

// If the disk does not keep up, callers wait, and Stalled returns for how
// long; nothing is lost.
func TestResultsStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &resultsDisk{free: make(chan struct{})}
		const queue = 2000
		r := new(Results)
		r.start(disk, "", time.Now(), queue)
		batch := make([]exchange.Outcome, 3*queue/2)
		for i := range batch {
			batch[i] = resultsOutcome(uint64(i), nil)
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { r.Add(batch) }) // together more than queue and writer hold
		}
		time.Sleep(5 * time.Second)
		close(disk.free)
		wg.Wait()
		stalled := r.Stalled()
		if stalled != 5*time.Second && stalled != 10*time.Second {
			t.Errorf("Stalled is %v, want 5 s of one caller or both", stalled)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if got := len(resultsRead(t, disk)); got != 2*len(batch) {
			t.Errorf("%d records were written, want %d", got, 2*len(batch))
		}
	})
}

var errResultsFull = errors.New("the disk is full")

// resultsFull is a disk that takes some bytes more, then none.
type resultsFull struct{ room int }

func (d *resultsFull) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	if d.room -= n; n < len(p) {
		return n, errResultsFull
	}
	return n, nil
}

// After a write that failed no caller waits, and Close returns the reason, whether
// it came while encoding or with the last flush.
func TestResultsWriteError(t *testing.T) {
	const queue = 500
	for _, tt := range []struct{ room, outcomes int }{
		{0, 1}, {10, 1}, {0, 100 * queue}, {resultsBuffer, 100 * queue}, {5 * resultsBuffer, 100 * queue},
	} {
		t.Run(fmt.Sprintf("%d outcomes, room for %d bytes", tt.outcomes, tt.room), func(t *testing.T) {
			r := new(Results)
			r.start(&resultsFull{tt.room}, "", time.Now(), queue)
			batch := make([]exchange.Outcome, min(tt.outcomes, 1000))
			for i := range batch {
				batch[i] = resultsOutcome(uint64(i), nil)
			}
			for added := 0; added < tt.outcomes; added += len(batch) {
				r.Add(batch)
			}
			if err := r.Close(); !errors.Is(err, errResultsFull) {
				t.Errorf("Close said %v, want %v", err, errResultsFull)
			}
		})
	}
}

// A record costs the allocations of vegeta's encoder and none of ours.
func TestResultsAllocations(t *testing.T) {
	begin := time.Now()
	bare := vegeta.NewEncoder(io.Discard)
	v := &vegeta.Result{Attack: "a", Code: 404, Timestamp: begin, Latency: 1, Error: "404 Not Found", Method: "GET", URL: "https://a/"}
	encoder := testing.AllocsPerRun(1000, func() {
		if err := bare(v); err != nil {
			t.Fatal(err)
		}
	})
	r := NewResults(io.Discard, "a", begin)
	batch := []exchange.Outcome{resultsOutcome(1, func(o *exchange.Outcome) { o.Status = 404 })}
	if err := r.Close(); err != nil { // writeAll is ours alone from here
		t.Fatal(err)
	}
	ours := testing.AllocsPerRun(1000, func() {
		if err := r.writeAll(batch); err != nil {
			t.Fatal(err)
		}
	})
	if ours > encoder {
		t.Errorf("%v allocations per record, the encoder alone has %v", ours, encoder)
	}
}

// resultsTool runs a tool.
func resultsTool(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr.Bytes())
	}
	return out
}

// vegeta itself reads the file: what its report counts is what was added, and
// its plot has every point.
func TestResultsVegeta(t *testing.T) {
	const total, notFound, broken = 1000, 30, 20
	tool, err := testkit.Program(t.TempDir(), "github.com/tsenart/vegeta/v12") // the one that go.mod names
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "results.gob")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	r := NewResults(file, "night", begin)
	batch := make([]exchange.Outcome, total)
	for i := range batch {
		// From the last to the first: outcomes come in no order.
		seq := total - 1 - i
		batch[i] = resultsOutcome(uint64(seq), func(o *exchange.Outcome) {
			o.Ended = o.Due + time.Duration(seq+1)*time.Microsecond
			o.BytesIn, o.BytesOut = 100, 10
			switch {
			case seq < notFound:
				o.Status = 404
			case seq < notFound+broken:
				o.Failure = &exchange.Failure{Kind: exchange.Closed, Detail: "by the server"}
			}
		})
	}
	r.Add(batch)
	if err := errors.Join(r.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}

	var m vegeta.Metrics
	if err := json.Unmarshal(resultsTool(t, tool, "report", "-type=json", name), &m); err != nil {
		t.Fatal(err)
	}
	if m.Requests != total || m.BytesIn.Total != 100*total || m.BytesOut.Total != 10*total {
		t.Errorf("%d requests, %d bytes in, %d out; want %d, %d, %d", m.Requests, m.BytesIn.Total, m.BytesOut.Total, total, 100*total, 10*total)
	}
	if want := float64(total-notFound-broken) / total; math.Abs(m.Success-want) > 1e-9 {
		t.Errorf("success %v, want %v", m.Success, want)
	}
	codes := map[string]int{"0": broken, "200": total - notFound - broken, "404": notFound}
	if fmt.Sprint(m.StatusCodes) != fmt.Sprint(codes) {
		t.Errorf("status codes %v, want %v", m.StatusCodes, codes)
	}
	if errs := strings.Join(m.Errors, ", "); errs != "closed: by the server, 404 Not Found" {
		t.Errorf("errors %q", errs)
	}
	if !m.Earliest.Equal(begin) || m.Duration != (total-1)*time.Millisecond {
		t.Errorf("it began at %v and took %v, want %v and %v", m.Earliest, m.Duration, begin, (total-1)*time.Millisecond)
	}
	// The latencies are 1 to 1000 µs; vegeta's quantiles are estimates.
	l := m.Latencies
	if l.Min != time.Microsecond || l.Max != time.Millisecond || l.Mean != 500500*time.Nanosecond {
		t.Errorf("latencies from %v to %v, mean %v; want 1µs, 1ms, 500.5µs", l.Min, l.Max, l.Mean)
	}
	for q, got := range map[float64]time.Duration{.5: l.P50, .9: l.P90, .99: l.P99} {
		if want := time.Duration(q * float64(time.Millisecond)); math.Abs(float64(got-want)) > .01*float64(want) {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}

	page := resultsTool(t, tool, "plot", name)
	for _, want := range []string{"<html", "night: OK", "night: ERROR"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the plot has no %q", want)
		}
	}
	// A point is [seconds,ERROR,OK]; a series without one has NaN or null.
	points := regexp.MustCompile(`\[[0-9.e+-]+,(?:[0-9.]+|NaN|null),(?:[0-9.]+|NaN|null)\]`).FindAll(page, -1)
	if len(points) != total {
		t.Errorf("the plot has %d points, want %d", len(points), total)
	}
}

// BenchmarkResults compares what a record costs with vegeta's encoder alone.
func BenchmarkResults(b *testing.B) {
	const size = 32 // of a batch: what a connection hands over in a turn
	batch := make([]exchange.Outcome, size)
	for i := range batch {
		batch[i] = resultsOutcome(uint64(i), nil)
	}
	report := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/record")
	}
	b.Run("encoder", func(b *testing.B) {
		encode := vegeta.NewEncoder(io.Discard)
		v := &vegeta.Result{Attack: "a", Code: 200, Timestamp: time.Now(), Latency: 3 * time.Millisecond, Method: "POST", URL: resultsRequest.URL}
		b.ReportAllocs()
		for b.Loop() {
			for i := range batch {
				v.Seq = uint64(i)
				if err := encode(v); err != nil {
					b.Fatal(err)
				}
			}
		}
		report(b)
	})
	b.Run("written", func(b *testing.B) {
		r := NewResults(io.Discard, "a", time.Now())
		b.ReportAllocs()
		for b.Loop() {
			r.Add(batch)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
		report(b)
	})
}
