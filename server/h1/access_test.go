package h1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// logTo makes cfg log every request to a file, and returns what closes it.
func logTo(t testing.TB, cfg *Config, log access.Config) (file string, stop func()) {
	t.Helper()
	log.Metrics, log.Log, log.Format = cfg.Metrics, slog.New(slog.DiscardHandler), access.JSON
	log.File = filepath.Join(t.TempDir(), "access.log")
	var err error
	if cfg.Access, err = access.New(log); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		if err := cfg.Access.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return log.File, stop
}

// TestAccessLog: every request is recorded once, with its outcome.
func TestAccessLog(t *testing.T) {
	large := strings.Repeat("x", 8<<20) // more than a socket holds
	fetch := func(_ context.Context, key string) (*message.Response, error) {
		switch key {
		case "/fetched":
			return response("fetched"), nil
		case "/fetched-large":
			return response(large), nil
		}
		return nil, errors.New("no")
	}
	for _, tt := range []struct {
		name   string
		send   string
		script func(*peer)
		want   []string
	}{
		{"hits", get("/") + get("/") + get("/a?b") + get("/", `If-None-Match: "tag"`) + "HEAD / HTTP/1.1\r\nHost: test\r\n\r\n", func(p *peer) {
			p.WantResponse(200, "home")
			p.WantResponse(200, "home")
			p.WantResponse(200, "aa")
			p.WantResponse(304, "")
			p.Response("HEAD")
		}, []string{"GET / 200 4 hit", "GET / 200 4 hit", "GET /a?b 200 2 hit", "GET / 304 0 hit", "HEAD / 200 0 hit"}},
		{"large hits", get("/large") + get("/large") + get("/"), func(p *peer) {
			p.WantResponse(200, large)
			p.WantResponse(200, large)
			p.WantResponse(200, "home")
		}, []string{"GET /large 200 8388608 hit", "GET /large 200 8388608 hit", "GET / 200 4 hit"}},
		{"a large hit that is not read", get("/large"), func(p *peer) {
			_, _ = p.R.ReadByte()
		}, []string{"GET /large 200 some hit aborted"}},
		{"misses", get("/fetched") + get("/fetched-large"), func(p *peer) {
			p.WantResponse(200, "fetched")
			p.WantResponse(200, large)
		}, []string{"GET /fetched 200 7 miss", "GET /fetched-large 200 8388608 miss"}},
		{"a miss that fails", get("/missing"), func(p *peer) { p.Response("GET") }, []string{"GET /missing 502 2 miss"}},
		{"for the handler", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", func(p *peer) {
			p.WantResponse(200, `POST /  "hi"`)
		}, []string{"POST / 200 12 bypass"}},
		{"refused", "GET /x\r\n", func(p *peer) { p.Response("GET") }, []string{"  400 83 bypass"}},
		{"broken off", get("/large", "X: y") + "PUT /cut HTTP/1.1\r\nHost: test\r\n\r\n", func(p *peer) {
			p.WantResponse(200, large)
			p.readUnexpectedEnd()
		}, []string{"GET /large 200 8388608 hit", "PUT /cut 200 some bypass aborted"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := storing("/", "home", "/a?b", "aa", "/large", large)
			s.fetch = fetch
			s.serve = func(ctx context.Context, x *message.Exchange) {
				if x.Path != "/cut" {
					echo(ctx, x)
					return
				}
				if x.Reply.Head(message.Head{Status: 200, Length: 1000}) == nil && x.Reply.Flush() == nil {
					_, _ = x.Reply.Write([]byte("some")) // and no more
				}
			}
			cfg := testConfig(s)
			file, stop := logTo(t, cfg, access.Config{Mode: access.All})
			p := connect(t, cfg)
			p.Write(tt.send)
			tt.script(p)
			p.Conn.Close()
			p.wait()
			stop()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for line := range strings.Lines(string(text)) {
				var l struct {
					Method, Path, Cache string
					Status              int
					Bytes               int64
					Aborted             bool
				}
				if err := json.Unmarshal([]byte(line), &l); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				summary := fmt.Sprintf("%s %s %d %d %s", l.Method, l.Path, l.Status, l.Bytes, l.Cache)
				if l.Aborted {
					if l.Bytes < 0 || l.Bytes >= int64(len(large)) { // none, if the socket was full
						t.Errorf("%d bytes were sent of an aborted response", l.Bytes)
					}
					summary = fmt.Sprintf("%s %s %d some %s aborted", l.Method, l.Path, l.Status, l.Cache)
				}
				got = append(got, summary)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
