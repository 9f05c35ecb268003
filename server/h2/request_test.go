package h2

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/head"
)

const (
	method, scheme, path, authority = ":method", ":scheme", ":path", ":authority"
)

// TestMalformedRequests: each is a stream error of its own (RFC 9113 §8.1.1),
// and the connection goes on.
func TestMalformedRequests(t *testing.T) {
	for name, fields := range map[string][]string{
		"no fields":                      {},
		"no :method":                     {scheme, "https", path, "/"},
		"no :scheme":                     {method, "GET", authority, "test", path, "/"},
		"no :path":                       {method, "GET", scheme, "https"},
		"empty :method":                  {method, "", scheme, "https", authority, "test", path, "/"},
		"empty :path":                    {method, "GET", scheme, "https", authority, "test", path, ""},
		"empty :authority":               {method, "GET", scheme, "https", path, "/", authority, ""},
		":method no token":               {method, "G ET", scheme, "https", authority, "test", path, "/"},
		":method twice":                  {method, "GET", method, "GET", scheme, "https", authority, "test", path, "/"},
		":scheme twice":                  {method, "GET", scheme, "https", scheme, "https", authority, "test", path, "/"},
		":path twice":                    {method, "GET", scheme, "https", authority, "test", path, "/", path, "/"},
		":authority twice":               {method, "GET", scheme, "https", path, "/", authority, "a", authority, "a"},
		"unknown pseudo-field":           {method, "GET", scheme, "https", authority, "test", path, "/", ":protocol", "websocket"},
		"pseudo-field of a response":     {method, "GET", scheme, "https", authority, "test", path, "/", ":status", "200"},
		"pseudo-field after a field":     {method, "GET", scheme, "https", "x", "y", authority, "test", path, "/"},
		":path relative":                 {method, "GET", scheme, "https", authority, "test", path, "a"},
		":path * of GET":                 {method, "GET", scheme, "https", authority, "test", path, "*"},
		":path ** of OPTIONS":            {method, "OPTIONS", scheme, "https", authority, "test", path, "**"},
		":path with NUL":                 {method, "GET", scheme, "https", authority, "test", path, "/\x00"},
		":path with CR":                  {method, "GET", scheme, "https", authority, "test", path, "/\rx"},
		":path with a space after it":    {method, "GET", scheme, "https", authority, "test", path, "/ "},
		":authority with LF":             {method, "GET", scheme, "https", path, "/", authority, "a\nb"},
		":path with a fragment":          {method, "GET", scheme, "https", authority, "test", path, "/#top"},
		":path with a space in it":       {method, "GET", scheme, "https", authority, "test", path, "/a b"},
		":path with a tab":               {method, "GET", scheme, "https", authority, "test", path, "/a\tb"},
		":path with DEL":                 {method, "GET", scheme, "https", authority, "test", path, "/\x7f"},
		":path with an escape character": {method, "GET", scheme, "https", authority, "test", path, "/\x1b[2J"},
		":path absolute form":            {method, "GET", scheme, "https", authority, "test", path, "https://test/"},
		":path * with a query":           {method, "OPTIONS", scheme, "https", authority, "test", path, "*?q"},
		":scheme of something else":      {method, "GET", scheme, "ftp", authority, "test", path, "/"},
		":scheme with a colon":           {method, "GET", scheme, "https:", authority, "test", path, "/"},
		":scheme with a space":           {method, "GET", scheme, "ht tps", authority, "test", path, "/"},
		":authority with userinfo":       {method, "GET", scheme, "https", authority, "user@test", path, "/"},
		":authority with a password":     {method, "GET", scheme, "https", authority, "user:1@test", path, "/"},
		":authority with a space":        {method, "GET", scheme, "https", authority, "te st", path, "/"},
		":authority with a slash":        {method, "GET", scheme, "https", authority, "test/x", path, "/"},
		":authority with a query":        {method, "GET", scheme, "https", authority, "test?x", path, "/"},
		":authority with a fragment":     {method, "GET", scheme, "https", authority, "test#x", path, "/"},
		":authority beyond ASCII":        {method, "GET", scheme, "https", authority, "t\u00e4st", path, "/"},
		":authority with half an escape": {method, "GET", scheme, "https", authority, "test%2", path, "/"},
		":authority without a host":      {method, "GET", scheme, "https", authority, ":443", path, "/"},
		":authority with two ports":      {method, "GET", scheme, "https", authority, "test:1:2", path, "/"},
		":authority, a port no number":   {method, "GET", scheme, "https", authority, "test:x", path, "/"},
		":authority, a port too large":   {method, "GET", scheme, "https", authority, "test:65536", path, "/"},
		":authority, IPv6 not closed":    {method, "GET", scheme, "https", authority, "[::1", path, "/"},
		":authority, no IPv6":            {method, "GET", scheme, "https", authority, "[x]", path, "/"},
		":authority, more behind IPv6":   {method, "GET", scheme, "https", authority, "[::1]x", path, "/"},
		"no authority, no host":          {method, "GET", scheme, "https", path, "/"},
		"host empty, no authority":       {method, "GET", scheme, "https", path, "/", "host", ""},
		"host with userinfo":             {method, "GET", scheme, "https", path, "/", "host", "user@test"},
		"host with a space":              {method, "GET", scheme, "https", path, "/", "host", "te st"},
		"host empty":                     append(pseudo("GET", "/"), "host", ""),
		"host of another port":           append(pseudo("GET", "/"), "host", "test:80"),
		"host twice, the same":           append(pseudo("GET", "/"), "host", "test", "host", "test"),
		"a pseudo-field in upper case":   {method, "GET", scheme, "https", authority, "test", ":Path", "/"},
		"CONNECT without a port":         {method, "CONNECT", authority, "a"},
		"CONNECT with an empty port":     {method, "CONNECT", authority, "a:"},
		"CONNECT with :path":             {method, "CONNECT", authority, "a:1", path, "/"},
		"CONNECT with :scheme":           {method, "CONNECT", authority, "a:1", scheme, "https"},
		"CONNECT without :authority":     {method, "CONNECT", "host", "a:1"},
		":protocol of POST":              {method, "POST", scheme, "https", authority, "test", path, "/", ":protocol", "websocket"},
		":protocol twice":                {method, "CONNECT", scheme, "https", authority, "test", path, "/", ":protocol", "a", ":protocol", "a"},
		":protocol empty":                {method, "CONNECT", scheme, "https", authority, "test", path, "/", ":protocol", ""},
		":protocol no token":             {method, "CONNECT", scheme, "https", authority, "test", path, "/", ":protocol", "a b"},
		":protocol with LF":              {method, "CONNECT", scheme, "https", authority, "test", path, "/", ":protocol", "a\nb"},
		":protocol without :scheme":      {method, "CONNECT", authority, "test", path, "/", ":protocol", "websocket"},
		":protocol without :path":        {method, "CONNECT", scheme, "https", authority, "test", ":protocol", "websocket"},
		":protocol without :authority":   {method, "CONNECT", scheme, "https", path, "/", ":protocol", "websocket", "host", "test"},
		":protocol, :path relative":      {method, "CONNECT", scheme, "https", authority, "test", path, "chat", ":protocol", "websocket"},
		":protocol, :path *":             {method, "CONNECT", scheme, "https", authority, "test", path, "*", ":protocol", "websocket"},
		":protocol, :scheme wss":         {method, "CONNECT", scheme, "wss", authority, "test", path, "/", ":protocol", "websocket"},
		":protocol, host differs":        {method, "CONNECT", scheme, "https", authority, "test", path, "/", ":protocol", "websocket", "host", "other"},
		":protocol with upgrade":         {method, "CONNECT", scheme, "https", authority, "test", path, "/", ":protocol", "websocket", "upgrade", "websocket"},
		"field name in upper case":       append(pseudo("GET", "/"), "X-Upper", "1"),
		"field name empty":               append(pseudo("GET", "/"), "", "1"),
		"field name with a space":        append(pseudo("GET", "/"), "a b", "1"),
		"field name with a colon":        append(pseudo("GET", "/"), "a:b", "1"),
		"field name beyond ASCII":        append(pseudo("GET", "/"), "ä", "1"),
		"field name with NUL":            append(pseudo("GET", "/"), "a\x00", "1"),
		"field value with NUL":           append(pseudo("GET", "/"), "a", "1\x002"),
		"field value with CR":            append(pseudo("GET", "/"), "a", "1\r2"),
		"field value with LF":            append(pseudo("GET", "/"), "a", "1\n2"),
		"field value, space before":      append(pseudo("GET", "/"), "a", " 1"),
		"field value, tab after":         append(pseudo("GET", "/"), "a", "1\t"),
		"connection":                     append(pseudo("GET", "/"), "connection", "close"),
		"proxy-connection":               append(pseudo("GET", "/"), "proxy-connection", "close"),
		"keep-alive":                     append(pseudo("GET", "/"), "keep-alive", "1"),
		"transfer-encoding":              append(pseudo("GET", "/"), "transfer-encoding", "chunked"),
		"upgrade":                        append(pseudo("GET", "/"), "upgrade", "h2c"),
		"te beside trailers":             append(pseudo("GET", "/"), "te", "gzip"),
		"te, trailers and more":          append(pseudo("GET", "/"), "te", "trailers, gzip"),
		"host differs":                   append(pseudo("GET", "/"), "host", "other"),
		"two hosts":                      {method, "GET", scheme, "https", path, "/", "host", "a", "host", "b"},
		"content-length with a sign":     append(pseudo("GET", "/"), "content-length", "+0"),
		"content-length negative":        append(pseudo("GET", "/"), "content-length", "-1"),
		"content-length empty":           append(pseudo("GET", "/"), "content-length", ""),
		"content-length a list":          append(pseudo("GET", "/"), "content-length", "0, 0"),
		"content-length twice":           append(pseudo("GET", "/"), "content-length", "0", "content-length", "1"),
		"content-length beyond 2^63":     append(pseudo("GET", "/"), "content-length", "9223372036854775808"),
		"content-length without DATA":    append(pseudo("GET", "/"), "content-length", "1"),
		"content-length, POST, no DATA":  append(pseudo("POST", "/"), "content-length", "1"),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{source: stored("/", "hit")}, func(p *peer) {
				p.Write(headers(1, true, fields...))
				p.WantReset(1, frame.ProtocolError)
				if n := p.metrics.ProtocolErrors.Value(metrics.ProtocolError, metrics.ScopeStream); n != 1 {
					p.Errorf("%d stream errors counted", n)
				}
				p.Write(get(3, "/"))
				p.wantBody(3, 200, "hit")
			})
		})
	}
}

// TestOddRequests are valid, and arrive as they were sent.
func TestOddRequests(t *testing.T) {
	for name, tt := range map[string]struct {
		fields []string
		want   func(*http.Request) bool
	}{
		"asterisk": {pseudo("OPTIONS", "*"), func(r *http.Request) bool { return r.RequestURI == "*" && r.URL.Path == "*" }},
		"CONNECT": {[]string{method, "CONNECT", authority, "a:1"}, func(r *http.Request) bool {
			return r.Host == "a:1" && r.URL.Host == "a:1" && r.RequestURI == "a:1"
		}},
		"any token is a method": {pseudo("BREW!", "/"), func(r *http.Request) bool { return r.Method == "BREW!" }},
		"pseudo-fields in any order": {[]string{path, "/p?q", authority, "a", scheme, "https", method, "GET"}, func(r *http.Request) bool {
			return r.URL.Path == "/p" && r.URL.RawQuery == "q" && r.Host == "a" && r.RequestURI == "/p?q"
		}},
		"host alone": {[]string{method, "GET", scheme, "https", path, "/", "host", "h"}, func(r *http.Request) bool {
			return r.Host == "h" && r.Header["Host"] == nil
		}},
		"host beside :authority, in another case":  {append(pseudo("GET", "/"), "host", "TEST"), func(r *http.Request) bool { return r.Host == "test" }},
		"host beside :authority, the default port": {append(pseudo("GET", "/"), "host", "test:443"), func(r *http.Request) bool { return r.Host == "test" }},
		"a port, and one that is empty":            {[]string{method, "GET", scheme, "https", path, "/", authority, "a:8443", "host", "A:8443"}, func(r *http.Request) bool { return r.Host == "a:8443" }},
		"IPv6":                                     {[]string{method, "GET", scheme, "https", path, "/", authority, "[::ffff:127.0.0.1]:443"}, func(r *http.Request) bool { return r.Host == "[::ffff:127.0.0.1]:443" }},
		"odd characters in a host":                 {[]string{method, "GET", scheme, "https", path, "/", authority, "a_b-1.%41~"}, func(r *http.Request) bool { return r.Host == "a_b-1.%41~" }},
		"a scheme in upper case":                   {[]string{method, "GET", scheme, "HTTPS", path, "/", authority, "a"}, func(r *http.Request) bool { return r.Host == "a" }},
		"asterisk of OPTIONS, with a host":         {[]string{method, "OPTIONS", scheme, "http", path, "*", "host", "h"}, func(r *http.Request) bool { return r.RequestURI == "*" && r.Host == "h" }},
		"odd characters in a path":                 {pseudo("GET", "/\"<>[]^`{|}\\\xff"), func(r *http.Request) bool { return r.RequestURI == "/\"<>[]^`{|}\\\xff" }},
		"te: trailers":                             {append(pseudo("GET", "/"), "te", "trailers"), func(r *http.Request) bool { return r.Header.Get("Te") == "trailers" }},
		"cookie crumbs": {append(pseudo("GET", "/"), "cookie", "a=1", "x", "y", "cookie", "b=2"), func(r *http.Request) bool {
			return slices.Equal(r.Header["Cookie"], []string{"a=1; b=2"})
		}},
		"a field twice":              {append(pseudo("GET", "/"), "x-a", "1", "x-a", "2"), func(r *http.Request) bool { return slices.Equal(r.Header["X-A"], []string{"1", "2"}) }},
		"an empty value":             {append(pseudo("GET", "/"), "x-a", ""), func(r *http.Request) bool { return slices.Equal(r.Header["X-A"], []string{""}) }},
		"odd characters in a name":   {append(pseudo("GET", "/"), "!#$%&'*+-.^_`|~9", "1"), func(r *http.Request) bool { return len(r.Header) == 1 }},
		"odd characters in a value":  {append(pseudo("GET", "/"), "x-a", "\x01ä\x7f"), func(r *http.Request) bool { return r.Header.Get("X-A") == "\x01ä\x7f" }},
		"content-length twice":       {append(pseudo("GET", "/"), "content-length", "0", "content-length", "0"), func(r *http.Request) bool { return r.ContentLength == 0 }},
		"percent-encoding":           {pseudo("GET", "/a%2Fb%20c"), func(r *http.Request) bool { return r.URL.Path == "/a/b c" && r.URL.RawPath == "/a%2Fb%20c" }},
		"a path that begins with //": {pseudo("GET", "//x/y"), func(r *http.Request) bool { return r.URL.Path == "//x/y" && r.URL.Host == "" }},
		"everything else": {pseudo("GET", "/"), func(r *http.Request) bool {
			return r.Proto == "HTTP/2.0" && r.ProtoMajor == 2 && r.RemoteAddr == "pipe" && r.Body == http.NoBody && r.TLS == nil &&
				r.Context().Value(http.LocalAddrContextKey) != nil && len(r.Header) == 0
		}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{handler: func(p *peer, _ writer, r *http.Request) {
				if !tt.want(r) {
					p.Errorf("%+v", r)
				}
			}}, func(p *peer) {
				p.Write(headers(1, true, tt.fields...))
				p.wantResponse(1, 200)
			})
		})
	}
}

// TestBadTargets are legal HTTP/2 and no URL.
func TestBadTargets(t *testing.T) {
	for _, target := range []string{"/%", "/%zz", "/a%0"} {
		run(t, setup{handler: func(p *peer, _ writer, r *http.Request) {
			p.Errorf("the handler saw %q", r.RequestURI)
		}}, func(p *peer) {
			p.Write(get(1, target))
			p.wantResponse(1, 400)
			p.Write(post(3, target))
			p.wantResponse(3, 400)
			p.WantReset(3, frame.NoError)
		})
	}
}

// TestRequestOwnsItsMemory: what a handler keeps does not change when the
// connection goes on.
func TestRequestOwnsItsMemory(t *testing.T) {
	run(t, setup{handler: stall}, func(p *peer) {
		p.turnOf(1, 1, "POST", "/first")
		r := <-p.entered
		want := r.Header.Clone()
		for id := uint32(3); id < 40; id += 2 {
			p.turnOf(1, id, "POST", "/"+strings.Repeat("x", int(id)))
			<-p.entered
		}
		if r.URL.Path != "/first" || r.Host != "test" || r.Method != "POST" || !maps.EqualFunc(r.Header, want, slices.Equal) {
			p.Errorf("the request has become %+v", r)
		}
	})
}

func TestParseRequestDoesNotAllocate(t *testing.T) {
	list := hpack.List{MaxBytes: 16 << 10, MaxFields: 128}
	d := hpack.NewDecoder(hpack.DefaultTableSize)
	if err := d.Decode(&list, block(append(pseudo("GET", "/"), "accept", "*/*", "content-length", "0")...)); err != nil {
		t.Fatal(err)
	}
	var r head.Request
	if n := testing.AllocsPerRun(100, func() {
		if why := r.Parse(list.Fields); why != "" {
			t.Fatal(why)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
