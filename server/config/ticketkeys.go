package config

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
)

// TicketKey is a key of session tickets (RFC 5077, RFC 8446 §4.6.1).
type TicketKey = [32]byte

// maxTicketKeys bounds what a ticket costs that no key decrypts: each is tried. A
// ticket lasts a week (RFC 8446 §4.6.1), so that more keys are of use only if they
// change more than twice a day.
const maxTicketKeys = 16

const wantTicketKeys = "a file with 1 to 16 lines, each a key of 32 bytes in hex or base64"

// ReadTicketKeys reads a file of keys of session tickets, the one that encrypts
// first. No error has a key in it.
func ReadTicketKeys(name string) ([]TicketKey, error) {
	text, err := ReadRegular(name)
	if err != nil {
		return nil, errors.New(fileProblem(err))
	}
	var keys []TicketKey
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		key, ok := parseTicketKey(string(line))
		switch {
		case !ok:
			return nil, fmt.Errorf("line %d is no key of 32 bytes in hex or base64", number)
		case len(keys) == maxTicketKeys:
			return nil, fmt.Errorf("has more than %d keys", maxTicketKeys)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("has no key")
	}
	return keys, nil
}

func parseTicketKey(text string) (key TicketKey, ok bool) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(key) {
		raw, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil || len(raw) != len(key) {
		return key, false
	}
	return TicketKey(raw), true
}
