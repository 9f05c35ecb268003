//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/tools/attack/catalog"
)

// TestMain is the parts too as which this program starts itself.
func TestMain(m *testing.M) {
	if ended, err := asPart(os.Args[1:]); ended {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// testGround is one with the server of this tree, and without the good client.
func testGround(t *testing.T) *ground {
	t.Helper()
	dir := t.TempDir()
	binary, err := testkit.Program(dir, "github.com/e0ac7cd4/hotpath/server")
	if err != nil {
		t.Fatal(err)
	}
	g := &ground{name: hotpath, dir: dir, binary: binary, short: true}
	if err := g.writeSite(); err != nil {
		t.Fatal(err)
	}
	if g.origin, err = startOrigin(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.close)
	return g
}

func startSubject(t *testing.T, g *ground, a catalog.Attack) *subject {
	t.Helper()
	s, err := g.start(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestAttacks performs each attack for a moment, with a few clients, against the server
// of this tree: it ends as the table says, is counted, and the server goes on. Those
// that need a limit's time are performed at once.
func TestAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	g := testGround(t)
	shared := startSubject(t, g, catalog.Attack{})
	t.Run("quick", func(t *testing.T) {
		for _, a := range catalog.All() {
			if a.Needs == (catalog.Needs{}) && a.Takes == (catalog.Span{}) {
				t.Run(a.Name, func(t *testing.T) { attackOnce(t, shared, a) })
			}
		}
	})
	t.Run("slow", func(t *testing.T) {
		for _, a := range catalog.All() {
			if a.Needs == (catalog.Needs{}) && a.Takes != (catalog.Span{}) {
				t.Run(a.Name, func(t *testing.T) {
					t.Parallel()
					attackOnce(t, shared, a)
				})
			}
		}
	})
	rest := (&row{attack: catalog.Attack{NeedsOrigin: true}}).resting()
	st, err := shared.settled(t.Context(), shared.quiet(state{}, rest))
	if err != nil || st.Permits != 0 || st.Held != 0 || st.Panics != 0 {
		t.Errorf("after all attacks: %d permits, %d bytes held, %d panics, %v", st.Permits, st.Held, st.Panics, err)
	}
	t.Run("alone", func(t *testing.T) {
		for _, a := range catalog.All() {
			if a.Needs != (catalog.Needs{}) {
				t.Run(a.Name, func(t *testing.T) {
					s := startSubject(t, g, a)
					attackOnce(t, s, a)
				})
			}
		}
	})
}

// attackOnce performs an attack until what has to come of it did, and fails if something
// else does.
func attackOnce(t *testing.T, s *subject, a catalog.Attack) {
	t.Helper()
	clients := a.Short
	if a.Needs == (catalog.Needs{}) {
		clients = min(clients, 8)
	}
	before, err := s.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var wrong string
	for length := max(200*time.Millisecond, a.Takes.Short); length < 20*time.Second; length *= 2 { // longer on a machine under load
		var tally catalog.Tally
		ctx, cancel := context.WithTimeout(t.Context(), length)
		a.Perform(ctx, s.to, clients, &tally)
		cancel()
		after, err := s.look(t.Context())
		if err != nil {
			t.Fatalf("%v: %v", tally.Ends, err)
		}
		wrong = a.Wrong(&tally, clients)
		if wrong == "" && a.Limit != "" && after.limits[a.Limit] <= before.limits[a.Limit] {
			wrong = "it is not counted as " + a.Limit
		}
		if wrong == "" {
			return
		}
	}
	t.Error(wrong)
}

// TestTable: the table has for each attack what -list prints.
func TestTable(t *testing.T) {
	names := make(map[string]bool)
	for _, a := range catalog.All() {
		switch {
		case a.Name == "" || a.Reference == "" || a.Does == "" || a.Passes == "":
			t.Errorf("%q: name, reference, what it does and what passes are needed: %+v", a.Name, a)
		case a.Try == nil || a.Short < 1 || a.Long < a.Short:
			t.Errorf("%s: it cannot be performed by %d and %d clients", a.Name, a.Short, a.Long)
		case strings.HasSuffix(a.Does, ".") || strings.HasSuffix(a.Passes, "."):
			t.Errorf("%s: the sentences have their full stop from -list", a.Name)
		case names[a.Name]:
			t.Errorf("%s is there twice", a.Name)
		}
		names[a.Name] = true
	}
	var out strings.Builder
	if err := run(t.Context(), options{list: true, only: "^rapid-reset$"}, &out); err != nil || !strings.HasPrefix(out.String(), "rapid-reset (CVE-2023-44487)\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestTool is the whole tool for two attacks, against its own server and then against
// one that is there already.
func TestTool(t *testing.T) {
	testkit.NeedTree(t)
	if testing.Short() {
		t.Skip("it takes ten seconds")
	}
	g := testGround(t)
	s := startSubject(t, g, catalog.Attack{})
	t.Chdir("../..")
	var out testkit.LogBuffer
	o := options{short: true, only: "^(ping-flood|header-list-over)$", length: 300 * time.Millisecond, rate: 50, server: g.binary}
	if err := run(t.Context(), o, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"GOAWAY ENHANCE_YOUR_CALM", "status 431", "2 attacks, 0 failed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the scoreboard has no %q:\n%s", want, out.String())
		}
	}
	out = testkit.LogBuffer{}
	o = options{short: true, only: "^(ping-flood|random-keys|descriptors)$", length: 300 * time.Millisecond, rate: 50, against: "https://" + s.to.Addr + smallFile, pid: s.pid}
	if err := run(t.Context(), o, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"left out: it needs an origin", "left out: it needs a server that is started with a limit", "1 attacks, 0 failed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the scoreboard has no %q:\n%s", want, out.String())
		}
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		about string
		o     options
		err   string
	}{
		{"nothing", options{}, ""},
		{"another server", options{with: nginx}, ""},
		{"one on loopback", options{against: "https://127.0.0.1:8443/", pid: 1}, ""},
		{"an unknown one", options{with: "apache"}, "allowed are nginx and h2o"},
		{"two servers", options{with: nginx, against: "https://127.0.0.1/"}, "one of the two"},
		{"a binary of another", options{with: nginx, server: "x"}, "-server is a binary of hotpath"},
		{"no URL", options{against: "127.0.0.1:8443"}, ""},
		{"a process of nothing", options{pid: 5}, "-pid is of the server of -against"},
		{"too long", options{length: 2 * time.Hour}, "-for 2h0m0s"},
		{"too fast", options{rate: 2 * maxRate}, "-rate 2000000"},
		{"rows of a table", options{only: "ping", out: "x"}, ""},
		{"rows of a table that are not like the others", options{only: "ping", out: "x", rate: 5}, "none of -against, -rate and -short"},
		{"rows of another server's table", options{only: "ping", out: "x", against: "https://127.0.0.1/"}, "none of -against, -rate and -short"},
	} {
		err := tt.o.check()
		if tt.about == "no URL" {
			if err == nil {
				t.Errorf("%s: want an error", tt.about)
			}
			continue
		}
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, want %q", tt.about, err, tt.err)
		}
	}
	if _, err := (options{only: "teapot"}).chosen(); err == nil || !strings.Contains(err.Error(), "rapid-reset") {
		t.Errorf("no such attack: %v, want their names", err)
	}
}

// TestJudge: each bar fails the row that is beyond it, and no other.
func TestJudge(t *testing.T) {
	passing := func() row {
		return row{
			attack: catalog.Attack{Name: "a", Ends: []string{"closed"}, Limit: "early_reset"}, clients: 2,
			tally:  &catalog.Tally{Tries: 3, Ends: map[string]int{"closed": 1, "held": 2}},
			before: state{Memory: 100 << 20, Goroutines: 20, limits: map[string]int{}},
			during: state{Memory: 150 << 20}, after: state{Goroutines: 20, limits: map[string]int{"early_reset": 1}},
			alone: service{Requests: 100, Usual: 10 * time.Millisecond}, beside: service{Requests: 100, Usual: 20 * time.Millisecond},
		}
	}
	for _, tt := range []struct {
		about  string
		server string
		change func(*row)
		want   string
	}{
		{"all is well", hotpath, func(*row) {}, ""},
		{"the process ended", hotpath, func(r *row) { r.broken = errors.New("the process has ended") }, "the process has ended"},
		{"an error", hotpath, func(r *row) { r.beside.Errors, r.beside.Why = 1, "reset" }, "the good client had 1 errors of 100 (reset)"},
		{"p99", hotpath, func(r *row) { r.beside.Usual++ }, "p99 is 20.000001ms, want 20ms"},
		{"p99 in the noise", hotpath, func(r *row) { r.alone.Usual, r.beside.Usual = 1, noise }, ""},
		{"p99 of a moment", hotpath, func(r *row) { r.beside.P99 = time.Second }, ""},
		{"memory", hotpath, func(r *row) { r.during.Memory = 165 << 20 }, "memory grew by 65 MiB, want 64"},
		{"memory that many clients may have", hotpath, func(r *row) { r.during.Memory, r.attack.PerClient = 165<<20, 33<<20 }, ""},
		{"another end", hotpath, func(r *row) { r.tally.Ends["GOAWAY NO_ERROR"] = 1 }, "offenders saw GOAWAY NO_ERROR, want closed"},
		{"no end", hotpath, func(r *row) { delete(r.tally.Ends, "closed") }, "no offender saw closed"},
		{"more held than there are clients", hotpath, func(r *row) { r.tally.Ends["held"] = 3 }, "offenders saw held"},
		{"no end of a limit that takes longer", hotpath, func(r *row) { delete(r.tally.Ends, "closed"); r.after.limits = nil; r.attack.Takes.Long = time.Hour }, ""},
		{"not counted", hotpath, func(r *row) { r.after.limits = nil }, "not counted as early_reset"},
		{"another bulkhead", hotpath, func(r *row) { r.attack.Needs.Conns = 200; r.during.Permits = 199 }, "199 connections at most, want 200"},
		{"a slow refusal", hotpath, func(r *row) {
			r.attack.Needs.Conns, r.during.Permits = 200, 200
			r.tally.Frames, r.tally.After = []int{0}, []time.Duration{refusal + 1}
		}, "a connection too many is closed after 100.000001ms"},
		{"a panic", hotpath, func(r *row) { r.after.Panics = 1 }, "1 panics"},
		{"goroutines", hotpath, func(r *row) { r.after.Goroutines = 21 + resting }, "goroutines are left"},
		{"permits", hotpath, func(r *row) { r.after.Permits = 1 }, "1 permits are left"},
		{"reservations", hotpath, func(r *row) { r.after.Held = 1 }, "1 bytes are left"},
		{"the origin", hotpath, func(r *row) { r.busy = 1 }, "the origin is answering 1 requests"},
		{"another server's ends", nginx, func(r *row) { r.tally.Ends["GOAWAY NO_ERROR"] = 1; r.after.limits = nil }, ""},
		{"another server's memory", nginx, func(r *row) { r.during.Memory = 165 << 20 }, "memory grew"},
	} {
		r := passing()
		tt.change(&r)
		r.judge(&ground{name: tt.server}, form{strict: true})
		got := strings.Join(r.faults, "; ")
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) || len(r.faults) > 1 {
			t.Errorf("%s: %q, want %q", tt.about, got, tt.want)
		}
	}
}

// TestParse: what is read of loadgen and of /metrics.
func TestParse(t *testing.T) {
	s, err := parseService([]byte(`{"requests":10,"ends":{"succeeded":8},"latencies":{"99th":5000},"points":[{"99th":9000},{"99th":3000},{"99th":4000},{"99th":null,"length":1000000000},{"99th":1,"drain":true}],"error_counts":{"502":2},"connection_errors":{"reset":3}}`), "")
	if want := (service{Requests: 10, Errors: 5, P99: 5 * time.Microsecond, Usual: time.Second, Why: "reset"}); err != nil || s != want {
		t.Errorf("%+v, %v, want %+v", s, err, want)
	}
	if _, err := parseService(nil, "no such flag"); err == nil || !strings.Contains(err.Error(), "no such flag") {
		t.Errorf("no report: %v", err)
	}
	var st state
	err = st.parse([]byte("# HELP go_goroutines x\ngo_goroutines 23\nhotpath_connection_permits_in_use 4\nhotpath_panics_total 1\n" +
		"hotpath_limit_breaches_total{limit=\"early_reset\"} 7\nhotpath_memory_bytes{kind=\"sending\"} 1e3\nhotpath_memory_bytes{kind=\"stored\"} 5\nhotpath_memory_bytes{kind=\"buffered\"} 2\n"))
	if err != nil || st.Goroutines != 23 || st.Permits != 4 || st.Panics != 1 || st.limits["early_reset"] != 7 || st.Held != 1002 {
		t.Errorf("%+v, %v", st, err)
	}
	if err := st.parse([]byte("go_goroutines many\n")); err == nil {
		t.Error("a number that is none: want an error")
	}
}
