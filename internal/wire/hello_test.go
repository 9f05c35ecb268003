package wire

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// recordOf is one TLS record of type kind.
func recordOf(kind byte, content []byte) []byte {
	return append([]byte{kind, majorVersion, 1, byte(len(content) >> 8), byte(len(content))}, content...)
}

// helloOf is a ClientHello message whose body has n bytes.
func helloOf(n int) []byte {
	return append([]byte{messageHello, byte(n >> 16), byte(n >> 8), byte(n)}, make([]byte, n)...)
}

// split is message in records of n bytes.
func split(message []byte, n int) (records []byte) {
	for len(message) > 0 {
		part := message[:min(n, len(message))]
		records = append(records, recordOf(recordHandshake, part)...)
		message = message[len(part):]
	}
	return records
}

// clientHello is what Go's client sends first.
func clientHello(t testing.TB) []byte {
	t.Helper()
	server, client := net.Pipe()
	defer server.Close()
	go func() {
		_ = tls.Client(client, clientTLS()).Handshake() // ends with the pipe
		client.Close()
	}()
	hello := make([]byte, maxHello)
	n, err := server.Read(hello)
	if err != nil {
		t.Fatal(err)
	}
	return hello[:n]
}

func TestJudgeHello(t *testing.T) {
	real := clientHello(t)
	for _, tt := range []struct {
		name string
		said string
		want beginning
	}{
		{"nothing", "", helloPart},
		{"a whole hello", string(real), helloWhole},
		{"a hello and more", string(real) + "\x14\x03\x03\x00\x01\x01", helloWhole},
		{"a hello in records of 100 bytes", string(split(real[recordHeaderLen:], 100)), helloWhole},
		{"a hello in records of a byte", string(split(helloOf(200), 1)), helloWhole},
		{"the largest hello", string(split(helloOf(maxHello-messageHeaderLen), 16000)), helloWhole},
		{"a hello that is announced too large", string(recordOf(recordHandshake, helloOf(maxHello - messageHeaderLen + 1)[:4])), helloTooLarge},
		{"a hello of 16 MiB that is announced", "\x16\x03\x01\x40\x00\x01\xff\xff\xff", helloTooLarge},
		{"another handshake message: TLS refuses it", string(recordOf(recordHandshake, []byte{2})), helloWhole},
		{"an empty record: TLS refuses it", "\x16\x03\x01\x00\x00", helloWhole},
		{"an alert behind half a hello: TLS refuses it", string(recordOf(recordHandshake, helloOf(9)[:8])) + "\x15\x03\x01\x00\x02", helloWhole},
		{"a record of another version", "\x16\x02\x01\x00\x01", helloWhole},
		{"a record that is too long", "\x16\x03\x01\xff\xff", helloWhole},
		{"an alert", "\x15\x03\x01\x00\x02\x01\x00", helloAlien},
		{"SSH", "SSH-2.0-OpenSSH_9.2p1\r\n", helloAlien},
		{"a PROXY header", "PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n\x16\x03\x01", helloProxy},
		{"part of a method, or of a PROXY header", "PROX", helloPart},
		{"a method that begins like a PROXY header", "PROPFIND / HTTP/1.1\r\n", helloHTTP},
		{"a PROXY header of version 2", "\r\n\r\n\x00\r\nQUIT\n\x21", helloProxy},
		{"part of that", "\r\n\r\n", helloPart},
		{"empty lines before a request", "\r\n\r\nG", helloAlien},
		{"SSL 2", "\x80\x2e\x01\x00\x02", helloAlien},
		{"lower case", "get / HTTP/1.1\r\n", helloAlien},
		{"half a method", "GE", helloPart},
		{"a GET", "GET / HTTP/1.1\r\n", helloHTTP},
		{"an OPTIONS", "OPTIONS * HTTP/1.1\r\n", helloHTTP},
		{"HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\n", helloHTTP},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := judgeHello([]byte(tt.said)); got != tt.want {
				t.Errorf("it is %d, want %d", got, tt.want)
			}
		})
	}
	for _, whole := range [][]byte{real, split(real[recordHeaderLen:], 100), split(helloOf(200), 1)} {
		for n := range whole {
			if got := judgeHello(whole[:n]); got != helloPart {
				t.Fatalf("%d of %d bytes are %d, want part of a hello", n, len(whole), got)
			}
		}
	}
}

// Whatever is whole stays so, however much comes after it.
func FuzzJudgeHello(f *testing.F) {
	for _, seed := range []string{"", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x01\x00", "GET /", "\x16\x03\x01\x40\x00\x01\xff\xff\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		decided := helloPart
		for n := range len(said) + 1 {
			got := judgeHello(said[:n])
			if decided != helloPart && got != decided {
				t.Fatalf("%d bytes are %d, one more are %d", n-1, decided, got)
			}
			decided = got
		}
	})
}

// A hello is awaited in whatever pieces it comes, over a poller and without.
func TestAwaitHello(t *testing.T) {
	hello := clientHello(t)
	for _, p := range paths {
		if p.tls {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			server, client := p.pair(t)
			defer client.Close()
			c := New(server, serverTLS(), newOptions())
			defer c.Close()
			done := make(chan error, 1)
			go func() { done <- c.AwaitHello(time.Now().Add(patience)) }()
			records := split(hello[recordHeaderLen:], 300)
			for i := range records {
				select {
				case err := <-done:
					t.Fatalf("it ended after %d of %d bytes: %v", i, len(records), err)
				default:
				}
				send(t, client, records[i:i+1])
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if c.Said() != len(records) || cap(c.cipherRest) > maxHello {
				t.Errorf("%d bytes in a buffer of %d, want %d", c.Said(), cap(c.cipherRest), len(records))
			}
		})
	}
}

func TestAwaitHelloErrors(t *testing.T) {
	for _, tt := range []struct {
		name, said string
		ends       bool // the peer closes then
		want       error
	}{
		{"silence to the deadline", "", false, os.ErrDeadlineExceeded},
		{"half a hello to the deadline", "\x16\x03\x01\x02\x00\x01", false, os.ErrDeadlineExceeded},
		{"an end without a word", "", true, io.EOF},
		{"an end within a hello", "\x16\x03\x01\x02\x00\x01", true, io.EOF},
		{"a hello that is too large", "\x16\x03\x01\x40\x00\x01\x00\x40\x00", false, ErrHelloTooLarge},
		{"more bytes than a hello may have", string(split(helloOf(10000), 1)), false, ErrHelloTooLarge},
		{"HTTP", "GET / HTTP/1.1\r\n", false, ErrPlainHTTP},
		{"SSH", "SSH-2.0", false, ErrNotTLS},
		{"a PROXY header that is not trusted", "PROXY UNKNOWN\r\n", false, ErrProxyHeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := net.Pipe()
				defer client.Close()
				c := New(server, serverTLS(), newOptions())
				defer c.Close()
				go func() {
					_, _ = io.WriteString(client, tt.said) // it may end before all is taken
					if tt.ends {
						client.Close()
					}
				}()
				if err := c.AwaitHello(time.Now().Add(time.Minute)); !errors.Is(err, tt.want) {
					t.Errorf("%v, want %v", err, tt.want)
				}
				if cap(c.cipherRest) > maxHello*5/4 { // sizes are rounded up
					t.Errorf("%d bytes are held", cap(c.cipherRest))
				}
			})
		})
	}
}

// A peer that is silent holds no buffer, no TLS, and a stack of 4 KiB at most.
func TestSilentPeerIsSmall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector grows stacks")
	}
	const peers = 400
	var before, after runtime.MemStats
	conns := make([]*Conn, peers)
	clients := make([]net.Conn, peers)
	opt := newOptions()
	for i := range conns {
		server, client := testkit.TCPPair(t)
		conns[i], clients[i] = New(server, serverTLS(), opt), client
	}
	stacks := make([]byte, 1<<20)
	runtime.GC()
	runtime.ReadMemStats(&before)
	done := make(chan error, peers)
	for _, c := range conns {
		go func() { done <- c.AwaitHello(time.Now().Add(patience)) }()
	}
	eventually(t, "all wait", func() bool { return waiting(stacks, "AwaitHello") == peers })
	runtime.ReadMemStats(&after)
	stack := int(after.StackInuse-before.StackInuse) / peers
	heap := int(after.HeapAlloc-before.HeapAlloc) / peers
	t.Logf("%d bytes of stack and %d of heap for each", stack, heap)
	if stack > 5<<10 || heap > 4<<10 { // heap with this test's share of the pool's memory
		t.Errorf("a silent peer takes %d bytes of stack and %d of heap, want 4 KiB of each at most", stack, heap)
	}
	for i, c := range conns {
		if c.tls != nil || c.cipherRest != nil || c.scratch != nil {
			t.Fatal("a silent peer holds TLS or a buffer")
		}
		clients[i].Close()
	}
	for range peers {
		if err := <-done; err != io.EOF {
			t.Error(err)
		}
	}
}

// waiting counts the goroutines that wait for input in function. Their stacks
// are written to all.
func waiting(all []byte, function string) (n int) {
	all = all[:runtime.Stack(all, true)]
	for stack := range bytes.SplitSeq(all, []byte("\n\n")) {
		if bytes.Contains(stack, []byte(function)) && bytes.Contains(stack, []byte("[IO wait")) {
			n++
		}
	}
	return n
}
