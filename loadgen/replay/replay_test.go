package replay

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestLines: what each format has is read, and what is no request is refused, with
// why.
func TestLines(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	const begin, end = `192.0.2.1 - - [04/Mar/2026:05:06:07 +0000] "`, ` HTTP/2.0" 200 1024`
	for _, tt := range []struct {
		name, text string
		want       line
		err        error
	}{
		{"common", begin + "GET /a?b=c" + end, line{at, true, "192.0.2.1", "GET", "/a?b=c"}, nil},
		{"combined", begin + "GET /a" + end + ` "https://example.org/\"" "curl/8.5.0"`, line{at, true, "192.0.2.1", "GET", "/a"}, nil},
		{"another zone", `::1 - user name [04/Mar/2026:06:06:07 +0100] "HEAD / HTTP/1.0" 304 -`, line{at, true, "::1", "HEAD", "/"}, nil},
		{"JSON", `{"time":"2026-03-04T05:06:07.089Z","remote":"192.0.2.1","protocol":"HTTP/2.0","method":"GET","host":"example.org","path":"/a?b=c","status":200,"cache":"hit"}`,
			line{at.Add(89 * time.Millisecond), false, "192.0.2.1", "GET", "/a?b=c"}, nil},
		{"escapes", begin + `GET /a\"b\\c\x20d\xc3\xa9` + end, line{at, true, "192.0.2.1", "GET", "/a%22b\\c%20d%C3%A9"}, nil},
		{"a space in the path", begin + "GET /a b" + end, line{at, true, "192.0.2.1", "GET", "/a%20b"}, nil},
		{"to a proxy", begin + "GET http://example.org/a?b" + end, line{at, true, "192.0.2.1", "GET", "/a?b"}, nil},
		{"to a proxy, no path", begin + "GET http://example.org" + end, line{at, true, "192.0.2.1", "GET", "/"}, nil},
		{"a template is none", begin + "GET /{n}" + end, line{at, true, "192.0.2.1", "GET", "/%7Bn%7D"}, nil},
		{"not read by the server", begin + `-" 400 0`, line{}, errRequest},
		{"noise", begin + `\x16\x03\x01 x" 400 0`, line{}, errRequest},
		{"OPTIONS *", begin + "OPTIONS *" + end, line{}, errPath},
		{"cut off", begin + "GET /a..." + end, line{}, errPath},
		{"no time", `192.0.2.1 - - [yesterday] "GET / HTTP/1.1" 200 1`, line{}, errTime},
		{"no end", begin + "GET / HTTP/1.1", line{}, errFormat},
		{"half an escape", begin + `GET /\x2`, line{}, errFormat},
		{"prose", "the server was started", line{}, errFormat},
		{"JSON, no request", `{"level":"info","time":"2026-03-04T05:06:07.089Z"}`, line{}, errRequest},
		{"JSON, no time", `{"method":"GET","path":"/"}`, line{}, errTime},
		{"JSON, cut off", `{"time":"2026-03-04T05:06:07Z","method":"GET","path":"/a...","truncated":true}`, line{}, errPath},
		{"JSON, broken", `{"time":`, line{}, errFormat},
	} {
		got, err := parseLine([]byte(tt.text))
		if !errors.Is(err, tt.err) || (tt.err == nil) != (err == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.err)
		}
		if err == nil && (!got.at.Equal(tt.want.at) || got.coarse != tt.want.coarse || got.client != tt.want.client || got.method != tt.want.method || got.path != tt.want.path) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	if _, err := parseLine([]byte(begin + "GET /%zz" + end)); err == nil || !strings.Contains(err.Error(), "cannot be sent") {
		t.Errorf("a path that is none: %v", err)
	}
}

// entry is a line of Common Log Format.
func entry(client string, second int, method, path string) string {
	return fmt.Sprintf("%s - - [04/Mar/2026:05:06:%02d +0000] \"%s %s HTTP/1.1\" 200 5\n", client, second, method, path)
}

// TestRead: entries come in the order of their times, whole seconds are shared out,
// and what is left out is counted.
func TestRead(t *testing.T) {
	text := entry("a", 9, "GET", "/late") + "\n" + entry("b", 7, "GET", "/x") + entry("a", 7, "GET", "/y") + entry("c", 7, "HEAD", "/x") +
		"what is this\n" + entry("a", 8, "POST", "/x") + entry("b", 7, "GET", "/x") + strings.Repeat("x", 3*maxLine) + "\n" + strings.TrimSpace(entry("b", 8, "GET", "/x"))
	l, err := Read(iotest.OneByteReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	if l.Lines != 9 || l.Unreadable != 2 || l.Unsafe != 1 || l.Clients != 3 || l.First == nil || !strings.HasPrefix(l.First.Error(), "line 6: ") {
		t.Errorf("%d lines, %d unreadable, %d unsafe, %d clients, %v", l.Lines, l.Unreadable, l.Unsafe, l.Clients, l.First)
	}
	if want := []Target{{"GET", "/late"}, {"GET", "/x"}, {"GET", "/y"}, {"HEAD", "/x"}}; !slices.Equal(l.Targets, want) {
		t.Errorf("targets %v, want %v", l.Targets, want)
	}
	var targets, clients []int
	for _, e := range l.Entries {
		targets, clients = append(targets, e.Target), append(clients, e.Client)
	}
	if !slices.Equal(targets, []int{1, 2, 3, 1, 1, 0}) || !slices.Equal(clients, []int{1, 0, 2, 1, 1, 0}) {
		t.Errorf("targets %v by clients %v", targets, clients)
	}
	const ms = time.Millisecond
	moments, end := l.Moments(1)
	if want := []time.Duration{0, 250 * ms, 500 * ms, 750 * ms, 1000 * ms, 2000 * ms}; !slices.Equal(moments, want) || end != 3*time.Second {
		t.Errorf("%v to %v, want %v to 3s", moments, end, want)
	}
	moments, end = l.Moments(10)
	if want := []time.Duration{0, 25 * ms, 50 * ms, 75 * ms, 100 * ms, 200 * ms}; !slices.Equal(moments, want) || end != 300*ms {
		t.Errorf("ten times as fast: %v to %v, want %v to 300ms", moments, end, want)
	}
}

// TestReadFails: what cannot be replayed at all is an error that says why.
func TestReadFails(t *testing.T) {
	for want, text := range map[string]string{
		"there is no line": "\n \n",
		"no request in 2 lines could be read; line 2: it": "\nnoise\nnoise",
		"from 2026-03-04 05:06:01 +0000 UTC to 2126":      entry("a", 1, "GET", "/") + `{"time":"2126-03-04T05:06:07Z","method":"GET","path":"/"}`,
		"all of 1 lines have methods":                     entry("a", 1, "POST", "/"),
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := Read(iotest.ErrReader(errors.New("gone"))); err == nil || !strings.Contains(err.Error(), "reading line 1: gone") {
		t.Errorf("a reader that fails: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(entry("a", 1, "GET", `/\"\x20`) + `{"time":"2026-03-04T05:06:07.089Z","remote":"192.0.2.1","method":"GET","path":"/a?b=c"}`)
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		moments, end := l.Moments(2)
		if !slices.IsSorted(moments) || moments[0] != 0 || end <= moments[len(moments)-1] {
			t.Errorf("moments %v to %v", moments, end)
		}
		if len(l.Entries)+l.Unreadable+l.Unsafe != l.Lines {
			t.Errorf("%d entries, %d unreadable and %d unsafe of %d lines", len(l.Entries), l.Unreadable, l.Unsafe, l.Lines)
		}
	})
}
