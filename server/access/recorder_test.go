package access

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/requestid"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// TestModes: each mode logs what the one before does, and more, of hits and of
// what takes longer.
func TestModes(t *testing.T) {
	const each = 2000
	aborted := ok(200)
	aborted.Aborted = true
	for _, tt := range []struct {
		mode   Mode
		sample int
		want   map[string]float64 // lines of a path, of each requests
	}{
		{Off, 100, nil},
		{Errors, 100, map[string]float64{"/404": 1, "/500": 1, "/aborted": 1}},
		{Sampled, 10, map[string]float64{"/200": 0.1, "/304": 0.1, "/404": 1, "/500": 1, "/aborted": 1}},
		{Sampled, 4000, map[string]float64{"/200": 1. / 4000, "/304": 1. / 4000, "/404": 1, "/500": 1, "/aborted": 1}},
		{Sampled, 1, map[string]float64{"/200": 1, "/304": 1, "/404": 1, "/500": 1, "/aborted": 1}},
		{All, 100, map[string]float64{"/200": 1, "/304": 1, "/404": 1, "/500": 1, "/aborted": 1}},
	} {
		for _, hits := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s of %d, hits %v", tt.mode, tt.sample, hits), func(t *testing.T) {
				s := start(t, Config{Mode: tt.mode, Sample: tt.sample})
				tap := s.Tap(HTTP2, 0, nil)
				for i := range each {
					for _, status := range []int{200, 304, 404, 500} {
						request := get(fmt.Sprintf("/%d", status))
						if !hits {
							tap.End(request, ok(status))
						} else if tap.Due(status) {
							tap.Hit(request, ok(status))
						}
					}
					tap.End(get("/aborted"), aborted)
					if i%10 == 0 {
						tap.Flush(time.Millisecond)
					}
				}
				tap.Flush(time.Millisecond)
				if tt.mode == Off {
					if _, err := os.Stat(s.cfg.File); err == nil {
						t.Error("there is a file")
					}
					return
				}
				lines := strings.Join(s.lines(t), "\n")
				for _, path := range []string{"/200", "/304", "/404", "/500", "/aborted"} {
					got, want := float64(strings.Count(lines, "GET "+path+" ")), each*tt.want[path]
					// Six standard deviations, and exactly if there is no chance in it.
					if p := tt.want[path]; math.Abs(got-want) > 6*math.Sqrt(want*(1-p)) {
						t.Errorf("%v lines of %s, want %v", got, path, want)
					}
				}
			})
		}
	}
}

// TestShortConnections: each hit is chosen with the same probability, the first
// of a connection as well as a later one.
func TestShortConnections(t *testing.T) {
	s := start(t, Config{Mode: Sampled, Sample: 20})
	var chosen [3]int
	const connections = 20_000
	for range connections {
		tap := s.Tap(HTTP2, 0, nil)
		for i := range chosen {
			if tap.Due(200) {
				tap.Hit(get("/"), ok(200))
				chosen[i]++
			}
		}
		tap.Flush(0)
	}
	for i, n := range chosen {
		if n < 800 || n > 1200 { // 1,000, and more than six standard deviations
			t.Errorf("hit %d of a connection was chosen %d times, want about %d", i, n, connections/20)
		}
	}
}

// TestTurn: hits take as long as their turn, what took longer as long as it
// did, and a batch that is full does not wait for the turn's end, whatever filled
// it.
func TestTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Config{Mode: All, Format: JSON})
		tap := s.Tap(HTTP2, 0, nil)
		tap.Due(200)
		tap.Hit(get("/hit"), ok(200))
		tap.End(get("/long"), Answer{Began: began, Duration: time.Second, Status: 200})
		tap.Flush(5 * time.Millisecond)
		if tap.batch != nil {
			t.Error("the batch is kept after the turn")
		}
		a := ok(200)
		a.Began = time.Now()
		time.Sleep(7 * time.Millisecond)
		large := get("/" + strings.Repeat("x", maxPath))
		for range batchSize/maxPath + 1 {
			tap.Due(200)
			tap.Hit(large, a)
		}
		tap.Flush(9 * time.Millisecond)
		a.Began = time.Now()
		time.Sleep(11 * time.Millisecond)
		tap.Due(200)
		tap.Hit(get("/beside"), a)
		for range batchSize/maxPath + 1 {
			tap.End(large, Answer{Began: began, Duration: 3 * time.Second, Status: 200}) // began in another turn
		}
		tap.Flush(13 * time.Millisecond)
		durations := map[string]int{}
		for _, line := range s.lines(t) {
			_, rest, _ := strings.Cut(line, `"duration_us":`)
			us, _, _ := strings.Cut(rest, ",")
			durations[us]++
		}
		if want := map[string]int{"5000": 1, "1000000": 1, "7000": batchSize / maxPath, "9000": 1, "11000": 1, "3000000": batchSize/maxPath + 1}; fmt.Sprint(durations) != fmt.Sprint(want) {
			t.Errorf("durations %v, want %v", durations, want)
		}
	})
}

// TestZeroTap: the methods of a nil recorder's tap do nothing.
func TestZeroTap(t *testing.T) {
	var nobody *Recorder
	tap := nobody.Tap(HTTP2, 0, nil)
	for _, status := range []int{200, 500} {
		if tap.Due(status) {
			tap.Hit(get("/"), ok(status))
		}
	}
	tap.End(get("/"), ok(500))
	tap.Flush(0)
}

// TestLinger: records are written together, soon.
func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Config{Mode: All})
		tap := s.Tap(HTTP2, 0, nil)
		for round := 1; round <= 3; round++ {
			for range 2 {
				tap.End(get("/"), ok(200))
				tap.Flush(0)
				time.Sleep(linger / 4)
			}
			synctest.Wait()
			s.wantCounts(t, uint64(2*(round-1)), 0, 0)
			time.Sleep(linger)
			synctest.Wait()
			s.wantCounts(t, uint64(2*round), 0, 0)
		}
	})
}

// TestFullStripes: if the writer is behind, records are dropped and counted;
// no request waits. What there was room for is written.
func TestFullStripes(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := start(t, Config{Mode: All})
	s.sink.file.Close()
	s.sink.file = w // the writer has not looked at it yet
	tap := s.Tap(HTTP2, 0, nil)
	request := get("/" + strings.Repeat("x", 500))
	records := 3 * (len(s.stripes.all) + 1) * stripeSize / len(request)
	for range records { // much more than stripes, pipe and lines hold
		if tap.Due(200) {
			tap.Hit(request, ok(200))
			tap.Flush(0)
		}
	}
	dropped := s.m.AccessLog.Value(metrics.LogDropped)
	if dropped < uint64(records)/4 {
		t.Errorf("%d of %d records were dropped", dropped, records)
	}
	read := make(chan int)
	go func() {
		var all bytes.Buffer
		_, _ = all.ReadFrom(r)
		read <- bytes.Count(all.Bytes(), []byte("\n"))
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := <-read; n != records-int(dropped) {
		t.Errorf("%d lines, want %d - %d", n, records, dropped)
	}
	s.wantCounts(t, uint64(records)-dropped, dropped, 0)
}

// TestBusyStripes: a connection waits for no other, and not for the writer.
func TestBusyStripes(t *testing.T) {
	s := newStripes(hotSize)
	for i := range s.all {
		s.all[i].mu.Lock()
	}
	if s.put(0, get("/")) {
		t.Error("a batch went into a stripe that another holds")
	}
	last := len(s.all) - 1
	s.all[last].mu.Unlock()
	for first := range s.all {
		if !s.put(first, get("/")) {
			t.Errorf("a batch found no room from stripe %d on", first)
		}
	}
	for i := range last {
		s.all[i].mu.Unlock()
	}
}

// stuckFile takes nothing until it is released.
type stuckFile struct{ release chan struct{} }

func (f stuckFile) Write(p []byte) (int, error) { <-f.release; return len(p), nil }
func (f stuckFile) Close() error                { return nil }

// TestCloseOfAStuckFile: what takes nothing does not keep the server from
// stopping for longer than a second, also if it closes the log twice.
func TestCloseOfAStuckFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Config{Mode: All})
		file := stuckFile{make(chan struct{})}
		s.sink.file.Close()
		s.sink.file = file // the writer has not looked at it yet
		tap := s.Tap(HTTP2, 0, nil)
		tap.End(get("/"), ok(200))
		tap.Flush(0)
		stopping := time.Now()
		if err := s.Close(); err == nil {
			t.Error("it stopped in spite of a file that takes nothing")
		}
		if err := s.Close(); err != nil {
			t.Errorf("the second time: %v", err)
		}
		if took := time.Since(stopping); took != closeTime {
			t.Errorf("it took %v, want %v", took, closeTime)
		}
		close(file.release) // and the writer ends
	})
}

func TestConcurrentConnections(t *testing.T) {
	s := start(t, Config{Mode: All, Format: Combined})
	const connections, requests = 8, 500
	var all sync.WaitGroup
	for i := range connections {
		all.Go(func() {
			tap := s.Tap(HTTP11, metrics.Stripe(i), nil)
			for n := range requests {
				tap.End(AppendRequest(nil, full("GET", "h", fmt.Sprintf("/%d/%d", i, n), "", "a")), ok(200))
				if n%7 == 0 {
					tap.Flush(0)
				}
			}
			tap.Flush(0)
		})
	}
	all.Wait()
	seen := make(map[string]bool)
	dropped := int(s.m.AccessLog.Value(metrics.LogDropped))
	for _, line := range s.lines(t) {
		if !combined.MatchString(line) || seen[line] {
			t.Fatalf("no line, or twice: %q", line)
		}
		seen[line] = true
	}
	if len(seen) != connections*requests-dropped {
		t.Errorf("%d lines and %d dropped of %d", len(seen), dropped, connections*requests)
	}
}

func TestFileThatCannotBeOpened(t *testing.T) {
	_, err := New(Config{Mode: All, File: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "opening the access log") {
		t.Errorf("got %v", err)
	}
}

// TestRequestIsBounded: a request takes no more than it may, whatever is in it.
func TestRequestIsBounded(t *testing.T) {
	long := strings.Repeat("x", 1<<16)
	r := full(long, long, long, long, long)
	r.Fields = append(r.Fields, hpack.Field{Name: "traceparent", Value: long}, hpack.Field{Name: requestid.Field, Value: long[:requestid.Most]})
	r.Trusted = true
	b := AppendRequest(nil, r)
	if len(b) != MaxRequest {
		t.Errorf("%d octets, want %d", len(b), MaxRequest)
	}
	a := ok(200)
	a.Trace = traced(t, metrics.NewHotpath(metrics.Options{Stripes: 1}), traces.Config{Endpoint: "http://127.0.0.1:9", Sample: 1}).Background()
	a.Account = new(message.Account)
	a.Account.For(long)
	a.Account.Named(long)
	a.Account.Asks(long)
	if record := appendRecord(nil, b, &a, flagDetails, HTTP2, &Secure{Name: long}); len(record) != maxRecord || maxRecord > math.MaxUint16 {
		t.Errorf("a record of %d octets, want %d, which two octets can say", len(record), maxRecord)
	}
	if n := cap(batches.New().(*batch).records); n < batchSize-1+maxRecord {
		t.Errorf("a batch has room for %d octets: it would grow", n)
	}
}

// TestShortRequest: no longer than its bound, marked as cut, and whole if it was
// short before.
func TestShortRequest(t *testing.T) {
	long := strings.Repeat("x", 1<<16)
	b := AppendShort(nil, AppendRequest(nil, full(long, long, long, long, long)))
	if len(b) > MaxShort {
		t.Errorf("%d octets, want %d at most", len(b), MaxShort)
	}
	a := ok(200)
	r, _ := takeRecord(appendRecord(nil, b, &a, 0, HTTP2, new(Secure)))
	for i, text := range []text{r.method, r.host, r.path, r.referer, r.agent} {
		if !text.cut || len(text.b) != shortTexts[i] {
			t.Errorf("text %d: %d octets, cut %v", i, len(text.b), text.cut)
		}
	}
	whole := AppendRequest(nil, full("GET", "host", "/path", "", "agent"))
	if b := AppendShort(nil, whole); !bytes.Equal(b, whole) {
		t.Errorf("%q has become %q", whole, b)
	}
	cut := AppendShort(nil, b) // what was cut before stays marked
	if !bytes.Equal(cut, b) {
		t.Errorf("%q has become %q", b, cut)
	}
}

// TestKeep: a request is kept if its record can be used. Without a log that is
// one in so many, and each of them is recorded.
func TestKeep(t *testing.T) {
	if tap := (*Recorder)(nil).Tap(HTTP2, 0, nil); tap.Keep() {
		t.Error("kept without a recorder")
	}
	for _, mode := range []Mode{Errors, Sampled, All} {
		if tap := start(t, Config{Mode: mode, Sample: 100}).Tap(HTTP2, 0, nil); !tap.Keep() {
			t.Errorf("not kept in mode %s", mode)
		}
	}
	s := start(t, Config{Mode: Off})
	tap := s.Tap(HTTP2, 0, nil)
	kept := 0
	for range 100 * hotEvery {
		if tap.Keep() {
			kept++
			tap.EndKept(get("/hot"), ok(200))
			if tap.batch == nil {
				t.Fatal("kept and not recorded")
			}
			tap.Flush(0)
		}
	}
	if kept < 50 || kept > 150 { // five standard deviations
		t.Errorf("%d kept of %d", kept, 100*hotEvery)
	}
}
