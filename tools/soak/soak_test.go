//go:build linux

package main

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestShort is the tool itself, with few upgrades and reloads and little load:
// nothing fails.
func TestShort(t *testing.T) {
	testkit.NeedTree(t)
	if testing.Short() {
		t.Skip("it takes ten seconds")
	}
	testkit.Need(t, "curl")
	testkit.Need(t, "node")
	t.Chdir("../..")
	var out testkit.LogBuffer
	err := run(t.Context(), options{restarts: 2, reloads: 3, rate: 500}, &out)
	if err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"loadgen HTTP/1.1, uploads", "net/http HTTP/2, lazy", "upgrade  2 ", "reload   3 ", "connections closed by reloads  0 "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report has no %q:\n%s", want, out.String())
		}
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		about string
		o     options
		err   string
	}{
		{"upgrades alone", options{restarts: 1, rate: minRate}, ""},
		{"reloads alone", options{reloads: 1, rate: minRate}, ""},
		{"both forms", options{duration: time.Minute, restarts: 1, rate: minRate, upgrades: true}, "without -duration"},
		{"nothing to do", options{rate: minRate}, "one of them has to happen"},
		{"a number below 0", options{restarts: -1, reloads: 2, rate: minRate}, "-restarts -1"},
		{"a rate of which misses would be no whole number", options{restarts: 1, rate: minRate - 1}, "-rate 99: allowed are 100 and more"},
		{"a soak", options{duration: time.Minute, samples: "x", rate: minRate}, ""},
		{"a soak in which nothing could happen", options{restarts: 1, duration: time.Second, rate: minRate}, "-duration 1s: allowed are 10s and more"},
		{"samples of nothing", options{restarts: 1, samples: "x", rate: minRate}, "-samples and -only are of a run with -duration"},
	} {
		if err := tt.o.check(); (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, want %q", tt.about, err, tt.err)
		}
	}
}

// TestParseLine: what a client in another language prints is counted as what it is.
func TestParseLine(t *testing.T) {
	for line, want := range map[string]struct {
		again int
		why   string
	}{
		"0":                       {0, ""},
		"2":                       {2, ""},
		"failed ECONNRESET read":  {0, "ECONNRESET read"},
		"curl 0 200 ":             {0, ""},
		"curl 22 503 The error":   {0, "exit status, status and error: 22 503 The error"},
		"curl 56 000 Recv failed": {0, "exit status, status and error: 56 000 Recv failed"},
		"":                        {0, `it prints ""`},
		"Exception in thread":     {0, `it prints "Exception in thread"`},
	} {
		if again, why := parseLine(line); again != want.again || why != want.why {
			t.Errorf("%q: %d, %q, want %d, %q", line, again, why, want.again, want.why)
		}
	}
}

// TestJava: the version is read in every form that it has had, and an old one takes
// part only if it was asked for.
func TestJava(t *testing.T) {
	for printed, want := range map[string]int{
		"openjdk version \"25.0.3\" 2026-04-21 LTS\nOpenJDK Runtime Environment (build 25.0.3+9-LTS)": 25,
		"openjdk version \"26-ea\" 2026-03-17":                                                        26,
		"openjdk version \"17.0.15\" 2025-04-15":                                                      17,
		"java version \"1.8.0_392\"":                                                                  8,
		"The operation couldn't be completed. No Java":                                                0,
		"": 0,
	} {
		if got := javaMajor(printed); got != want {
			t.Errorf("%q is version %d, want %d", printed, got, want)
		}
	}
	for _, tt := range []struct {
		java
		any bool
		why string
	}{
		{java{}, true, "there is no JDK"},
		{java{"x", soundJava - 1}, false, "JDK 23 fails by itself"},
		{java{"x", soundJava - 1}, true, ""},
		{java{"x", soundJava}, false, ""},
	} {
		if why := tt.leftOut(tt.any); (why == "") != (tt.why == "") || !strings.Contains(why, tt.why) {
			t.Errorf("%+v, any %t: left out because %q, want %q", tt.java, tt.any, why, tt.why)
		}
	}
}

// TestJournal: a failure is printed with its moment, its client, its cause and what
// was being done, counted in the table, and the run is not clean.
func TestJournal(t *testing.T) {
	var out testkit.LogBuffer
	j := newJournal(&out)
	c := j.client("some client")
	j.done(c, 3, 1)
	if !j.clean() {
		t.Error("without a failure it is not clean")
	}
	silent := j.client("a client that asks nothing")
	if j.clean() {
		t.Error("it is clean although a client has sent nothing")
	}
	j.done(silent, 1, 0)
	j.failure(c, j.begin.Add(-time.Second), "too early")
	_ = j.during("upgrade 7", func() error {
		j.failure(c, time.Now(), "refused")
		return nil
	})
	j.failure(c, time.Now().Add(time.Second), "late")
	if j.clean() {
		t.Error("with failures it is clean")
	}
	if err := j.during("reload 8", func() error { return os.ErrClosed }); !errors.Is(err, os.ErrClosed) || !strings.HasPrefix(err.Error(), "reload 8: ") {
		t.Errorf("an error of what is done: %v", err)
	}
	j.report()
	for _, want := range []string{
		"some client: too early; before anything was done\n",
		"some client: refused; 0.000 s after the begin of upgrade 7\n",
		"some client: late; 1.000 s after the end of upgrade 7\n",
		"some client                 6         1           3       \n",
		"  refused                                         1       \n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
}

// TestAroundReloads: the hits of the second before a reload and of that from its
// begin are told apart, in whatever order they came.
func TestAroundReloads(t *testing.T) {
	j := newJournal(new(testkit.LogBuffer))
	c := j.client("hits")
	at := j.begin.Add(10 * time.Second)
	for _, h := range []struct{ after, latency time.Duration }{
		{window, 500 * time.Millisecond},              // behind it
		{window - time.Millisecond, 7 * window / 100}, // its last
		{0, 3 * time.Millisecond},                     // its first
		{-time.Millisecond, 2 * time.Millisecond},
		{-window, time.Millisecond},
		{-window - time.Millisecond, 900 * time.Millisecond}, // before all
	} {
		j.hit(c, at.Add(h.after), h.latency)
	}
	j.reload(at, 2)
	before, after, closed := j.aroundReloads()
	if len(before) != 1 || len(after) != 1 || before[0] != 2*time.Millisecond || after[0] != 70*time.Millisecond || closed != 2 {
		t.Errorf("%v, %v, %d, want 2ms, 70ms and 2 connections", before, after, closed)
	}
	if j.clean() {
		t.Error("connections were closed by a reload, and it is clean")
	}
}
