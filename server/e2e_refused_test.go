package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
)

// TestUpstreamRefusesUpload: an upload that the upstream refuses on sight, keeping
// the connection, is not asked of the client and not sent on.
func TestUpstreamRefusesUpload(t *testing.T) {
	upstream := h1peer.Serve(t, patience, func(_ int, c *h1peer.Peer) {
		c.Head()
		c.Say("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno")
		_, _ = io.Copy(io.Discard, c.R)
	})
	p := start(t, "-upstream", upstream.URL())
	for _, protocol := range overTCP {
		c := p.client(protocol)
		c.Transport.(*http.Transport).ExpectContinueTimeout = patience
		content := &countingReader{Reader: bytes.NewReader(upload())}
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got100Continue: func() { t.Errorf("%s: the client was asked for the content", protocol) },
		})
		r, err := http.NewRequestWithContext(ctx, "POST", p.url+"/", content)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = uploadBytes
		r.Header.Set("Expect", "100-continue")
		answer, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != 417 || string(body) != "no" || err != nil || content.n.Load() != 0 {
			t.Errorf("%s: %s %q, %v; %d bytes of the content were taken", protocol, answer.Status, body, err, content.n.Load())
		}
	}
	for _, c := range upstream.Conns() {
		if _, behind, _ := strings.Cut(c.Received(), "\r\n\r\n"); behind != "" {
			t.Errorf("the upstream got %d bytes behind the head", len(behind))
		}
	}
	if n := len(upstream.Conns()); n != len(overTCP) {
		t.Errorf("%d connections to the upstream, want one for each request", n)
	}
}

// countingReader counts the bytes that are read.
type countingReader struct {
	io.Reader
	n atomic.Int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n.Add(int64(n))
	return n, err
}
