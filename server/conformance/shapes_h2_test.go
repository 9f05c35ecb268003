package conformance

import "github.com/e0ac7cd4/hotpath/internal/hpack"

// shape2 is a request of HTTP/2. {} in a value is the shape's own path.
type shape2 struct {
	name     string
	says     string // what is wrong with it, or not
	fields   []hpack.Field
	data     string        // "": HEADERS ends the stream, unless there are trailers
	trailers []hpack.Field // nil: none
	want     fate
}

func list(pairs ...string) []hpack.Field {
	var all []hpack.Field
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, hpack.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return all
}

// with is a GET with further fields.
func with(pairs ...string) []hpack.Field {
	return append(list(":method", "GET", ":scheme", "https", ":authority", "plain.test", ":path", "{}"), list(pairs...)...)
}

// but is a GET in which one pseudo-field has another value.
func but(name, value string) []hpack.Field {
	all := with()
	for i := range all {
		if all[i].Name == name {
			all[i].Value = value
		}
	}
	return all
}

// without is a GET that lacks a pseudo-field, with further fields.
func without(name string, pairs ...string) []hpack.Field {
	var all []hpack.Field
	for _, f := range with(pairs...) {
		if f.Name != name {
			all = append(all, f)
		}
	}
	return all
}

func posting(pairs ...string) []hpack.Field {
	all := with(pairs...)
	all[0].Value = "POST"
	return all
}

// splitting is a value that is a request of its own if it is written out.
const splitting = "a HTTP/1.1\r\nHost: plain.test\r\n\r\nGET /smuggled"

// frames are RFC 9113 §8.
var frames = []shape2{
	{"h2-plain", "a request as it should be", with(), "", nil, one},
	{"h2-post", "content as it should be", posting("content-length", "5"), "hello", nil, one},
	{"h2-te", "te: trailers, which is allowed", with("te", "trailers"), "", nil, one},
	{"h2-cookies", "a cookie in crumbs", with("cookie", "a=1", "cookie", "b=2"), "", nil, one},
	{"h2-upper-case", "a name in capitals", with("Foo", "a"), "", nil, refused},
	{"h2-connection", "Connection", with("connection", "close"), "", nil, refused},
	{"h2-keep-alive", "Keep-Alive", with("keep-alive", "timeout=5"), "", nil, refused},
	{"h2-proxy-connection", "Proxy-Connection", with("proxy-connection", "close"), "", nil, refused},
	{"h2-upgrade", "Upgrade", with("upgrade", "h2c"), "", nil, refused},
	{"h2-te-other", "te other than trailers", with("te", "gzip"), "", nil, refused},
	{"h2-transfer-encoding", "Transfer-Encoding", posting("transfer-encoding", "chunked"), "0\r\n\r\n" + hidden, nil, refused},
	{"h2-method-twice", ":method twice", with(":method", "GET"), "", nil, refused},
	{"h2-two-methods", "two methods", append(list(":method", "POST"), with()...), "", nil, refused},
	{"h2-two-paths", "two paths", append(list(":path", "/smuggled"), with()...), "", nil, refused},
	{"h2-two-schemes", "two schemes", append(list(":scheme", "http"), with()...), "", nil, refused},
	{"h2-two-authorities", "two authorities", append(list(":authority", "evil.test"), with()...), "", nil, refused},
	{"h2-late", "a pseudo-field behind a field", append(append(without(":path"), list("a", "b")...), list(":path", "{}")...), "", nil, refused},
	{"h2-unknown-pseudo", "a pseudo-field that is unknown", append(list(":foo", "a"), with()...), "", nil, refused},
	{"h2-status", ":status in a request", append(list(":status", "200"), with()...), "", nil, refused},
	{"h2-protocol", ":protocol without CONNECT", append(list(":protocol", "websocket"), with()...), "", nil, refused},
	{"h2-no-method", "no :method", without(":method"), "", nil, refused},
	{"h2-no-path", "no :path", without(":path"), "", nil, refused},
	{"h2-no-scheme", "no :scheme", without(":scheme"), "", nil, refused},
	{"h2-no-authority", "neither :authority nor Host", without(":authority"), "", nil, answered},
	{"h2-host-alone", "Host without :authority", without(":authority", "host", "plain.test"), "", nil, either},
	{"h2-path-empty", "an empty :path", but(":path", ""), "", nil, refused},
	{"h2-path-relative", "a :path without a slash", but(":path", "smuggled"), "", nil, refused},
	{"h2-path-absolute", "an absolute :path", but(":path", "https://plain.test{}"), "", nil, refused},
	{"h2-path-star", "* for a GET", but(":path", "*"), "", nil, answered},
	{"h2-path-space", "a space in :path", but(":path", "{} HTTP/1.1"), "", nil, refused},
	{"h2-path-split", "a request in :path", but(":path", "{}"+splitting), "", nil, refused},
	{"h2-path-nul", "NUL in :path", but(":path", "{}/\x00"), "", nil, refused},
	{"h2-path-tab", "a tab in :path", but(":path", "{}/\t"), "", nil, refused},
	{"h2-path-fragment", "a fragment in :path", but(":path", "{}#a"), "", nil, refused},
	{"h2-method-empty", "an empty :method", but(":method", ""), "", nil, refused},
	{"h2-method-space", "a request line in :method", but(":method", "GET /smuggled HTTP/1.1"), "", nil, refused},
	{"h2-method-split", "a request in :method", but(":method", "GET /smuggled HTTP/1.1\r\nHost: plain.test\r\n\r\nGET"), "", nil, refused},
	{"h2-method-control", "a control in :method", but(":method", "G\x01T"), "", nil, refused},
	{"h2-scheme-garbage", "a URL in :scheme", but(":scheme", "https://evil.test/?"), "", nil, refused},
	{"h2-scheme-split", "CRLF in :scheme", but(":scheme", "https\r\nX: y"), "", nil, refused},
	{"h2-authority-empty", "an empty :authority", but(":authority", ""), "", nil, answered},
	{"h2-authority-user", "a user in :authority", but(":authority", "evil@plain.test"), "", nil, refused},
	{"h2-authority-path", "a path in :authority", but(":authority", "plain.test/a"), "", nil, answered},
	{"h2-authority-space", "a space in :authority", but(":authority", "plain.test evil"), "", nil, answered},
	{"h2-authority-split", "CRLF in :authority", but(":authority", "plain.test\r\nX: y"), "", nil, refused},
	{"h2-authority-other", "an authority that no site has", but(":authority", "elsewhere.test"), "", nil, answered},
	{"h2-host-differs", "Host against :authority", with("host", "evil.test"), "", nil, refused},
	{"h2-host-same", "Host as :authority", with("host", "plain.test"), "", nil, either},
	{"h2-hosts", "two Host fields", without(":authority", "host", "plain.test", "host", "evil.test"), "", nil, refused},
	{"h2-name-empty", "an empty name", with("", "a"), "", nil, refused},
	{"h2-name-space", "a space in a name", with("a b", "c"), "", nil, refused},
	{"h2-name-colon", "a colon in a name", with("transfer-encoding: chunked\r\na", "b"), "", nil, refused},
	{"h2-name-colon-end", "a colon at a name's end", with("a:", "b"), "", nil, refused},
	{"h2-name-crlf", "CRLF in a name", with("a\r\nb", "c"), "", nil, refused},
	{"h2-name-nul", "NUL in a name", with("a\x00", "b"), "", nil, refused},
	{"h2-name-utf8", "letters beyond ASCII in a name", with("ä", "b"), "", nil, refused},
	{"h2-value-crlf", "CRLF in a value", with("a", "b\r\ntransfer-encoding: chunked"), "", nil, refused},
	{"h2-value-split", "a request in a value", with("a", "b\r\n\r\n"+hidden), "", nil, refused},
	{"h2-value-lf", "LF in a value", with("a", "b\nc"), "", nil, refused},
	{"h2-value-cr", "CR in a value", with("a", "b\rc"), "", nil, refused},
	{"h2-value-nul", "NUL in a value", with("a", "b\x00c"), "", nil, refused},
	{"h2-value-space", "a space before a value", with("a", " b"), "", nil, refused},
	{"h2-value-tab", "a tab behind a value", with("a", "b\t"), "", nil, refused},
	{"h2-cl-two", "two lengths", posting("content-length", "5", "content-length", "6"), "hello", nil, refused},
	{"h2-cl-list", "a list of lengths", posting("content-length", "5, 6"), "hello", nil, refused},
	{"h2-cl-garbage", "a length that is none", posting("content-length", "5x"), "hello", nil, refused},
	{"h2-cl-plus", "a length with a sign", posting("content-length", "+5"), "hello", nil, refused},
	{"h2-cl-overflow", "a length beyond 64 bits", posting("content-length", "18446744073709551621"), "hello", nil, refused},
	{"h2-cl-less", "less content than the length", posting("content-length", "50"), "hello", nil, refused},
	{"h2-cl-more", "more content than the length", posting("content-length", "5"), "hello" + hidden, nil, refused},
	{"h2-cl-0", "content after a length of 0", posting("content-length", "0"), hidden, nil, refused},
	{"h2-cl-none", "a length, and no content", posting("content-length", "5"), "", nil, refused},
	{"h2-body-like-chunks", "content that looks like chunks", posting(), "0\r\n\r\n" + hidden, nil, one},
	{"h2-trailers", "trailers as they should be", posting(), "hello", list("a", "b"), one},
	{"h2-trailer-pseudo", "a pseudo-field among trailers", posting(), "hello", list(":path", "/smuggled"), refused},
	{"h2-trailer-connection", "a connection field among trailers", posting(), "hello", list("transfer-encoding", "chunked"), refused},
	{"h2-trailer-upper-case", "capitals among trailers", posting(), "hello", list("Foo", "a"), refused},
	{"h2-trailer-crlf", "CRLF in a trailer", posting(), "hello", list("a", "b\r\n\r\n"+hidden), refused},
	{"h2-trailer-length", "Content-Length among trailers", posting(), "hello", list("content-length", "50"), either},
	{"h2-connect", "CONNECT to another host", list(":method", "CONNECT", ":authority", "elsewhere.test:443"), "", nil, answered},
	{"h2-connect-path", "CONNECT with a path", list(":method", "CONNECT", ":authority", "plain.test", ":scheme", "https", ":path", "{}"), "", nil, refused},
}
