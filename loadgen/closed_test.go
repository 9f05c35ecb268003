package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestClosedUnderRequest: a connection that the server closes instead of an answer has
// not ended in order.
func TestClosedUnderRequest(t *testing.T) {
	t.Parallel()
	url := plain(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	args := []string{"-target", url, "-http1", "-connections", "1", "-requests", "20", "-rate", "200"}
	f := measured(t, args...)
	const why = "closed: by the server, under a request"
	if f.Success != 0 || f.ConnectionErrors[why] != f.ConnectionsMade || f.ConnectionsMade == 0 {
		t.Errorf("success %v, %d connections, errors %v", f.Success, f.ConnectionsMade, f.ConnectionErrors)
	}
	if _, out, _ := call(t, t.Context(), "", append(args, "-quiet")...); !strings.Contains(out, "  "+why+"\n") {
		t.Errorf("%q is missing in\n%s", why, out)
	}

	// One that is closed behind an answer has ended as the server may.
	url = plain(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	if f := measured(t, "-target", url, "-http1", "-connections", "1", "-requests", "20"); f.Success != 1 || len(f.ConnectionErrors) != 0 {
		t.Errorf("closed behind each answer: success %v, errors %v", f.Success, f.ConnectionErrors)
	}
}

// TestEndless: a response that may be cut off is whole to a client, and remarked.
func TestEndless(t *testing.T) {
	t.Parallel()
	url := plain(t, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n\r\ncut of"))
	})
	args := []string{"-target", url, "-http1", "-connections", "1", "-requests", "20", "-quiet"}
	if f := measured(t, args...); f.Success != 1 || f.Remarks["no length and no chunks"] != 20 || len(f.ConnectionErrors) != 0 {
		t.Errorf("success %v, remarks %v, errors %v", f.Success, f.Remarks, f.ConnectionErrors)
	}
	const note = "20 of 20 responses have no length and no chunks, and end with the connection: those that were cut off are taken for whole.\n"
	if _, out, _ := call(t, t.Context(), "", args...); !strings.Contains(out, note) {
		t.Errorf("%q is missing in\n%s", note, out)
	}
}
