package conformance

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// recorded is a request as the origin read it.
type recorded struct {
	method, target string
	fields         []field
	content        string
	raw            string // the head, byte for byte
	complete       bool   // it came to its end
}

type field struct{ name, value string }

func (r *recorded) get(name string) (string, bool) {
	var lines []string
	for _, f := range r.fields {
		if f.name == name {
			lines = append(lines, f.value)
		}
	}
	return strings.Join(lines, ", "), lines != nil
}

func (r *recorded) conditional() bool {
	_, match := r.get("if-none-match")
	_, since := r.get("if-modified-since")
	return match || since
}

// maxContent is more than any case sends.
const maxContent = 1 << 20

// readRequest reads a request, and takes nothing that is not exactly as RFC 9112
// writes it: what an origin could read in two ways is an error.
func readRequest(r *bufio.Reader) (*recorded, error) {
	q := new(recorded)
	line, err := q.line(r)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(line, " ")
	if len(parts) != 3 || parts[2] != "HTTP/1.1" || parts[0] == "" || !strings.HasPrefix(parts[1], "/") && parts[1] != "*" {
		return q, fmt.Errorf("request line %q", line)
	}
	q.method, q.target = parts[0], parts[1]
	for {
		line, err := q.line(r)
		if err != nil {
			return q, err
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) {
			return q, fmt.Errorf("field line %q", line)
		}
		for _, c := range []byte(value) {
			if c < ' ' && c != '\t' || c == 0x7f {
				return q, fmt.Errorf("a control in %q", line)
			}
		}
		q.fields = append(q.fields, field{strings.ToLower(name), strings.Trim(value, " \t")})
	}
	return q, q.readContent(r)
}

// line reads a line that ends with CRLF and has no other CR.
func (q *recorded) line(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	q.raw += line
	if err != nil {
		if line != "" && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return "", err
	}
	if !strings.HasSuffix(line, "\r\n") {
		return "", fmt.Errorf("a line that ends with LF alone: %q", line)
	}
	line = line[:len(line)-2]
	if strings.ContainsAny(line, "\r\x00") {
		return "", fmt.Errorf("CR or NUL in a line: %q", line)
	}
	return line, nil
}

func (q *recorded) readContent(r *bufio.Reader) error {
	hosts, lengths, codings := 0, 0, 0
	length, chunked := int64(0), false
	for _, f := range q.fields {
		switch f.name {
		case "host":
			hosts++
		case "content-length":
			lengths++
			n, err := strconv.ParseUint(f.value, 10, 31)
			if err != nil || strconv.FormatUint(n, 10) != f.value {
				return fmt.Errorf("Content-Length %q", f.value)
			}
			length = int64(n)
		case "transfer-encoding":
			codings++
			if f.value != "chunked" {
				return fmt.Errorf("Transfer-Encoding %q", f.value)
			}
			chunked = true
		}
	}
	if hosts != 1 || lengths+codings > 1 {
		return fmt.Errorf("%d Host, %d Content-Length and %d Transfer-Encoding", hosts, lengths, codings)
	}
	if !chunked {
		content, err := io.ReadAll(io.LimitReader(r, length))
		if q.content = string(content); err == nil && int64(len(content)) < length {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	for {
		line, err := q.line(r)
		if err != nil {
			return err
		}
		size, err := strconv.ParseUint(line, 16, 31)
		if err != nil || size > maxContent {
			return fmt.Errorf("chunk size %q", line)
		}
		if size == 0 {
			break
		}
		chunk := make([]byte, size)
		if _, err := io.ReadFull(r, chunk); err != nil {
			return err
		}
		q.content += string(chunk)
		if line, err := q.line(r); err != nil || line != "" {
			return fmt.Errorf("%q behind a chunk: %w", line, err)
		}
	}
	for {
		if line, err := q.line(r); err != nil || line == "" {
			return err
		}
	}
}

func isToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
