//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// exchangeTimeout bounds opening a connection or one exchange on it. All of
// them are done in milliseconds; the rest is for a loaded machine.
const exchangeTimeout = 10 * time.Second

// clientTLS is the same for every server: TLS 1.3, h2, full handshakes alone.
// One group is offered, because the Go servers would else choose a hybrid with
// ML-KEM that the OpenSSL 3.0 of the others does not have, and do more work.
var clientTLS = &tls.Config{
	InsecureSkipVerify: true, // the certificate was made for this run
	MinVersion:         tls.VersionTLS13,
	CurvePreferences:   []tls.CurveID{tls.X25519},
	NextProtos:         []string{http2.NextProtoTLS},
}

// h2Conn is a client's end of an HTTP/2 connection with one exchange at a
// time, in as little memory and with as few goroutines (none) as can be.
type h2Conn struct {
	tls    *tls.Conn
	stream uint32         // the next one's identifier
	fields *hpack.Decoder // has the connection's dynamic table
}

// dialTLS opens a connection from the source address, or from any if it is
// empty, for a name, or for none.
func dialTLS(ctx context.Context, addr, source, serverName string) (*tls.Conn, error) {
	var dialer net.Dialer
	if source != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(source)}
	}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	config := clientTLS
	if serverName != "" {
		config = clientTLS.Clone()
		config.ServerName = serverName
	}
	c := tls.Client(conn, config)
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("handshake with %s: %w", addr, err), conn.Close())
	}
	return c, nil
}

// openConn opens a connection and makes it a real one: prefaces and settings
// are exchanged and b has been fetched.
func openConn(ctx context.Context, addr, source string, b body) (*h2Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	conn, err := dialTLS(ctx, addr, source, "")
	if err != nil {
		return nil, err
	}
	c := &h2Conn{tls: conn, stream: 1, fields: hpack.NewDecoder(4096, nil)}
	if got := conn.ConnectionState().NegotiatedProtocol; got != http2.NextProtoTLS {
		return nil, errors.Join(fmt.Errorf("%s speaks %q, not h2", addr, got), c.Close())
	}
	if err := c.get(addr, b); err != nil {
		return nil, errors.Join(fmt.Errorf("fetching from %s: %w", addr, err), c.Close())
	}
	return c, nil
}

// get fetches b and checks status and length.
func (c *h2Conn) get(addr string, b body) error {
	if err := c.tls.SetDeadline(time.Now().Add(exchangeTimeout)); err != nil {
		return err
	}
	var out bytes.Buffer
	framer := http2.NewFramer(&out, c.tls)
	if c.stream == 1 {
		out.WriteString(http2.ClientPreface)
		if err := framer.WriteSettings(); err != nil {
			return err
		}
	}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	// An encoder per exchange must leave the server's table alone.
	encoder.SetMaxDynamicTableSize(0)
	for _, f := range []hpack.HeaderField{
		{Name: ":method", Value: "GET"},
		{Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: addr},
		{Name: ":path", Value: "/" + b.file()},
	} {
		if err := encoder.WriteField(f); err != nil {
			return err
		}
	}
	stream := c.stream
	c.stream += 2
	if err := framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true,
	}); err != nil {
		return err
	}
	if _, err := c.tls.Write(out.Bytes()); err != nil {
		return err
	}
	out.Reset()
	if err := c.receive(framer, stream, b.size); err != nil {
		return err
	}
	// Acknowledgements that receive has written.
	_, err := c.tls.Write(out.Bytes())
	return err
}

// receive reads frames until the stream has ended.
func (c *h2Conn) receive(framer *http2.Framer, stream uint32, size int64) error {
	var got int64
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return err
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				if err := framer.WriteSettingsAck(); err != nil {
					return err
				}
			}
		case *http2.HeadersFrame:
			fields, err := c.fields.DecodeFull(f.HeaderBlockFragment())
			if err != nil {
				return err
			}
			if f.StreamID == stream && (len(fields) == 0 || fields[0].Value != "200") {
				return fmt.Errorf("the answer is %v", fields)
			}
		case *http2.DataFrame:
			got += int64(len(f.Data()))
		case *http2.RSTStreamFrame:
			return fmt.Errorf("stream reset: %v", f.ErrCode)
		case *http2.GoAwayFrame:
			return fmt.Errorf("connection ended: %v", f.ErrCode)
		}
		if h := frame.Header(); h.StreamID == stream && h.Flags.Has(http2.FlagDataEndStream) &&
			(h.Type == http2.FrameData || h.Type == http2.FrameHeaders) {
			if got != size {
				return fmt.Errorf("the body has %d bytes, want %d", got, size)
			}
			return nil
		}
	}
}

// Close closes the connection with a close_notify.
func (c *h2Conn) Close() error { return c.tls.Close() }
