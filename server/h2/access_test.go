package h2

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/server/access"
)

// logLine is a line of the access log, decoded.
type logLine struct {
	Method, Path, Host, Cache string
	Agent                     string `json:"user_agent"`
	Status                    int
	Bytes                     int64
	Duration                  int64 `json:"duration_us"`
	Aborted, Limited          bool
}

func (l logLine) String() string {
	s := fmt.Sprintf("%s %s %d %d %s", l.Method, l.Path, l.Status, l.Bytes, l.Cache)
	if l.Aborted {
		s += " aborted"
	}
	if l.Limited {
		s += " limited"
	}
	return s
}

// accessLines reads an access log in JSON.
func accessLines(t testing.TB, file string) (lines []logLine) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var l logLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		lines = append(lines, l)
	}
	return lines
}

// TestAccessLog: each request has one line, with what came of it.
func TestAccessLog(t *testing.T) {
	large := strings.Repeat("x", frame.InitialWindow+100)
	source := stored("/", "hit", "/large", large)
	source.m["/missing"] = missing
	fail := func(p *peer, w writer, _ *http.Request) {
		_, _ = w.WriteString("part")
		w.Flush()
		<-p.release
		panic(http.ErrAbortHandler)
	}
	for _, tt := range []struct {
		name   string
		setup  setup
		script func(*peer)
		want   []string
	}{
		{"hits", setup{source: source}, func(p *peer) {
			p.Write(get(1, "/"), get(3, "/missing"), get(5, "/", "if-none-match", `"3"`), headers(7, true, pseudo("HEAD", "/")...))
			p.wantBody(1, 200, "hit")
			p.wantBody(3, 404, "none")
			p.wantHead(5, 304)
			p.wantHead(7, 200)
		}, []string{"GET / 200 3 hit", "GET /missing 404 4 hit", "GET / 304 0 hit", "HEAD / 200 0 hit"}},
		{"repeats", setup{source: source}, func(p *peer) {
			for id := uint32(1); id < 9; id += 2 {
				p.Write(get(id, "/"))
				p.wantBody(id, 200, "hit")
			}
		}, slices.Repeat([]string{"GET / 200 3 hit"}, 4)},
		{"a large hit", setup{source: source}, func(p *peer) {
			p.Write(get(1, "/large"), frame.AppendWindowUpdate(nil, 0, 1<<20), frame.AppendWindowUpdate(nil, 1, 1<<20))
			p.wantBody(1, 200, large)
		}, []string{fmt.Sprintf("GET /large 200 %d hit", len(large))}},
		{"a large hit, reset", setup{source: source}, func(p *peer) {
			p.Write(get(1, "/large"))
			for range 6 { // a head and a window's frames
				p.NextFrame()
			}
			p.Write(frame.AppendRSTStream(nil, 1, frame.Cancel))
			p.WantAlive()
		}, []string{fmt.Sprintf("GET /large 200 %d hit aborted", frame.InitialWindow)}},
		{"a handler", setup{}, func(p *peer) {
			p.Write(get(1, "/miss"))
			p.wantResponse(1, 200)
			p.Write(get(3, "/miss"))
			p.wantResponse(3, 200)
		}, slices.Repeat([]string{"GET /miss 200 5 bypass"}, 2)},
		{"a handler that fails", setup{handler: fail}, func(p *peer) {
			p.Write(get(1, "/fails"))
			p.wantHead(1, 200)
			p.Want(frame.Data, 1, 0)
			close(p.release)
			p.WantReset(1, frame.InternalError)
		}, []string{"GET /fails 200 4 bypass aborted"}},
		{"reset before an answer", setup{handler: stall}, func(p *peer) {
			p.Write(get(1, "/slow"))
			<-p.entered
			p.Write(frame.AppendRSTStream(nil, 1, frame.Cancel))
			p.WantAlive()
		}, []string{"GET /slow 0 0 bypass aborted"}},
		{"the client goes away", setup{handler: stall}, func(p *peer) {
			p.Write(get(1, "/slow"))
			<-p.entered
			p.Conn.Close()
		}, []string{"GET /slow 0 0 bypass aborted"}},
		{"a head that is too large", setup{limits: Limits{HeaderBytes: 1 << 10}}, func(p *peer) {
			p.Write(get(1, "/", "user-agent", "me", "x", strings.Repeat("x", 1<<10)))
			p.wantResponse(1, 431)
		}, []string{"GET / 431 32 bypass"}},
		{"a body that is too large", setup{limits: Limits{BodyBytes: 9}}, func(p *peer) {
			p.Write(post(1, "/", "content-length", "10"), data(1, "0123456789", true))
			p.wantResponse(1, 413)
		}, []string{"POST / 413 25 bypass"}},
		{"no request", setup{}, func(p *peer) {
			p.Write(get(1, "/", "upgrade", "h2c"))
			p.WantReset(1, frame.ProtocolError)
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "access.log")
			tt.setup.access = &access.Config{Mode: access.All, Format: access.JSON, File: file}
			run(t, tt.setup, tt.script)
			var got []string
			for _, l := range accessLines(t, file) {
				got = append(got, l.String())
				if l.Host != "test" {
					t.Errorf("host %q", l.Host)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestRequestsKeptForTheLog: what a connection with all its streams open keeps
// of their requests, each of the longest that are logged.
func TestRequestsKeptForTheLog(t *testing.T) {
	const streams = 250
	long := get(1, "/"+strings.Repeat("p", 3000), "referer", strings.Repeat("r", 2000), "user-agent", strings.Repeat("a", 1000))
	for name, tt := range map[string]struct {
		log  *access.Config
		most int
	}{
		"no recorder":            {nil, 0},
		"the log is off":         {&access.Config{Mode: access.Off}, 5 * 4 << 10}, // one in 1,024 is chosen
		"errors may come":        {&access.Config{Mode: access.Errors}, aboutBytes + streams*access.MaxShort},
		"all of them are logged": {&access.Config{Mode: access.All, Format: access.JSON}, aboutBytes + streams*access.MaxShort},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "access.log")
			if tt.log != nil {
				tt.log.File = file
			}
			run(t, setup{access: tt.log, handler: stall}, func(p *peer) {
				for i := range uint32(streams) {
					p.Write(frame.AppendHeaders(nil, 1+2*i, true, long[frame.HeaderLen:], frame.MinMaxSize))
					<-p.entered
				}
				synctest.Wait()
				kept := 0
				for _, s := range p.engine.streams {
					kept += cap(s.about)
				}
				if kept > tt.most {
					t.Errorf("%d bytes kept, want at most %d", kept, tt.most)
				}
				p.Conn.Close()
			})
			if tt.log == nil || tt.log.Mode != access.All {
				return
			}
			lines := accessLines(t, file)
			if len(lines) != streams {
				t.Errorf("%d lines", len(lines))
			}
			for _, l := range lines {
				if !strings.HasPrefix(l.Path, "/pppp") || l.Host != "test" {
					t.Fatalf("%+v", l)
				}
			}
		})
	}
}

// TestRequestsKeptAreGivenBack: streams one after the other are recorded whole,
// however many there were.
func TestRequestsKeptAreGivenBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.log")
	path := "/" + strings.Repeat("p", 1900)
	run(t, setup{handler: func(*peer, writer, *http.Request) {}, access: &access.Config{Mode: access.All, Format: access.JSON, File: file}}, func(p *peer) {
		for i := range uint32(100) {
			p.Write(get(1+2*i, path))
			p.wantResponse(1+2*i, 200)
		}
	})
	lines := accessLines(t, file)
	for _, l := range lines {
		if l.Path != path {
			t.Fatalf("a path of %d bytes", len(l.Path))
		}
	}
	if len(lines) != 100 {
		t.Errorf("%d lines", len(lines))
	}
}

// TestAccessLogDurations: of a handler from its request's head on, of a stalled
// stream until it was reset; a batch does not stay behind with either.
func TestAccessLogDurations(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.log")
	s := setup{
		limits: Limits{Progress: 10 * time.Second, Idle: time.Hour},
		source: stored("/large", strings.Repeat("x", 2*frame.InitialWindow)),
		access: &access.Config{Mode: access.Errors, Format: access.JSON, File: file},
		handler: func(_ *peer, w writer, _ *http.Request) {
			time.Sleep(3 * time.Second)
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	run(t, s, func(p *peer) {
		p.Write(get(1, "/slow"))
		p.wantHead(1, 502)
		p.Write(get(3, "/large"))
		for f := p.NextFrame(); f.Type != frame.RSTStream; f = p.NextFrame() {
		}
		time.Sleep(time.Second) // the connection sleeps as well
		lines := accessLines(t, file)
		if len(lines) != 2 || lines[0].Duration != 3e6 || lines[1].Duration != 10e6 || !lines[1].Aborted {
			t.Errorf("%+v, want 3 s and 10 s, aborted", lines)
		}
	})
}
