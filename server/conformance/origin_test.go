package conformance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit/h1peer"
)

// origin answers by scripts. A request belongs to the script of the first segment
// of its path. All methods are safe for concurrent use.
type origin struct {
	*h1peer.Server

	mu      sync.Mutex
	scripts map[string]*script
	strays  []string // requests that no script has, and what could not be read
}

// script is what the origin answers for one case now, and what it has been asked.
type script struct {
	path string // "/name"

	mu     sync.Mutex
	answer string
	fresh  bool   // nothing has been answered by it
	body   string // of an answer without one
	asked  []*recorded
}

func newOrigin(t testing.TB) *origin {
	t.Helper()
	o := &origin{scripts: make(map[string]*script)}
	o.Server = h1peer.Serve(t, time.Hour, func(_ int, c *h1peer.Peer) { o.serve(c) })
	return o
}

func (o *origin) serve(c *h1peer.Peer) {
	for {
		q, err := readRequest(c.R)
		if q == nil {
			return // a connection that ends between requests
		}
		s := o.scriptOf(q.target)
		q.complete = err == nil
		if s != nil {
			s.mu.Lock()
			s.asked = append(s.asked, q)
			s.mu.Unlock()
		}
		if ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed); err != nil || s == nil {
			if !ended || s == nil {
				o.mu.Lock()
				o.strays = append(o.strays, fmt.Sprintf("%q: %v", q.raw, err))
				o.mu.Unlock()
			}
			return
		}
		if !s.respond(c.Conn, q) {
			return
		}
	}
}

func (o *origin) scriptOf(target string) *script {
	name, _, _ := strings.Cut(strings.TrimPrefix(target, "/"), "/")
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.scripts[name]
}

func (o *origin) add(name string) *script {
	s := &script{path: "/" + name}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.scripts[name] != nil {
		panic("two cases are called " + name)
	}
	o.scripts[name] = s
	return s
}

// set says what is answered from now on.
func (s *script) set(answer, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.body, s.fresh = answer, body, true
}

// since returns the requests after the first n.
func (s *script) since(n int) []*recorded {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[n:len(s.asked):len(s.asked)]
}

func (s *script) count() int { return len(s.since(0)) }

// respond writes the answer, and reports whether the connection goes on.
func (s *script) respond(c net.Conn, q *recorded) bool {
	s.mu.Lock()
	answer, body := s.answer, s.body
	if before, after, ok := strings.Cut(answer, " | then "); ok {
		if answer = before; !s.fresh {
			answer = after
		}
	}
	s.fresh = false
	s.mu.Unlock()
	heads := strings.Split(answer, " ;; ")
	for _, head := range heads[:len(heads)-1] {
		if _, err := io.WriteString(c, s.head(members(head), nil)+"\r\n"); err != nil {
			return false
		}
	}
	m := members(heads[len(heads)-1])
	if m[0] == "close" {
		return false
	}
	var trailers strings.Builder
	chunked, cut, untilEnd := false, false, false
	for _, member := range m[1:] {
		switch {
		case member == "chunked":
			chunked = true
		case member == "cut":
			cut = true
		case member == "until-end":
			untilEnd = true
		case strings.HasPrefix(member, "="):
			body = member[1:]
		case strings.HasPrefix(member, "+"):
			chunked = true
			trailers.WriteString(member[1:] + "\r\n")
		}
	}
	if m[0] == "204" || m[0] == "304" {
		body = ""
	}
	own := []field{{"date", "@0"}}
	switch {
	case untilEnd:
	case chunked:
		own = append(own, field{"transfer-encoding", "chunked"})
	case cut:
		own = append(own, field{"content-length", fmt.Sprint(len(body) + 100)})
	case m[0] != "204" && m[0] != "304":
		own = append(own, field{"content-length", fmt.Sprint(len(body))})
	}
	text := s.head(m, own) + "\r\n"
	switch {
	case q.method == "HEAD":
	case chunked && cut:
		text += fmt.Sprintf("%x\r\n%s", len(body)+100, body)
	case chunked:
		if body != "" {
			text += fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
		}
		text += "0\r\n" + trailers.String() + "\r\n"
	default:
		text += body
	}
	_, err := io.WriteString(c, text)
	return err == nil && !cut && !untilEnd
}

// head is a status line and fields: those of the members, and own ones that they
// do not replace.
func (s *script) head(m []string, own []field) string {
	now := time.Now()
	var b strings.Builder
	version := "HTTP/1.1 "
	if slices.Contains(m, "1.0") {
		version = "HTTP/1.0 "
	}
	b.WriteString(version + m[0] + " Scripted\r\n")
	replaced := make(map[string]bool)
	for _, member := range m[1:] {
		if name, ok := strings.CutPrefix(member, "-"); ok {
			replaced[name] = true
		}
		name, value, ok := cutField(member)
		if !ok || strings.ContainsAny(member[:1], "=+") {
			continue
		}
		replaced[name] = true
		value = strings.ReplaceAll(withDates(value, now), "{}", s.path)
		b.WriteString(name + ": " + value + "\r\n")
	}
	for _, f := range own {
		if !replaced[f.name] {
			b.WriteString(f.name + ": " + withDates(f.value, now) + "\r\n")
		}
	}
	return b.String()
}
