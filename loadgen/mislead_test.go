package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// What a report says about a server that is not simply fast. docs/loadgen.md,
// "How it could mislead you", names these tests.

// figures are what the tests read of a JSON report.
type figures struct {
	Requests     uint64            `json:"requests"`
	Answered     uint64            `json:"answered"`
	Success      float64           `json:"success"`
	Duration     time.Duration     `json:"duration"`
	Ends         map[string]uint64 `json:"ends"`
	ReachedRate  float64           `json:"reached_rate"`
	AnsweredRate float64           `json:"answered_rate"`
	Service      struct {
		Min time.Duration `json:"min"`
	} `json:"service"`
	Late struct {
		Min time.Duration `json:"min"`
	} `json:"late_latencies"`
	Points []struct {
		Begin    time.Duration `json:"begin"`
		Length   time.Duration `json:"length"`
		Asked    float64       `json:"asked_rate"`
		Rate     float64       `json:"rate"`
		Requests uint64        `json:"requests"`
		Drain    bool          `json:"drain"`
		Busy     float64       `json:"generator_cpu"`
	} `json:"points"`
	ConnectionsMade  uint64            `json:"connections_made"`
	ConnectionErrors map[string]uint64 `json:"connection_errors"`
	Grown            int               `json:"connections_grown"`
	Waited           uint64            `json:"waited"`
	Busy             float64           `json:"generator_cpu"`
	Busiest          float64           `json:"generator_cpu_max"`
	Remarks          map[string]uint64 `json:"remarks"`

	code int
	text string
}

// measured runs a load and reads its JSON report.
func measured(t *testing.T, args ...string) (f figures) {
	t.Helper()
	code, out, stderr := call(t, context.Background(), "", append(args, "-json", "-quiet")...)
	if err := json.Unmarshal([]byte(out), &f); err != nil {
		t.Fatalf("exit %d, %v: %s\n%s", code, err, out, stderr)
	}
	f.code, f.text = code, out
	return f
}

// plain is a server without TLS.
func plain(t *testing.T, handler http.HandlerFunc) (url string) {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

// raw is a server that answers every request of HTTP/1.1 with the same bytes.
func raw(t *testing.T, answer string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(patience))
				buffer := make([]byte, 4096)
				for {
					if _, err := c.Read(buffer); err != nil {
						return
					}
					if _, err := io.WriteString(c, answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/"
}

// TestFallback: a server without HTTP/2 is asked by HTTP/1.1, and the report says
// so, with one request in flight on a connection.
func TestFallback(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	args := []string{"-target", s.URL, "-insecure", "-requests", "20", "-connections", "2"}
	var f struct {
		Success  float64 `json:"success"`
		Protocol string  `json:"protocol"`
		Fallback bool    `json:"fallback"`
		Streams  int     `json:"streams"`
	}
	text := measured(t, args...).text
	if err := json.Unmarshal([]byte(text), &f); err != nil || f.Success != 1 || f.Protocol != "http/1.1" || !f.Fallback || f.Streams != 1 {
		t.Errorf("%+v, %v", f, err)
	}
	const note = "HTTP/2 was offered, and a server chose HTTP/1.1"
	if _, out, _ := call(t, t.Context(), "", append(args, "-quiet")...); !strings.Contains(out, note) {
		t.Errorf("no %q in\n%s", note, out)
	}
	if _, out, _ := call(t, t.Context(), "", append(args, "-quiet", "-http1")...); strings.Contains(out, note) {
		t.Errorf("HTTP/1.1 was asked for, and is remarked:\n%s", out)
	}
}

// TestTimeoutsAreNoServiceTime: a server never answers under 100 ms. Requests that
// waited for a connection are cut soon after they are sent; how long they were on
// the wire is no service time.
func TestTimeoutsAreNoServiceTime(t *testing.T) {
	t.Parallel()
	const least = 100 * time.Millisecond
	url := plain(t, func(w http.ResponseWriter, _ *http.Request) { time.Sleep(least) })
	f := measured(t, "-target", url, "-http1", "-connections", "4", "-rate", "100", "-duration", "2s", "-timeout", "330ms", "-slo", "service-mean<=90ms")
	if f.code != exitFailure {
		t.Errorf("exit %d: the objective is met by a server that never meets it", f.code)
	}
	if f.Service.Min < least {
		t.Errorf("the least service time is %v of a server that takes %v", f.Service.Min, least)
	}
	if f.Success > 0.8 || f.Ends["cut"]+f.Ends["unsent"] == 0 {
		t.Fatalf("nothing was cut: %v", f.Ends)
	}
	if sum := f.Answered + f.Ends["cut"] + f.Ends["unsent"]; sum != f.Requests || f.Answered != f.Ends["succeeded"] {
		t.Errorf("%d answered, %d requests, ends %v", f.Answered, f.Requests, f.Ends)
	}
	if f.Late.Min < 330*time.Millisecond {
		t.Errorf("one had no answer in time after %v", f.Late.Min)
	}
}

// TestAllFail: no latency objective is met without a success, and a run without
// one fails with no objective at all.
func TestAllFail(t *testing.T) {
	t.Parallel()
	refused := "https://127.0.0.1:1/"
	missing := plain(t, http.NotFound)
	for _, tt := range []struct {
		why  string
		args []string
		want int
	}{
		{"refused connections are no fast answers", []string{"-target", refused, "-slo", "p99<=1s"}, exitFailure},
		{"404 is none either", []string{"-target", missing, "-http1", "-slo", "p99<=1s,service-p99<=1s"}, exitFailure},
		{"without objectives", []string{"-target", refused}, exitFailure},
		{"that errors may be is not that latencies are kept", []string{"-target", missing, "-http1", "-slo", "errors<=1M"}, exitOK},
	} {
		f := measured(t, append(tt.args, "-rate", "100", "-duration", "300ms")...)
		if f.code != tt.want || f.Success != 0 || f.Requests != 30 {
			t.Errorf("%s: exit %d, want %d: %v of %d succeeded", tt.why, f.code, tt.want, f.Success, f.Requests)
		}
	}
}

// TestAnsweredAndSucceeded: every second answer is 404. The server keeps the rate.
func TestAnsweredAndSucceeded(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	url := plain(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1)%2 == 0 {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	args := []string{"-target", url, "-http1", "-rate", "50", "-duration", "4s"} // a last answer that is 40 ms late is no rate that was missed
	f := measured(t, args...)
	if f.AnsweredRate < 49.5 || f.ReachedRate > 25.5 || f.Answered != 200 || f.Ends["declined"] != 100 {
		t.Errorf("%v/s answered, %v/s succeeded, %v", f.AnsweredRate, f.ReachedRate, f.Ends)
	}
	_, out, _ := call(t, context.Background(), "", append(args, "-quiet")...)
	if strings.Contains(out, "not reached") || !strings.Contains(out, "100 of 200 answers have a status of 400 or more") {
		t.Errorf("the report says\n%s", out)
	}
	_, out, _ = call(t, context.Background(), "", "capacity", "-target", url, "-http1", "-min", "100", "-max", "100", "-probe", "300ms", "-slo", "errors<=0", "-quiet")
	if strings.Contains(out, "rate not kept") || !strings.Contains(out, "missed errors") {
		t.Errorf("capacity says\n%s", out)
	}
}

// TestConnectionErrors: 14 bytes under a content-length of 5 break the connection
// behind a response that is whole. It is made again, and both is said.
func TestConnectionErrors(t *testing.T) {
	t.Parallel()
	url := raw(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfourteen bytes")
	args := []string{"-target", url, "-http1", "-connections", "1", "-requests", "20"}
	f := measured(t, args...)
	const why = "malformed: bytes that no request asked for"
	if f.Success != 1 || f.ConnectionErrors[why] != 20 || f.ConnectionsMade != 20 {
		t.Errorf("success %v, %d connections, errors %v", f.Success, f.ConnectionsMade, f.ConnectionErrors)
	}
	_, out, _ := call(t, context.Background(), "", append(args, "-quiet")...)
	for _, want := range []string{"20 connections could not be made, or ended otherwise than in order", "Connections   [made, errors]                    20, 20", "20  " + why} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

// TestRemarks: what RFC 9112 lets a client read is read and remarked, and refused
// with -strict.
func TestRemarks(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"lines that end in LF without CR": "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		"folded header fields":            "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
	} {
		args := []string{"-target", raw(t, answer), "-http1", "-requests", "20"}
		if f := measured(t, args...); f.Success != 1 || f.Remarks[name] != 20 {
			t.Errorf("%s: success %v, remarks %v", name, f.Success, f.Remarks)
		}
		if _, out, _ := call(t, context.Background(), "", append(args, "-quiet")...); !strings.Contains(out, "20 of 20 responses have "+name) {
			t.Errorf("%s: the report says\n%s", name, out)
		}
		if f := measured(t, append(args, "-strict")...); f.Success != 0 || f.Requests != 20 || f.code != exitFailure {
			t.Errorf("%s, strictly: exit %d, success %v of %d", name, f.code, f.Success, f.Requests)
		}
	}
}

// TestLastSecond: the last second of a run has the rate of all others, however
// long its last responses take, and so has the one in which it is interrupted.
func TestLastSecond(t *testing.T) {
	const rate = 500
	url := plain(t, func(w http.ResponseWriter, _ *http.Request) { time.Sleep(20 * time.Millisecond) })
	args := []string{"-target", url, "-http1", "-connections", "40", "-rate", strconv.Itoa(rate)}
	wrong := func(f figures, seconds float64) (all []string) {
		sum, spans := uint64(0), 0.0
		for i, p := range f.Points {
			sum += p.Requests
			if p.Drain {
				continue
			}
			spans += p.Length.Seconds()
			own := float64(p.Requests) / p.Length.Seconds()
			if math.Abs(p.Rate-own) > 1 || i > 0 && math.Abs(p.Rate-rate) > rate/20 || math.Abs(p.Asked-rate) > rate/50 {
				all = append(all, fmt.Sprintf("span %d, %v from %v, has a rate of %.1f/s, asked %.1f/s, %d requests", i, p.Length, p.Begin, p.Rate, p.Asked, p.Requests))
			}
		}
		if math.Abs(spans-seconds) > 0.05 || sum != f.Requests {
			all = append(all, fmt.Sprintf("%v s of spans, of %v; %d requests in them, of %d", spans, seconds, sum, f.Requests))
		}
		return all
	}
	for _, tt := range []struct {
		why, duration string
		seconds       float64
	}{{"whole seconds", "2s", 2}, {"two and a half", "2500ms", 2.5}, {"a little more than one", "1050ms", 1.05}} {
		var last []string
		for range 3 { // a machine that stalls for 50 ms has no such rate
			if last = wrong(measured(t, append(args, "-duration", tt.duration)...), tt.seconds); last == nil {
				break
			}
		}
		for _, text := range last {
			t.Errorf("%s: %s", tt.why, text)
		}
	}

	var last []string
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 1600*time.Millisecond)
		_, out, stderr := call(t, ctx, "", append(args, "-duration", "5s", "-json", "-quiet")...)
		cancel()
		var f figures
		if err := json.Unmarshal([]byte(out), &f); err != nil {
			t.Fatalf("interrupted: %v: %s", err, stderr)
		}
		if last = wrong(f, f.Duration.Seconds()); last == nil {
			break
		}
	}
	for _, text := range last {
		t.Errorf("interrupted: %s", text)
	}
}

// TestFullConnections: a server that takes 100 ms for each request is not slower
// for being asked over too few connections.
func TestFullConnections(t *testing.T) {
	t.Parallel()
	url := plain(t, func(w http.ResponseWriter, _ *http.Request) { time.Sleep(100 * time.Millisecond) })
	args := []string{"-target", url, "-http1", "-rate", "200", "-duration", "3s", "-timeout", "2s"}

	f := measured(t, args...)
	if f.Success != 1 || f.AnsweredRate < 150 || f.Grown < 12 { // 80/s if it were 8
		t.Errorf("by itself: success %v, %v/s answered, %d connections beside 8", f.Success, f.AnsweredRate, f.Grown)
	}

	if f.Busy <= 0 || f.Busy > 1.1 {
		t.Errorf("the load generator used %v of its cores", f.Busy)
	}
	for _, p := range f.Points {
		if p.Busy <= 0 || p.Busy > 1.5 || p.Busy > f.Busiest && p.Length >= time.Second/2 {
			t.Errorf("it used %v of its cores in the span after %v, and %v in the busiest second", p.Busy, p.Begin, f.Busiest)
		}
	}
	fixed := append(args, "-connections", "8")
	if f = measured(t, fixed...); f.Grown != 0 || f.AnsweredRate > 90 || f.Waited < f.Requests/2 {
		t.Errorf("fixed: %v/s answered, %d connections more, %d of %d waited", f.AnsweredRate, f.Grown, f.Waited, f.Requests)
	}
	_, out, _ := call(t, context.Background(), "", append(fixed, "-quiet")...)
	if !strings.Contains(out, "requests waited because all that may be in flight were (8 connections): that is the load generator's limit.") ||
		!strings.Contains(out, "raise -connections.") {
		t.Errorf("fixed: the report says\n%s", out)
	}
}

// TestCapacityIsTheServers: capacity does not take the room for requests in flight
// for the server's limit.
func TestCapacityIsTheServers(t *testing.T) {
	t.Parallel()
	slow := plain(t, func(w http.ResponseWriter, _ *http.Request) { time.Sleep(100 * time.Millisecond) })
	workers := make(chan struct{}, 4) // 200/s, however many ask
	busy := plain(t, func(w http.ResponseWriter, _ *http.Request) {
		workers <- struct{}{}
		time.Sleep(20 * time.Millisecond)
		<-workers
	})
	for _, tt := range []struct {
		why         string
		url, most   string
		connections []string
		least, high float64 // the best rate is between
		limitedBy   string
	}{
		{"8 connections are 80/s at 100 ms: they are made more", slow, "200", nil, 200, 200, ""},
		{"8 connections are fixed: they are the limit, and it is said", slow, "200", []string{"-connections", "8"}, 50, 90, "in flight"},
		{"four workers are the server's limit: more connections do not help", busy, "800", nil, 100, 225, ""},
	} {
		t.Run(tt.why, func(t *testing.T) {
			t.Parallel()
			args := []string{"capacity", "-target", tt.url, "-http1", "-min", "50", "-max", tt.most, "-probe", "500ms", "-precision", "0.5",
				"-slo", "errors<=0,p99<=250ms", "-timeout", "1s", "-json", "-quiet"}
			var wrong string
			// A machine that stalls makes the server slow, and one whose cores other tests
			// fill makes the load generator slow: the search is right to say so.
			for range 3 {
				code, out, _ := call(t, context.Background(), "", append(args, tt.connections...)...)
				var found struct {
					Best      float64 `json:"best"`
					Confirmed bool    `json:"confirmed"`
					Limited   bool    `json:"limited"`
					LimitedBy string  `json:"limited_by"`
				}
				if err := json.Unmarshal([]byte(out), &found); err != nil {
					t.Fatalf("exit %d, %v: %s", code, err, out)
				}
				if code == exitOK && found.Best >= tt.least && found.Best <= tt.high && found.Limited == (found.LimitedBy != "") && (found.LimitedBy == tt.limitedBy || found.LimitedBy == "processor") && !(found.Limited && found.Confirmed) {
					return
				}
				wrong = fmt.Sprintf("exit %d, %+v", code, found)
			}
			t.Error(wrong)
		})
	}
}

// TestMetricsAreOfOneMoment: in every scrape the counters agree, and with
// -metrics-stay the last one has the whole run.
func TestMetricsAreOfOneMoment(t *testing.T) {
	t.Parallel()
	url := plain(t, func(w http.ResponseWriter, r *http.Request) {})
	address := testkit.FreeAddress(t)
	scrapes := make(chan []map[string]float64, 1)
	go func() {
		var all []map[string]float64
		defer func() { scrapes <- all }()
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			resp, err := http.Get("http://" + address + "/metrics")
			if err != nil && len(all) > 0 {
				return
			} else if err != nil {
				continue
			}
			text, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			sums := make(map[string]float64)
			for line := range strings.Lines(string(text)) {
				name, _, _ := strings.Cut(line, "{")
				name, _, _ = strings.Cut(name, " ")
				value := line[strings.LastIndexByte(line, ' ')+1:]
				if n, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && strings.HasPrefix(name, "hotpath_loadgen_") {
					sums[strings.TrimPrefix(name, "hotpath_loadgen_")] += n
				}
			}
			all = append(all, sums)
		}
	}()
	code, _, stderr := call(t, context.Background(), "", "-target", url, "-http1", "-rate", "1000", "-duration", "2500ms", "-quiet", "-metrics", address, "-metrics-stay", "5s")
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	all := <-scrapes
	for i, s := range all {
		ended := s["ends_total"]
		if s["requests_total"]+s["failures_total"] != ended || s["request_duration_seconds_count"] != ended || s["service_duration_seconds_count"] != s["requests_total"] {
			t.Errorf("scrape %d: %v", i, s)
		}
		if due := s["requests_due_total"]; due < ended || due > ended+1000 {
			t.Errorf("scrape %d: %v were due, %v have ended", i, due, ended)
		}
	}
	if last := all[len(all)-1]; last["requests_due_total"] != 2500 || last["ends_total"] != 2500 {
		t.Errorf("in the last scrape %v were due, %v have ended, of 2500", last["requests_due_total"], last["ends_total"])
	}
}

// TestMetricsStayAfterASignal: a run that a signal ended waits for a last scrape, too.
func TestMetricsStayAfterASignal(t *testing.T) {
	t.Parallel()
	url := plain(t, func(w http.ResponseWriter, r *http.Request) {})
	const until, stay = 300 * time.Millisecond, time.Second
	ctx, cancel := context.WithTimeout(context.Background(), until)
	defer cancel()
	began := time.Now()
	code, _, stderr := call(t, ctx, "", "-target", url, "-http1", "-rate", "100", "-duration", "0", "-quiet", "-metrics", testkit.FreeAddress(t), "-metrics-stay", stay.String())
	if took := time.Since(began); code != exitOK || took < until+stay {
		t.Errorf("exit %d after %v, want %v at least: %s", code, took, until+stay, stderr)
	}
}
