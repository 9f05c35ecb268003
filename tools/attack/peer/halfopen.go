package peer

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/e0ac7cd4/hotpath/tools/attack/target"
)

// HalfOpen begins a handshake and is silent behind its first message, until the
// server gives up or ctx ends.
func HalfOpen(ctx context.Context, to *target.Target) End {
	conn, err := to.Dial(ctx)
	if err != nil {
		return End{What: Refused}
	}
	defer conn.Close()
	begun := time.Now()
	// The handshake goes on to its end, and only its first message is sent.
	if err := tls.Client(&mute{Conn: conn, sends: 1}, to.Config("h2")).HandshakeContext(ctx); err != nil {
		return End{What: Of(err), Frames: 1, After: time.Since(begun)}
	}
	return End{What: await(ctx, conn), Frames: 1, After: time.Since(begun)}
}

// Hello is a ClientHello in its record.
func Hello(to *target.Target) []byte {
	here, there := net.Pipe()
	defer there.Close()
	m := &mute{Conn: here, keep: true}
	go func() {
		_ = tls.Client(m, to.Config("h2")).Handshake() // which ends with the pipe
		here.Close()
	}()
	_, _ = there.Read(make([]byte, 1)) // after it was written
	return m.kept
}

// Silent connects and sends nothing.
func Silent(ctx context.Context, to *target.Target) End {
	conn, err := to.Dial(ctx)
	if err != nil {
		return End{What: Refused}
	}
	defer conn.Close()
	begun := time.Now()
	return End{What: await(ctx, conn), After: time.Since(begun)}
}

// await reads until the connection ends.
func await(ctx context.Context, conn net.Conn) string {
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })()
	if _, err := io.Copy(io.Discard, conn); err != nil {
		return Of(err)
	}
	return Closed
}

// mute is a connection of which some writes are sent, and the others are dropped.
type mute struct {
	net.Conn
	sends int
	keep  bool
	kept  []byte
}

func (m *mute) Write(b []byte) (int, error) {
	if m.keep {
		m.kept = append(m.kept, b...)
		return m.Conn.Write(b)
	}
	if m.sends == 0 {
		return len(b), nil
	}
	m.sends--
	return m.Conn.Write(b)
}
