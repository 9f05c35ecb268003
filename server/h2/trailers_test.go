package h2

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

func TestRequestTrailers(t *testing.T) {
	run(t, setup{handler: func(p *peer, _ writer, r *http.Request) {
		if _, ok := r.Trailer["Announced"]; !ok || r.Trailer.Get("Announced") != "" || r.Header["Trailer"] != nil {
			p.Errorf("before the body: %v, header %v", r.Trailer, r.Header)
		}
		b, err := io.ReadAll(r.Body)
		if string(b) != "body" || err != nil {
			p.Errorf("body %q, %v", b, err)
		}
		for name, want := range map[string][]string{"Announced": {"1", "2"}, "Another": {"3"}, "Missing": nil} {
			if got := r.Trailer[name]; !slices.Equal(got, want) {
				p.Errorf("trailer %s is %q, want %q", name, got, want)
			}
		}
	}}, func(p *peer) {
		p.Write(post(1, "/", "trailer", "announced, missing"), data(1, "body", false))
		synctest.Wait()
		p.Write(headers(1, true, "announced", "1", "announced", "2", "another", "3"))
		p.wantResponse(1, 200)
	})
}

func TestResponseTrailers(t *testing.T) {
	for name, handle := range map[string]func(w writer){
		"after a short body": func(w writer) { _, _ = w.WriteString("body") },
		"after a flush":      func(w writer) { _, _ = w.WriteString("body"); w.Flush() },
		"after a long body":  func(w writer) { _, _ = w.WriteString(strings.Repeat("x", 100_000)) },
		"after nothing":      func(w writer) { w.WriteHeader(200) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{settings: wide, handler: func(_ *peer, w writer, _ *http.Request) {
				w.Header().Set("Trailer", "X-Sum, x-unset")
				handle(w)
				w.Header().Set("X-Sum", "77")
				w.Header().Set(http.TrailerPrefix+"X-More", "88")
			}}, func(p *peer) {
				p.Write(frame.AppendWindowUpdate(nil, 0, 1<<20), get(1, "/"))
				r := p.wantResponse(1, 200)
				if r.Field("trailer") != "X-Sum, x-unset" || r.Field("x-sum") != "" {
					p.Errorf("head %v", r.Fields)
				}
				want := []hpack.Field{{Name: "x-sum", Value: "77"}, {Name: "x-more", Value: "88"}}
				if !slices.Equal(r.trailers, want) {
					p.Errorf("trailers %v, want %v", r.trailers, want)
				}
			})
		})
	}
}

// TestTrailersNeedNoWindow: only DATA is under flow control (RFC 9113 §5.2.1).
func TestTrailersNeedNoWindow(t *testing.T) {
	run(t, setup{settings: []frame.Setting{{ID: frame.InitialWindowSize, Value: 4}}, handler: func(_ *peer, w writer, _ *http.Request) {
		_, _ = w.WriteString("body")
		w.Header().Set(http.TrailerPrefix+"X-Sum", "77")
	}}, func(p *peer) {
		p.Write(get(1, "/"))
		if r := p.wantBody(1, 200, "body"); len(r.trailers) != 1 {
			p.Errorf("trailers %v", r.trailers)
		}
	})
}

// TestContinue: 100 is sent when the handler reads, and only then.
func TestContinue(t *testing.T) {
	expect := []string{"expect", "100-Continue"}
	run(t, setup{handler: echo}, func(p *peer) {
		p.Write(post(1, "/", expect...))
		if f := p.wantHead(1, 100); f.Ends() || f.Field("date") != "" {
			p.Errorf("%v", f)
		}
		p.Write(data(1, "body", true))
		p.wantBody(1, 200, "body")

		p.Write(post(3, "/", expect...), data(3, "impatient", true)) // RFC 9110 §10.1.1
		p.wantBody(3, 200, "impatient")
	})
	run(t, setup{handler: func(_ *peer, w writer, _ *http.Request) { w.WriteHeader(417) }}, func(p *peer) {
		p.Write(post(1, "/", expect...))
		p.wantResponse(1, 417)
		p.WantReset(1, frame.NoError)
	})
	run(t, setup{handler: func(_ *peer, w writer, r *http.Request) {
		w.Flush()
		_, _ = io.Copy(w, r.Body)
	}}, func(p *peer) {
		p.Write(post(1, "/", expect...))
		p.wantHead(1, 200) // the final head leaves no room for 100
		p.WantSilence()
		p.Write(data(1, "body", true))
		f := p.NextFrame()
		if f.Type != frame.Data || string(f.Payload) != "body" {
			p.Errorf("%v %q", f.Header, f.Payload)
		}
		if !f.Ends() {
			p.Want(frame.Data, 1, frame.FlagEndStream)
		}
	})
}

func TestEarlyHints(t *testing.T) {
	run(t, setup{handler: func(p *peer, w writer, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.Header().Set("Content-Length", "4") // of the final response
		w.WriteHeader(http.StatusEarlyHints)
		<-p.release
		w.Header().Del("Link")
		w.WriteHeader(http.StatusProcessing)
		_, _ = w.WriteString("body")
	}}, func(p *peer) {
		p.Write(get(1, "/"))
		f := p.wantHead(1, 103)
		if f.Field("link") != "</style.css>" || f.Field("content-length") != "" || f.Ends() {
			p.Errorf("%v", f)
		}
		p.WantSilence()
		close(p.release)
		p.wantHead(1, 102)
		if r := p.wantBody(1, 200, "body"); r.Field("link") != "" || r.Field("content-length") != "4" {
			p.Errorf("%v", r.Fields)
		}
	})
}
