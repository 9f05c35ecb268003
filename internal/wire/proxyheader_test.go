package wire

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/proxyproto"
)

var fromAfar = proxyproto.Header{
	Source:      netip.MustParseAddrPort("192.0.2.1:56324"),
	Destination: netip.MustParseAddrPort("198.51.100.9:443"),
}

// A header and a hello are awaited in whatever pieces they come, both in one or
// byte by byte, over a poller and without; the hello is left as it came.
func TestAwaitProxyHeader(t *testing.T) {
	hello := clientHello(t)
	header := proxyproto.AppendV2(nil, fromAfar, make([]byte, 1000))
	for _, p := range paths {
		if p.tls {
			continue
		}
		for name, size := range map[string]int{"in one": len(header) + len(hello), "byte by byte": 1, "the header and a byte": len(header) + 1} {
			t.Run(p.name+", "+name, func(t *testing.T) {
				t.Parallel()
				server, client := p.pair(t)
				defer client.Close()
				c := New(server, serverTLS(), newOptions())
				defer c.Close()
				go func() {
					for said := append(header[:len(header):len(header)], hello...); len(said) > 0; {
						n := min(size, len(said))
						if _, err := client.Write(said[:n]); err != nil {
							return
						}
						said = said[n:]
					}
				}()
				deadline := time.Now().Add(patience)
				if named, err := c.AwaitProxyHeader(deadline); !named || err != nil {
					t.Fatalf("named: %v, %v", named, err)
				}
				if err := c.AwaitHello(deadline); err != nil {
					t.Fatal(err)
				}
				if got := c.RemoteAddr().String(); got != fromAfar.Source.String() {
					t.Errorf("the peer is %s, want %v", got, fromAfar.Source)
				}
				if string(c.cipherRest) != string(hello) {
					t.Errorf("%d bytes are left, want the hello's %d", len(c.cipherRest), len(hello))
				}
			})
		}
	}
}

func TestAwaitProxyHeaderErrors(t *testing.T) {
	for _, tt := range []struct {
		name, said string
		ends       bool // the peer closes then
		want       error
	}{
		{"silence to the deadline", "", false, os.ErrDeadlineExceeded},
		{"half a header to the deadline", "PROXY TCP4 192.0", false, os.ErrDeadlineExceeded},
		{"a header of version 2 without its end", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x0f\xf0", false, os.ErrDeadlineExceeded},
		{"an end without a word", "", true, io.EOF},
		{"an end within a header", "\r\n\r\n\x00\r\nQUIT\n", true, io.EOF},
		{"a hello", "\x16\x03\x01\x02\x00", false, proxyproto.ErrNone},
		{"a header that is malformed", "PROXY TCP4 192.0.2.1\r\n", false, proxyproto.ErrMalformed},
		{"a header that is too large", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff", false, proxyproto.ErrTooLarge},
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
				began := time.Now()
				named, err := c.AwaitProxyHeader(began.Add(time.Minute))
				if named || !errors.Is(err, tt.want) {
					t.Errorf("named: %v, %v; want %v", named, err, tt.want)
				}
				if took := time.Since(began); (took == time.Minute) != (tt.want == os.ErrDeadlineExceeded) {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
