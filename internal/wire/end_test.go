package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// readToEnd serves c and reports what Fill said at its end.
func readToEnd(end *error) func(*Conn) {
	return func(c *Conn) {
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
			for {
				c.Consume(len(c.Unread()))
				err := c.Fill()
				if err == error(ErrWouldBlock) {
					return Sleep, time.Time{}
				}
				if err != nil {
					*end = err
					return Done, time.Time{}
				}
			}
		}})
	}
}

func TestEndOfTheClient(t *testing.T) {
	reset := func(s served) error {
		return errors.Join(s.raw.(*net.TCPConn).SetLinger(0), s.raw.Close())
	}
	for _, c := range []struct {
		name   string
		secure bool
		end    func(served) error
		want   error
	}{
		{"FIN", false, func(s served) error { return s.raw.(*net.TCPConn).CloseWrite() }, io.EOF},
		{"FIN without close_notify", true, func(s served) error { return s.raw.(*net.TCPConn).CloseWrite() }, io.EOF},
		{"close_notify", true, func(s served) error { return s.client.(*tls.Conn).CloseWrite() }, io.EOF},
		{"RST", false, reset, syscall.ECONNRESET},
		{"RST under TLS", true, reset, syscall.ECONNRESET},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got error
			server, client := testkit.TCPPair(t)
			s := serve(t, server, client, c.secure, newOptions(), readToEnd(&got))
			send(t, s.client, []byte("something before"))
			if err := c.end(s); err != nil {
				t.Fatal(err)
			}
			s.wait(t)
			if !errors.Is(got, c.want) {
				t.Errorf("Fill said %v, want %v", got, c.want)
			}
		})
	}
}

// An end of stream that arrives together with the last bytes hides behind a
// short read and raises no edge of its own.
func TestEndTogetherWithTheLastBytes(t *testing.T) {
	t.Parallel()
	server, client := testkit.TCPPair(t)
	send(t, client, []byte("last words"))
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	var got error
	s := serve(t, server, client, false, newOptions(), readToEnd(&got))
	s.wait(t) // for several times quietCheck
	if got != io.EOF {
		t.Errorf("Fill said %v, want EOF", got)
	}
}

// A server that refuses the client's certificate says so behind the handshake, and
// resets what is on its way: the alert is found though writing failed first.
func TestLastWordOfTheServer(t *testing.T) {
	for _, refuses := range []bool{true, false} {
		t.Run(map[bool]string{true: "an alert", false: "no alert"}[refuses], func(t *testing.T) {
			t.Parallel()
			there, here := testkit.TCPPair(t)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				config := serverTLS().Clone()
				if refuses {
					config.ClientAuth = tls.RequireAnyClientCert
				}
				_ = tls.Server(there, config).Handshake()
				_ = there.Close()
			}()
			c := NewClient(here, clientTLS(), newOptions())
			if err := c.Handshake(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			<-ended
			var written, last error
			c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
				c.Out = append(c.Out, "on its way"...)
				if written = c.Flush(); written == nil {
					return Again, time.Time{}
				}
				last = c.LastWord(written)
				return Leave, time.Time{}
			}})
			_ = c.Close()
			alert := new(net.OpError)
			if got := errors.As(last, &alert) && alert.Op == "remote error"; got != refuses || !refuses && last != written {
				t.Errorf("writing failed by %v, the last word is %v", written, last)
			}
		})
	}
}

// What an engine appended before it was Done arrives, flushed by it or not, and
// close_notify after it.
func TestLastWords(t *testing.T) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := p.open(t, newOptions(), func(c *Conn) {
				c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
					c.Out = append(c.Out, "goodbye"...)
					return Done, time.Time{}
				}})
			})
			if got, err := io.ReadAll(s.client); string(got) != "goodbye" || err != nil {
				t.Errorf("got %q and %v", got, err)
			}
			s.client.Close()
			s.wait(t)
		})
	}
}

// A socket that is closed with unread input resets the connection, and the
// reset overtakes what was written before: so we linger.
func TestLastWordsDespiteUnreadInput(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "plaintext", true: "TLS"}[secure], func(t *testing.T) {
			t.Parallel()
			server, client := testkit.TCPPair(t)
			turned := make(chan struct{})
			s := serve(t, server, client, secure, newOptions(), func(c *Conn) {
				c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
					if c.Fill() != nil {
						return Sleep, time.Time{}
					}
					c.Out = append(c.Out, "GOAWAY"...)
					close(turned)
					return Done, time.Time{}
				}})
			})
			send(t, s.client, []byte(strings.Repeat("x", 300_000)))
			<-turned
			s.client.Write([]byte("not wanted any more")) // may fail: that is not the point
			if got, err := io.ReadAll(s.client); string(got) != "GOAWAY" || err != nil {
				t.Errorf("got %q and %v", got, err)
			}
			s.client.Close()
			s.wait(t)
		})
	}
}

// A client that does not close its side holds us up for no longer than
// lingerTime, of which wait allows many.
func TestLingerIsBounded(t *testing.T) {
	t.Parallel()
	server, client := testkit.TCPPair(t)
	s := serve(t, server, client, false, newOptions(), func(c *Conn) {
		c.Serve(engine{turn: func(time.Time) (Step, time.Time) { return Done, time.Time{} }})
	})
	s.wait(t)
}

// A client that uploads before it looks for the answer reads it, though it was
// given at the upload's first bytes; one that only trickles is not waited for.
func TestLingerForAnUpload(t *testing.T) {
	for name, c := range map[string]struct {
		part, parts int
		pause       time.Duration
		read        bool
	}{
		"an upload": {1 << 20, 20, 0, true},
		"a trickle": {1, 1000, 5 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := testkit.TCPPair(t)
			s := serve(t, server, client, true, newOptions(), func(c *Conn) {
				c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
					if c.Fill() != nil {
						return Sleep, time.Time{}
					}
					c.Out = append(c.Out, "413"...)
					return Done, time.Time{}
				}})
			})
			began := time.Now()
			part := make([]byte, c.part)
			for range c.parts {
				if _, err := s.client.Write(part); err != nil {
					if c.read {
						t.Fatal(err)
					}
					break
				}
				time.Sleep(c.pause)
			}
			if got, err := io.ReadAll(s.client); c.read && (string(got) != "413" || err != nil) {
				t.Errorf("got %q and %v", got, err)
			}
			s.client.Close()
			s.wait(t)
			if took := time.Since(began); !c.read && took >= lingerTime {
				t.Errorf("lingered for %v", took)
			}
		})
	}
}

// An engine that ends its half is read on; its client sees the end.
func TestEndOutput(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "plaintext", true: "TLS"}[secure], func(t *testing.T) {
			t.Parallel()
			server, client := testkit.TCPPair(t)
			var got []byte
			ended := false
			s := serve(t, server, client, secure, newOptions(), func(c *Conn) {
				c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
					for {
						got = append(got, c.Unread()...)
						c.Consume(len(c.Unread()))
						if len(got) > 0 && !ended {
							ended = true
							c.Out = append(c.Out, "all"...)
							if c.Flush() != nil {
								return Done, time.Time{}
							}
							c.EndOutput()
						}
						switch err := c.Fill(); err {
						case nil:
						case error(ErrWouldBlock):
							return Sleep, time.Time{}
						default:
							return Done, time.Time{}
						}
					}
				}})
			})
			send(t, s.client, []byte("first"))
			if all, err := io.ReadAll(s.client); string(all) != "all" || err != nil {
				t.Errorf("the client got %q and %v", all, err)
			}
			send(t, s.client, []byte(" then"))
			s.client.Close()
			s.wait(t)
			if string(got) != "first then" {
				t.Errorf("the engine got %q", got)
			}
		})
	}
}

// A connection that is to be reset shows neither close_notify nor an end.
func TestResetAtEnd(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "plaintext", true: "TLS"}[secure], func(t *testing.T) {
			t.Parallel()
			server, client := testkit.TCPPair(t)
			s := serve(t, server, client, secure, newOptions(), func(c *Conn) {
				c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
					c.Out = append(c.Out, "a part"...)
					c.ResetAtEnd()
					return Done, time.Time{}
				}})
			})
			if got, err := io.ReadAll(s.client); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the client got %q and %v, want a reset", got, err)
			}
			s.wait(t)
		})
	}
}

// A panic in a turn is the caller's of Serve to recover; nothing stays locked.
func TestPanicInATurn(t *testing.T) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			var caught any
			s := p.open(t, newOptions(), func(c *Conn) {
				defer func() {
					caught = recover()
					c.Wake()
					c.Close()
				}()
				c.Serve(engine{turn: func(time.Time) (Step, time.Time) {
					if c.Fill() != nil {
						return Sleep, time.Time{}
					}
					panic("at the disco")
				}})
			})
			go s.client.Write([]byte("x"))
			s.wait(t)
			if caught != "at the disco" {
				t.Errorf("recovered %v", caught)
			}
			if _, err := io.ReadAll(s.raw); err != nil && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the client sees %v, want the end", err)
			}
		})
	}
}

// Close ends a connection that sleeps, from any goroutine.
func TestCloseFromOutside(t *testing.T) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := p.open(t, newOptions(), echo)
			s.ask(t, "hello")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s.wait(t)
		})
	}
}
