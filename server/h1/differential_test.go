package h1

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// TestDifferential: net/http's server and the engine answer ordinary requests
// with the same status, content and framing.
func TestDifferential(t *testing.T) {
	handler := func(method, path string, body []byte) (status int, answer string) {
		switch path {
		case "/none":
			return 204, ""
		case "/gone":
			return 404, "gone"
		case "/long":
			return 200, strings.Repeat("x", 200_000)
		}
		return 200, fmt.Sprintf("%s %s %q", method, path, body)
	}
	s := storing()
	s.serve = func(_ context.Context, x *message.Exchange) {
		var body []byte
		if x.Body != nil {
			body, _ = io.ReadAll(x.Body)
		}
		status, answer := handler(x.Method, x.Path, body)
		_ = x.Reply.Head(message.Head{Status: status, Length: -1, Fields: []hpack.Field{{Name: "content-type", Value: "text/plain"}}})
		if status != 204 {
			_, _ = io.WriteString(x.Reply, answer)
		}
		_ = x.Reply.End(nil)
	}
	requests := []string{
		get("/"), get("/a?b=c"), "HEAD /x HTTP/1.1\r\nHost: test\r\n\r\n", get("/none"), get("/gone"), get("/long"),
		"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody", "DELETE /x HTTP/1.1\r\nHost: test\r\n\r\n",
		chunkedHead + "4\r\nbody\r\n0\r\n\r\n", chunkedHead + "1;a=b\r\nb\r\n3\r\nody\r\n0\r\nT: u\r\n\r\n",
		"PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n", "GET http://test/abs HTTP/1.1\r\nHost: test\r\n\r\n",
		get("/last", "Connection: close"),
	}
	var queue = make(oneConn, 1)
	web := http.Server{DisableGeneralOptionsHandler: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		path := r.URL.Path
		if r.URL.RawQuery != "" {
			path += "?" + r.URL.RawQuery
		}
		w.Header().Set("Content-Type", "text/plain")
		status, answer := handler(r.Method, path, body)
		w.WriteHeader(status)
		if status != 204 {
			io.WriteString(w, answer)
		}
	})}
	go web.Serve(queue)
	defer func() {
		close(queue)
		_ = web.Close() // of what is left of the test
	}()
	server, client := tcpPair(t)
	queue <- server
	theirs := bufio.NewReader(client)
	p := connect(t, testConfig(s))
	all := strings.Join(requests, "")
	go io.WriteString(p.Conn, all)
	go io.WriteString(client, all)
	for _, request := range requests {
		method, _, _ := strings.Cut(request, " ")
		ours := p.Response(method)
		resp, err := http.ReadResponse(theirs, &http.Request{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if ours.StatusCode != resp.StatusCode || ours.Content != string(body) || ours.Close != resp.Close ||
			len(ours.TransferEncoding) != len(resp.TransferEncoding) && method != "HEAD" || ours.Header.Get("Content-Type") != resp.Header.Get("Content-Type") {
			t.Errorf("%.60q: %d %.40q %v %v; net/http %d %.40q %v %v", request, ours.StatusCode, ours.Content, ours.Close, ours.TransferEncoding,
				resp.StatusCode, body, resp.Close, resp.TransferEncoding)
		}
	}
	p.WantEOF()
}
