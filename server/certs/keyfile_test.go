package certs

import (
	"crypto/tls"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/server/config"
)

// TestTicketKeys: a session of one instance is resumed by another that follows the
// same file, as long as the key that has encrypted it is in there.
func TestTicketKeys(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "keys")
	line := func(b byte) string { return strings.Repeat(hex.EncodeToString([]byte{b}), 32) + "\n" }
	write(t, file, []byte(line(1)))
	pair := writePair(t, dir, "a", spec{names: []string{"a.example"}}.make(t))

	type instance struct {
		*fixture
		config *tls.Config
	}
	start := func() instance {
		f := keep(t, Sources{Pairs: []Listed{{Pair: pair}}})
		c := &tls.Config{GetCertificate: f.Certificate}
		if err := f.Follow("ticket-keys-file", file, func(name string) error {
			keys, err := config.ReadTicketKeys(name)
			if err == nil {
				c.SetSessionTicketKeys(keys)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return instance{f, c}
	}
	one, other := start(), start()
	client := &tls.Config{ServerName: "a.example", InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	connect := func(why string, server *tls.Config, resumed bool) {
		t.Helper()
		if state, _, err := shake(t, server, client); err != nil || state.DidResume != resumed {
			t.Errorf("%s: resumed %t, want %t (%v)", why, state.DidResume, resumed, err)
		}
	}
	rotate := func(text string) {
		t.Helper()
		write(t, file, []byte(text))
		for range 3 {
			one.pass(Interval)
			other.pass(Interval)
		}
	}
	connect("the first", one.config, false)
	connect("at the other instance", other.config, true)
	rotate(line(2) + line(1))
	connect("after a rotation", one.config, true) // and there is a ticket by the new key
	connect("at the other instance, after a rotation", other.config, true)
	rotate(line(3) + line(2))
	connect("by a key that is not the first any more", one.config, true)
	rotate(line(4))
	connect("by a key that is gone", other.config, false)
	connect("by the new one", one.config, true)

	rotate(line(4)[2:])
	connect("the file is broken", other.config, true)
	other.logs("the file is broken", 1, "level=ERROR", "keys cannot be loaded", "setting=ticket-keys-file", file, "line 1 is no key")
	if all := other.Broken(); len(all) != 1 || all[0].File == "" || all[0].Problem == "" {
		t.Errorf("broken are %q, want the file of keys", all)
	}
	if got := other.m.KeyFilesBroken.Value(); got != 1 {
		t.Errorf("%d broken files in the metrics, want 1", got)
	}
	rotate(line(4))
	connect("and whole again", one.config, true)
	if got := other.m.KeyFilesBroken.Value(); got != 0 || strings.Contains(other.log.String(), line(4)[:10]) {
		t.Errorf("%d broken files in the metrics, want none; the log has no key in it:\n%s", got, other.log)
	}
	if err := one.Follow("ticket-keys-file", file+"-missing", func(name string) error { _, err := config.ReadTicketKeys(name); return err }); err == nil {
		t.Error("a start with a file that is not there")
	}
	// Tickets of this process's own keys are no other's business.
	own := &tls.Config{GetCertificate: one.Certificate}
	connect("at an instance without the file", own, false)
}
