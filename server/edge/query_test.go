package edge

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// query is a QUERY with content.
func (r *rig) query(path, content string, pairs ...string) *client {
	c := r.newClient("example.com", "QUERY", path, pairs...)
	c.content = content
	c.start()
	return c
}

// echo answers with the content of requests.
func echo(pairs ...string) script {
	return func(_ int, ctx context.Context, q *origin.Request, sink origin.Sink) error {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		content := ""
		if q.Body != nil {
			b, err := io.ReadAll(q.Body)
			if err != nil {
				return err
			}
			content = string(b)
		}
		return give(sink, 200, q.Method+" "+content, pairs...)
	}
}

// TestQuery: the answer to a QUERY is stored for its target, its content and what that
// means, and for nothing else.
func TestQuery(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, echo("cache-control", "max-age=60"))
		json := []string{"content-type", "application/json"}
		want := func(c *client, text string, asked int) {
			t.Helper()
			if c.wait(); c.text() != text || r.origin.count() != asked {
				t.Errorf("%q, and the origin was asked %d times; want %q, %d: %s", c.text(), r.origin.count(), text, asked, c.outcome.Status)
			}
		}
		first, second := r.query("/a", "x", json...), r.query("/a", "x", json...)
		want(first, "QUERY x", 1)
		want(second, "QUERY x", 1) // they were one fetch
		want(r.query("/a", "x", json...), "QUERY x", 1)
		want(r.query("/a", "y", json...), "QUERY y", 2)
		want(r.query("/a", "x", "content-type", "text/plain"), "QUERY x", 3)
		want(r.query("/b", "x", json...), "QUERY x", 4)
		want(r.query("/a?x", "x", json...), "QUERY x", 5)
		want(r.begin("GET", "/a", json...), "GET ", 6)
		want(r.query("/a", "x", json...), "QUERY x", 6)

		time.Sleep(time.Second)
		r.ask("POST", "/a") // changes it
		time.Sleep(time.Second)
		want(r.query("/a", "x", json...), "QUERY x", 8)
		want(r.query("/a", "x", json...), "QUERY x", 8)
		want(r.query("/b", "x", json...), "QUERY x", 8)
		if _, err := r.Purge(Purge{URLs: []string{"https://example.com/a"}}); err != nil {
			t.Fatal(err)
		}
		want(r.query("/a", "x", json...), "QUERY x", 9)
		explain := func(content, want string, keyed int, contentType ...string) {
			t.Helper()
			q := Question{Method: "QUERY", URL: "https://example.com/a", Content: content, Fields: fields(contentType...)}
			if x, err := r.Explain(q); err != nil || !strings.HasPrefix(x.Outcome, want) || len(x.Keyed) != keyed {
				t.Errorf("%+v, %v; want %s", x, err, want)
			}
		}
		explain("x", "a hit", 1, json...)
		explain("x", "fetched from the origin; requests for the same wait", 1)
		explain("", "fetched from the origin; requests for the same wait", 1, json...)
		explain(strings.Repeat("x", maxQuery+1), "passed on", 0, json...)
		if _, err := r.Explain(Question{URL: "https://example.com/a", Content: "x"}); err == nil {
			t.Error("the content of a GET is explained")
		}
	})
}

// TestQueryIsValidated with its content, and not in the background.
func TestQueryIsValidated(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, func(n int, _ context.Context, q *origin.Request, sink origin.Sink) error {
			b, err := io.ReadAll(q.Body)
			if err != nil || string(b) != "x" || q.Length != 1 {
				t.Errorf("request %d has %q of %d, %v", n, b, q.Length, err)
			}
			if field(q.Fields, "if-none-match") == `"1"` {
				return give(sink, 304, "", "etag", `"1"`, "cache-control", "max-age=5, stale-while-revalidate=60")
			}
			return give(sink, 200, "x", "etag", `"1"`, "cache-control", "max-age=5, stale-while-revalidate=60")
		})
		r.query("/a", "x").wait()
		time.Sleep(10 * time.Second)
		if c := r.query("/a", "x").wait(); !strings.Contains(c.outcome.Status, "detail=revalidated") || c.text() != "x" {
			t.Errorf("%q, %s", c.text(), c.outcome.Status)
		}
		synctest.Wait()
		if n := r.origin.count(); n != 2 {
			t.Errorf("the origin was asked %d times, want 2", n)
		}
	})
}

// TestQueryPassedOn: what is too long to be a key is passed on whole, and not stored;
// one that breaks off breaks off for the origin.
func TestQueryPassedOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, knobs{}, echo("cache-control", "max-age=60"))
		long := strings.Repeat("x", maxQuery+1)
		for range 2 {
			if c := r.query("/a", long).wait(); c.text() != "QUERY "+long || !strings.Contains(c.outcome.Status, "fwd=bypass") {
				t.Errorf("%d bytes, %s", len(c.text()), c.outcome.Status)
			}
		}
		c := r.newClient("example.com", "QUERY", "/a")
		x := &message.Exchange{Request: c.request, Proto: message.HTTP11, Peer: peer, Local: func() net.Addr { return peer }, Reply: c, Length: -1,
			Body: io.NopCloser(io.MultiReader(strings.NewReader("part"), failing{errors.New("the client is gone")}))}
		r.Serve(c.ctx, x)
		if c.status != 502 {
			t.Errorf("a content that breaks off is answered with %d", c.status)
		}
		if n := r.store.Cache().Len(); n != 0 {
			t.Errorf("%d entries", n)
		}
	})
}
