package remotewrite

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protowire"
)

// fields are the fields of a message that have a length, and its numbers.
func fields(t *testing.T, b []byte, each func(field protowire.Number, text []byte, number uint64)) {
	t.Helper()
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		switch kind {
		case protowire.BytesType:
			text, n := protowire.ConsumeBytes(b)
			if n < 0 {
				t.Fatal(protowire.ParseError(n))
			}
			each(field, text, 0)
			b = b[n:]
		case protowire.Fixed64Type:
			v, n := protowire.ConsumeFixed64(b)
			if n < 0 {
				t.Fatal(protowire.ParseError(n))
			}
			each(field, nil, v)
			b = b[n:]
		default:
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				t.Fatal(protowire.ParseError(n))
			}
			each(field, nil, v)
			b = b[n:]
		}
	}
}

// decode is a request as lines: labels, value, ms.
func decode(t *testing.T, request []byte) (all []string) {
	t.Helper()
	fields(t, request, func(_ protowire.Number, series []byte, _ uint64) {
		var labels []string
		line := ""
		fields(t, series, func(field protowire.Number, part []byte, _ uint64) {
			if field == seriesLabels {
				var name, value string
				fields(t, part, func(f protowire.Number, text []byte, _ uint64) {
					if f == labelName {
						name = string(text)
					} else {
						value = string(text)
					}
				})
				labels = append(labels, name+"="+value)
				return
			}
			fields(t, part, func(f protowire.Number, _ []byte, n uint64) {
				if f == sampleValue {
					line += fmt.Sprint(math.Float64frombits(n))
				} else {
					line += fmt.Sprint(" at ", n)
				}
			})
		})
		if !slices.IsSorted(labels) {
			t.Errorf("labels are not in order: %q", labels)
		}
		all = append(all, strings.Join(labels, ",")+" "+line)
	})
	return all
}

// TestAppend: each series has its labels in order, and those of the sender; buckets
// have their bounds as Prometheus stores them.
func TestAppend(t *testing.T) {
	r := prometheus.NewRegistry()
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "c_total"}, []string{"kind", "job"})
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "g"})
	histogram := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: []float64{0.5, 1}})
	r.MustRegister(counter, gauge, histogram)
	counter.WithLabelValues("a", "own").Add(3)
	gauge.Set(-2.5)
	histogram.Observe(0.7)
	histogram.Observe(7)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := decode(t, Append(nil, families, []Label{{"job", "loadgen"}, {"instance", "i"}}, time.UnixMilli(1234)))
	want := []string{
		"__name__=c_total,instance=i,job=own,kind=a 3 at 1234",
		"__name__=g,instance=i,job=loadgen -2.5 at 1234",
		"__name__=h_bucket,instance=i,job=loadgen,le=0.5 0 at 1234",
		"__name__=h_bucket,instance=i,job=loadgen,le=1.0 1 at 1234",
		"__name__=h_bucket,instance=i,job=loadgen,le=+Inf 2 at 1234",
		"__name__=h_sum,instance=i,job=loadgen 7.7 at 1234",
		"__name__=h_count,instance=i,job=loadgen 2 at 1234",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// receiver answers with statuses in turn, and then with 204.
type receiver struct {
	mu       sync.Mutex
	statuses []int
	had      []string // what was taken
	tries    int
	header   http.Header
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	block, _ := io.ReadAll(req.Body)
	text, err := snappy.Decode(nil, block)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	r.header = req.Header
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if len(r.statuses) > 0 {
		status := r.statuses[0]
		r.statuses = r.statuses[1:]
		http.Error(w, "because\nof it", status)
		return
	}
	r.had = append(r.had, string(text))
	w.WriteHeader(http.StatusNoContent)
}

// TestSender: what is sent arrives in order, again if the receiver has trouble, and
// not if it refuses; what is lost is said.
func TestSender(t *testing.T) {
	for _, tt := range []struct {
		about    string
		statuses []int
		had      []string
		tries    int
		lost     string
	}{
		{"a receiver that is well", nil, []string{"a", "b", "c"}, 3, ""},
		{"trouble that passes", []int{500, 503, 429}, []string{"a", "b", "c"}, 6, ""},
		{"one is refused", []int{400}, []string{"b", "c"}, 3, `the metrics of 1 moments were not taken by URL: 400 Bad Request "because of it"`},
		{"it is elsewhere", []int{302, 302, 302}, nil, 3, `the metrics of 3 moments were not taken by URL: 302 Found "because of it"`},
	} {
		t.Run(tt.about, func(t *testing.T) {
			t.Parallel()
			r := &receiver{statuses: tt.statuses}
			server := httptest.NewServer(r)
			defer server.Close()
			s, err := New(strings.Replace(server.URL, "//", "//user:pass%20word@", 1), http.Header{"X-Scope": {"a"}}, "agent")
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"a", "b", "c"} {
				s.Send([]byte(text))
			}
			lost := ""
			if err := s.Close(); err != nil {
				lost = strings.ReplaceAll(err.Error(), server.URL, "URL")
			}
			if !slices.Equal(r.had, tt.had) || r.tries != tt.tries || lost != tt.lost {
				t.Errorf("%q in %d tries, lost: %q; want %q, %d, %q", r.had, r.tries, lost, tt.had, tt.tries, tt.lost)
			}
			for name, want := range map[string]string{
				"Authorization": "Basic dXNlcjpwYXNzIHdvcmQ=", "X-Scope": "a", "User-Agent": "agent", "Content-Encoding": "snappy",
				"Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0",
			} {
				if got := r.header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

// hanging answers nothing until a request is given up.
type hanging struct{}

func (hanging) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// TestHangingReceiver: the queue is bounded, the end waits for closeTime at most, and
// the text of what went wrong has no password.
func TestHangingReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New("http://user:secret@127.0.0.1:1/write", nil, "agent")
		if err != nil {
			t.Fatal(err)
		}
		s.client.Transport = hanging{}
		begin := time.Now()
		for range 100 {
			s.Send([]byte("x"))
			synctest.Wait()
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("sending took %v", took)
		}
		err = s.Close()
		if err == nil || !strings.HasPrefix(err.Error(), "the metrics of 100 moments were not taken by http://127.0.0.1:1/write: ") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
		if took := time.Since(begin); took > closeTime {
			t.Errorf("the end took %v", took)
		}
	})
}

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		"http://a:9090/api/v1/write":        "",
		"https://user:pass@a/api/v1/push?x": "",
		"a:9090":                            "http or https URL",
		"ftp://a":                           "http or https URL",
		"http://":                           "http or https URL",
		"http://user:se cret@a%zz/":         "is no URL",
	} {
		err := Check(text)
		if want == "" != (err == nil) || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "cret")) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
