package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

// lazily runs a load whose targets are written to a pipe while it runs.
func lazily(t *testing.T, ctx context.Context, write func(io.Writer), args ...string) (code int, out, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		write(w)
		w.Close()
	}()
	file := func(name string) *os.File {
		f, err := os.Create(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	s := streams{r, file("out"), file("err")}
	code = run(ctx, append([]string{"-targets", "-", "-lazy", "-quiet"}, args...), s)
	r.Close() // what is still written fails then
	<-written
	read := func(f *os.File) string {
		defer f.Close()
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return code, read(s.out), read(s.err)
}

// TestLazyEnds: targets are sent once each, and the run ends with them.
func TestLazyEnds(t *testing.T) {
	t.Parallel()
	var seen atomic.Int64
	url := plain(t, func(_ http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); r.Header.Get("X-A") == "b" && r.URL.Path == "/c" && (r.Method != "POST" || string(body) == "content") {
			seen.Add(1)
		}
	})
	for _, tt := range []struct{ format, target string }{
		{"http", "GET " + url + "/c\nX-A: b\n\n"},
		{"json", fmt.Sprintf("{\"method\":\"POST\",\"url\":\"%s/c\",\"header\":{\"X-A\":[\"b\"]},\"body\":\"Y29udGVudA==\"}\n", url)},
	} {
		for _, rate := range []string{"0", "200"} {
			seen.Store(0)
			code, out, stderr := lazily(t, t.Context(), func(w io.Writer) {
				_, _ = io.WriteString(w, strings.TrimSpace(strings.Repeat(tt.target, 100))) // the last line has no end
			}, "-format", tt.format, "-rate", rate, "-json")
			var f struct {
				Requests uint64
				Success  float64
				Targets  int
				Duration time.Duration
			}
			if err := json.Unmarshal([]byte(out), &f); err != nil || code != exitOK || f.Requests != 100 || f.Success != 1 || f.Targets != 100 || seen.Load() != 100 {
				t.Errorf("%s, rate %s: exit %d, %+v, %v, the server has seen %d: %s", tt.format, rate, code, f, err, seen.Load(), stderr)
			}
		}
	}
}

// TestLazyWithoutEnd: a pipe without an end is read as fast as targets are sent,
// and the run ends by its duration, by its number of requests or by a signal.
func TestLazyWithoutEnd(t *testing.T) {
	t.Parallel()
	url := plain(t, func(http.ResponseWriter, *http.Request) {})
	for _, tt := range []struct {
		why  string
		args []string
		stop time.Duration
	}{
		{"a duration", []string{"-rate", "100", "-duration", "500ms"}, patience},
		{"a number", []string{"-requests", "50"}, patience},
		{"a signal", []string{"-rate", "100"}, 500 * time.Millisecond},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), tt.stop)
		lines, began := 0, time.Now()
		code, out, stderr := lazily(t, ctx, func(w io.Writer) {
			for ; ; lines++ {
				if _, err := io.WriteString(w, "GET "+url+"/\n"); err != nil {
					return
				}
			}
		}, tt.args...)
		cancel()
		if took := time.Since(began); code != exitOK || !strings.Contains(out, "200:") || took > 10*time.Second {
			t.Errorf("%s: exit %d after %v: %s\n%s", tt.why, code, took, stderr, out)
		}
		// 20,000 are held, a pipe has 64 KiB and the reader as much.
		if most := 20_000 + 200 + 2*64<<10/len(url); lines > most {
			t.Errorf("%s: %d lines were read of which hardly any was sent, want %d at most", tt.why, lines, most)
		}
	}
}

// TestLazyReaderIsSlow: targets that come more slowly than they are due are counted,
// and the report says whose limit that is.
func TestLazyReaderIsSlow(t *testing.T) {
	t.Parallel()
	url := plain(t, func(http.ResponseWriter, *http.Request) {})
	code, out, stderr := lazily(t, t.Context(), func(w io.Writer) {
		for range 40 {
			time.Sleep(10 * time.Millisecond)
			_, _ = io.WriteString(w, "GET "+url+"/\n\n")
		}
	}, "-rate", "1000")
	if code != exitOK || !strings.Contains(out, "of 40 requests were sent late, or never, because their targets had not been read yet") || !strings.Contains(out, "100.00%") {
		t.Errorf("exit %d: %s\n%s", code, stderr, out)
	}
}

// TestLazyMistakes: a mistake in the middle ends the run, with the report of what
// was sent before.
func TestLazyMistakes(t *testing.T) {
	t.Parallel()
	url := plain(t, func(http.ResponseWriter, *http.Request) {})
	good := "GET " + url + "/\n\n"
	for _, tt := range []struct {
		why, format, text, want string
		code                    int
	}{
		{"a line that is too long", "http", strings.Repeat(good, 9) + "GET " + url + "/" + strings.Repeat("x", 70_000) + "\n", "-targets -: line 19 has 65536 bytes or more: allowed are less", exitFailure},
		{"no target", "http", strings.Repeat(good, 9) + "what is this\n", "-targets -: target 10: bad", exitFailure},
		{"a field that is the connection's", "http", strings.Repeat(good, 9) + "GET " + url + "/\nConnection: close\n", "-targets -: target 10: the header field Connection", exitFailure},
		{"another origin", "http", strings.Repeat(good, 9) + "GET http://b.invalid/\n", "target 10 is of b.invalid:80, the first of " + strings.TrimPrefix(url, "http://") + ": with -lazy all are of one origin", exitFailure},
		{"no JSON", "json", strings.Repeat(`{"method":"GET","url":"`+url+`"}`+"\n", 9) + "{\n", "-targets -: target 10:", exitFailure},
		{"nothing", "http", "\n# nothing\n", "-targets -: no target in it", exitUsage},
		{"the first is one", "http", "GET ftp://a/\n", "target 1", exitUsage},
		{"the first line is too long", "http", "GET " + url + "/" + strings.Repeat("x", 70_000), "line 1 has 65536 bytes or more", exitUsage},
	} {
		code, out, stderr := lazily(t, t.Context(), func(w io.Writer) { _, _ = io.WriteString(w, tt.text) }, "-format", tt.format)
		if code != tt.code || !strings.Contains(stderr, tt.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, %s, want %d and %q", tt.why, code, stderr, tt.code, tt.want)
		}
		if sent := strings.Contains(out, "200:9"); sent != (tt.code == exitFailure) {
			t.Errorf("%s: the report says\n%s", tt.why, out)
		}
	}
}

// TestLazyInterrupted: a signal ends the wait for the first target.
func TestLazyInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	code, _, stderr := lazily(t, ctx, func(w io.Writer) { time.Sleep(time.Second) })
	if took := time.Since(began); code != exitUsage || !strings.Contains(stderr, "interrupted while targets were read") || took > 5*time.Second {
		t.Errorf("exit %d after %v: %s", code, took, stderr)
	}
}

// TestWholeLines: what is given of lines, and what is not.
func TestWholeLines(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		why   string
		src   io.Reader
		want  string
		wrong string
	}{
		{"lines", strings.NewReader("a\nb\n"), "a\nb\n", ""},
		{"the last without an end", strings.NewReader("a\nb"), "a\nb\n", ""},
		{"nothing", strings.NewReader(""), "", ""},
		{"as long as is allowed", strings.NewReader(strings.Repeat("x", 30) + "\nb"), strings.Repeat("x", 30) + "\nb\n", ""},
		{"too long: none of it", strings.NewReader("a\n" + strings.Repeat("x", 40) + "\nb\n"), "a\n", "line 2 has 32 bytes or more"},
		{"cut off by an error: none of it", io.MultiReader(strings.NewReader("a\nGET http://a/x"), iotest.ErrReader(broken)), "a\n", "line 2: broken"},
	} {
		l := newWholeLines(tt.src, 32)
		got, err := io.ReadAll(l)
		if string(got) != tt.want || (err == nil) != (tt.wrong == "") || (l.wrong() == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
			t.Errorf("%s: %q, %v, want %q, %q", tt.why, got, err, tt.want, tt.wrong)
		}
	}
}

// TestContents: what counts of the targets' contents.
func TestContents(t *testing.T) {
	shared, own := make([]byte, 10), make([]byte, 7)
	var c contents
	for _, content := range [][]byte{shared, own, nil, own, shared} {
		c.add(content, shared)
	}
	if c.add(own, nil); c != 21 {
		t.Errorf("two contents of 7 bytes, beside one that is shared, and one without: %d", c)
	}
}
