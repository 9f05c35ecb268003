package metrics

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/net/http2"
)

func TestLint(t *testing.T) {
	problems, err := testutil.CollectAndLint(NewHotpath(Options{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestNames is the list that dashboards and alerts are written against.
func TestNames(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	m := NewHotpath(Options{
		Upstreams: func() []UpstreamStats { return []UpstreamStats{{URL: "http://a:80"}, {URL: "http://b:80"}} },
		MissedPaths: func() []MissedPath {
			return []MissedPath{{Site: "a", Path: "a.example/"}, {Site: "a", Path: "a.example/b"}}
		},
	})
	m.CertificateNames.Set(map[string]int64{"a.example": 1, "b.example": 2})
	registry.MustRegister(m)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := make(map[string]int)
	for _, f := range families {
		series[f.GetName()] = len(f.GetMetric())
		if !strings.HasPrefix(f.GetName(), "hotpath_") {
			t.Errorf("%s does not begin with hotpath_", f.GetName())
		}
		if f.GetHelp() == "" {
			t.Errorf("%s has no help", f.GetName())
		}
	}
	want := map[string]int{
		"hotpath_requests_total":                 3 * 5 * 3,
		"hotpath_request_duration_seconds":       3,
		"hotpath_connections":                    4,
		"hotpath_connections_accepted_total":     1,
		"hotpath_connections_closed_total":       6,
		"hotpath_connections_refused_total":      3,
		"hotpath_accept_errors_total":            1,
		"hotpath_connection_permits":             1,
		"hotpath_connection_permits_in_use":      1,
		"hotpath_connection_permits_configured":  1,
		"hotpath_received_bytes_total":           1,
		"hotpath_sent_bytes_total":               1,
		"hotpath_tls_handshakes_total":           9,
		"hotpath_tls_resumed_total":              1,
		"hotpath_tls_handshakes_in_progress":     1,
		"hotpath_streams_open":                   1,
		"hotpath_streams_total":                  1,
		"hotpath_streams_reset_total":            2,
		"hotpath_protocol_errors_total":          15 * 2,
		"hotpath_quic_retries_total":             1,
		"hotpath_limit_breaches_total":           21,
		"hotpath_proxy_headers_total":            5,
		"hotpath_limited_total":                  3 * 2,
		"hotpath_limit_clients":                  1,
		"hotpath_limit_evictions_total":          1,
		"hotpath_panics_total":                   1,
		"hotpath_origin_fetches_total":           6,
		"hotpath_origin_fetch_duration_seconds":  1,
		"hotpath_coalesced_misses_total":         1,
		"hotpath_cache_reasons_total":            1,
		"hotpath_revalidations_total":            3,
		"hotpath_compressions_total":             5 * 6,
		"hotpath_compression_duration_seconds":   5,
		"hotpath_compression_read_bytes_total":   5,
		"hotpath_compression_stored_bytes_total": 5,
		"hotpath_access_log_records_total":       3,
		"hotpath_trace_spans_total":              3,
		"hotpath_admin_connections":              1,
		"hotpath_tls_buffers_direct":             1,
		"hotpath_draining":                       1,
		"hotpath_cache_entries":                  1,
		"hotpath_cache_bytes":                    1,
		"hotpath_cache_limit_entries":            1,
		"hotpath_cache_limit_bytes":              1,
		"hotpath_cache_lookups_total":            2,
		"hotpath_cache_evictions_total":          4,
		"hotpath_cache_expired_total":            1,
		"hotpath_cache_rejected_total":           1,
		"hotpath_memory_bytes":                   5,
		"hotpath_senders_cut_total":              1,
		"hotpath_build_info":                     1,

		"hotpath_tls_certificates":                              1,
		"hotpath_tls_certificates_broken":                       1,
		"hotpath_tls_key_files_broken":                          1,
		"hotpath_tls_certificate_expiry_timestamp_seconds":      1,
		"hotpath_tls_certificate_name_expiry_timestamp_seconds": 2,
		"hotpath_config_loaded_timestamp_seconds":               1,
		"hotpath_config_refused_timestamp_seconds":              1,
		"hotpath_config_hash":                                   1,
		"hotpath_config_reloads_total":                          4,
		"hotpath_purges_total":                                  6,
		"hotpath_admin_connections_refused_total":               1,
		"hotpath_acme_names":                                    1,
		"hotpath_upstream_usable":                               2,
		"hotpath_cache_path_misses_per_second":                  2,
		"hotpath_upstream_fetches_total":                        2,
		"hotpath_upstream_failures_total":                       2,
		"hotpath_acme_names_missing":                            1,
		"hotpath_acme_attempts_total":                           10,
		"hotpath_redirect_connections":                          1,
	}
	for name, n := range want {
		if series[name] != n {
			t.Errorf("%s has %d series, want %d", name, series[name], n)
		}
		delete(series, name)
	}
	for name := range series {
		t.Errorf("%s is not in the list", name)
	}
}

// TestLabels holds each label's values against the constants: the last
// constant is the last value's index.
func TestLabels(t *testing.T) {
	for _, tt := range []struct {
		label Label
		last  int
		value string
	}{
		{protocolLabel, int(H3), "h3"},
		{classLabel, int(Class5xx), "5xx"},
		{cacheLabel, int(Bypass), "bypass"},
		{proxyLabel, int(ProxyStranger), "stranger"},
		{limitedLabel, int(LimitedRequests), "requests"},
		{limitModeLabel, int(LimitDryRun), "dry_run"},
		{stateLabel, int(StateH3), "h3"},
		{closeLabel, int(CloseLimit), "limit"},
		{refuseLabel, int(RefuseDescriptors), "descriptors"},
		{versionLabel, int(TLS13), "1.3"},
		{handshakeLabel, int(HandshakeError), "error"},
		{sideLabel, int(ByUs), "us"},
		{scopeLabel, int(ScopeConnection), "connection"},
		{evictionLabel, int(EvictRemoved), "removed"},
		{memoryLabel, int(MemoryAside), "aside"},
		{lookupLabel, int(Miss), "miss"},
		{fetchLabel, int(FetchError), "error"},
		{revalidationLabel, int(RevalidationError), "error"},
		{codingLabel, int(CodingDcb), "dcb"},
		{compressionLabel, int(CompressionFailed), "failed"},
		{logLabel, int(LogFailed), "failed"},
		{reloadLabel, int(ReloadRefused), "refused"},
		{purgeLabel, int(PurgeAll), "all"},
		{codeLabel, int(UnknownError), "UNKNOWN"},
		{acmeLabel, int(ACMEOther), "other"},
		{limitLabel, int(LimitRedirects), "redirect_connections"},
	} {
		if len(tt.label.Values) != tt.last+1 || tt.label.Values[tt.last] != tt.value {
			t.Errorf("%s: %q, want %q last, at %d", tt.label.Name, tt.label.Values, tt.value, tt.last)
		}
		sorted := slices.Sorted(slices.Values(tt.label.Values))
		if len(slices.Compact(sorted)) != len(tt.label.Values) {
			t.Errorf("%s: a value twice in %q", tt.label.Name, tt.label.Values)
		}
	}
	if n := len(MemoryStats{}.Bytes); n != len(memoryLabel.Values) {
		t.Errorf("MemoryStats has %d kinds, the label %d", n, len(memoryLabel.Values))
	}
	if n := len(CacheStats{}.Evicted); n != len(evictionLabel.Values) {
		t.Errorf("CacheStats has %d reasons, the label %d", n, len(evictionLabel.Values))
	}
}

func TestErrorCodes(t *testing.T) {
	for wire := range uint32(HTTP11Required) + 1 {
		want := http2.ErrCode(wire).String()
		if got := codeLabel.Values[ErrorCodeOf(wire)]; got != want {
			t.Errorf("code %d is %s, want %s", wire, got, want)
		}
	}
	for _, wire := range []uint32{14, 15, 255, 256, 269, 1<<32 - 1} {
		if got := ErrorCodeOf(wire); got != UnknownError {
			t.Errorf("code %d is %d, want UnknownError", wire, got)
		}
	}
}

func TestClassOf(t *testing.T) {
	for status, want := range map[int]Class{
		100: Class1xx, 103: Class1xx, 200: Class2xx, 299: Class2xx, 304: Class3xx, 404: Class4xx, 431: Class4xx,
		500: Class5xx, 599: Class5xx, 0: Class5xx, 99: Class5xx, 600: Class5xx, -1: Class5xx, 1 << 20: Class5xx,
	} {
		if got := ClassOf(status); got != want {
			t.Errorf("%d is of class %d, want %d", status, got, want)
		}
	}
}

func TestCacheStats(t *testing.T) {
	m := NewHotpath(Options{Cache: func() CacheStats {
		return CacheStats{Entries: 1, LimitEntries: 2, Bytes: 3, LimitBytes: 4, Hits: 5, Misses: 6, Expired: 7, Rejected: 8,
			Evicted: [4]uint64{EvictCapacity: 9, EvictBytes: 10, EvictReplaced: 11, EvictRemoved: 12}}
	}})
	const want = `
# HELP hotpath_cache_bytes Bytes that the cache's entries hold, keys and overhead included.
# TYPE hotpath_cache_bytes gauge
hotpath_cache_bytes 3
# HELP hotpath_cache_entries Entries in the cache.
# TYPE hotpath_cache_entries gauge
hotpath_cache_entries 1
# HELP hotpath_cache_evictions_total Entries that left the cache other than by expiry, by why.
# TYPE hotpath_cache_evictions_total counter
hotpath_cache_evictions_total{reason="bytes"} 10
hotpath_cache_evictions_total{reason="capacity"} 9
hotpath_cache_evictions_total{reason="removed"} 12
hotpath_cache_evictions_total{reason="replaced"} 11
# HELP hotpath_cache_expired_total Entries that a lookup found expired.
# TYPE hotpath_cache_expired_total counter
hotpath_cache_expired_total 7
# HELP hotpath_cache_limit_bytes Bytes that the cache may hold, and all of hotpath_memory_bytes.
# TYPE hotpath_cache_limit_bytes gauge
hotpath_cache_limit_bytes 4
# HELP hotpath_cache_limit_entries Entries that the cache may hold.
# TYPE hotpath_cache_limit_entries gauge
hotpath_cache_limit_entries 2
# HELP hotpath_cache_lookups_total Times that the cache was asked for an entry, by whether it had a fresh one.
# TYPE hotpath_cache_lookups_total counter
hotpath_cache_lookups_total{result="hit"} 5
hotpath_cache_lookups_total{result="miss"} 6
# HELP hotpath_cache_rejected_total Values too large for what the cache has left.
# TYPE hotpath_cache_rejected_total counter
hotpath_cache_rejected_total 8
`
	exposed(t, m.Set, want, "hotpath_cache_entries", "hotpath_cache_bytes", "hotpath_cache_limit_entries", "hotpath_cache_limit_bytes",
		"hotpath_cache_lookups_total", "hotpath_cache_evictions_total", "hotpath_cache_expired_total", "hotpath_cache_rejected_total")
}

func TestMemoryStats(t *testing.T) {
	m := NewHotpath(Options{Memory: func() MemoryStats {
		return MemoryStats{Bytes: [5]int64{MemoryStored: 1, MemoryArriving: 2, MemorySending: 3, MemoryBuffered: 4, MemoryAside: 5}, Cuts: 6}
	}})
	const want = `
# HELP hotpath_memory_bytes Bytes held within the limit of the cache, by what for.
# TYPE hotpath_memory_bytes gauge
hotpath_memory_bytes{kind="aside"} 5
hotpath_memory_bytes{kind="arriving"} 2
hotpath_memory_bytes{kind="buffered"} 4
hotpath_memory_bytes{kind="sending"} 3
hotpath_memory_bytes{kind="stored"} 1
# HELP hotpath_senders_cut_total Responses that were cut for being the slowest when memory ran out.
# TYPE hotpath_senders_cut_total counter
hotpath_senders_cut_total 6
`
	exposed(t, m.Set, want, "hotpath_memory_bytes", "hotpath_senders_cut_total")
}

func TestBuildInfo(t *testing.T) {
	for version, label := range map[string]string{"1.2.3": "1.2.3", "": "unknown"} {
		exposed(t, NewHotpath(Options{Version: version}).Set, `
# HELP hotpath_build_info Always 1; the labels are the version of hotpath and of the Go that built it.
# TYPE hotpath_build_info gauge
hotpath_build_info{go="`+runtime.Version()+`",version="`+label+`"} 1
`, "hotpath_build_info")
	}
}

func TestNewRegistry(t *testing.T) {
	m := NewHotpath(Options{})
	families, err := NewRegistry(m).Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
	}
	for _, want := range []string{"hotpath_requests_total", "go_goroutines", "process_start_time_seconds"} {
		if want == "process_start_time_seconds" && runtime.GOOS != "linux" {
			continue
		}
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing", want)
		}
	}

	global, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range global {
		if strings.HasPrefix(f.GetName(), "hotpath_") {
			t.Errorf("%s is in the global registry", f.GetName())
		}
	}
	mustPanic(t, "two of one name", func() { NewRegistry(m, NewHotpath(Options{})) })
}
