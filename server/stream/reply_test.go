package stream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

var page = message.New(http.StatusTeapot, nil, []byte("short and stout"), "", time.Time{})

// posted is what a handler's calls leave for the connection: messages, and the
// content beside them.
func posted(t *testing.T, headOnly bool, body *Body, do func(r *Reply[int])) (messages []Message[int], content string, end message.Part) {
	t.Helper()
	inbox := &Inbox[int]{Wake: func() {}}
	out := NewOutput(nil)
	do(NewReply(inbox, 7, out, body, headOnly))
	for _, m := range inbox.Take() {
		if m.Stream != 7 {
			t.Errorf("a message of stream %d", m.Stream)
		}
		messages = append(messages, m)
	}
	b, part := out.Take(nil, 1<<20)
	return messages, string(b), part
}

func kinds(messages []Message[int]) []Kind {
	var all []Kind
	for _, m := range messages {
		all = append(all, m.Kind)
	}
	return all
}

// TestReply: the calls of a handler, and what the connection gets of them.
func TestReply(t *testing.T) {
	head := func(length int64) message.Head { return message.Head{Status: 200, Length: length} }
	long := strings.Repeat("x", smallBody+1)
	for _, tt := range []struct {
		name     string
		headOnly bool
		do       func(r *Reply[int]) error
		err      error // of the last call
		want     []Kind
		length   int64 // of the head message
		ended    bool  // by the head message
		content  string
	}{
		{name: "a short content leaves with its head, which has its length", do: func(r *Reply[int]) error {
			_ = r.Head(head(-1))
			_, _ = r.Write([]byte("bo"))
			_, _ = r.Write([]byte("dy"))
			return r.End(nil)
		}, want: []Kind{Head}, length: 4, content: "body"},
		{name: "no content", do: func(r *Reply[int]) error {
			_ = r.Head(head(-1))
			return r.End(nil)
		}, want: []Kind{Head}, length: 0, ended: true},
		{name: "a long content of unknown length", do: func(r *Reply[int]) error {
			_ = r.Head(head(-1))
			_, _ = r.Write([]byte(long))
			return r.End(nil)
		}, want: []Kind{Head, Written, Written}, length: -1, content: long},
		{name: "what is flushed leaves at once", do: func(r *Reply[int]) error {
			_ = r.Head(head(-1))
			_, _ = r.Write([]byte("a"))
			_ = r.Flush()
			_, _ = r.Write([]byte("b"))
			return r.End(nil)
		}, want: []Kind{Head, Written, Written, Written}, length: -1, content: "ab"},
		{name: "trailers need no length", do: func(r *Reply[int]) error {
			_ = r.Head(head(-1))
			_, _ = r.Write([]byte("a"))
			return r.End([]hpack.Field{{Name: "x", Value: "y"}})
		}, want: []Kind{Head}, length: -1, content: "a"},
		{name: "HEAD: the content is counted, not sent", headOnly: true, do: func(r *Reply[int]) error {
			_ = r.Head(head(-1))
			_, _ = r.Write([]byte(long))
			return r.End(nil)
		}, want: []Kind{Head}, length: int64(len(long)), ended: true},
		{name: "HEAD with a length that nothing is written of", headOnly: true, do: func(r *Reply[int]) error {
			_ = r.Head(head(9))
			return r.End(nil)
		}, want: []Kind{Head}, length: 9, ended: true},
		{name: "less than declared breaks off: a 500, as nothing was sent", do: func(r *Reply[int]) error {
			_ = r.Head(head(5))
			_, _ = r.Write([]byte("body"))
			return r.End(nil)
		}, err: http.ErrContentLength, want: []Kind{Send}},
		{name: "less than declared, when part was sent", do: func(r *Reply[int]) error {
			_ = r.Head(head(5))
			_, _ = r.Write([]byte("body"))
			_ = r.Flush()
			return r.End(nil)
		}, err: http.ErrContentLength, want: []Kind{Head, Written, Abort}, length: 5, content: "body"},
		{name: "more than declared is refused", do: func(r *Reply[int]) error {
			_ = r.Head(head(3))
			_, err := r.Write([]byte("body"))
			return err
		}, err: http.ErrContentLength},
		{name: "content of a 204", do: func(r *Reply[int]) error {
			_ = r.Head(message.Head{Status: 204, Length: -1})
			_, err := r.Write([]byte("x"))
			return err
		}, err: http.ErrBodyNotAllowed},
		{name: "content before a head", do: func(r *Reply[int]) error { _, err := r.Write(nil); return err }, err: errNoHead},
		{name: "an end before a head", do: func(r *Reply[int]) error { return r.End(nil) }, err: errNoHead},
		{name: "a whole response", do: func(r *Reply[int]) error { r.Send(page); return r.Head(head(0)) }, err: errAnswered, want: []Kind{Send}},
		{name: "two whole responses: the first counts", do: func(r *Reply[int]) error { r.Send(page); r.Send(page); r.Abort(); return nil }, want: []Kind{Send}},
		{name: "a whole response behind a head breaks off", do: func(r *Reply[int]) error {
			_ = r.Head(head(-1))
			_ = r.Flush()
			r.Send(page)
			return nil
		}, want: []Kind{Head, Abort}, length: -1},
		{name: "an informational response, then the final one", do: func(r *Reply[int]) error {
			_ = r.Inform(103, nil)
			_ = r.Head(head(-1))
			return r.End(nil)
		}, want: []Kind{Inform, Head}, ended: true},
		{name: "an informational status is no final one", do: func(r *Reply[int]) error { return r.Head(message.Head{Status: 103}) }, err: errors.ErrUnsupported},
		{name: "nothing, and then abort", do: func(r *Reply[int]) error { r.Abort(); r.Abort(); return nil }, want: []Kind{Send}},
		{name: "a tunnel of a request that asks for none", do: func(r *Reply[int]) error { _, err := r.Tunnel(101, nil); return err }, err: errors.ErrUnsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			messages, content, _ := posted(t, tt.headOnly, nil, func(r *Reply[int]) { err = tt.do(r) })
			switch {
			case tt.err == errors.ErrUnsupported: // any error
				if err == nil {
					t.Error("no error")
				}
			case !errors.Is(err, tt.err):
				t.Errorf("%v, want %v", err, tt.err)
			}
			if got := kinds(messages); !slices.Equal(got, tt.want) {
				t.Errorf("messages %v, want %v", got, tt.want)
			}
			for _, m := range messages {
				if m.Kind == Head && (m.Head.Length != tt.length || m.Ended != tt.ended) {
					t.Errorf("the head's length is %d, ended %v; want %d, %v", m.Head.Length, m.Ended, tt.length, tt.ended)
				}
			}
			if content != tt.content {
				t.Errorf("%d bytes of content, want %d", len(content), len(tt.content))
			}
		})
	}
}

// TestReplyWithoutHopByHop: trailers that would frame or route the message are
// left out (RFC 9110 §6.5.1).
func TestReplyWithoutHopByHop(t *testing.T) {
	_, _, part := posted(t, false, nil, func(r *Reply[int]) {
		_ = r.Head(message.Head{Status: 200, Length: -1})
		_ = r.End([]hpack.Field{{Name: "content-length", Value: "1"}, {Name: "x", Value: "y"}, {Name: "transfer-encoding", Value: "z"}})
	})
	if len(part.Trailers) != 1 || part.Trailers[0].Name != "x" {
		t.Errorf("%v", part.Trailers)
	}
}

// TestTunnel: both ways, with the half close of each.
func TestTunnel(t *testing.T) {
	body := NewBody(nil, func(int) {}, nil)
	messages, content, part := posted(t, false, body, func(r *Reply[int]) {
		r.Explain(message.Outcome{Result: metrics.Bypass})
		c, err := r.Tunnel(101, []hpack.Field{{Name: "upgrade", Value: "echo"}})
		if err != nil {
			t.Fatal(err)
		}
		body.Add([]byte("ping"))
		body.End()
		if got, err := io.ReadAll(c); string(got) != "ping" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		_, _ = c.Write([]byte("pong"))
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
		_ = c.Close()
	})
	if messages[0].Kind != Tunnel || messages[0].Head.Status != 101 {
		t.Errorf("%+v", messages[0])
	}
	if content != "pong" || !part.End {
		t.Errorf("%q, %+v", content, part)
	}
}

// TestRun: whatever a handler does, the exchange is answered once and ends.
func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name   string
		serve  message.HandlerFunc
		want   []Kind
		panics uint64
	}{
		{"an answer", func(_ context.Context, x *message.Exchange) { x.Reply.Send(page) }, []Kind{Send, Done}, 0},
		{"no answer is a 500", func(context.Context, *message.Exchange) {}, []Kind{Done, Send}, 0},
		{"a panic is a 500", func(context.Context, *message.Exchange) { panic("a test") }, []Kind{Done, Send}, 1},
		{"an abort is no panic", func(context.Context, *message.Exchange) { panic(http.ErrAbortHandler) }, []Kind{Done, Send}, 0},
		{"a panic behind the head breaks off", func(_ context.Context, x *message.Exchange) {
			_ = x.Reply.Head(message.Head{Status: 200, Length: -1})
			_ = x.Reply.Flush()
			panic("a test")
		}, []Kind{Head, Done, Abort}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := metrics.NewHotpath(metrics.Options{Stripes: 1})
			messages, _, _ := posted(t, false, nil, func(r *Reply[int]) {
				x := &message.Exchange{Peer: &net.TCPAddr{}, Reply: r}
				done := make(chan struct{})
				go func() {
					defer close(done)
					Run(t.Context(), Env{Handler: tt.serve, Metrics: m, Log: slog.New(slog.DiscardHandler)}, x, r, m.Stripe())
				}()
				<-done
			})
			if got := kinds(messages); !slices.Equal(got, tt.want) {
				t.Errorf("messages %v, want %v", got, tt.want)
			}
			if n := m.Panics.Value(); n != tt.panics {
				t.Errorf("%d panics", n)
			}
		})
	}
}

// TestInboxClosed: messages to a connection that has ended let go of what they
// carry.
func TestInboxClosed(t *testing.T) {
	inbox := &Inbox[int]{Wake: func() {}}
	g := message.NewGrowing(-1, 10)
	inbox.Post(Message[int]{Kind: Follow, Follower: g.Follow()})
	inbox.Close()
	inbox.Post(Message[int]{Kind: Follow, Follower: g.Follow()})
	if n := g.Followers(); n != 0 {
		t.Errorf("%d followers are kept", n)
	}
	if inbox.Take() != nil {
		t.Error("a closed inbox has messages")
	}
}
