package config

import (
	"math"
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	tests := []struct {
		in   string
		want int64 // -1: an error
	}{
		{"0", 0}, {"65536", 65536}, {"7B", 7}, {"64KiB", 64 << 10}, {"64 KiB", 64 << 10}, {"2MiB", 2 << 20}, {"3GiB", 3 << 30},
		{"64kB", 64000}, {"2MB", 2e6}, {"3GB", 3e9}, {"9223372036854775807", math.MaxInt64}, {"8589934591GiB", 8589934591 << 30},
		{"", -1}, {"KiB", -1}, {"1.5MiB", -1}, {"1KB", -1}, {"1kib", -1}, {"1Q", -1}, {"0x10", -1}, {"1_000", -1}, {"+1", -1},
		{" 1", -1}, {"1 ", -1}, {"1  B", -1}, {"-1", -1}, {"-1KiB", -1}, {"9223372036854775808", -1}, {"8589934592GiB", -1},
	}
	for _, tt := range tests {
		got, err := parseSize(tt.in)
		if (err != nil) != (tt.want < 0) || err == nil && got != tt.want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", tt.in, got, err, tt.want)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	for _, seed := range []string{"1", "64 KiB", "9223372036854775807B", "-1GB", "B", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseSize(s)
		if err != nil {
			return
		}
		again, err := parseSize(formatSize(n))
		if err != nil || again != n || n < 0 {
			t.Errorf("parseSize(%q) = %d, written %q, read back %d, %v", s, n, formatSize(n), again, err)
		}
	})
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Millisecond: "1ms", 10 * time.Second: "10s", time.Minute: "1m", 10 * time.Minute: "10m",
		90 * time.Second: "1m30s", time.Hour: "1h", 10 * time.Hour: "10h", time.Hour + time.Second: "1h0m1s", 24 * time.Hour: "24h",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("formatDuration(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestAddress(t *testing.T) {
	for in, ok := range map[string]bool{
		":8443": true, "127.0.0.1:0": true, "[::1]:65535": true, "example.org:1": true, "[fe80::1%eth0]:1": true,
		"": false, "off": false, "8443": false, "127.0.0.1": false, "::1:8443": false, ":": false, ":http": false, ":65536": false, ":-1": false,
		"a b:1": false, "https://x:1": false,
	} {
		var s string
		if err := (&address{p: &s}).set(in); (err == nil) != ok {
			t.Errorf("address %q: %v", in, err)
		}
	}
	for _, in := range []string{"", "off"} {
		s := "x"
		v := &address{p: &s, off: true}
		if err := v.set(in); err != nil || s != "" || v.String() != "off" {
			t.Errorf("address %q = %q (%s), %v; want off", in, s, v, err)
		}
	}
}
