package edge

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/encode"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/rules"
)

// coder is a policy that makes codings, the preferred one first.
func coder(codings ...encode.Coding) *encode.Policy {
	p := &encode.Policy{Prefer: codings, Types: encode.NewTypes(encode.Usual), Min: 100}
	for _, c := range codings {
		p.Made = p.Made.With(c)
	}
	return p
}

// page is a content of n bytes that has something to gain.
func page(n int) string { return strings.Repeat("<p>some text</p>\n", n/17+1)[:n] }

func gunzip(t testing.TB, body string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// coded asks twice, so that the coding is made, and returns the answer then.
func (r *rig) coded(path string, pairs ...string) *client {
	r.t.Helper()
	r.get(path, pairs...)
	r.get(path, pairs...)
	synctest.Wait()
	return r.get(path, pairs...)
}

// TestCompressed: what is stored is sent as it is until its coding is made, and then
// in it, to those who accept it.
func TestCompressed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		body := page(5000)
		r := newRig(t, knobs{coding: coder(encode.Brotli, encode.Gzip)}, always(200, body,
			"content-type", "text/html", "etag", `"v1"`, "cache-control", "max-age=60", "last-modified", "Fri, 31 Dec 1999 00:00:00 GMT"))
		first := r.get("/a", "accept-encoding", "gzip")
		if first.text() != body || first.field("vary") != "Accept-Encoding" || first.field("etag") != `"v1"` {
			t.Errorf("the miss has %v", first.fields)
		}
		if second := r.get("/a", "accept-encoding", "gzip"); second.text() != body || !second.hit {
			t.Errorf("the first hit has %v", second.fields)
		}
		synctest.Wait()
		time.Sleep(3 * time.Second)
		c := r.get("/a", "accept-encoding", "gzip")
		if !c.hit || gunzip(t, c.text()) != body {
			t.Fatalf("hit %t: %v", c.hit, c.fields)
		}
		for name, want := range map[string]string{
			"content-encoding": "gzip", "vary": "Accept-Encoding", "content-type": "text/html", "cache-control": "max-age=60",
			"content-length": strconv.Itoa(len(c.text())), "date": first.field("date"), "last-modified": first.field("last-modified"),
		} {
			if got := c.field(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if c.age != "3" || !strings.HasPrefix(c.field("etag"), `"v1-gzip-`) {
			t.Errorf("age %s, etag %s", c.age, c.field("etag"))
		}
		var e encode.Encoders
		if want, _ := e.Encode(encode.Gzip, []byte(body), 5000); !bytes.Equal(want, []byte(c.text())) {
			t.Error("it is not what the library makes")
		}
		if head := r.ask("HEAD", "/a", "accept-encoding", "gzip"); fmt.Sprint(head.fields) != fmt.Sprint(c.fields) || head.text() != "" {
			t.Errorf("HEAD has %v", head.fields)
		}
		for _, accept := range []string{"", "identity", "gzip;q=0", "deflate", "gzip;q=0.5, identity"} {
			if c := r.get("/a", "accept-encoding", accept); c.text() != body || c.field("content-encoding") != "" || c.field("vary") == "" || c.field("etag") != `"v1"` {
				t.Errorf("%q gets %v", accept, c.fields)
			}
		}
		if c := r.get("/a", "accept-encoding", "gzip", "cache-control", "no-transform"); !c.hit || c.text() != body {
			t.Errorf("a request with no-transform: hit %t, %v", c.hit, c.fields)
		}
		// Another one that the site prefers is made when a client takes it.
		if c := r.get("/a", "accept-encoding", "gzip, br"); c.field("content-encoding") != "gzip" {
			t.Errorf("while br is made: %v", c.fields)
		}
		synctest.Wait()
		if c := r.get("/a", "accept-encoding", "gzip, br"); c.field("content-encoding") != "br" {
			t.Errorf("when br is made: %v", c.fields)
		}
		if n := r.origin.count(); n != 1 {
			t.Errorf("%d fetches", n)
		}
		x, err := r.Explain(Question{URL: "https://example.com/a"})
		if err != nil || len(x.Variants) != 1 || len(x.Variants[0].Codings) != 2 || x.Variants[0].Codings[0].Coding != "br" || x.Variants[0].Codings[0].Bytes < 100 {
			t.Errorf("explained: %+v, %v", x, err)
		}
		for coding, want := range map[metrics.Coding]uint64{metrics.CodingBrotli: 1, metrics.CodingGzip: 1, metrics.CodingZstd: 0} {
			if n := r.metrics.Compressions.Value(coding, metrics.CompressionMade); n != want {
				t.Errorf("%d made of coding %d, want %d", n, coding, want)
			}
		}
	})
}

// TestNotCompressed: what may not be coded is neither coded nor marked.
func TestNotCompressed(t *testing.T) {
	html := []string{"content-type", "text/html", "cache-control", "max-age=60"}
	for _, tt := range []struct {
		about  string
		status int
		size   int
		fields []string
		asked  []string
		coding *encode.Policy
		vary   string
	}{
		{about: "no policy", status: 200, size: 5000, fields: html},
		{about: "too small", status: 200, size: 99, fields: html, coding: coder(encode.Gzip)},
		{about: "an image", status: 200, size: 5000, fields: []string{"content-type", "image/png", "cache-control", "max-age=60"}, coding: coder(encode.Gzip)},
		{about: "no-transform", status: 200, size: 5000, fields: []string{"content-type", "text/html", "cache-control", "max-age=60, no-transform"}, coding: coder(encode.Gzip)},
		{about: "the origin's coding", status: 200, size: 5000, fields: append(html, "content-encoding", "br", "vary", "accept-encoding"), coding: coder(encode.Gzip), vary: "accept-encoding"},
		{about: "not found", status: 404, size: 5000, fields: html, coding: coder(encode.Gzip)},
		{about: "a digest", status: 200, size: 5000, fields: append(html, "content-digest", "sha-256=:AA==:"), coding: coder(encode.Gzip)},
		{about: "no-transform for caches like this one", status: 200, size: 5000, fields: append(html, "cdn-cache-control", "max-age=60, no-transform"), coding: coder(encode.Gzip)},
		{about: "of a user", status: 200, size: 5000, fields: []string{"content-type", "text/html", "cache-control", "max-age=60, public"}, asked: []string{"authorization", "Basic eDp5"}, coding: coder(encode.Gzip)},
	} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{coding: tt.coding}, always(tt.status, page(tt.size), tt.fields...))
			c := r.coded("/a", append(tt.asked, "accept-encoding", "gzip")...)
			if !c.hit || c.text() != page(tt.size) || c.field("vary") != tt.vary {
				t.Errorf("%s: hit %t, %v", tt.about, c.hit, c.fields)
			}
		})
	}
}

// TestOriginVaries: an origin that varies by Accept-Encoding keeps its variants, and
// what it has not coded for a request that accepts it is coded here.
func TestOriginVaries(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		body := page(5000)
		r := newRig(t, knobs{coding: coder(encode.Gzip)}, func(_ int, _ context.Context, asked *origin.Request, sink origin.Sink) error {
			all := []string{"content-type", "text/html", "cache-control", "max-age=60", "vary", "Accept-Encoding"}
			if accept, _ := asked.Field("accept-encoding"); strings.Contains(accept, "br") {
				return give(sink, 200, "coded by the origin", append(all, "content-encoding", "br")...)
			}
			return give(sink, 200, body, all...)
		})
		if c := r.coded("/a", "accept-encoding", "gzip, br"); !c.hit || c.text() != "coded by the origin" || c.field("content-encoding") != "br" {
			t.Errorf("the origin's own: %v", c.fields)
		}
		if c := r.coded("/a", "accept-encoding", "gzip"); gunzip(t, c.text()) != body || c.field("vary") != "Accept-Encoding" {
			t.Errorf("its content: %v", c.fields)
		}
		if c := r.coded("/a"); c.text() != body {
			t.Errorf("without Accept-Encoding: %v", c.fields)
		}
	})
}

// TestNoGain: a content that is hardly smaller is coded once, and never again.
func TestNoGain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var noise strings.Builder
		for i := range 3000 {
			noise.WriteByte(byte(i * i * 7 >> 3 * i))
		}
		random := noise.String()[:150]
		r := newRig(t, knobs{coding: coder(encode.Gzip)}, always(200, random, "content-type", "text/plain", "cache-control", "max-age=60"))
		for range 5 {
			if c := r.coded("/a", "accept-encoding", "gzip"); c.text() != random {
				t.Errorf("%v", c.fields)
			}
			time.Sleep(2 * time.Second)
		}
		if n := r.metrics.Compressions.Value(metrics.CodingGzip, metrics.CompressionNoGain); n != 1 {
			t.Errorf("tried %d times", n)
		}
	})
}

// TestCodedConditions: the entity tags of all representations that a client accepts
// are current, and each range is of the one that its tag names.
func TestCodedConditions(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		body := page(5000)
		r := newRig(t, knobs{coding: coder(encode.Brotli, encode.Gzip)}, always(200, body,
			"content-type", "text/html", "etag", `"v1"`, "cache-control", "max-age=600", "last-modified", "Fri, 31 Dec 1999 00:00:00 GMT", "accept-ranges", "bytes"))
		gz := r.coded("/a", "accept-encoding", "gzip")
		br := r.coded("/a", "accept-encoding", "br")
		gzTag, brTag := gz.field("etag"), br.field("etag")
		const both = "gzip, br"
		for _, tt := range []struct {
			about, accept string
			asked         []string
			status        int
			tag, body     string
		}{
			{"its own tag", "gzip", []string{"if-none-match", gzTag}, 304, gzTag, ""},
			{"the tag as it is, by a client that had it before", "gzip", []string{"if-none-match", `"v1"`}, 304, `"v1"`, ""},
			{"the tag of another coding that it accepts", both, []string{"if-none-match", gzTag}, 304, gzTag, ""},
			{"one of several", both, []string{"if-none-match", `"other", ` + gzTag}, 304, gzTag, ""},
			{"all of them: the best is it", both, []string{"if-none-match", `"v1", ` + gzTag + ", " + brTag}, 304, brTag, ""},
			{"weak", "gzip", []string{"if-none-match", "W/" + gzTag}, 304, gzTag, ""},
			{"any", "gzip", []string{"if-none-match", "*"}, 304, gzTag, ""},
			{"the tag of a coding that it does not accept", "", []string{"if-none-match", gzTag}, 200, `"v1"`, body},
			{"the tag as it is, which it does not accept", "gzip, identity;q=0", []string{"if-none-match", `"v1"`}, 200, gzTag, gz.text()},
			{"another tag", "gzip", []string{"if-none-match", `"v0"`}, 200, gzTag, gz.text()},
			{"a tag that begins so", "gzip", []string{"if-none-match", `"v1-gzip"`}, 200, gzTag, gz.text()},
			{"a date", "gzip", []string{"if-modified-since", "Fri, 31 Dec 1999 00:00:00 GMT"}, 304, gzTag, ""},
			{"a range is of the content as it is", "gzip", []string{"range", "bytes=0-9"}, 206, `"v1"`, body[:10]},
			{"if it is acceptable", "gzip, identity;q=0", []string{"range", "bytes=0-9"}, 206, gzTag, gz.text()[:10]},
			{"If-Range names it", "gzip", []string{"range", "bytes=10-19", "if-range", `"v1"`}, 206, `"v1"`, body[10:20]},
			{"If-Range names a coding", "gzip", []string{"range", "bytes=10-19", "if-range", gzTag}, 206, gzTag, gz.text()[10:20]},
			{"the other one", both, []string{"if-range", gzTag, "range", "bytes=10-"}, 206, gzTag, gz.text()[10:]},
			{"another version", "gzip", []string{"range", "bytes=10-19", "if-range", `"v0"`}, 200, `"v1"`, body},
			{"a date is of the content as it is", "gzip", []string{"range", "bytes=10-19", "if-range", "Fri, 31 Dec 1999 00:00:00 GMT"}, 206, `"v1"`, body[10:20]},
			{"beyond the end", "gzip", []string{"range", "bytes=9000-", "if-range", gzTag}, 416, "", ""},
		} {
			c := r.get("/a", append(tt.asked, "accept-encoding", tt.accept)...)
			if !c.hit || c.status != tt.status || c.field("etag") != tt.tag || tt.status < 300 && c.text() != tt.body || c.field("vary") != "Accept-Encoding" && tt.status < 400 {
				t.Errorf("%s: hit %t, %d, %v", tt.about, c.hit, c.status, c.fields)
			}
			if coded := c.status < 300 && c.field("etag") != `"v1"`; coded != (c.field("content-encoding") != "") {
				t.Errorf("%s: %v", tt.about, c.fields)
			}
		}
	})
}

// TestCodedRevalidation: the origin is asked about its own tag, a 304 keeps what was
// coded, and another content drops it.
func TestCodedRevalidation(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		version := 1
		r := newRig(t, knobs{coding: coder(encode.Gzip)}, func(_ int, _ context.Context, asked *origin.Request, sink origin.Sink) error {
			tag := fmt.Sprintf(`"v%d"`, version)
			all := []string{"content-type", "text/html", "etag", tag, "cache-control", "max-age=10"}
			if match, _ := asked.Field("if-none-match"); match == tag {
				return give(sink, 304, "", append(all[2:], "x-seen", "again")...)
			}
			return give(sink, 200, page(5000+version), all...)
		})
		first := r.coded("/a", "accept-encoding", "gzip")
		time.Sleep(11 * time.Second)
		again := r.get("/a", "accept-encoding", "gzip", "if-none-match", `"unknown"`)
		if last := r.origin.last(); last.field("if-none-match") != `"v1"` {
			t.Errorf("the origin is asked about %q", last.field("if-none-match"))
		}
		if again.hit || again.text() != first.text() || again.field("etag") != first.field("etag") || again.field("x-seen") != "again" {
			t.Errorf("the answer that a 304 confirmed: %v", again.fields)
		}
		if c := r.get("/a", "accept-encoding", "gzip"); !c.hit || c.text() != first.text() || c.age != "0" {
			t.Errorf("the hit after it: age %s, %v", c.age, c.fields)
		}
		if c := r.get("/a"); c.text() != page(5001) || c.field("vary") != "Accept-Encoding" {
			t.Errorf("as it is: %v", c.fields)
		}
		if n := r.metrics.Compressions.Value(metrics.CodingGzip, metrics.CompressionMade); n != 1 {
			t.Errorf("coded %d times", n)
		}
		version = 2
		time.Sleep(11 * time.Second)
		if c := r.get("/a", "accept-encoding", "gzip", "if-none-match", first.field("etag")); c.status != 200 || c.text() != page(5002) {
			t.Errorf("another content: %d, %v", c.status, c.fields)
		}
		if c := r.coded("/a", "accept-encoding", "gzip"); gunzip(t, c.text()) != page(5002) {
			t.Errorf("its coding: %v", c.fields)
		}
		// An unsafe request drops all of it at once.
		r.ask("POST", "/a")
		if c := r.get("/a", "accept-encoding", "gzip"); c.hit || c.field("content-encoding") != "" {
			t.Errorf("after a POST: hit %t, %v", c.hit, c.fields)
		}
	})
}

// TestCodedFileKept: a file that is asked for now and then keeps its codings as long
// as it is the same, though it is looked at each time.
func TestCodedFileKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		first := message.New(200, fields("content-type", "text/css"), []byte(page(3000)), `"1"`, time.Time{})
		current := first
		o := &fileOrigin{}
		o.get = func(_ context.Context, _ string, stored *origin.Answer) (origin.Answer, error) {
			a := origin.Answer{Response: current, Store: true, Fresh: time.Second, Stale: time.Second}
			if stored != nil && stored.Response.ETag == current.ETag {
				return *stored, nil // as a directory does
			}
			return a, nil
		}
		r := newRig(t, knobs{files: o, coding: coder(encode.Gzip)}, nil)
		r.coded("/a", "accept-encoding", "gzip")
		for range 3 {
			time.Sleep(time.Minute)
			if c := r.get("/a", "accept-encoding", "gzip"); c.hit || gunzip(t, c.text()) != page(3000) {
				t.Errorf("hit %t, %v", c.hit, c.fields)
			}
		}
		if n := r.metrics.Compressions.Value(metrics.CodingGzip, metrics.CompressionMade); n != 1 {
			t.Errorf("coded %d times", n)
		}
		current = message.New(200, fields("content-type", "text/css"), []byte(page(4000)), `"2"`, time.Time{})
		time.Sleep(time.Minute)
		if c := r.get("/a", "accept-encoding", "gzip"); c.text() != page(4000) {
			t.Errorf("a file that has changed: %v", c.fields)
		}
	})
}

// TestCodedRules: the rules of a site hold for codings too, and may forbid them.
func TestCodedRules(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		for _, tt := range []struct {
			about string
			set   hpack.Field
			coded bool
		}{
			{"a field is set", hpack.Field{Name: "x-site", Value: "1"}, true},
			{"Vary is set", hpack.Field{Name: "vary", Value: "Origin"}, true},
			{"the content is coded, says a rule", hpack.Field{Name: "content-encoding", Value: "gzip"}, false},
			{"it may not be transformed, says a rule", hpack.Field{Name: "cache-control", Value: "no-transform"}, false},
		} {
			r := newRig(t, knobs{coding: coder(encode.Gzip)}, always(200, page(5000), "content-type", "text/html", "cache-control", "max-age=60"))
			r.sites.Load().Sites()[0].Answers = rules.NewAnswers(&rules.Fields{Set: []hpack.Field{tt.set}}, nil, false)
			c := r.coded("/a", "accept-encoding", "gzip")
			if coded := c.text() != page(5000); coded != tt.coded || !strings.Contains(c.field(tt.set.Name), tt.set.Value) {
				t.Errorf("%s: coded %t, %v", tt.about, coded, c.fields)
			}
			if tt.coded != strings.Contains(c.field("vary"), "Accept-Encoding") {
				t.Errorf("%s: Vary is %q", tt.about, c.field("vary"))
			}
		}
	})
}

// TestCompressorsFull: with no compressor, or no memory, what is stored is served as
// it is, and the coding is tried again later.
func TestCompressorsFull(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{coding: coder(encode.Gzip), bytes: 4 << 20}, always(200, page(5000), "content-type", "text/html", "cache-control", "max-age=600"))
		r.SetCompressors(0)
		if c := r.coded("/a", "accept-encoding", "gzip"); !c.hit || c.text() != page(5000) {
			t.Errorf("%v", c.fields)
		}
		if n := r.metrics.Compressions.Value(metrics.CodingGzip, metrics.CompressionDropped); n != 1 {
			t.Errorf("%d dropped within a second", n)
		}
		r.SetCompressors(1)
		time.Sleep(compressPause)
		r.store.Ledger().Take(3 << 20)
		r.coded("/a", "accept-encoding", "gzip")
		if n := r.metrics.Compressions.Value(metrics.CodingGzip, metrics.CompressionNoRoom); n != 1 {
			t.Errorf("%d without room", n)
		}
		r.store.Ledger().Give(3 << 20)
		time.Sleep(compressPause)
		r.coded("/a", "accept-encoding", "gzip") // what was stored has made room
		if c := r.get("/a", "accept-encoding", "gzip"); gunzip(t, c.text()) != page(5000) {
			t.Errorf("%v", c.fields)
		}
	})
}

// TestCoderPanics: a panic of a coder ends its job alone, gives the coders' memory
// back, and what is stored is served as it is.
func TestCoderPanics(t *testing.T) {
	r := newRig(t, knobs{}, nil)
	var coders encode.Encoders
	coded, err := r.code(&coders, encode.Identity, []byte("no coder has this coding"), nil, 100)
	if coded != nil || err == nil || !strings.Contains(err.Error(), "panic") {
		t.Errorf("%q, %v", coded, err)
	}
	if n := r.metrics.Panics.Value(); n != 1 {
		t.Errorf("%d panics are counted", n)
	}
	if _, err := r.code(&coders, encode.Gzip, []byte(page(5000)), nil, 5000); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

// TestCodedAgain: a request that repeats gets the coding when it is made, and what
// is in its place when the entry is replaced.
func TestCodedAgain(t *testing.T) {
	r := newRig(t, knobs{coding: coder(encode.Gzip)}, always(200, page(5000), "content-type", "text/html", "cache-control", "max-age=600"))
	r.get("/a")
	c := r.newClient("example.com", "GET", "/a", "accept-encoding", "gzip")
	if !r.Look(&c.looked, &c.request, time.Now()) || !c.looked.Repeatable {
		t.Fatal("no hit")
	}
	plain := c.looked.Response
	for i := 0; c.looked.Response == plain; i++ {
		if i > 5000 || !r.Again(&c.looked, time.Now()) {
			t.Fatalf("%d looks: the coding does not appear", i)
		}
		time.Sleep(time.Millisecond)
	}
	if gunzip(t, string(c.looked.Response.Body)) != page(5000) {
		t.Error("a repeat finds something else")
	}
	for about, look := range map[string]func() bool{
		"Look":  func() bool { return r.Look(&c.looked, &c.request, time.Now()) },
		"Again": func() bool { return r.Again(&c.looked, time.Now()) },
	} {
		if n := testing.AllocsPerRun(100, func() {
			if !look() || c.looked.Response == plain {
				t.Fatal("no coded hit")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", about, n)
		}
	}
	// One that was remembered of what may not be coded is read again when it may.
	kind := "image/png"
	o := newRig(t, knobs{coding: coder(encode.Gzip)}, func(_ int, _ context.Context, _ *origin.Request, sink origin.Sink) error {
		return give(sink, 200, page(5000), "content-type", kind, "cache-control", "max-age=600")
	})
	o.get("/a")
	image := o.newClient("example.com", "GET", "/a", "accept-encoding", "gzip")
	if !o.Look(&image.looked, &image.request, time.Now()) || !image.looked.Repeatable || !o.Again(&image.looked, time.Now()) {
		t.Fatal("no hit")
	}
	kind = "text/html"
	o.store.Remove(string(image.looked.Key))
	o.get("/a")
	if o.Again(&image.looked, time.Now()) {
		t.Error("what may be coded by now is found without a look at what is accepted")
	}
	r.store.Remove(string(c.looked.Key))
	if r.Again(&c.looked, time.Now()) {
		t.Error("what was removed is found again")
	}
}

// TestOwnTags: an upstream gets its own tags for ours, and all else as it is.
func TestOwnTags(t *testing.T) {
	r := newRig(t, knobs{coding: coder(encode.Gzip)}, always(200, page(5000), "content-type", "text/html", "etag", `"v1-br"`, "cache-control", "max-age=600"))
	one := r.sites.Load().Sites()[0]
	ours := message.Stored(200, fields("etag", `"v1-br"`), []byte("x"), 1).Coded("gzip", []byte("y")).ETag
	none := message.Stored(200, nil, []byte("x"), 1).Coded("gzip", []byte("y")).ETag
	for value, want := range map[string]string{
		ours:                     `"v1-br"`,
		"W/" + ours:              `W/"v1-br"`,
		`"a", ` + ours + `, "b"`: `"a", "v1-br", "b"`,
		`"v1-gzip"`:              `"v1-gzip"`,
		`"v1-gzip-short"`:        `"v1-gzip-short"`,
		none:                     none,
		"*":                      "*",
	} {
		asked := fields("if-match", value, "if-none-match", value)
		got := ownTags(one, asked)
		if field(got, "if-match") != want || field(got, "if-none-match") != value || field(asked, "if-match") != value {
			t.Errorf("%s becomes %v, want %s", value, got, want)
		}
	}
	one.Coding = nil
	if got := ownTags(one, fields("if-match", ours)); field(got, "if-match") != ours {
		t.Errorf("without codings: %v", got)
	}
	r.get("/a")
}

// TestCodingNumbers: metrics number the codings as they are made.
func TestCodingNumbers(t *testing.T) {
	for c := range encode.Identity {
		if got := metrics.Coding(c).String(); got != c.String() {
			t.Errorf("%v is counted as %s", c, got)
		}
	}
}

// TestAcceptIsRemembered: what a connection remembers of Accept-Encoding answers a
// request that repeats as it did the first.
func TestAcceptIsRemembered(t *testing.T) {
	for _, accept := range []string{"identity", "identity, gzip;q=0.5", "gzip;q=0.5, identity;q=0.8", "gzip, identity;q=0.5", "*;q=0, identity", "gzip;q=0.1, br;q=0.2, zstd;q=0.3, dcz;q=0.4, dcb;q=0.5, identity;q=0.6"} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, knobs{coding: coder(encode.Gzip)}, always(200, page(5000), "content-type", "text/html", "cache-control", "max-age=60"))
			r.coded("/a", "accept-encoding", "gzip") // gzip is there
			request := r.newClient("example.com", "GET", "/a", "accept-encoding", accept).request
			var l message.Lookup
			if !r.Look(&l, &request, time.Now()) {
				t.Fatalf("%s: no hit", accept)
			}
			first := l.Response
			if !r.Again(&l, time.Now()) || l.Response != first {
				t.Errorf("%s: the second time it is another response", accept)
			}
		})
	}
}

// TestDeltas: a client that has what was stored before gets what differs, and no
// other does.
func TestDeltas(t *testing.T) {
	for _, c := range []encode.Coding{encode.Dcz, encode.Dcb} {
		t.Run(c.String(), func(t *testing.T) { testDeltas(t, c) })
	}
}

func testDeltas(t *testing.T, delta encode.Coding) {
	token := delta.String()
	inBubble(t, func(t *testing.T) {
		p := coder(delta, encode.Gzip)
		p.Deltas = true
		version := 1
		script := func() string { return fmt.Sprintf("// version %d\n", version) + page(5000) }
		r := newRig(t, knobs{coding: p}, func(_ int, _ context.Context, _ *origin.Request, sink origin.Sink) error {
			return give(sink, 200, script(), "content-type", "text/javascript", "etag", fmt.Sprintf(`"v%d"`, version), "cache-control", "max-age=10")
		})
		first := r.get("/app.js?a=b")
		if first.field("use-as-dictionary") != `match="/app.js"` || first.field("vary") != "Accept-Encoding|Available-Dictionary" {
			t.Errorf("the first one has %v", first.fields)
		}
		dictionary := encode.NewDictionary([]byte(first.text()))
		asked := []string{"accept-encoding", "gzip, " + token, "available-dictionary", dictionary.Available()}
		if c := r.coded("/app.js?a=b", asked...); gunzip(t, c.text()) != script() {
			t.Errorf("nothing was there before: %v", c.fields)
		}
		version = 2
		time.Sleep(11 * time.Second)
		r.get("/app.js?a=b") // the second version
		c := r.coded("/app.js?a=b", asked...)
		if c.field("content-encoding") != token || c.field("vary") != "Accept-Encoding|Available-Dictionary" || !strings.HasPrefix(c.field("etag"), `"v2-`+token+"-") {
			t.Fatalf("%v", c.fields)
		}
		var coders encode.Encoders
		if want, _ := coders.EncodeDelta(delta, []byte(script()), dictionary, 5000); c.text() != string(want) {
			t.Errorf("%d bytes of %s are not the %d that the library makes", len(c.text()), token, len(want))
		}
		if c.looked.Repeatable {
			t.Error("it is remembered, though another content would have another dictionary")
		}
		for about, other := range map[string][]string{
			"another dictionary":            {"accept-encoding", "gzip, " + token, "available-dictionary", encode.NewDictionary([]byte("x")).Available()},
			"the one of the content itself": {"accept-encoding", "gzip, " + token, "available-dictionary", encode.NewDictionary([]byte(script())).Available()},
			"no dictionary":                 {"accept-encoding", "gzip, " + token},
			"what is no field":              {"accept-encoding", "gzip, " + token, "available-dictionary", "x"},
			"a client without it":           {"accept-encoding", "gzip", "available-dictionary", dictionary.Available()},
			"all but it":                    {"accept-encoding", "*, " + token + ";q=0", "available-dictionary", dictionary.Available()},
		} {
			if c := r.coded("/app.js?a=b", other...); c.field("content-encoding") != "gzip" || gunzip(t, c.text()) != script() {
				t.Errorf("%s: %v", about, c.fields)
			}
		}
		// The third: the first is no dictionary any more.
		version = 3
		time.Sleep(11 * time.Second)
		r.get("/app.js?a=b")
		if c := r.coded("/app.js?a=b", asked...); c.field("content-encoding") != "gzip" {
			t.Errorf("two versions later: %v", c.fields)
		}
		if c := r.get("/a(b)"); c.field("use-as-dictionary") != "" || c.field("vary") != "Accept-Encoding" {
			t.Errorf("a path that is a pattern: %v", c.fields)
		}
	})
}
