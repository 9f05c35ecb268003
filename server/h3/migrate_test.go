package h3

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/e0ac7cd4/hotpath/server/message"
)

// TestMigration: a request has one address, whatever the connection has come from
// before: that which it moved to (RFC 9000 §9).
func TestMigration(t *testing.T) {
	moved, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Skipf("there is no second address here: %v", err)
	}
	other := &quic.Transport{Conn: moved}
	t.Cleanup(func() { // behind the peer's, which says over it that it ends
		_ = other.Close()
		_ = moved.Close()
	})
	p := newPeer(t, setup{serve: func(_ *peer, _ context.Context, x *message.Exchange) {
		x.Reply.Send(message.New(200, nil, fmt.Appendf(nil, "%v %v", x.PeerAddr().Addr(), x.Client), "", time.Time{}))
	}})
	p.want(read(p.ask(request("GET", "/"))), "200", "127.0.0.1 127.0.0.1")
	path, err := p.conn.AddPath(other)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := path.Probe(ctx); err != nil {
		t.Fatal(err)
	}
	if err := path.Switch(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		a := read(p.ask(request("GET", "/")))
		peer, client, _ := strings.Cut(a.body, " ")
		if peer != client {
			t.Fatalf("a request of two addresses: %s", a.body)
		}
		if client == "127.0.0.2" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the server has not followed: %s, %v", a.body, a.err)
		}
	}
}
