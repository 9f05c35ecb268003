package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// line is what a line says.
type line struct {
	at     time.Time
	coarse bool // at is a whole second
	client string
	method string
	path   string // with the query
}

// What may be wrong with a line.
var (
	errFormat  = errors.New("it is neither Common nor Combined Log Format, nor hotpath's JSON")
	errRequest = errors.New(`its request is none that was read: "METHOD /path HTTP/1.1" is`)
	errPath    = errors.New("its path does not begin with / or is cut off")
	errTime    = errors.New("its time is none")
)

// parseLine reads a line in one of the formats.
func parseLine(text []byte) (line, error) {
	l, err := line{}, error(nil)
	if text[0] == '{' {
		l, err = parseJSON(text)
	} else {
		l, err = parseCommon(string(text))
	}
	if err != nil {
		return l, err
	}
	if l.path, err = localPath(l.path); err != nil {
		return l, err
	}
	return l, nil
}

// parseJSON reads a line of hotpath's JSON.
func parseJSON(text []byte) (line, error) {
	var members struct {
		Time      time.Time
		Remote    string
		Method    string
		Path      string
		Truncated bool
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&members); err != nil {
		return line{}, errFormat
	}
	switch {
	case members.Time.IsZero():
		return line{}, errTime
	case !token(members.Method):
		return line{}, errRequest
	case members.Truncated && strings.HasSuffix(members.Path, "..."):
		return line{}, errPath
	}
	return line{at: members.Time, client: members.Remote, method: members.Method, path: members.Path}, nil
}

// commonTime is that of Common Log Format.
const commonTime = "02/Jan/2006:15:04:05 -0700"

// parseCommon reads `host ident user [time] "request" status bytes`, and does not
// look at what is behind the request: Combined has the same before it.
func parseCommon(text string) (line, error) {
	l := line{coarse: true}
	host, rest, ok := strings.Cut(text, " ")
	_, rest, opened := strings.Cut(rest, " [") // ident and user, which may have spaces
	stamp, rest, closed := strings.Cut(rest, `] "`)
	if !ok || !opened || !closed {
		return l, errFormat
	}
	var err error
	if l.at, err = time.Parse(commonTime, stamp); err != nil {
		return l, errTime
	}
	request, ok := unquote(rest)
	if !ok {
		return l, errFormat
	}
	method, rest, spaced := strings.Cut(request, " ")
	end := strings.LastIndexByte(rest, ' ')
	if !spaced || end < 0 || !strings.HasPrefix(rest[end+1:], "HTTP/") || !token(method) {
		return l, errRequest
	}
	l.client, l.method, l.path = host, method, rest[:end]
	if strings.HasSuffix(l.path, "...") {
		return l, errPath
	}
	return l, nil
}

// unquote is what stands before the next quote that has no backslash, as Apache and
// nginx write it: \" \\ \n \t and so on, and \xHH.
func unquote(text string) (value string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"':
			return b.String(), true
		case c != '\\' || i+1 == len(text):
			b.WriteByte(c)
			continue
		}
		i++
		switch c := text[i]; c {
		case 'x':
			if i+2 >= len(text) {
				return "", false
			}
			octet, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(octet))
			i += 2
		case 'n', 't', 'r', 'b', 'f', 'v':
			b.WriteByte(map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f', 'v': '\v'}[c])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// localPath is a path as it can be sent: of a URL (RFC 9112 §3.2.2) what is behind
// its host, and octets that may not be there in percent-encoding.
func localPath(path string) (string, error) {
	for _, scheme := range []string{"http://", "https://"} {
		if rest, ok := strings.CutPrefix(path, scheme); ok {
			_, path, _ = strings.Cut(rest, "/")
			path = "/" + path
		}
	}
	if !strings.HasPrefix(path, "/") {
		return "", errPath
	}
	var b strings.Builder
	for i := range len(path) {
		switch c := path[i]; {
		case c <= ' ' || c >= 0x7f || c == '#' || c == '"' || c == '{' || c == '}':
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	path = b.String()
	if _, err := url.ParseRequestURI(path); err != nil {
		return "", fmt.Errorf("its path cannot be sent: %w", err)
	}
	return path, nil
}

// token reports whether a method is one (RFC 9110 §9.1), in capitals as all that
// are registered.
func token(method string) bool {
	return method != "" && strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == ""
}
