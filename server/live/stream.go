package live

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// serveStream sends events until the reader leaves or takes nothing, the
// stream is as old as it may get, or there will be no more.
func (r *Recorder) serveStream(w http.ResponseWriter, req *http.Request) {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		w.Header().Set("Retry-After", "10")
		http.Error(w, fmt.Sprintf("%d readers are here already, and there may be no more: close a page", maxReaders), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	if req.Method == http.MethodHead {
		return
	}
	control := http.NewResponseController(w)
	send := func(text []byte) bool {
		return control.SetWriteDeadline(time.Now().Add(writeTimeout)) == nil && write(w, text) && control.Flush() == nil
	}
	if !send(fmt.Appendf(nil, "retry: 1000\nevent: start\ndata: %d\n\n", r.start.UnixMilli())) { // retry in ms
		return
	}

	end := time.NewTimer(streamTime)
	defer end.Stop()
	moment, _ := strconv.ParseInt(req.Header.Get("Last-Event-ID"), 10, 64) // none: all that is kept
	if moment > time.Now().UnixMilli() {
		moment = 0 // of another clock
	}
	for {
		var (
			events []byte
			more   <-chan struct{}
		)
		events, moment, more = r.since(moment)
		if len(events) > 0 && !send(events) {
			return
		}
		select {
		case <-more:
		case <-end.C:
			return
		case <-r.done:
			return
		case <-req.Context().Done():
			return
		}
	}
}

func write(w io.Writer, text []byte) bool {
	_, err := w.Write(text)
	return err == nil
}
