package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

const ownLimit = "that is the load generator's limit"

// TestSilentServer: a server that answers nothing gets more connections, as one that is
// slow does, and is not said to be limited by the load generator.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	url := plain(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	f := measured(t, "-target", url, "-rate", "50", "-duration", "3s", "-timeout", "3s")
	if f.Answered != 0 || f.Grown < 8 {
		t.Errorf("%d answers, %d connections beside 8", f.Answered, f.Grown)
	}
	_, out, _ := call(t, context.Background(), "", "-target", url, "-rate", "50", "-duration", "1s", "-timeout", "1500ms", "-connections", "8", "-quiet")
	if strings.Contains(out, ownLimit) {
		t.Errorf("the report says\n%s", out)
	}
}

// TestConnectingIsNoWait: with a connection for each request, each is sent once its
// connection is made. It has not waited for room, which there was.
func TestConnectingIsNoWait(t *testing.T) {
	t.Parallel()
	url := plain(t, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Millisecond) })
	// With 64 connections each has more than a second for its next request: what a
	// machine that stalls is late by is no wait.
	args := []string{"-target", url, "-rate", "50", "-duration", "1s", "-keepalive=false", "-connections", "64"}
	if f := measured(t, args...); f.Success != 1 || f.Waited > 0 {
		t.Errorf("success %v, %d of %d waited", f.Success, f.Waited, f.Requests)
	}
	if _, out, _ := call(t, context.Background(), "", append(args, "-quiet")...); strings.Contains(out, ownLimit) {
		t.Errorf("the report says\n%s", out)
	}
}
