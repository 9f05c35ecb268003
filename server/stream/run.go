package stream

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// Env is what all handlers share.
type Env struct {
	Handler message.Handler
	Metrics *metrics.Hotpath
	Log     *slog.Logger
}

// RequestBytes is about what the text of a request takes in memory.
func RequestBytes(r *message.Request) int64 {
	n := len(r.Method) + len(r.Scheme) + len(r.Authority) + len(r.Path)
	for i := range r.Fields {
		n += len(r.Fields[i].Name) + len(r.Fields[i].Value) + fieldBytes
	}
	return int64(n)
}

// fieldBytes is what an hpack.Field takes beside its text.
const fieldBytes = 40

// Run is the handler's goroutine: it serves x, whose reply is r, and sees to it
// that the exchange ends, which began in its Share with RequestBytes of it. A
// panic becomes a 500, or breaks the response off.
func Run[S any](ctx context.Context, env Env, x *message.Exchange, r *Reply[S], stripe metrics.Stripe) {
	defer x.Share.End(RequestBytes(&x.Request)) // of what it is now: the handler may change it
	defer func() {
		p := recover()
		if p != nil && p != http.ErrAbortHandler {
			env.Metrics.Panics.Add(stripe, 1)
			env.Log.Error("panic in a handler", "peer", x.Peer.String(), "path", x.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
		if x.Body != nil {
			_ = x.Body.Close() // what comes later is dropped
		}
		// Before the last word: with it the client may open the next stream,
		// for which this one must have made room.
		r.post(Message[S]{Kind: Done})
		r.Abort() // nothing, if the answer is complete
	}()
	env.Handler.Serve(ctx, x)
}
