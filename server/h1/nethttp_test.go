package h1

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/server/nethttp"
)

// TestNetHTTPHandler: what is written for net/http works behind the engine.
func TestNetHTTPHandler(t *testing.T) {
	cfg := testConfig(storing("/hit", "hit"))
	cfg.Handler = nethttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/content":
			http.ServeContent(w, r, "a.txt", time.Unix(1e9, 0), strings.NewReader("0123456789"))
		case "/stream":
			w.Header().Set("Trailer", "T")
			for i := range 3 {
				fmt.Fprint(w, i)
				w.(http.Flusher).Flush()
			}
			w.Header().Set("T", "u")
		default:
			body, err := io.ReadAll(r.Body)
			fmt.Fprint(w, r.Method, " ", r.Proto, " ", r.Host, " ", r.RequestURI, " ", string(body), err, r.Trailer)
		}
	}))
	p := connect(t, cfg)
	p.Write(get("/content", "Range: bytes=2-4") + get("/stream") + get("/hit") + upload("4", "Expect: 100-continue"))
	p.WantResponse(206, "234")
	if a := p.WantResponse(200, "012"); a.Trailer.Get("T") != "u" {
		t.Errorf("the trailers are %v", a.Trailer)
	}
	p.WantResponse(200, "hit")
	if a := p.Response("POST"); a.StatusCode != 100 {
		t.Errorf("%d, want 100", a.StatusCode)
	}
	p.Write("body")
	p.WantResponse(200, "POST HTTP/1.1 test /up body<nil> map[]")
	p.Write("POST /old HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi")
	if a := p.WantResponse(200, "POST HTTP/1.0  /old hi<nil> map[]"); !a.Close {
		t.Error("the connection goes on")
	}
	p.WantEOF()
}
