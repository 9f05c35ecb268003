package access

import (
	"crypto/tls"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// usual are the members that a line has by default.
var usual = func() []member {
	members, err := membersOf(nil)
	if err != nil {
		panic(err)
	}
	return members
}()

// TestFields: a line has the members that were chosen, in their order, and is JSON
// whichever they are.
func TestFields(t *testing.T) {
	m := metrics.NewHotpath(metrics.Options{Stripes: 1})
	tracer := traced(t, m, traces.Config{Endpoint: "http://127.0.0.1:9", Sample: 1})
	a := Answer{Began: began, Duration: time.Second, Status: 502, Bytes: 3, Result: metrics.Miss, Trace: tracer.Background()}
	with := Secure{tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256}
	rec, _ := takeRecord(appendRecord(nil, get("/a"), &a, flagLogged, HTTP2, with))
	rec.trace = a.Trace
	for _, tt := range []struct{ names, want string }{
		{"status", `{"status":502}`},
		{"path,status,time", `{"path":"/a","status":502,"time":"2026-03-04T05:06:07.089Z"}`},
		{"tls_version,tls_cipher", `{"tls_version":"TLSv1.3","tls_cipher":"TLS_AES_128_GCM_SHA256"}`},
		{"aborted,reason,limited", `{}`},
		{"status,reason,cache", `{"status":502,"cache":"miss"}`},
	} {
		members, err := membersOf(strings.Split(tt.names, ","))
		if err != nil {
			t.Fatal(err)
		}
		f := &formatter{format: JSON, members: members}
		if got := string(f.appendLine(nil, &rec)); got != tt.want+"\n" {
			t.Errorf("%s: %s", tt.names, got)
		}
	}
	all, _ := FieldNames()
	members, err := membersOf(all)
	if err != nil {
		t.Fatal(err)
	}
	f := &formatter{format: JSON, members: members}
	line := f.appendLine([]byte("before "), &rec)
	var got map[string]any
	if err := json.Unmarshal(line[len("before "):], &got); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if id, _ := got["trace_id"].(string); len(id) != 32 {
		t.Errorf("the trace is %q", id)
	}
	if n := testing.AllocsPerRun(100, func() { line = f.appendLine(line[:0], &rec) }); n != 0 {
		t.Errorf("%v allocations for a line", n)
	}
	rec, _ = takeRecord(appendRecord(nil, get("/a"), &Answer{Began: began, Status: 200}, flagLogged, HTTP2, Secure{}))
	if text := string(f.appendLine(nil, &rec)); strings.Contains(text, "trace_id") || strings.Contains(text, "tls_") {
		t.Errorf("without TLS and a trace: %s", text)
	}
}

// TestFieldNames: no name is there twice, and one that is not there is an error.
func TestFieldNames(t *testing.T) {
	all, n := FieldNames()
	sorted := slices.Sorted(slices.Values(all))
	if len(slices.Compact(sorted)) != len(all) || n == 0 || n >= len(all) {
		t.Errorf("%d of %q", n, all)
	}
	if _, err := New(Config{Mode: All, Fields: []string{"time", "tme"}}); err == nil || !strings.Contains(err.Error(), `no field "tme", only time, remote`) {
		t.Errorf("got %v", err)
	}
}
