// Package ech reads and makes keys for Encrypted Client Hello (RFC 9849): the name
// that a client asks for, and what else it has to say, is encrypted with a key that
// it finds in the DNS. All functions are pure, but for randomness.
package ech

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// MaxKeys bounds what a ClientHello costs that no key decrypts, as browsers send
// them to every server: each key is tried, which takes some 0.1 ms. Two are in use
// while one follows the other.
const MaxKeys = 4

// Numbers of RFC 9849 §4 and RFC 9180 §7.
const (
	version    = 0xfe0d
	kemX25519  = 0x0020 // DHKEM(X25519, HKDF-SHA256)
	kdfSHA256  = 0x0001
	aesGCM128  = 0x0001
	chaChaPoly = 0x0003
	maxNames   = 128 // maximum_name_length: names up to it cannot be told apart by their length
)

// Parse reads keys in the form of RFC 9934, one file or several behind each other.
// The first key's configuration is the one that clients are given that have an older
// one. No error has a key in it.
func Parse(text []byte) ([]tls.EncryptedClientHelloKey, error) {
	var (
		keys []tls.EncryptedClientHelloKey
		key  *ecdh.PrivateKey // whose configuration comes next
	)
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "PRIVATE KEY":
			if key != nil {
				return nil, errors.New("has a PRIVATE KEY without an ECHCONFIG behind it")
			}
			parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			x25519, ok := parsed.(*ecdh.PrivateKey)
			if err != nil || !ok || x25519.Curve() != ecdh.X25519() {
				return nil, errors.New("has a PRIVATE KEY that is none of X25519")
			}
			key = x25519
		case "ECHCONFIG":
			if key == nil {
				return nil, errors.New("has an ECHCONFIG without a PRIVATE KEY before it")
			}
			config, err := onlyConfig(block.Bytes, key.PublicKey().Bytes())
			if err != nil {
				return nil, fmt.Errorf("has an ECHCONFIG that %w", err)
			}
			keys = append(keys, tls.EncryptedClientHelloKey{Config: config, PrivateKey: key.Bytes(), SendAsRetry: len(keys) == 0})
			key = nil
		default:
			return nil, fmt.Errorf("has a PEM block of type %s", block.Type)
		}
	}
	switch {
	case key != nil:
		return nil, errors.New("has a PRIVATE KEY without an ECHCONFIG behind it")
	case len(keys) == 0:
		return nil, errors.New("has no PRIVATE KEY with an ECHCONFIG")
	case len(keys) > MaxKeys:
		return nil, fmt.Errorf("has more than %d keys", MaxKeys)
	}
	return keys, nil
}

var errPublicName = errors.New("is no name of a host in the DNS, with two labels or more")

// onlyConfig is the one ECHConfig of an ECHConfigList, which must be for the key.
func onlyConfig(list, publicKey []byte) ([]byte, error) {
	if len(list) < 2 || int(binary.BigEndian.Uint16(list)) != len(list)-2 {
		return nil, errors.New("cannot be read")
	}
	config := list[2:]
	// version, length, config_id, kem_id, and the length of the key
	const head = 2 + 2 + 1 + 2 + 2
	switch {
	case len(config) < head+len(publicKey), int(binary.BigEndian.Uint16(config[2:])) != len(config)-4:
		return nil, errors.New("cannot be read, or has more than one configuration")
	case binary.BigEndian.Uint16(config) != version:
		return nil, errors.New("is of a version that is not that of RFC 9849")
	case binary.BigEndian.Uint16(config[5:]) != kemX25519:
		return nil, errors.New("is not for X25519")
	case int(binary.BigEndian.Uint16(config[7:])) != len(publicKey) || !bytes.Equal(config[head:head+len(publicKey)], publicKey):
		return nil, errors.New("is for another key than the one before it")
	}
	// The rest must end where it says: cipher suites, maximum name, name,
	// extensions.
	rest := config[head+len(publicKey):]
	suites, rest, ok := cutVector(rest, 2)
	if !ok || len(suites) == 0 || len(suites)%4 != 0 || len(rest) < 1 {
		return nil, errors.New("has cipher suites that cannot be read")
	}
	name, rest, ok := cutVector(rest[1:], 1)
	if !ok || !isPublicName(string(name)) {
		return nil, fmt.Errorf("has a public name that is none: %w", errPublicName)
	}
	if extensions, rest, ok := cutVector(rest, 2); !ok || len(rest) > 0 || len(extensions) > 0 {
		return nil, errors.New("has extensions, or more behind them")
	}
	return config, nil
}

// cutVector cuts a vector off whose length stands before it in n octets (RFC 8446
// §3.4).
func cutVector(b []byte, n int) (vector, rest []byte, ok bool) {
	if len(b) < n {
		return nil, nil, false
	}
	size := 0
	for _, c := range b[:n] {
		size = size<<8 | int(c)
	}
	if b = b[n:]; len(b) < size {
		return nil, nil, false
	}
	return b[:size], b[size:], true
}

// isPublicName reports whether clients take a public name: a name in the DNS of two
// labels or more, of letters, digits and hyphens, that is no address (RFC 9849 §4).
func isPublicName(name string) bool {
	labels := strings.Split(name, ".")
	if len(name) > maxName || len(labels) < 2 {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, odd) {
			return false
		}
	}
	last := labels[len(labels)-1]
	return strings.Trim(last, "0123456789") != "" // else it may be an address
}

func odd(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}

// Lengths of names in the DNS (RFC 1035 §2.3.4).
const maxName, maxLabel = 253, 63

// Make makes a key in the form of RFC 9934. What a client sends in the clear names
// publicName in place of the host.
func Make(publicName string) ([]byte, error) {
	if !isPublicName(publicName) {
		return nil, errPublicName
	}
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("writing a key: %w", err)
	}
	var id [1]byte
	_, _ = rand.Read(id[:]) // never fails
	config := appendECHConfig(nil, id[0], key.PublicKey().Bytes(), publicName)
	list := append(binary.BigEndian.AppendUint16(nil, uint16(len(config))), config...)
	return append(
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		pem.EncodeToMemory(&pem.Block{Type: "ECHCONFIG", Bytes: list})...), nil
}

// appendECHConfig appends an ECHConfig (RFC 9849 §4).
func appendECHConfig(dst []byte, id byte, publicKey []byte, publicName string) []byte {
	b := []byte{id}
	b = binary.BigEndian.AppendUint16(b, kemX25519)
	b = binary.BigEndian.AppendUint16(b, uint16(len(publicKey)))
	b = append(b, publicKey...)
	suites := [...]uint16{kdfSHA256, aesGCM128, kdfSHA256, chaChaPoly}
	b = binary.BigEndian.AppendUint16(b, uint16(2*len(suites)))
	for _, s := range suites {
		b = binary.BigEndian.AppendUint16(b, s)
	}
	b = append(b, maxNames, byte(len(publicName)))
	b = append(b, publicName...)
	b = binary.BigEndian.AppendUint16(b, 0) // extensions
	dst = binary.BigEndian.AppendUint16(dst, version)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(b)))
	return append(dst, b...)
}
