package conformance

import (
	"fmt"
	"strings"
)

// shape is a request that is malformed or ambiguous. {} in it is the shape's own
// path; a request that is hidden within asks for /smuggled.
type shape struct {
	name string
	says string // what is wrong with it, or not
	raw  string
	want fate
}

// fate is what becomes of a shape. In none of them does the origin get another
// request, or one that can be understood in two ways.
type fate uint8

const (
	refused    fate = iota // an error, or nothing, then the connection ends; the origin gets no whole request
	answered               // an error of the server's own; the origin gets nothing
	one                    // the origin gets exactly one request
	either                 // one or refused: both are right
	unfinished             // the rest is waited for; the origin gets no whole request
)

// hidden is the request that must never arrive.
const hidden = "GET /smuggled HTTP/1.1\r\nHost: plain.test\r\n\r\n"

// get is a request with further lines before the end of the head.
func get(lines string) string { return "GET {} HTTP/1.1\r\nHost: plain.test\r\n" + lines + "\r\n" }

// post is one with content behind it.
func post(lines, content string) string {
	return "POST {} HTTP/1.1\r\nHost: plain.test\r\n" + lines + "\r\n" + content
}

func length(value string) string { return post("Content-Length: "+value+"\r\n", "hello"+hidden) }
func coding(value string) string {
	return post("Transfer-Encoding: "+value+"\r\n", "5\r\nhello\r\n0\r\n\r\n"+hidden)
}
func chunk(content string) string { return post("Transfer-Encoding: chunked\r\n", content+hidden) }

// lengths are RFC 9110 §8.6, RFC 9112 §6.2 and §6.3.
var lengths = []shape{
	{"cl-two", "two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"+hidden), refused},
	{"cl-two-0", "two lengths, one of them 0", post("Content-Length: 0\r\nContent-Length: 5\r\n", "hello"+hidden), refused},
	{"cl-twice", "the same length twice", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), either},
	{"cl-list", "a list of lengths", length("5, 6"), refused},
	{"cl-list-same", "a list of the same length", post("Content-Length: 5, 5\r\n", "hello"), either},
	{"cl-plus", "a sign", length("+5"), refused},
	{"cl-minus", "a negative length", length("-5"), refused},
	{"cl-hex", "a hexadecimal length", length("0x5"), refused},
	{"cl-space", "a length with a space within", length("5 5"), refused},
	{"cl-semicolon", "a length with a parameter", length("5;"), refused},
	{"cl-empty", "no length", length(""), refused},
	{"cl-decimal", "a decimal", length("5.0"), refused},
	{"cl-exponent", "an exponent", length("5e0"), refused},
	{"cl-quoted", "a length in quotes", length(`"5"`), refused},
	{"cl-letter", "a letter behind it", length("5a"), refused},
	{"cl-wide", "digits that are none of ASCII's", length("\uff15"), refused},
	{"cl-64-bits", "a length beyond 64 bits, 5 if it wraps", length("18446744073709551621"), refused},
	{"cl-63-bits", "a length beyond 63 bits", length("9223372036854775808"), refused},
	{"cl-32-digits", "a length of 32 digits", length(strings.Repeat("9", 32)), refused},
	{"cl-nul", "NUL behind it", length("5\x00"), refused},
	{"cl-vt", "a vertical tab before it", length("\x0b5"), refused},
	{"cl-ff", "a form feed behind it", length("5\x0c"), refused},
	{"cl-zeros", "zeros that lead: a length of 5", post("Content-Length: 005\r\n", "hello"), either},
	{"cl-space-colon", "a space before the colon", post("Content-Length : 5\r\n", "hello"+hidden), refused},
	{"cl-tab-colon", "a tab before the colon", post("Content-Length\t: 5\r\n", "hello"+hidden), refused},
	{"cl-indented", "a space before the first field", post(" Content-Length: 5\r\n", "hello"+hidden), refused},
	{"cl-folded", "a length on a folded line", post("Content-Length:\r\n 5\r\n", "hello"+hidden), refused},
	{"cl-te", "a length and a coding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+hidden), refused},
	{"te-cl", "a coding and a length", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"+hidden), refused},
	{"cl-get", "a GET with content that looks like a request", get(fmt.Sprintf("Content-Length: %d\r\n", len(hidden))) + hidden, one},
}

// codings are RFC 9112 §6.1.
var codings = []shape{
	{"te-1.0", "a coding in HTTP/1.0", strings.Replace(coding("chunked"), "HTTP/1.1", "HTTP/1.0", 1), refused},
	{"te-x", "a coding that is like chunked", coding("xchunked"), refused},
	{"te-identity", "identity, which is none any more", coding("identity"), refused},
	{"te-gzip", "gzip alone", coding("gzip"), refused},
	{"te-gzip-chunked", "gzip before chunked", coding("gzip, chunked"), refused},
	{"te-chunked-gzip", "chunked that is not the last", coding("chunked, gzip"), refused},
	{"te-chunked-twice", "chunked twice", coding("chunked, chunked"), refused},
	{"te-chunked-lines", "chunked on two lines", coding("chunked\r\nTransfer-Encoding: chunked"), refused},
	{"te-identity-lines", "chunked and identity on two lines", coding("chunked\r\nTransfer-Encoding: identity"), refused},
	{"te-upper-case", "chunked in capitals, which is chunked", post("Transfer-Encoding: CHUNKED\r\n", "5\r\nhello\r\n0\r\n\r\n"), either},
	{"te-parameter", "a parameter", coding("chunked;q=1"), refused},
	{"te-quoted", "quotes", coding(`"chunked"`), refused},
	{"te-vt", "a vertical tab", coding("\x0bchunked"), refused},
	{"te-nul", "NUL", coding("chunked\x00"), refused},
	{"te-cr", "a CR behind it", coding("chunked\r"), refused},
	{"te-comma", "an empty member", post("Transfer-Encoding: , chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"), either},
	{"te-empty", "no coding", coding(""), refused},
	{"te-space-colon", "a space before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"+hidden), refused},
	{"te-folded", "a coding on a folded line", coding("\r\n chunked"), refused},
	{"te-folded-name", "a colon on a folded line", post("Transfer-Encoding\r\n : chunked\r\n", "0\r\n\r\n"+hidden), refused},
	{"te-hidden-fold", "a coding that is a folded value", post("X: y\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n"+hidden), refused},
	{"te-bare-lf", "a coding behind a bare LF", post("X: y\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+hidden), refused},
	{"te-bare-cr", "a coding behind a bare CR", post("X: y\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+hidden), refused},
	{"te-connection", "a coding that Connection names", post("Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"), either},
	{"cl-connection", "a length that Connection names", post("Connection: content-length\r\nContent-Length: 5\r\n", "hello"), either},
}

// lines are RFC 9112 §2.2, §3 and §5.
var lines = []shape{
	{"lf-line", "a request line that ends with LF", strings.Replace(get(""), "HTTP/1.1\r\n", "HTTP/1.1\n", 1), refused},
	{"lf-field", "a field that ends with LF", get("A: b\n"), refused},
	{"lf-end", "a head that ends with LF", "GET {} HTTP/1.1\r\nHost: plain.test\r\n\n" + hidden, refused},
	{"lf-all", "LF alone everywhere", strings.ReplaceAll(get("A: b\r\n"), "\r\n", "\n"), refused},
	{"cr-value", "a bare CR in a value", get("A: b\rC: d\r\n"), refused},
	{"cr-cr-lf", "CR CR LF", get("A: b\r\r\n"), refused},
	{"nul-value", "NUL in a value", get("A: b\x00c\r\n"), refused},
	{"bell-value", "a control in a value", get("A: b\x07c\r\n"), refused},
	{"del-value", "DEL in a value", get("A: b\x7fc\r\n"), refused},
	{"nul-name", "NUL in a name", get("A\x00: b\r\n"), refused},
	{"space-name", "a space in a name", get("A B: c\r\n"), refused},
	{"paren-name", "a parenthesis in a name", get("A(: b\r\n"), refused},
	{"utf8-name", "letters beyond ASCII in a name", get("Ä: b\r\n"), refused},
	{"no-colon", "a field without a colon", get("Abc\r\n"), refused},
	{"no-name", "a field without a name", get(": b\r\n"), refused},
	{"space-colon", "a space before a colon", get("A : b\r\n"), refused},
	{"fold", "a folded field", get("A: b\r\n c\r\n"), refused},
	{"fold-tab", "a field folded with a tab", get("A: b\r\n\tc\r\n"), refused},
	{"two-spaces", "two spaces in the request line", strings.Replace(get(""), "GET {}", "GET  {}", 1), refused},
	{"tab", "a tab in the request line", strings.Replace(get(""), "GET {}", "GET\t{}", 1), refused},
	{"vt", "a vertical tab in the request line", strings.Replace(get(""), " HTTP", "\x0bHTTP", 1), refused},
	{"no-version", "no version", "GET {}\r\nHost: plain.test\r\n\r\n", refused},
	{"version-2", "another version", strings.Replace(get(""), "HTTP/1.1", "HTTP/2.0", 1), refused},
	{"version-digits", "a version of two digits", strings.Replace(get(""), "HTTP/1.1", "HTTP/1.10", 1), refused},
	{"version-case", "a version in small letters", strings.Replace(get(""), "HTTP/1.1", "http/1.1", 1), refused},
	{"version-space", "a space behind the version", strings.Replace(get(""), "HTTP/1.1\r", "HTTP/1.1 \r", 1), refused},
	{"target-space", "a space in the target", strings.Replace(get(""), "{}", "{}/a b", 1), refused},
	{"target-control", "a control in the target", strings.Replace(get(""), "{}", "{}/\x01", 1), refused},
	{"target-nul", "NUL in the target", strings.Replace(get(""), "{}", "{}/\x00", 1), refused},
	{"target-fragment", "a fragment in the target", strings.Replace(get(""), "{}", "{}#a", 1), answered},
	{"target-relative", "a target without a slash", strings.Replace(get(""), "{}", "smuggled", 1), answered},
	{"target-authority", "an authority for a target", strings.Replace(get(""), "{}", "plain.test:443", 1), answered},
	{"target-other", "another host in the target", strings.Replace(get(""), "{}", "https://elsewhere.test{}", 1), answered},
	{"target-same", "the same host in the target", strings.Replace(get(""), "{}", "https://plain.test{}", 1), either},
	{"method-empty", "no method", strings.Replace(get(""), "GET", "", 1), refused},
	{"method-control", "a control in the method", strings.Replace(get(""), "GET", "G\x01T", 1), refused},
	{"method-colon", "a colon in the method", strings.Replace(get(""), "GET", "GET:", 1), refused},
	{"connect", "CONNECT to another host", "CONNECT elsewhere.test:443 HTTP/1.1\r\nHost: elsewhere.test:443\r\n\r\n", answered},
	{"host-none", "no Host", "GET {} HTTP/1.1\r\n\r\n", refused},
	{"host-twice", "Host twice", get("Host: plain.test\r\n"), refused},
	{"host-two", "two hosts", get("Host: evil.test\r\n"), refused},
	{"host-empty", "an empty Host", "GET {} HTTP/1.1\r\nHost:\r\n\r\n", answered},
	{"host-path", "a path in Host", "GET {} HTTP/1.1\r\nHost: plain.test/a\r\n\r\n", answered},
	{"host-user", "a user in Host", "GET {} HTTP/1.1\r\nHost: evil@plain.test\r\n\r\n", answered},
	{"host-list", "a list of hosts", "GET {} HTTP/1.1\r\nHost: plain.test, evil.test\r\n\r\n", answered},
	{"host-space", "a space in Host", "GET {} HTTP/1.1\r\nHost: plain.test evil.test\r\n\r\n", answered},
	{"host-port", "a port that is none", "GET {} HTTP/1.1\r\nHost: plain.test:x\r\n\r\n", answered},
	{"host-folded", "a folded Host", "GET {} HTTP/1.1\r\nHost: plain.test\r\n .evil.test\r\n\r\n", refused},
	{"expect", "an expectation that is unknown", post("Expect: 200-ok\r\nContent-Length: 5\r\n", "hello"), either},
	{"upgrade-h2c", "an upgrade to h2c", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"), either},
	{"preface", "HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hidden, refused},
	{"tls-twice", "a TLS record within TLS", "\x16\x03\x01\x00\x05hello" + hidden, refused},
}

// chunks are RFC 9112 §7.1.
var chunks = []shape{
	{"chunk", "chunks as they should be", post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"), one},
	{"chunk-extension", "an extension", post("Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n"), either},
	{"chunk-zeros", "zeros before a size", post("Transfer-Encoding: chunked\r\n", "0005\r\nhello\r\n0\r\n\r\n"), either},
	{"chunk-upper-case", "a size in capitals", post("Transfer-Encoding: chunked\r\n", "A\r\n0123456789\r\n0\r\n\r\n"), one},
	{"chunk-trailer", "a Content-Length among the trailers", post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n"), either},
	{"chunk-plus", "a sign before a size", chunk("+5\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-minus", "a negative size", chunk("-5\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-0x", "0x before a size", chunk("0x5\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-letter", "a size that is no number", chunk("g\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-65-bits", "a size beyond 64 bits, 5 if it wraps", chunk("10000000000000005\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-33-bits", "a size beyond 32 bits, 5 if it wraps", chunk("100000005\r\nhello\r\n0\r\n\r\n"), unfinished},
	{"chunk-64-bits", "a size that is -1", chunk("ffffffffffffffff\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-63-bits", "a size that is beyond 63 bits", chunk("8000000000000005\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-long-size", "a size without an end", chunk(strings.Repeat("0", 70000) + "5\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-space-before", "a space before a size", chunk(" 5\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-space-within", "a space within a size", chunk("0 5\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-no-size", "no size", chunk("\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-no-size-extension", "an extension alone", chunk(";a=b\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-lf", "a size that ends with LF", chunk("5\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-cr", "a size that ends with CR", chunk("5\rhello\r\n0\r\n\r\n"), refused},
	{"chunk-extension-lf", "LF in an extension", chunk("5;a\nb\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-extension-cr", "CR in an extension", chunk("5;a\rb\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-extension-nul", "NUL in an extension", chunk("5;a\x00\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-extension-long", "an extension without an end", chunk("5;" + strings.Repeat("a", 70000) + "\r\nhello\r\n0\r\n\r\n"), refused},
	{"chunk-no-end", "no CRLF behind the data", chunk("5\r\nhello0\r\n\r\n"), refused},
	{"chunk-longer", "more data than the size", chunk("5\r\nhello!\r\n0\r\n\r\n"), refused},
	{"chunk-data-lf", "LF behind the data", chunk("5\r\nhello\n0\r\n\r\n"), refused},
	{"chunk-end-lf", "LF behind the last size", chunk("5\r\nhello\r\n0\n\n"), refused},
	{"chunk-trailer-lf", "a trailer that ends with LF", chunk("5\r\nhello\r\n0\r\nA: b\n\r\n"), refused},
	{"chunk-trailer-fold", "a folded trailer", chunk("5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n"), refused},
	{"chunk-trailer-space", "a space before a trailer's colon", chunk("5\r\nhello\r\n0\r\nA : b\r\n\r\n"), refused},
	{"chunk-trailer-control", "a control in a trailer", chunk("5\r\nhello\r\n0\r\nA: b\x00\r\n\r\n"), refused},
	{"chunk-trailer-many", "trailers without an end", chunk("5\r\nhello\r\n0\r\n" + strings.Repeat("A: b\r\n", 20000) + "\r\n"), refused},
}
