// Package h1peer is one end of an HTTP/1.1 connection that a test drives byte by
// byte: a client of the server's engine, an origin, or a server for the load
// generator. What it reads is parsed by net/http, which is not ours, or is taken
// as it is. Nothing but tests imports it.
//
// A Peer belongs to one goroutine. Its waits end at the connection's deadline,
// which is the test's to set.
package h1peer

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// Peer is a connection's scripted end.
type Peer struct {
	testing.TB
	Conn net.Conn
	R    *bufio.Reader // reads Conn

	received testkit.LogBuffer
}

// New makes a peer of a connection's end.
func New(t testing.TB, conn net.Conn) *Peer {
	return &Peer{TB: t, Conn: conn, R: bufio.NewReader(conn)}
}

// Received is all that has been read from a connection of a Server. Any goroutine
// may call it.
func (p *Peer) Received() string { return p.received.String() }

// Write sends text in one write.
func (p *Peer) Write(text string) {
	p.Helper()
	if _, err := io.WriteString(p.Conn, text); err != nil {
		p.Fatalf("writing: %v", err)
	}
}

// Send is Write in a bubble of fake time. It returns when all that follows from
// the text has been done.
func (p *Peer) Send(text string) {
	p.Helper()
	p.Write(text)
	synctest.Wait()
}

// Say is Write if the other end may be gone, which is no mistake then.
func (p *Peer) Say(text string) { _, _ = io.WriteString(p.Conn, text) }

// Get is a GET without a content, for the authority "test". fields are whole
// lines.
func Get(path string, fields ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: test\r\n" + strings.Join(append(fields, "", ""), "\r\n")
}

// Head reads up to an empty line and returns all with it, "" at the end.
func (p *Peer) Head() string {
	var b strings.Builder
	for {
		line, err := p.R.ReadString('\n')
		if err != nil {
			return ""
		}
		b.WriteString(line)
		if line == "\r\n" {
			return b.String()
		}
	}
}

// Response is a response with its content.
type Response struct {
	*http.Response
	Content string
}

// Response reads, as a client, the response to a request with that method.
func (p *Peer) Response(method string) Response {
	p.Helper()
	r, err := http.ReadResponse(p.R, &http.Request{Method: method})
	if err != nil {
		p.Fatalf("reading a response: %v", err)
	}
	content, err := io.ReadAll(r.Body)
	if err != nil {
		p.Fatalf("reading a content after %d bytes: %v", len(content), err)
	}
	return Response{r, string(content)}
}

// WantResponse reads the response to a GET and checks status and content.
func (p *Peer) WantResponse(status int, content string) Response {
	p.Helper()
	r := p.Response("GET")
	if r.StatusCode != status || r.Content != content {
		p.Fatalf("got %d %.40q (%d bytes), want %d %.40q (%d bytes)", r.StatusCode, r.Content, len(r.Content), status, content, len(content))
	}
	return r
}

// WantRequest reads, as a server, a request and checks it.
func (p *Peer) WantRequest(method, path, content string) {
	p.Helper()
	r, err := http.ReadRequest(p.R)
	if err != nil {
		p.Fatalf("reading a request: %v", err)
	}
	got, err := io.ReadAll(r.Body)
	if err != nil {
		p.Fatalf("reading a request's content: %v", err)
	}
	if r.Method != method || r.RequestURI != path || string(got) != content {
		p.Fatalf("got %s %s %.40q, want %s %s %.40q", r.Method, r.RequestURI, got, method, path, content)
	}
}

// WantEOF reads the connection's end.
func (p *Peer) WantEOF() {
	p.Helper()
	if b, err := p.R.ReadByte(); err != io.EOF {
		p.Fatalf("%q (%v), want the connection's end", b, err)
	}
}

// Silence is how long WantSilence waits, of the bubble's time.
const Silence = time.Microsecond

// WantSilence checks, in a bubble of fake time, that nothing is sent until
// something happens.
func (p *Peer) WantSilence() {
	p.Helper()
	synctest.Wait()
	_ = p.Conn.SetReadDeadline(time.Now().Add(Silence))
	if b, err := p.R.ReadByte(); err == nil {
		p.Fatalf("%q was sent, want nothing", b)
	}
	_ = p.Conn.SetReadDeadline(time.Time{})
}
