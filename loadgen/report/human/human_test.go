package human

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1: "1ns", 812: "812ns", 999: "999ns",
		time.Microsecond: "1.00µs", 1234: "1.23µs", 12345: "12.3µs", 123456: "123µs",
		999_499: "999µs", 999_500: "1.00ms",
		2_414_999: "2.41ms", 9_994_999: "9.99ms", 9_995_000: "10.0ms", 99_950_000: "100ms",
		time.Second: "1.00s", 59_940 * time.Millisecond: "59.9s",
		time.Minute: "1m", 90*time.Second + 400*time.Millisecond: "1m30s", time.Hour: "1h", 10 * time.Hour: "10h",
		time.Hour + time.Second: "1h0m1s",
		-2 * time.Millisecond:   "-2.00ms",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{Exact(0), "0s"}, {Exact(30 * time.Second), "30s"}, {Exact(time.Minute), "1m"}, {Exact(10 * time.Hour), "10h"},
		{Exact(10_004 * time.Microsecond), "10.004ms"}, {Exact(time.Hour + time.Second), "1h0m1s"},
		{Count(0), "0"}, {Count(999), "999"}, {Count(1000), "1,000"}, {Count(9_000_000), "9,000,000"},
		{Count(1<<64 - 1), "18,446,744,073,709,551,615"},
		{Rate(0), "0/s"}, {Rate(0.25), "0.25/s"}, {Rate(5), "5/s"}, {Rate(12.34), "12.3/s"},
		{Rate(999.6), "1,000/s"}, {Rate(149_999.6), "150,000/s"},
		{Percent(0), "0%"}, {Percent(1), "100%"}, {Percent(0.5), "50%"}, {Percent(0.1), "10%"}, {Percent(0.001), "0.1%"},
		{Percent(0.123456), "12.35%"}, {Percent(0.999996), "99.9996%"}, {Percent(1 / 9e6), "0.00001%"},
		{Bytes(0), "0 B"}, {Bytes(1023), "1023 B"}, {Bytes(1024), "1.00 KiB"}, {Bytes(1<<20 - 1), "1.00 MiB"}, {Bytes(9e9), "8.38 GiB"},
		{Bytes(5 << 40), "5.00 TiB"},
		{Line("a b é"), "a b é"}, {Line("a\n\x1b[2J\u009b"), "a\uFFFD\uFFFD[2J\uFFFD"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
