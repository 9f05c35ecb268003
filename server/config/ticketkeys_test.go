package config

import (
	"encoding/base64"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadTicketKeys: what a file of keys may look like. No error says what a key
// is.
func TestReadTicketKeys(t *testing.T) {
	var a, b TicketKey
	for i := range a {
		a[i], b[i] = 0xa0+byte(i), 0xe0-byte(i)
	}
	hexA, base64B := hex.EncodeToString(a[:]), base64.StdEncoding.EncodeToString(b[:])
	name := filepath.Join(t.TempDir(), "keys")
	for _, tt := range []struct {
		why, text string
		want      []TicketKey
		says      string // of the error
	}{
		{"hex and base64", hexA + "\n" + base64B + "\n", []TicketKey{a, b}, ""},
		{"the other order", base64B + "\n" + hexA, []TicketKey{b, a}, ""},
		{"in capitals, with spaces, comments and empty lines", "# new\r\n\n  " + strings.ToUpper(hexA) + " \r\n", []TicketKey{a}, ""},
		{"as many as are allowed", strings.Repeat(hexA+"\n", 16), make([]TicketKey, 16), ""},
		{"more", strings.Repeat(hexA+"\n", 17), nil, "more than 16 keys"},
		{"none", "# nothing\n", nil, "has no key"},
		{"one that is too short", hexA + "\n" + hexA[2:] + "\n", nil, "line 2 is no key of 32 bytes"},
		{"one that is too long", hexA + "00", nil, "line 1"},
		{"half of one", base64B[:20], nil, "line 1"},
		{"two on a line", hexA + " " + hexA, nil, "line 1"},
	} {
		writeFile(t, name, []byte(tt.text))
		got, err := ReadTicketKeys(name)
		if len(got) != len(tt.want) || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %d keys, %v; want %d, %q", tt.why, len(got), err, len(tt.want), tt.says)
			continue
		}
		for i, key := range tt.want {
			if key != (TicketKey{}) && got[i] != key {
				t.Errorf("%s: key %d is another one", tt.why, i)
			}
		}
		if err != nil && (strings.Contains(err.Error(), hexA[2:20]) || strings.Contains(err.Error(), base64B[:10])) {
			t.Errorf("%s: the error has a key in it", tt.why)
		}
	}
	if _, err := ReadTicketKeys(name + "-missing"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a file that is not there: %v", err)
	}
	writeFile(t, name, []byte("short\n"))
	c := Default()
	c.TicketKeysFile = name
	if err := c.checkFiles(nil).orNil(); err == nil || !strings.HasPrefix(err.Error(), "ticket-keys-file \""+name+"\": line 1 is no key") {
		t.Errorf("the check of a broken file: %v", err)
	}
	c = Default()
	c.ECHKeysFile = name
	if err := c.checkFiles(nil).orNil(); err == nil || !strings.HasPrefix(err.Error(), "ech-keys-file \""+name+"\": has no PRIVATE KEY") {
		t.Errorf("the check of a broken file of keys for ECH: %v", err)
	}
}
