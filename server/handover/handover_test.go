package handover

import (
	"log/slog"
	"net"
	"strings"
	"testing"
)

func TestByName(t *testing.T) {
	public, other, admin := new(net.TCPListener), new(net.TCPListener), new(net.TCPListener)
	for _, tt := range []struct {
		about string
		named map[string][]net.Listener
		want  map[string]net.Listener
		err   string
	}{
		{"none", nil, map[string]net.Listener{}, ""},
		{"the unit's name, as without FileDescriptorName=", map[string][]net.Listener{"hotpath.socket": {public}}, map[string]net.Listener{Public: public}, ""},
		{"both", map[string][]net.Listener{"public": {public}, "admin": {admin}}, map[string]net.Listener{Public: public, Admin: admin}, ""},
		{"three", map[string][]net.Listener{"public": {public}, "admin": {admin}, "http": {other}}, map[string]net.Listener{Public: public, Admin: admin, HTTP: other}, ""},
		{"two without a name", map[string][]net.Listener{"hotpath.socket": {public, other}}, nil, "more than one socket for the public listener"},
		{"two public ones", map[string][]net.Listener{"one": {public}, "two": {other}}, nil, "more than one socket for the public listener"},
		{"a datagram socket", map[string][]net.Listener{"public": {nil}}, nil, "no stream socket"},
	} {
		got, err := byName(tt.named)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: %v, want an error with %q", tt.about, err, tt.err)
			}
			continue
		}
		if err != nil || len(got) != len(tt.want) || got[Public] != tt.want[Public] || got[Admin] != tt.want[Admin] || got[HTTP] != tt.want[HTTP] {
			t.Errorf("%s: %v, %v, want %v", tt.about, got, err, tt.want)
		}
	}
}

// TestWithout: a server that was started without the means for an upgrade opens
// its listeners, and refuses to be upgraded.
func TestWithout(t *testing.T) {
	var h *Handover
	l, err := h.Listen(t.Context(), Public, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := h.Upgrade(); err != ErrUnsupported {
		t.Errorf("an upgrade: %v, want %v", err, ErrUnsupported)
	}
	for name, do := range map[string]func() error{"Ready": func() error { return h.Ready(slog.Default()) }, "Stop": h.Stop, "Close": h.Close} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
