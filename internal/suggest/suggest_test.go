package suggest

import (
	"testing"
	"time"
)

func TestEditDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"root", "roots", 1}, {"kitten", "sitting", 3}, {"cache-bites", "cache-bytes", 1},
	} {
		if got := editDistance(tt.a, tt.b); got != tt.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"check", "health", "cache-bytes"}
	for in, want := range map[string]string{"chek": "check", "Cache_Bytes": "cache-bytes", "": "", "serve": ""} {
		if got := Nearest(in, names); got != want {
			t.Errorf("nearest to %q is %q, want %q", in, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for _, tt := range []struct{ in, unit, want string }{
		{"60", "s", "60s"}, {"60", "ms", "60ms"}, {"1.5 min", "s", "1.5m"}, {"2 hours", "s", "2h"}, {"3d", "s", "72h"},
		{"1,000 ms", "s", "1000ms"}, {"soon", "s", ""}, {"5 parsecs", "s", ""}, {"1.5d", "s", ""}, {"2700000 hours", "s", ""},
	} {
		got := Duration(tt.in, tt.unit)
		if got != tt.want {
			t.Errorf("Duration(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// FuzzDuration demands that what is suggested can be read.
func FuzzDuration(f *testing.F) {
	for _, s := range []string{"60", "1d", "1_0 s", "9999999999999999999h", "2700000h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := Duration(s, "s")
		if d == "" {
			return
		}
		if _, err := time.ParseDuration(d); err != nil {
			t.Errorf("%q becomes %q: %v", s, d, err)
		}
	})
}
