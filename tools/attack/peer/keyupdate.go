package peer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	_ "crypto/sha256" // crypto.SHA256
	_ "crypto/sha512" // crypto.SHA384
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/e0ac7cd4/hotpath/tools/attack/target"
)

// KeyUpdates changes keys as fast as the server reads, and asks it to change its own
// each time (RFC 8446 §4.6.3), which Go's client cannot.
func KeyUpdates(ctx context.Context, to *target.Target) End {
	var secrets bytes.Buffer
	config := to.Config("h2")
	config.KeyLogWriter = &secrets
	conn, err := to.Handshake(ctx, config)
	if err != nil {
		return End{What: Refused}
	}
	defer conn.Close()
	begun := time.Now()
	w, err := newRecords(conn, secrets.String())
	if err != nil {
		return End{What: Odd + ": " + err.Error()}
	}
	// What the server says is under keys of its own that change too: nothing reads it.
	// The socket's end is the end.
	raw := conn.NetConn()
	ended := make(chan string, 1)
	go func() { ended <- await(ctx, raw) }()
	defer context.AfterFunc(ctx, func() { _ = raw.SetWriteDeadline(time.Now()) })()
	sent := 0
	for {
		select {
		case what := <-ended:
			return End{What: what, Frames: sent, After: time.Since(begun)}
		default:
		}
		const batch = 16
		var b []byte
		for range batch {
			b = w.append(b, 22, keyUpdate)
			if err := w.update(); err != nil {
				return End{What: Odd + ": " + err.Error()}
			}
		}
		if _, err := raw.Write(b); err != nil {
			what := <-ended
			return End{What: what, Frames: sent, After: time.Since(begun)}
		}
		sent += batch
	}
}

// keyUpdate is a message of the handshake: key_update(24), with update_requested.
var keyUpdate = []byte{24, 0, 0, 1, 1}

// records encrypts what a client sends behind its handshake (RFC 8446 §5.2, §7.3).
type records struct {
	hash     crypto.Hash
	keyLen   int
	secret   []byte
	aead     cipher.AEAD
	iv       []byte
	sequence uint64
}

// newRecords takes the client's traffic secret from a key log (RFC 9850).
func newRecords(conn *tls.Conn, log string) (*records, error) {
	r := new(records)
	switch suite := conn.ConnectionState().CipherSuite; suite {
	case tls.TLS_AES_128_GCM_SHA256:
		r.hash, r.keyLen = crypto.SHA256, 16
	case tls.TLS_AES_256_GCM_SHA384:
		r.hash, r.keyLen = crypto.SHA384, 32
	default:
		return nil, fmt.Errorf("the server chose %s: this knows AES alone", tls.CipherSuiteName(suite))
	}
	for line := range bytes.Lines([]byte(log)) {
		if f := bytes.Fields(line); len(f) == 3 && string(f[0]) == "CLIENT_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(string(f[2]))
			if err != nil {
				return nil, err
			}
			return r, r.use(secret)
		}
	}
	return nil, fmt.Errorf("the key log has no traffic secret: %q", log)
}

// use takes a secret, and makes key and IV of it.
func (r *records) use(secret []byte) error {
	key, err := r.expand(secret, "key", r.keyLen)
	if err != nil {
		return err
	}
	const ivLen = 12
	if r.iv, err = r.expand(secret, "iv", ivLen); err != nil {
		return err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	r.secret, r.sequence = secret, 0
	r.aead, err = cipher.NewGCM(block)
	return err
}

// update goes on to the next secret (RFC 8446 §7.2).
func (r *records) update() error {
	next, err := r.expand(r.secret, "traffic upd", r.hash.Size())
	if err != nil {
		return err
	}
	return r.use(next)
}

// expand is HKDF-Expand-Label without context (RFC 8446 §7.1).
func (r *records) expand(secret []byte, label string, length int) ([]byte, error) {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(length))
	info = append(append(info, byte(len(label))), label...)
	return hkdf.Expand(r.hash.New, secret, string(append(info, 0)), length)
}

// append appends a record of one content.
func (r *records) append(dst []byte, typ byte, content []byte) []byte {
	nonce := bytes.Clone(r.iv)
	for i, b := range binary.BigEndian.AppendUint64(nil, r.sequence) {
		nonce[len(nonce)-8+i] ^= b
	}
	r.sequence++
	inner := append(bytes.Clone(content), typ)
	head := binary.BigEndian.AppendUint16([]byte{23, 3, 3}, uint16(len(inner)+r.aead.Overhead()))
	dst = append(dst, head...)
	return r.aead.Seal(dst, nonce, inner, head)
}
