package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// accepted is both ends of a connection to address.
func accepted(t testing.TB, address string) (server, client net.Conn) {
	t.Helper()
	l, err := Listen(t.Context(), address)
	if err != nil {
		if strings.HasPrefix(address, "[") {
			testkit.Lacks(t, "no IPv6: "+err.Error())
		}
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	for _, c := range []net.Conn{server, client} {
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
	}
	return server, client
}

// TestAddresses expects both addresses of a connection to be those that the
// client sees.
func TestAddresses(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			server, client := accepted(t, address)
			if server.RemoteAddr().String() != client.LocalAddr().String() || server.RemoteAddr().Network() != "tcp" {
				t.Errorf("the peer is %v, want %v", server.RemoteAddr(), client.LocalAddr())
			}
			if server.LocalAddr().String() != client.RemoteAddr().String() {
				t.Errorf("our end is %v, want %v", server.LocalAddr(), client.RemoteAddr())
			}
		})
	}
	server, client := accepted(t, ":0") // both families on one socket
	_, port, err := net.SplitHostPort(client.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	if a := server.RemoteAddr().(*net.TCPAddr); !a.IP.IsLoopback() || !strings.HasSuffix(a.String(), ":"+port) {
		t.Errorf("the peer is %v, want %v", a, client.LocalAddr())
	}
}

// TestSocket expects an accepted connection to be as one of package net.
func TestSocket(t *testing.T) {
	t.Run("bytes go both ways, and an end is one of one half", func(t *testing.T) {
		server, client := accepted(t, "127.0.0.1:0")
		if _, err := client.Write([]byte("question")); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 8)
		if _, err := io.ReadFull(server, got); err != nil || string(got) != "question" {
			t.Fatalf("%q, %v", got, err)
		}
		if err := client.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if n, err := server.Read(got); n != 0 || err != io.EOF {
			t.Fatalf("%d, %v after the peer's end, want EOF", n, err)
		}
		if _, err := server.Write([]byte("answer")); err != nil {
			t.Fatal(err)
		}
		if err := server.(halfCloser).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if all, err := io.ReadAll(client); string(all) != "answer" || err != nil {
			t.Errorf("the peer got %q, %v", all, err)
		}
	})
	t.Run("a deadline", func(t *testing.T) {
		server, _ := accepted(t, "127.0.0.1:0")
		if err := server.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v, want a deadline that has passed", err)
		}
	})
	t.Run("a reset", func(t *testing.T) {
		server, client := accepted(t, "127.0.0.1:0")
		if err := server.(interface{ SetLinger(int) error }).SetLinger(0); err != nil {
			t.Fatal(err)
		}
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%v, want a reset", err)
		}
	})
	t.Run("closed", func(t *testing.T) {
		server, _ := accepted(t, "127.0.0.1:0")
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		_, readErr := server.Read(make([]byte, 1))
		_, writeErr := server.Write(make([]byte, 1))
		for what, err := range map[string]error{"read": readErr, "write": writeErr, "close": server.Close(), "deadline": server.SetDeadline(time.Time{}),
			"end": server.(halfCloser).CloseWrite()} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s after Close: %v, want %v", what, err, net.ErrClosed)
			}
		}
		if a := server.LocalAddr(); a.(*net.TCPAddr).Port != 0 {
			t.Errorf("a closed connection has the address %v", a)
		}
	})
}

// TestListener expects Accept to end with the listener, and at a deadline.
func TestListener(t *testing.T) {
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v, want a deadline that has passed", err)
	}
	if err := l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v, want %v", err, net.ErrClosed)
	}
	if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
		c.Close()
		t.Error("a closed listener takes connections")
	}
	if _, err := Listen(t.Context(), "127.0.0.1:no"); err == nil {
		t.Error("a port that is none is listened on")
	}
}

// TestWakesMakeNoGarbage: a download through us is a wake for each part of it.
func TestWakesMakeNoGarbage(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	server, _ := accepted(t, "127.0.0.1:0")
	box := post{taken: make(chan struct{}, 1)}
	c := New(server, nil, newOptions())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Serve(engine{pending: box.pending, turn: func(time.Time) (Step, time.Time) {
			box.take()
			if c.Fill() != error(ErrWouldBlock) {
				return Done, time.Time{}
			}
			return Sleep, time.Time{}
		}})
	}()
	if got := testing.AllocsPerRun(1000, func() {
		box.waiting.Add(1)
		c.Wake()
		<-box.taken
	}); got != 0 {
		t.Errorf("a wake allocates %.0f times", got)
	}
	server.Close()
	<-ended
}
