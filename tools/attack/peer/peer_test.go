package peer

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/tools/attack/target"
)

// serve accepts connections with a function, and returns what leads there.
func serve(t *testing.T, accepted func(net.Conn)) *target.Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go accepted(conn)
		}
	}()
	to, err := target.Parse("https://" + l.Addr().String() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func serverConfig() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{testkit.NewIdentity().TLS}, NextProtos: []string{"h2"}}
}

// TestKeyUpdates: the records are such that a server of Go takes the updates and what
// comes under the keys behind them, so that it is their number that ends a connection.
func TestKeyUpdates(t *testing.T) {
	config := serverConfig()
	got := make(chan string, 1)
	to := serve(t, func(conn net.Conn) {
		defer conn.Close()
		b := make([]byte, 5)
		if _, err := io.ReadFull(tls.Server(conn, config), b); err != nil {
			got <- err.Error()
			return
		}
		got <- string(b)
	})
	var secrets testkit.LogBuffer
	c := to.Config("h2")
	c.KeyLogWriter = &secrets
	conn, err := to.Handshake(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	w, err := newRecords(conn, secrets.String())
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	for range 10 {
		b = w.append(b, 22, keyUpdate)
		if err := w.update(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.NetConn().Write(w.append(b, 23, []byte("hello"))); err != nil {
		t.Fatal(err)
	}
	if text := <-got; text != "hello" {
		t.Errorf("behind ten updates the server has %q", text)
	}
	// And without data between them they end it.
	if end := KeyUpdates(t.Context(), to); end.What != Closed && end.What != Reset || end.Frames == 0 {
		t.Errorf("%+v, want an end", end)
	}
}

// TestHalfOpen: the server has a whole ClientHello and nothing behind it.
func TestHalfOpen(t *testing.T) {
	config, waits := serverConfig(), make(chan error, 1)
	to := serve(t, func(conn net.Conn) {
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
		waits <- tls.Server(conn, config).Handshake()
	})
	if end := HalfOpen(t.Context(), to); end.What != Closed || end.After < 200*time.Millisecond {
		t.Errorf("%+v, want it closed by the server's deadline", end)
	}
	if err := <-waits; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the server's handshake: %v, want that it waited", err)
	}
}

// TestHello: it is one record with a ClientHello.
func TestHello(t *testing.T) {
	b := Hello(&target.Target{Authority: "127.0.0.1"})
	if len(b) < 100 || b[0] != 22 || b[5] != 1 || int(b[3])<<8|int(b[4]) != len(b)-5 {
		t.Errorf("%d bytes: %x", len(b), b[:min(len(b), 10)])
	}
}

// TestFat: a list has exactly the size that was asked for, as RFC 9113 counts.
func TestFat(t *testing.T) {
	c := &Conn{To: &target.Target{Authority: "127.0.0.1:8443"}}
	for _, size := range []int{1000, 4096, 4600, 8192, 16<<10 - 1, 16 << 10, 16<<10 + 1, 64 << 10} {
		list := hpack.List{MaxBytes: 1 << 20, MaxFields: 1000}
		d := hpack.NewDecoder(hpack.DefaultTableSize)
		if err := d.Decode(&list, Block(c.Fat("/file", size)...)); err != nil || list.Bytes != size {
			t.Errorf("a list of %d has %d bytes, %v", size, list.Bytes, err)
		}
	}
}

// TestSlowly: what was answered is the end, before how the connection was closed.
func TestSlowly(t *testing.T) {
	for said, want := range map[string]string{
		"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n": "status 408",
		"": Closed,
	} {
		to := serve(t, func(conn net.Conn) {
			defer conn.Close()
			_, _ = io.ReadFull(conn, make([]byte, 3))
			_, _ = io.WriteString(conn, said)
		})
		conn, err := to.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if end := Slowly(t.Context(), conn, []byte("abc"), time.Millisecond); end.What != want || end.Frames != 3 {
			t.Errorf("%q: %+v, want %s after 3 bytes", said, end, want)
		}
	}
}

func TestOf(t *testing.T) {
	for err, want := range map[error]string{
		nil:                    Answered,
		io.EOF:                 Closed,
		io.ErrUnexpectedEOF:    Closed,
		syscall.ECONNRESET:     Reset,
		syscall.EPIPE:          Reset,
		syscall.ECONNREFUSED:   Refused,
		os.ErrDeadlineExceeded: Held,
		&net.OpError{Op: "remote error", Err: errors.New("tls: internal error")}: Alert,
		errors.New("something"): Odd + ": something",
	} {
		if got := Of(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
