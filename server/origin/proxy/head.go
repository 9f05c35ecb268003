package proxy

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// responseHead is a parsed head.
type responseHead struct {
	status  int
	fields  []hpack.Field // names in lower case; neither hop-by-hop fields nor Content-Length
	length  int64         // Content-Length, -1 without one
	coded   bool          // Transfer-Encoding: chunked
	upgrade string
}

// parseHead parses a response head (RFC 9112 §4, §5) with the empty line that
// ends it, of which every line ends with CR LF. The names in block are put into
// lower case; nothing else of it is changed or kept.
//
// It is stricter than a client may be if parties are known to differ: no
// folded lines, no white space before a colon, no control characters, one
// Content-Length, and "chunked" as the only transfer coding.
func parseHead(block []byte) (h responseHead, err error) {
	h.length = -1
	end := bytes.IndexByte(block, '\n')
	minor, status, err := parseStatusLine(block[:end-1])
	if err != nil {
		return h, err
	}
	h.status = status
	all, err := parseFields(block[end+1 : len(block)-2])
	if err != nil {
		return h, err
	}
	var connection []string
	coding := 0
	for _, f := range all {
		switch f.Name {
		case "connection":
			connection = append(connection, f.Value)
		case "upgrade":
			if h.upgrade != "" {
				h.upgrade += ", "
			}
			h.upgrade += f.Value
		case "content-length":
			if h.length >= 0 {
				return h, &protocolError{httpProtocolError, "more than one Content-Length"}
			}
			n, ok := parseLength(f.Value)
			if !ok {
				return h, &protocolError{httpProtocolError, fmt.Sprintf("Content-Length %.40q", f.Value)}
			}
			h.length = n
		case "transfer-encoding":
			if coding++; coding > 1 || !strings.EqualFold(f.Value, "chunked") {
				return h, &protocolError{httpTransferCoding, fmt.Sprintf("Transfer-Encoding %.40q", f.Value)}
			}
			h.coded = true
		}
	}
	if h.coded && h.length >= 0 {
		return h, &protocolError{httpProtocolError, "both Content-Length and Transfer-Encoding"} // RFC 9112 §6.3
	}
	if h.coded && minor == 0 {
		return h, &protocolError{httpTransferCoding, "a Transfer-Encoding in HTTP/1.0"} // RFC 9112 §6.1
	}
	h.fields = forwardable(all, connection)
	if h.status == http.StatusUpgradeRequired && h.upgrade != "" {
		// It is the upstream that requires it (RFC 9110 §15.5.22), and what is
		// agreed to is passed on.
		h.fields = append(h.fields, hpack.Field{Name: "upgrade", Value: h.upgrade})
	}
	return h, nil
}

// shorten removes in place the lines of a head that [parseHead] has accepted
// which say nothing of where the response ends and whether the connection goes
// on, and returns what is left of its length. What passes the framer on its way
// to net/http would else be parsed a second time, into a map that is not looked at.
func shorten(head []byte) int {
	left := bytes.IndexByte(head, '\n') + 1
	for at := left; at < len(head); {
		end := at + bytes.IndexByte(head[at:], '\n') + 1
		line := head[at:end]
		switch string(line[:max(0, bytes.IndexByte(line, ':'))]) {
		case "", "connection", "keep-alive", "content-length", "transfer-encoding":
			left += copy(head[left:], line)
		}
		at = end
	}
	return left
}

// forwardable removes in place what is not passed on.
func forwardable(all []hpack.Field, connection []string) []hpack.Field {
	kept := all[:0]
	for _, f := range all {
		if hopByHop(f.Name) || f.Name == "content-length" ||
			len(connection) > 0 && nominated(connection, f.Name) {
			continue
		}
		kept = append(kept, f)
	}
	return kept
}

// parseTrailers parses a trailer section with the empty line that ends it.
// Fields that may not stand there are left out (RFC 9110 §6.5.1).
func parseTrailers(block []byte) ([]hpack.Field, error) {
	if len(block) == 2 {
		return nil, nil
	}
	all, err := parseFields(block[:len(block)-2])
	if err != nil {
		return nil, err
	}
	kept := all[:0]
	for _, f := range all {
		if trailerAllowed(f.Name) {
			kept = append(kept, f)
		}
	}
	return kept, nil
}

// parseStatusLine parses a status line without its CR LF: HTTP/1.x, a status
// from 100 to 599, and a reason that is not kept. The space before an empty
// reason may be missing, as many servers leave it out.
func parseStatusLine(line []byte) (minor, status int, err error) {
	fail := func() (int, int, error) {
		return 0, 0, &protocolError{httpProtocolError, fmt.Sprintf("status line %.60q", line)}
	}
	if len(line) < len("HTTP/1.1 200") || string(line[:7]) != "HTTP/1." || line[8] != ' ' {
		return fail()
	}
	if line[7] != '0' && line[7] != '1' {
		return fail()
	}
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return fail()
		}
		status = status*10 + int(c-'0')
	}
	if status < 100 || status > 599 {
		return fail()
	}
	if len(line) > 12 && (line[12] != ' ' || !validValue(line[12:])) {
		return fail()
	}
	return int(line[7] - '0'), status, nil
}

// parseFields parses field lines, each with its CR LF, without the empty line.
// The fields share one string. Names in block are put into lower case.
func parseFields(block []byte) ([]hpack.Field, error) {
	count := bytes.Count(block, []byte{'\n'})
	if count == 0 {
		return nil, nil
	}
	if count > maxFields {
		return nil, &protocolError{httpResponseHeadSize, fmt.Sprintf("%d fields", count)}
	}
	for rest := block; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		line := rest[:end-1]
		rest = rest[end+1:]
		colon := lowerName(line)
		if colon <= 0 {
			return nil, &protocolError{httpProtocolError, fmt.Sprintf("field line %.60q", line)}
		}
		if !validValue(line[colon+1:]) {
			return nil, &protocolError{httpProtocolError, fmt.Sprintf("a control character in the field %.60q", line[:colon])}
		}
	}
	fields := make([]hpack.Field, 0, count)
	for rest := string(block); rest != ""; {
		line, after, _ := strings.Cut(rest, "\r\n")
		rest = after
		colon := strings.IndexByte(line, ':')
		fields = append(fields, hpack.Field{Name: line[:colon], Value: trimSpace(line[colon+1:])})
	}
	return fields, nil
}

// lowerName puts the name of a field line into lower case, and returns the
// index of the colon behind it; -1 if the name is no token (RFC 9110 §5.1).
func lowerName(line []byte) int {
	for i, c := range line {
		if c == ':' {
			return i
		}
		l := tokenLower[c]
		if l == 0 {
			return -1
		}
		line[i] = l
	}
	return -1
}

// tokenLower maps each tchar (RFC 9110 §5.6.2) to itself in lower case, and
// anything else to 0.
var tokenLower = func() (t [256]byte) {
	for c := '0'; c <= '9'; c++ {
		t[c] = byte(c)
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = byte(c), byte(c)
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = byte(c)
	}
	return t
}()

// validValue reports whether a value has no control character but HTAB
// (RFC 9110 §5.5).
func validValue[T string | []byte](v T) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// validName reports whether a name in lower case is a token.
func validName(name string) bool {
	for i := range len(name) {
		if tokenLower[name[i]] != name[i] || name[i] == 0 {
			return false
		}
	}
	return name != ""
}

func trimSpace(s string) string { return strings.Trim(s, " \t") }

// parseLength reads a Content-Length: digits alone, within an int64.
func parseLength(s string) (int64, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false // ParseInt would take a sign
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
