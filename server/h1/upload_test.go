package h1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// refuseMethod answers without reading.
func refuseMethod(_ context.Context, x *message.Exchange) { answerWith(x, 405, "no") }

// TestUnwantedContent: a request whose content does not come, and is not
// wanted, is answered at once.
func TestUnwantedContent(t *testing.T) {
	for name, c := range map[string]struct {
		raw  string
		ends bool // the answer is the last
	}{
		"a size":            {upload("10"), false},
		"a GET":             {"GET /x HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n", false},
		"HTTP/1.0":          {"POST /x HTTP/1.0\r\nContent-Length: 10\r\n\r\n", true},
		"chunks":            {chunkedHead, false},
		"held back":         {upload("10", "Expect: 100-continue"), true},
		"chunks, held back": {chunkedHead[:len(chunkedHead)-2] + "Expect: 100-continue\r\n\r\n", true},
		"a large size":      {upload("300000"), true},
	} {
		t.Run(name, func(t *testing.T) {
			s := storing()
			s.serve = refuseMethod
			onFakeTime(t, s, func(t *testing.T, p *peer) {
				began := time.Now()
				p.Write(c.raw)
				if a := p.WantResponse(405, "no"); a.Close != c.ends {
					t.Errorf("the answer says close: %v, want %v", a.Close, c.ends)
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("the answer took %v", took)
				}
				p.WantEOF()
				if took := time.Since(began); took > drainTime {
					t.Errorf("the connection ended after %v", took)
				}
			})
		})
	}
}

// TestDrainedContent: content that was not wanted is dropped, and the next
// request on the connection is answered.
func TestDrainedContent(t *testing.T) {
	for name, raw := range map[string]string{
		"a size": upload("200000") + strings.Repeat("x", 200000),
		"chunks": chunkedHead + strings.Repeat("186a0\r\n"+strings.Repeat("x", 100000)+"\r\n", 2) + "0\r\nA: b\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := storing("/", "home")
			s.serve = refuseMethod
			p := connect(t, testConfig(s))
			go io.WriteString(p.Conn, raw+get("/"))
			p.WantResponse(405, "no")
			p.WantResponse(200, "home")
		})
	}
}

// TestRefusedUpload: a client that uploads megabytes, and is refused, can read
// the answer, if it looks for it or sends all first.
func TestRefusedUpload(t *testing.T) {
	const size = 20 << 20
	for name, c := range map[string]struct {
		head   string
		status int
	}{
		"too large":              {upload(fmt.Sprint(size)), 413},
		"too large, in chunks":   {chunkedHead + fmt.Sprintf("%x\r\n", size), 405},
		"the handler refuses it": {"POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n", 405},
	} {
		for _, first := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, all is sent first: %v", name, first), func(t *testing.T) {
				t.Parallel()
				s := storing()
				s.serve = refuseMethod
				p := connect(t, testConfig(s))
				all := append([]byte(c.head), bytes.Repeat([]byte("x"), size)...)
				sent := make(chan error, 1)
				go func() {
					_, err := p.Conn.Write(all)
					sent <- err
				}()
				if first {
					if err := <-sent; err != nil {
						t.Fatal(err)
					}
				}
				if a := p.Response("POST"); a.StatusCode != c.status || !a.Close && c.status != 405 {
					t.Errorf("%d, close: %v; want %d", a.StatusCode, a.Close, c.status)
				}
			})
		}
	}
}

// TestSlowRefusedUpload: a client that uploads slowly, and looks for the answer
// behind its last byte, reads that it was refused: it is read on for a bounded
// time, while it sends at the least rate (RFC 9112 §9.6).
func TestSlowRefusedUpload(t *testing.T) {
	const (
		tooLarge = 20 << 20 // bytes
		refused  = 1000000  // too many to drain
		lasts    = 25       // seconds that the upload takes, unless it is cut
	)
	for name, c := range map[string]struct {
		head   string
		part   int // bytes each half second
		status int
		within time.Duration // from the head to the connection's end
	}{
		"too large":                    {upload(fmt.Sprint(tooLarge)), 20 << 10, 413, lasts * time.Second},
		"too large, slower still":      {upload(fmt.Sprint(tooLarge)), 1 << 10, 413, lasts * time.Second},
		"too large, below it":          {upload(fmt.Sprint(tooLarge)), 1, 413, time.Second},
		"too large, and silence":       {upload(fmt.Sprint(tooLarge)), 0, 413, time.Second},
		"a handler's 405":              {upload(fmt.Sprint(refused)), 20 << 10, 405, lasts * time.Second},
		"a handler's 405 for chunks":   {chunkedHead + fmt.Sprintf("%x\r\n", refused), 20 << 10, 405, lasts * time.Second},
		"a handler's 405, below it":    {upload(fmt.Sprint(refused)), 1, 405, time.Second},
		"chunks, below it":             {chunkedHead + fmt.Sprintf("%x\r\n", refused), 1, 405, drainTime + time.Second},
		"a handler's 405, and silence": {upload(fmt.Sprint(refused)), 0, 405, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := storing()
				s.serve = refuseMethod
				server, client := testkit.NewHalfPipe()
				p := attach(t, testConfig(s), server, client)
				var answer bytes.Buffer
				failed := make(chan error, 1)
				go func() { // as the kernel does for a client that does not look
					_, err := io.Copy(&answer, client)
					failed <- err
				}()
				began := time.Now()
				p.Write(c.head)
				sent := make(chan struct{})
				go func() {
					defer close(sent)
					for range 2 * lasts {
						if c.part > 0 {
							if _, err := client.Write(make([]byte, c.part)); err != nil {
								return
							}
						}
						time.Sleep(time.Second / 2)
					}
					client.CloseWrite()
				}()
				<-p.ended
				if took := time.Since(began); took != c.within {
					t.Errorf("it ended after %v, want %v", took, c.within)
				}
				<-sent
				if err := <-failed; err != nil {
					t.Errorf("reading the answer: %v", err)
				}
				r, err := http.ReadResponse(bufio.NewReader(&answer), nil)
				if err != nil || r.StatusCode != c.status {
					t.Errorf("the answer is %v, %v; want %d", r, err, c.status)
				}
			})
		})
	}
}

// TestBackPressure: no more of a content is held than maxUnread, and what the
// peer has yet to send is not its fault meanwhile.
func TestBackPressure(t *testing.T) {
	const size = 1 << 20
	s := storing()
	var held chan struct{}
	s.serve = func(_ context.Context, x *message.Exchange) {
		<-held
		n, err := io.Copy(io.Discard, x.Body)
		answerWith(x, 200, fmt.Sprint(n, err))
	}
	onFakeTime(t, s, func(t *testing.T, p *peer) {
		if err := p.Conn.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		held = make(chan struct{}) // in the test's bubble
		go io.WriteString(p.Conn, upload(fmt.Sprint(size))+strings.Repeat("x", size))
		time.Sleep(time.Hour) // many times the timeout
		p.peek(func(c *Conn) {
			if n := c.x.in.unread; n != maxUnread {
				t.Errorf("%d bytes are held, want %d", n, maxUnread)
			}
		})
		if n := p.metrics.ReceivedBytes.Value(); n > 2*maxUnread {
			t.Errorf("%d bytes were read", n)
		}
		close(held)
		p.WantResponse(200, fmt.Sprint(size, " <nil>"))
	})
}

// TestContentTooLarge: chunks beyond the limit fail the handler's reads, which
// can say so; the limit itself is allowed.
func TestContentTooLarge(t *testing.T) {
	s := storing("/", "home")
	s.serve = func(_ context.Context, x *message.Exchange) {
		n, err := io.Copy(io.Discard, x.Body)
		if e := (*http.MaxBytesError)(nil); errors.As(err, &e) {
			answerWith(x, 413, fmt.Sprint(e.Limit))
			return
		}
		answerWith(x, 200, fmt.Sprint(n))
	}
	p := connect(t, testConfig(s))
	all := strings.Repeat("8000\r\n"+strings.Repeat("x", 32<<10)+"\r\n", 32)
	go io.WriteString(p.Conn, chunkedHead+all+"0\r\n\r\n"+get("/")+chunkedHead+all+"1\r\nx\r\n0\r\n\r\n")
	p.WantResponse(200, "1048576")
	p.WantResponse(200, "home")
	if a := p.WantResponse(413, "1048576"); !a.Close {
		t.Error("the connection goes on")
	}
	p.WantEOF()
	if n := p.metrics.LimitBreaches.Value(metrics.LimitBodySize); n != 1 {
		t.Errorf("%d breaches were counted, want 1", n)
	}
}

// TestTooMuchIsLast: a 413 while content is still to come is the connection's last
// answer, and says so; after all of it, or without any, the connection goes on, and so
// it does behind another error.
func TestTooMuchIsLast(t *testing.T) {
	for why, tt := range map[string]struct {
		request string
		rest    string // of the content, which comes after the answer
		read    bool   // by the handler, before it answers
		status  int
		last    bool
	}{
		"chunks go on":                        {chunkedHead + "4\r\nbody\r\n", "0\r\n\r\n", false, 413, true},
		"a part of what was declared":         {upload("8") + "body", "body", false, 413, true},
		"all chunks have come":                {chunkedHead + "4\r\nbody\r\n0\r\n\r\n", "", true, 413, false},
		"all that was declared has come":      {upload("4") + "body", "", true, 413, false},
		"there is no content":                 {"POST /x HTTP/1.1\r\nHost: test\r\n\r\n", "", false, 413, false},
		"another error, while chunks go on":   {chunkedHead + "4\r\nbody\r\n", "0\r\n\r\n", false, 403, false},
		"another error, while content is due": {upload("8") + "body", "body", false, 403, false},
	} {
		for _, whole := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, at once %t", why, whole), func(t *testing.T) {
				s := storing("/", "home")
				s.serve = func(_ context.Context, x *message.Exchange) {
					if tt.read {
						_, _ = io.Copy(io.Discard, x.Body)
					}
					if whole {
						x.Reply.Send(message.New(tt.status, nil, []byte("no"), "", time.Time{}))
						return
					}
					answerWith(x, tt.status, "no")
				}
				p := connect(t, testConfig(s))
				p.Write(tt.request)
				if a := p.WantResponse(tt.status, "no"); a.Close != tt.last {
					t.Errorf("the answer says that the connection ends: %v, want %v", a.Close, tt.last)
				}
				if tt.last {
					p.WantEOF()
					return
				}
				p.Write(tt.rest + get("/"))
				p.WantResponse(200, "home")
			})
		}
	}
}

// TestContinue: 100 (Continue) is sent when the handler reads, once, and not if
// the content came without it.
func TestContinue(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\n"
	for name, c := range map[string]struct{ before, after, want string }{
		"held back":       {upload("4", "Expect: 100-continue"), "body", "HTTP/1.1 100 Continue\r\n\r\n" + answer},
		"in another case": {upload("4", "Expect: 100-Continue"), "body", "HTTP/1.1 100 Continue\r\n\r\n" + answer},
		"not held back":   {upload("4", "Expect: 100-continue") + "bo", "dy", answer},
		"not asked for":   {upload("4"), "body", answer},
		"HTTP/1.0":        {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n", "body", answer},
	} {
		t.Run(name, func(t *testing.T) {
			onFakeTime(t, storing(), func(t *testing.T, p *peer) {
				p.Write(c.before)
				go func() {
					time.Sleep(time.Second)
					io.WriteString(p.Conn, c.after)
				}()
				got := make([]byte, len(c.want))
				if _, err := io.ReadFull(p.R, got); err != nil || string(got) != c.want {
					t.Errorf("%q, %v; want %q", got, err, c.want)
				}
			})
		})
	}
}

// TestContentCutShort: a content whose end does not come fails the handler's
// reads; its answer still goes to a client that only ended its sending half.
func TestContentCutShort(t *testing.T) {
	for name, raw := range map[string]string{"a size": upload("10") + "short", "chunks": chunkedHead + "a\r\nshort", "before the last chunk": chunkedHead + "1\r\na\r\n"} {
		t.Run(name, func(t *testing.T) {
			p := connect(t, testConfig(storing()))
			p.Write(raw)
			if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if a := p.WantResponse(400, io.ErrUnexpectedEOF.Error()); !a.Close {
				t.Error("the answer does not say that the connection ends")
			}
			p.WantEOF()
		})
	}
}

// TestTrailersOfARequest reach the handler with the content's end.
func TestTrailersOfARequest(t *testing.T) {
	s := storing()
	s.serve = func(_ context.Context, x *message.Exchange) {
		body, err := io.ReadAll(x.Body)
		answerWith(x, 200, fmt.Sprint(x.Length, string(body), err, x.Trailers()))
	}
	p := connect(t, testConfig(s))
	p.Write(chunkedHead + "2\r\nhi\r\n0\r\nA: b\r\nC: d\r\n\r\n")
	p.WantResponse(200, "-1hi<nil> [{a b false} {c d false}]")
}

// TestMixedUploadsKeepOrder: hits, uploads, misses and ranges in one segment,
// or byte by byte, are answered in order.
func TestMixedUploadsKeepOrder(t *testing.T) {
	s := storing("/hit", "hit", "/large", strings.Repeat("L", 100<<10))
	var all strings.Builder
	var want []string
	for i := range 60 {
		body := strings.Repeat("b", i*7)
		switch i % 6 {
		case 0:
			all.WriteString(get("/hit"))
			want = append(want, "hit")
		case 1:
			fmt.Fprintf(&all, "PUT /%d HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%s", i, len(body), body)
			want = append(want, fmt.Sprintf("PUT /%d test %q", i, body))
		case 2:
			fmt.Fprintf(&all, "PUT /%d HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", i, len(body), body)
			want = append(want, fmt.Sprintf("PUT /%d test %q", i, body))
		case 3:
			all.WriteString(get("/miss"))
			want = append(want, `GET /miss test ""`)
		case 4:
			all.WriteString(get("/large", "Range: bytes=1-3"))
			want = append(want, "LLL")
		case 5:
			all.WriteString(get("/large"))
			want = append(want, strings.Repeat("L", 100<<10))
		}
	}
	for name, step := range map[string]int{"one piece": all.Len(), "byte by byte": 1, "pieces": 1000} {
		t.Run(name, func(t *testing.T) {
			p := connect(t, testConfig(s))
			go func() {
				for rest := all.String(); rest != ""; rest = rest[min(step, len(rest)):] {
					if _, err := io.WriteString(p.Conn, rest[:min(step, len(rest))]); err != nil {
						return
					}
				}
			}()
			for i, body := range want {
				if a := p.Response("GET"); a.Content != body || a.StatusCode != 200 && a.StatusCode != 206 {
					t.Fatalf("answer %d is %d %.40q, want %.40q", i, a.StatusCode, a.Content, body)
				}
			}
		})
	}
}
