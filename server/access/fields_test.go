package access

import (
	"crypto/tls"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/requestid"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// usualMembers are the members that a line has by default.
var usualMembers = func() []member {
	members, _, err := membersOf(nil)
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
	with := Secure{Version: tls.VersionTLS13, Cipher: tls.TLS_AES_128_GCM_SHA256, Name: "www.example.com"}
	rec, _ := takeRecord(appendRecord(nil, get("/a"), &a, flagLogged, HTTP2, &with))
	rec.trace = a.Trace
	for _, tt := range []struct{ names, want string }{
		{"status", `{"status":502}`},
		{"path,status,time", `{"path":"/a","status":502,"time":"2026-03-04T05:06:07.089Z"}`},
		{"tls_version,tls_cipher", `{"tls_version":"TLSv1.3","tls_cipher":"TLS_AES_128_GCM_SHA256"}`},
		{"aborted,reason,limited", `{}`},
		{"status,reason,cache", `{"status":502,"cache":"miss"}`},
	} {
		members, _, err := membersOf(strings.Split(tt.names, ","))
		if err != nil {
			t.Fatal(err)
		}
		f := &formatter{format: JSON, members: members}
		if got := string(f.appendLine(nil, &rec)); got != tt.want+"\n" {
			t.Errorf("%s: %s", tt.names, got)
		}
	}
	a.Account, a.BytesIn, a.Age = new(message.Account), 7, 61
	a.Account.For("example.com/a")
	a.Account.Named("0af7651916cd43dd8448eb211c80319c")
	rec, _ = takeRecord(appendRecord(nil, get("/a"), &a, flagLogged|flagDetails, HTTP2, &with))
	rec.trace = a.Trace
	all, _ := FieldNames()
	members, _, err := membersOf(all)
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
	for member, want := range map[string]any{
		"request_id": "0af7651916cd43dd8448eb211c80319c", "site": "example.com/a", "sni": "www.example.com", "bytes_in": 7., "cache_age": 60., "upstream": nil,
	} {
		if got[member] != want {
			t.Errorf("%s is %v, want %v", member, got[member], want)
		}
	}
	rec, _ = takeRecord(appendRecord(nil, get("/a"), &Answer{Began: began, Status: 200}, flagLogged, HTTP2, new(Secure)))
	if text := string(f.appendLine(nil, &rec)); strings.Contains(text, "trace_id") || strings.Contains(text, "tls_") {
		t.Errorf("without TLS and a trace: %s", text)
	}
}

// TestRequestID: a line has the ID that the upstream got, else a trusted proxy's, else
// a new one; none if there was one that was not kept. What is made costs no
// allocation.
func TestRequestID(t *testing.T) {
	const upstreams, proxys = "upstreams-1", "proxys-1"
	named := new(message.Account)
	named.Named(upstreams)
	asked := func(trusted bool, values ...string) []byte {
		r := message.Request{Method: "GET", Path: "/", Trusted: trusted}
		for _, v := range values {
			r.Fields = append(r.Fields, hpack.Field{Name: requestid.Field, Value: v})
		}
		return AppendRequest(nil, &r)
	}
	for why, tt := range map[string]struct {
		request []byte
		account *message.Account
		want    string // "": a new one
	}{
		"the upstream's is the request's":            {asked(true, proxys), named, upstreams},
		"a trusted proxy's, if no upstream has one":  {asked(true, proxys), new(message.Account), proxys},
		"and if no handler has noted anything":       {asked(true, proxys), nil, proxys},
		"a stranger's is not":                        {asked(false, proxys), nil, ""},
		"two are none":                               {asked(true, proxys, proxys), nil, ""},
		"one that is not well-formed is none":        {asked(true, `a"b`), nil, ""},
		"without one there is a new one":             {asked(true), nil, ""},
		"one that was cut is none, and no other one": {AppendShort(nil, asked(true, proxys)), nil, "{}"},
	} {
		a := Answer{Began: began, Status: 200, Account: tt.account}
		rec, _ := takeRecord(appendRecord(nil, tt.request, &a, flagLogged|flagDetails, HTTP2, new(Secure)))
		members, _, err := membersOf([]string{"request_id"})
		if err != nil {
			t.Fatal(err)
		}
		f := &formatter{format: JSON, members: members}
		got := strings.TrimSuffix(string(f.appendLine(nil, &rec)), "\n")
		id := strings.TrimSuffix(strings.TrimPrefix(got, `{"request_id":"`), `"}`)
		switch again := string(f.appendLine(nil, &rec)); {
		case tt.want == "" && (len(id) != 32 || !requestid.Valid(id) || strings.Contains(again, id)):
			t.Errorf("%s: %s, want a new one", why, got)
		case tt.want != "" && id != tt.want:
			t.Errorf("%s: %s, want %s", why, got, tt.want)
		}
		line := make([]byte, 0, 256)
		if n := testing.AllocsPerRun(100, func() { line = f.appendLine(line[:0], &rec) }); n != 0 {
			t.Errorf("%s: %v allocations", why, n)
		}
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
