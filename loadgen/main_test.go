package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Run(m, "/loadgen.") }

// patience is far more than any command here takes.
const patience = 30 * time.Second

// call runs a command as main does.
func call(t *testing.T, ctx context.Context, input string, args ...string) (code int, out, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	dir := t.TempDir()
	file := func(name, content string) *os.File {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	s := streams{file("in", input), file("out", ""), file("err", "")}
	code = run(ctx, args, s)
	read := func(f *os.File) string {
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return code, read(s.out), read(s.err)
}

// server is one that counts, and the file of the certificate to trust.
func server(t *testing.T) (url, cacert string, requests *atomic.Int64) {
	t.Helper()
	requests = new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_, _ = io.WriteString(w, "hello")
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	cacert = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(cacert, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s.URL, cacert, requests
}

// TestMistakes: what is wrong is said in one line, with what is allowed, before
// anything is sent.
func TestMistakes(t *testing.T) {
	file := func(content string) string {
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	const local = "https://127.0.0.1:1/"
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"nothing":               {nil, "-target URL or -targets FILE is needed"},
		"both":                  {[]string{"-target", local, "-targets", "x"}, "one of the two"},
		"flag":                  {[]string{"-nope"}, "-h lists the flags"},
		"duration, no unit":     {[]string{"-target", local, "-duration", "1"}, `invalid value "1" for flag -duration: allowed is a duration such as 500ms, 30s or 2m (did you mean 1s?)`},
		"unknown flag":          {[]string{"-target", local, "-connection", "5"}, "there is no flag -connection: -h lists the flags (did you mean -connections?)"},
		"number":                {[]string{"-target", local, "-connections", "many"}, `"many" for flag -connections: allowed is a number`},
		"json, no boolean":      {[]string{"-target", local, "-json=foo"}, `invalid boolean value "foo" for -json: allowed are true, false and nothing, which is true`},
		"slo, share":            {[]string{"-target", local, "-slo", "errors<=1%"}, "(did you mean error-ratio<=1%?)"},
		"unknown command":       {[]string{"capcity"}, `"capcity" is no command: allowed are agent, capacity, compare, help, origin, version, or flags, which attack; -h lists both (did you mean capacity?)`},
		"endless targets":       {[]string{"-targets", "/dev/zero"}, "larger than 64 MiB"},
		"capacity, max":         {[]string{"capacity", "-target", local, "-min", "20", "-max", "10"}, "the highest rate"},
		"argument":              {[]string{"-target", local, "extra"}, `"extra"`},
		"rate":                  {[]string{"-target", local, "-rate", "fast"}, "300/1m"},
		"negative rate":         {[]string{"-target", local, "-rate", "-5"}, "300/1m"},
		"rate per nothing":      {[]string{"-target", local, "-rate", "5/0s"}, "300/1m"},
		"slope without rate":    {[]string{"-target", local, "-slope", "5"}, "need a -rate"},
		"slope and sine":        {[]string{"-target", local, "-rate", "10", "-slope", "5", "-amplitude", "5"}, "one of the two"},
		"sine without period":   {[]string{"-target", local, "-rate", "10", "-amplitude", "5"}, "period"},
		"start":                 {[]string{"-target", local, "-rate", "10", "-amplitude", "5", "-period", "1s", "-start-at", "noon"}, "mean-up, peak"},
		"stages":                {[]string{"-target", local, "-stages", "10s:100,1m5000"}, `stage 2, "1m5000": allowed is TIME:RATE`},
		"stages, time":          {[]string{"-target", local, "-stages", "10:100"}, "(did you mean 10s?)"},
		"stages, past":          {[]string{"-target", local, "-stages", "-1s:100"}, "its time must be 0, for a jump, or more"},
		"stages, rate":          {[]string{"-target", local, "-stages", "10s:fast"}, `stage 1, "10s:fast": a rate is`},
		"stages, nothing due":   {[]string{"-target", local, "-stages", "10s:0"}, "no request is due in the 1 stages"},
		"stages, end":           {[]string{"-target", local, "-stages", "10s:9", "-duration", "5s"}, "have times of their own"},
		"stages and sine":       {[]string{"-target", local, "-stages", "10s:9", "-rate", "5", "-amplitude", "3", "-period", "1s"}, "are lines of their own"},
		"stages, warm-up":       {[]string{"-target", local, "-stages", "10s:9", "-warmup", "5s"}, "a first stage such as 0s:1000"},
		"stages, stranger":      {[]string{"-target", "https://192.0.2.1/", "-stages", "10s:1001"}, "up to 1,001/s"},
		"stages of capacity":    {[]string{"capacity", "-target", local, "-stages", "10s:9"}, "there is no flag -stages"},
		"two ends":              {[]string{"-target", local, "-duration", "1s", "-requests", "5"}, "one of the two"},
		"URL":                   {[]string{"-target", "127.0.0.1:8443"}, "target 1"},
		"scheme":                {[]string{"-target", "ftp://127.0.0.1/"}, "https://"},
		"header":                {[]string{"-target", local, "-header", "no colon"}, "name: value"},
		"connection header":     {[]string{"-target", local, "-header", "Connection: close"}, "cannot be set"},
		"targets":               {[]string{"-targets", filepath.Join(t.TempDir(), "none")}, "-targets"},
		"empty targets":         {[]string{"-targets", file("")}, "no target"},
		"bad targets":           {[]string{"-targets", file("GET " + local + "\nwhat is this\n")}, "target"},
		"format":                {[]string{"-targets", file("x"), "-format", "yaml"}, "http and json"},
		"json targets":          {[]string{"-targets", file("{"), "-format", "json"}, "target 1"},
		"body":                  {[]string{"-target", local, "-body", filepath.Join(t.TempDir(), "none")}, "-body"},
		"slo":                   {[]string{"-target", local, "-slo", "speed>=5"}, "allowed"},
		"digest":                {[]string{"-target", local, "-digest", "md5"}, "SHA-256"},
		"cacert":                {[]string{"-target", local, "-cacert", file("no PEM")}, "PEM"},
		"connections":           {[]string{"-target", local, "-connections", "0"}, "allowed are 1 to"},
		"results":               {[]string{"-target", local, "-results", filepath.Join(t.TempDir(), "none", "x")}, "-results"},
		"metrics":               {[]string{"-target", local, "-metrics", "127.0.0.1:http-nope"}, "-metrics"},
		"workers, no token":     {[]string{"-target", local, "-workers", "127.0.0.1:1"}, tokenVariable},
		"long line":             {[]string{"-targets", file("GET " + local + strings.Repeat("x", 70_000))}, "line 1"},
		"second json target":    {[]string{"-targets", file(`{"method":"GET","url":"` + local + `"}` + "\n{"), "-format", "json"}, "target 2"},
		"duration":              {[]string{"-target", local, "-duration", "-5s"}, "it must be 0"},
		"probe":                 {[]string{"capacity", "-target", local, "-probe", "0s"}, "more than 0"},
		"streams of HTTP/1.1":   {[]string{"-target", local, "-http1", "-streams", "8"}, "one request in flight"},
		"format of nothing":     {[]string{"-target", local, "-format", "json"}, "-targets"},
		"start of nothing":      {[]string{"-target", local, "-rate", "5", "-start-at", "peak"}, "-amplitude"},
		"fraction":              {[]string{"-target", local, "-rate", "0.5"}, "whole number"},
		"page":                  {[]string{"-target", local, "-html", filepath.Join(t.TempDir(), "none", "x")}, "report"},
		"rate beyond clocks":    {[]string{"-target", local, "-rate", "1M/1ns"}, "allowed are up to"},
		"slope":                 {[]string{"-target", local, "-rate", "5", "-slope", "nan"}, "gains NaN"},
		"workers, no port":      {[]string{"-target", local, "-workers", "a", "-token-file", file("a token of these tests, long enough")}, "host:port"},
		"workers, nobody":       {[]string{"-target", local, "-workers", ",", "-token-file", file("a token of these tests, long enough")}, "no agents"},
		"stranger":              {[]string{"-target", "https://192.0.2.1/", "-rate", "1001"}, "-yes"},
		"stranger, full speed":  {[]string{"-target", "https://192.0.2.1/"}, "-yes"},
		"stranger, capacity":    {[]string{"capacity", "-target", "https://192.0.2.1/", "-max", "2000"}, "-yes"},
		"capacity, precision":   {[]string{"capacity", "-target", local, "-precision", "2"}, "precision"},
		"origin":                {[]string{"origin", "x"}, `"x"`},
		"origin, address":       {[]string{"origin", "-listen", "nowhere"}, "-listen"},
		"origin, rule":          {[]string{"origin", "-rule", "/a", "-rule", "/b sise=5"}, "-rule: line 2: there is no setting"},
		"origin, rules":         {[]string{"origin", "-rules", file("/\n/ latency=5")}, "file: line 2: latency"},
		"origin, no file":       {[]string{"origin", "-rules", filepath.Join(t.TempDir(), "none")}, "-rules: open"},
		"origin, lines":         {[]string{"origin", "-rule", "/a\n/b"}, "one rule is one line"},
		"origin, cert":          {[]string{"origin", "-cert", "x"}, "one needs the other"},
		"origin, no cert":       {[]string{"origin", "-cert", file("x"), "-key", file("x")}, "-cert and -key: tls"},
		"origin, connections":   {[]string{"origin", "-connections", "0"}, "allowed are 1 to"},
		"origin's URL":          {[]string{"-target", local, "-origin", "127.0.0.1:1"}, "must be the http or https URL"},
		"origin is not there":   {[]string{"-target", local, "-origin", "http://127.0.0.1:1"}, "-origin: nothing was sent"},
		"keys of nothing":       {[]string{"-target", local, "-keys", "5"}, "keys are of one target whose URL has {n}"},
		"no keys":               {[]string{"-target", local + "{n}"}, "how many keys it stands for, is missing"},
		"keys":                  {[]string{"-target", local + "{n}", "-keys", "0"}, "-keys 0: allowed are 1 to 1000000"},
		"popularity":            {[]string{"-target", local + "{n}", "-keys", "5", "-popularity", "zipf"}, `"zipf" for flag -popularity: a popularity is uniform, or zipf`},
		"vary":                  {[]string{"-target", local, "-vary", "x"}, "name: value,value"},
		"ranges":                {[]string{"-target", local, "-ranges", "10"}, "a share is written 10%"},
		"ranges of POST":        {[]string{"-target", local, "-method", "POST", "-ranges", "10%"}, "are of GET"},
		"ranges and digest":     {[]string{"-target", local, "-ranges", "10%", "-digest", "first"}, "does not go with ranges"},
		"seed of nothing":       {[]string{"-target", local, "-seed", "5"}, "-seed is of what is drawn"},
		"streams over http":     {[]string{"-target", "http://127.0.0.1:1/", "-streams", "8"}, "-h2c asks by HTTP/2"},
		"h2c over https":        {[]string{"-target", local, "-h2c"}, "is for targets with http://"},
		"h2c and HTTP/1.1":      {[]string{"-target", "http://127.0.0.1:1/", "-h2c", "-http1"}, "one of the two"},
		"streams, no keepalive": {[]string{"-target", local, "-keepalive=false", "-streams", "8"}, "-streams: with -keepalive=false a connection has one request"},
		"proxy":                 {[]string{"-target", local, "-proxy", "https://u:secret@a:1"}, `the proxy "https://a:1": allowed are those`},
		"two proxies":           {[]string{"-target", local, "-proxy", "a:1", "-proxy-from-environment"}, "one of the two"},
		"proxy and socket":      {[]string{"-target", local, "-proxy", "a:1", "-unix-socket", "/run/s"}, "one of the two"},
		"stranger, proxy":       {[]string{"-target", local, "-proxy", "192.0.2.1:3128"}, "to 192.0.2.1 (192.0.2.1), which is neither"},
		"stranger by a proxy":   {[]string{"-target", "https://host.invalid/", "-proxy", "127.0.0.1:1"}, "to host.invalid (whose address could not be looked up)"},
		"lazy, one target":      {[]string{"-target", local, "-lazy"}, "-lazy is for -targets"},
		"lazy, agents":          {[]string{"-targets", "x", "-lazy", "-workers", "a:1"}, "-lazy and -workers: agents are sent all targets before they begin"},
		"lazy, digest":          {[]string{"-targets", "x", "-lazy", "-digest", "first"}, "-lazy and -digest first"},
		"lazy, capacity":        {[]string{"capacity", "-targets", "x", "-lazy"}, "there is no flag -lazy"},
		"lazy, no file":         {[]string{"-targets", filepath.Join(t.TempDir(), "none"), "-lazy"}, "-targets: open"},
		"lazy, format":          {[]string{"-targets", file("x"), "-lazy", "-format", "yaml"}, "http and json"},
		"connect to":            {[]string{"-target", local, "-connect-to", "a:443:b"}, `invalid value "a:443:b" for flag -connect-to: allowed is HOST:PORT:ADDR:PORT`},
		"connect to, nothing":   {[]string{"-target", local, "-connect-to", "a:443:b:1"}, "no target is of that host and port, the first is of 127.0.0.1:1"},
		"stranger, connect to":  {[]string{"-target", local, "-connect-to", "::192.0.2.1:"}, "to 192.0.2.1 (192.0.2.1), which is neither"},
		"unix socket":           {[]string{"-target", local, "-unix-socket", "/" + strings.Repeat("x", 200)}, "allowed are up to 103"},
		"replay, no file":       {[]string{"-target", local, "-replay", filepath.Join(t.TempDir(), "none")}, "-replay"},
		"replay of nothing":     {[]string{"-replay", file("x")}, "-target URL or -targets FILE is needed"},
		"replay, unreadable":    {[]string{"-target", local, "-replay", file("x\ny\n")}, "no request in 2 lines could be read; line 1: it is neither Common"},
		"replay, empty":         {[]string{"-target", local, "-replay", file("")}, "there is no line in it"},
		"replay with a path":    {[]string{"-target", local + "x", "-replay", file("x")}, "must be a URL without a path"},
		"replay at a rate":      {[]string{"-target", local, "-replay", "x", "-rate", "5"}, "-rate does not go with it"},
		"speed of nothing":      {[]string{"-target", local, "-speed", "5"}, "-speed is that of -replay"},
		"speed":                 {[]string{"-target", local, "-replay", "x", "-speed", "0"}, "-speed 0: allowed are 0.001 to 10000"},
		"agent":                 {[]string{"agent", "x"}, `"x"`},
		"agent, address":        {[]string{"agent", "-listen", "nowhere"}, "-listen"},
		"agent, token":          {[]string{"agent", "-listen", "127.0.0.1:0", "-token-file", file("short")}, "token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(tokenVariable, "")
			code, out, stderr := call(t, context.Background(), "", tt.args...)
			if code != exitUsage || !strings.Contains(stderr, tt.want) || !strings.HasPrefix(stderr, "loadgen: ") {
				t.Errorf("exit %d, %q; want %d and something with %q", code, stderr, exitUsage, tt.want)
			}
			if strings.Count(stderr, "\n") != 1 || out != "" {
				t.Errorf("more than a line: %q, %q", stderr, out)
			}
		})
	}
}

// TestAttack runs an attack with everything that comes out of one.
func TestAttack(t *testing.T) {
	url, cacert, requests := server(t)
	dir := t.TempDir()
	name := func(s string) string { return filepath.Join(dir, s) }
	args := []string{"-target", url, "-cacert", cacert, "-rate", "1000", "-duration", "1s", "-slo", "errors<=0,p50<=10s",
		"-html", name("html"), "-hdr", name("hdr"), "-results", name("results")}
	code, out, stderr := call(t, context.Background(), "", args...)
	if code != exitOK {
		t.Fatalf("exit %d: %s\n%s", code, stderr, out)
	}
	for _, want := range []string{"Requests      [total, rate, throughput]         1000, 1000.00,", "Success       [ratio]                           100.00%", "met    errors <= 0"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if !strings.Contains(stderr, "1s  asked 1,00") {
		t.Errorf("no progress in %q", stderr)
	}
	if n := requests.Load(); n != 1000 {
		t.Errorf("the server has seen %d requests, want 1000", n)
	}
	for file, want := range map[string]string{"html": "<!doctype html>", "hdr": "Percentile"} {
		text, err := os.ReadFile(name(file))
		if err != nil || !strings.Contains(strings.ToLower(string(text)), strings.ToLower(want)) {
			t.Errorf("%s: %v, no %q in %.100s", file, err, want, text)
		}
	}
	f, err := os.Open(name("results"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	decode := vegeta.DecoderFor(f)
	seqs := make(map[uint64]bool)
	for {
		var r vegeta.Result
		if err := decode(&r); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seqs[r.Seq] = true
		if r.Code != 200 || r.BytesIn != 5 || r.URL != url {
			t.Fatalf("a result is %+v", r)
		}
	}
	if len(seqs) != 1000 {
		t.Errorf("%d results, want 1000", len(seqs))
	}
}

func TestJSON(t *testing.T) {
	url, cacert, _ := server(t)
	targets := fmt.Sprintf("GET %[1]s/a\nX-Test: 1\n\nPOST %[1]s/b\n", url)
	code, out, stderr := call(t, context.Background(), targets, "-targets", "-", "-cacert", cacert, "-http1", "-requests", "50", "-json", "-quiet")
	var m vegeta.Metrics
	if err := json.Unmarshal([]byte(out), &m); err != nil || code != exitOK || stderr != "" {
		t.Fatalf("exit %d, %v: %q, %q", code, err, out, stderr)
	}
	if m.Requests != 50 || m.Success != 1 || m.StatusCodes["200"] != 50 {
		t.Errorf("%+v", m)
	}
}

// TestMissed: an objective that is missed is exit code 1, and is said in the
// report alone.
func TestMissed(t *testing.T) {
	url, cacert, _ := server(t)
	code, out, stderr := call(t, context.Background(), "", "-target", url, "-cacert", cacert, "-requests", "10", "-quiet", "-slo", "errors<=0,rate>=100M")
	if code != exitFailure || stderr != "" || !strings.Contains(out, "MISSED rate") || !strings.Contains(out, "met    errors") {
		t.Errorf("exit %d, %q\n%s", code, stderr, out)
	}
}

// TestFullDisk: results that cannot be written cost the results, not the report.
func TestFullDisk(t *testing.T) {
	testkit.NeedFull(t)
	url, cacert, _ := server(t)
	code, out, stderr := call(t, context.Background(), "", "-target", url, "-cacert", cacert, "-requests", "1000", "-quiet", "-results", "/dev/full")
	if code != exitFailure || !strings.Contains(stderr, "/dev/full") || !strings.Contains(out, "Success       [ratio]                           100.00%") {
		t.Errorf("exit %d, %q\n%s", code, stderr, out)
	}
}

// TestSlopeKept: the mean of a rate that falls is what is asked.
func TestSlopeKept(t *testing.T) {
	url, cacert, _ := server(t)
	code, out, _ := call(t, context.Background(), "", "-target", url, "-cacert", cacert, "-rate", "400", "-slope", "-200", "-duration", "1s", "-quiet", "-json")
	var m struct {
		Asked   float64 `json:"asked_rate"`
		Reached float64 `json:"reached_rate"`
	}
	if err := json.Unmarshal([]byte(out), &m); err != nil || code != exitOK || m.Asked != 300 || m.Reached < 290 {
		t.Errorf("exit %d, %v: asked %v, reached %v", code, err, m.Asked, m.Reached)
	}
}

// TestInterrupt: what there is is reported.
func TestInterrupt(t *testing.T) {
	url, cacert, requests := server(t)
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	code, out, _ := call(t, ctx, "", "-target", url, "-cacert", cacert, "-rate", "500", "-duration", "1m", "-json")
	var m struct {
		Requests    int64 `json:"requests"`
		Interrupted bool  `json:"interrupted"`
	}
	if err := json.Unmarshal([]byte(out), &m); err != nil || code != exitOK {
		t.Fatalf("exit %d, %v: %s", code, err, out)
	}
	if n := requests.Load(); !m.Interrupted || m.Requests < n || m.Requests > n+5 {
		t.Errorf("interrupted: %v; %d requests, the server has seen %d", m.Interrupted, m.Requests, n)
	}
}

func TestCapacity(t *testing.T) {
	url, cacert, _ := server(t)
	page := filepath.Join(t.TempDir(), "page.html")
	code, out, stderr := call(t, context.Background(), "", "capacity", "-target", url, "-cacert", cacert,
		"-min", "100", "-max", "400", "-probe", "200ms", "-slo", "mean<=1s,errors<=0", "-quiet", "-html", page)
	if code != exitOK || !strings.Contains(out, "400/s held") {
		t.Errorf("exit %d: %s\n%s", code, stderr, out)
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "Capacity") {
		t.Errorf("the page: %v", err)
	}
	code, out, _ = call(t, context.Background(), "", "capacity", "-target", url, "-cacert", cacert, "-min", "4", "-probe", "100ms", "-slo", "mean<=0s", "-quiet")
	if code != exitFailure || !strings.Contains(out, "No rate held") {
		t.Errorf("with an objective that nothing meets: exit %d\n%s", code, out)
	}
}

// TestMetrics scrapes a run.
func TestMetrics(t *testing.T) {
	url, cacert, _ := server(t)
	address := testkit.FreeAddress(t)
	scraped := make(chan string)
	go func() {
		var last string
		defer func() { scraped <- last }()
		for seen, end := false, time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			resp, err := http.Get("http://" + address + "/metrics")
			if err != nil && seen {
				return
			} else if err != nil {
				continue
			}
			text, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			last, seen = string(text), true
		}
	}()
	code, _, stderr := call(t, context.Background(), "", "-target", url, "-cacert", cacert, "-rate", "200", "-duration", "2s", "-quiet", "-metrics", address)
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	text := <-scraped
	for _, want := range []string{
		"hotpath_loadgen_asked_rate ", `hotpath_loadgen_requests_total{class="2xx"} `, `hotpath_loadgen_failures_total{kind="timeout"} 0`,
		"hotpath_loadgen_request_duration_seconds_count ", "hotpath_loadgen_reached_rate ", "hotpath_build_info{",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the last scrape", want)
		}
	}
	for _, not := range []string{`requests_total{class="2xx"} 0`, "request_duration_seconds_count 0", "asked_rate 0\n"} {
		if strings.Contains(text, "hotpath_loadgen_"+not) {
			t.Errorf("%q in the last scrape", not)
		}
	}
}

// TestAgents runs an attack by two agents.
func TestAgents(t *testing.T) {
	url, cacert, requests := server(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a token of these tests, long enough\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var workers []string
	ended := make(chan int, 2)
	for range 2 {
		address := testkit.FreeAddress(t)
		workers = append(workers, address)
		go func() {
			code, _, _ := call(t, ctx, "", "agent", "-listen", address, "-token-file", token)
			ended <- code
		}()
		waitFor(t, address)
	}
	code, out, stderr := call(t, ctx, "", "-workers", strings.Join(workers, ","), "-token-file", token,
		"-target", url, "-cacert", cacert, "-rate", "500", "-duration", "1s", "-quiet", "-slo", "errors<=0")
	if code != exitOK || !strings.Contains(out, "2 agents") || requests.Load() != 500 {
		t.Errorf("exit %d, %d requests: %s\n%s", code, requests.Load(), stderr, out)
	}
	cancel()
	for range 2 {
		if code := <-ended; code != exitOK {
			t.Errorf("an agent ended with %d", code)
		}
	}
}

// TestAgentsGetSettings: an agent makes the connections that were asked for: where
// to, by which version of HTTP, one for each request.
func TestAgentsGetSettings(t *testing.T) {
	hosts := make(chan string, 100)
	url := plain(t, func(_ http.ResponseWriter, r *http.Request) { hosts <- fmt.Sprint(r.Host, r.Close) })
	t.Setenv(tokenVariable, "a token of these tests, long enough")
	address := testkit.FreeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		code, _, _ := call(t, ctx, "", "agent", "-listen", address)
		ended <- code
	}()
	waitFor(t, address)
	code, out, stderr := call(t, t.Context(), "", "-workers", address, "-target", "http://user:secret@a.invalid/", "-connect-to", "a.invalid:80:"+strings.TrimPrefix(url, "http://"),
		"-keepalive=false", "-requests", "20", "-connections", "2", "-quiet")
	if code != exitOK || len(hosts) != 20 || <-hosts != "a.invalidtrue" || !strings.Contains(out, "http/1.1, 2 connections at a time, each for one request") || !strings.Contains(out, "20, 0\n") {
		t.Errorf("exit %d, %d requests: %s\n%s", code, len(hosts), stderr, out)
	}
	cancel()
	<-ended
}

// waitFor waits until the address accepts connections.
func waitFor(t *testing.T, address string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// TestAllMistakes: all that is wrong with flags is reported in one go, a line
// each.
func TestAllMistakes(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"-target", "x", "-duration", "1", "-nope", "5", "-slo", "mean<=3", "extra", "-rate", "fast"},
			[]string{"-duration", "-nope", "mean<=3ms", `"extra"`, "-rate"}},
		{[]string{"-http1", "-streams", "8", "-format", "json", "-method", "PUT"}, []string{"-streams", "-format", "-method"}},
		{[]string{"agent", "-liste", "x", "-token-fil", "y"}, []string{"did you mean -listen?", "did you mean -token-file?"}},
	} {
		code, out, stderr := call(t, t.Context(), "", tt.args...)
		got := strings.Split(strings.TrimSpace(stderr), "\n")
		if code != exitUsage || out != "" || len(got) != len(tt.want) {
			t.Errorf("%q: exit %d, %q\n%s", tt.args, code, out, stderr)
			continue
		}
		for i, want := range tt.want {
			if !strings.HasPrefix(got[i], "loadgen: ") || !strings.Contains(got[i], want) {
				t.Errorf("line %d is %q, want it to have %q", i+1, got[i], want)
			}
		}
	}
}

// TestHelp: whatever asks for help gets it, with the commands that there are.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-h"}, {"--help"}, {"-help"}, {"-?"}} {
		code, out, stderr := call(t, t.Context(), "", args...)
		if code != exitOK || stderr != "" || !strings.Contains(out, "\n  -target URL") {
			t.Errorf("%q: exit code %d, %q, %q", args, code, out, stderr)
		}
		for name := range commands {
			if !strings.Contains(out, "loadgen "+name+" ") {
				t.Errorf("%q does not show the command %s", args, name)
			}
		}
	}
	for _, command := range []string{"capacity", "agent", "origin"} {
		if _, out, _ := call(t, t.Context(), "", "help", command); !strings.HasPrefix(out, "usage: loadgen "+command) {
			t.Errorf("help %s: %q", command, out)
		}
	}
}

func TestVersionCommand(t *testing.T) {
	for _, word := range []string{"version", "--version", "-version", "-v", "-V"} {
		code, out, stderr := call(t, t.Context(), "", word)
		if code != exitOK || stderr != "" || !strings.HasPrefix(out, "loadgen ") || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, %q", word, code, out, stderr)
		}
	}
}
