package access

import (
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/traces"
)

// httpVersions are the versions of HTTP as OpenTelemetry names them.
var httpVersions = [...]string{HTTP11: "1.1", HTTP10: "1.0", HTTP2: "2", HTTP3: "3"}

// serve makes the server span of a record that is traced, and names its trace to the
// histogram of durations: here, on the writer's goroutine, a connection has no part
// in it.
func (r *Recorder) serve(rec *record) {
	if rec.flags&flagTraced != 0 {
		rec.trace = r.cfg.Traces.Chosen(rec.client, view(rec.parent.b))
	} else if rec.flags&flagTrace != 0 {
		rec.trace = r.cfg.Traces.Take(rec.traced)
	}
	if rec.trace == nil {
		return
	}
	reason := ""
	if rec.reason != rfc9111.None {
		reason = rec.reason.String()
	}
	rec.trace.Serve(&traces.Served{
		Method: view(rec.method.b), Host: view(rec.host.b), Path: view(rec.path.b), Agent: view(rec.agent.b),
		Protocol: httpVersions[rec.protocol], Client: rec.client,
		Status: rec.status, Bytes: rec.bytes, Began: rec.began, Took: rec.duration,
		Cache: rec.result.String(), Reason: reason, Aborted: rec.flags&flagAborted != 0,
	})
	if !rec.tunnel() && rec.flags&flagAborted == 0 { // as they are observed
		r.cfg.Metrics.RequestDuration.Exemplify(rec.result, rec.duration, rec.trace.ID(), rec.began.Add(rec.duration))
	}
}

// tunnel reports whether the answer agreed to a tunnel, whose duration says nothing
// of how fast anything is.
func (r *record) tunnel() bool {
	return r.status == 101 || r.status/100 == 2 && view(r.method.b) == "CONNECT"
}
