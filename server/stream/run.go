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

// Run is the handler's goroutine: it serves x, whose reply is r, and sees to it
// that the exchange ends. A panic becomes a 500, or breaks the response off.
func Run[S any](ctx context.Context, h message.Handler, x *message.Exchange, r *Reply[S], m *metrics.Hotpath, stripe metrics.Stripe, log *slog.Logger) {
	defer func() {
		p := recover()
		if p != nil && p != http.ErrAbortHandler {
			m.Panics.Add(stripe, 1)
			log.Error("panic in a handler", "peer", x.Peer.String(), "path", x.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
		if x.Body != nil {
			_ = x.Body.Close() // what comes later is dropped
		}
		// Before the last word: with it the client may open the next stream,
		// for which this one must have made room.
		r.post(Letter[S]{Kind: Done})
		r.Abort() // nothing, if the answer is complete
	}()
	h.Serve(ctx, x)
}
