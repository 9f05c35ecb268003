package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
)

func TestRate(t *testing.T) {
	for text, want := range map[string]rate{
		"0":        {0, time.Second},
		"infinity": {0, time.Second},
		"150000":   {150_000, time.Second},
		"150_000":  {150_000, time.Second},
		"150k":     {150_000, time.Second},
		"1.5k":     {1500, time.Second},
		"2M":       {2_000_000, time.Second},
		"300/1m":   {300, time.Minute},
		"300/m":    {300, time.Minute},
		"5/100ms":  {5, 100 * time.Millisecond},
		"1k/h":     {1000, time.Hour},
	} {
		var r rate
		if err := r.Set(text); err != nil || r != want {
			t.Errorf("%q is %+v, %v; want %+v", text, r, err, want)
		}
		var again rate
		if err := again.Set(r.String()); r.freq > 0 && (err != nil || again != r) {
			t.Errorf("%q is written %q, which is %+v, %v", text, r.String(), again, err)
		}
	}
	for _, bad := range []string{"", "x", "-1", "1.5", "5/", "5/0", "5/-1s", "5/x", "1e400", "NaN", "k", "9999999M"} {
		var r rate
		if err := r.Set(bad); err == nil {
			t.Errorf("%q is %+v", bad, r)
		}
	}
}

func FuzzRate(f *testing.F) {
	for _, s := range []string{"150k", "300/1m", "infinity", "1.5M/2h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var r rate
		if r.Set(s) == nil && (r.freq < 0 || r.per <= 0) {
			t.Errorf("%q is %+v", s, r)
		}
	})
}

// TestHelpIsWhole: every flag of every command is in one group, once.
func TestHelpIsWhole(t *testing.T) {
	var grouped []string
	for _, g := range groups {
		grouped = append(grouped, g.flags...)
	}
	slices.Sort(grouped)
	if unique := slices.Compact(slices.Clone(grouped)); len(unique) != len(grouped) {
		t.Errorf("a flag is in two groups: %v", grouped)
	}
	for command := range usages {
		var out bytes.Buffer
		if command == "agent" || command == "origin" {
			continue // TestMistakes and TestOriginHelp call them
		}
		_, err := parseFlags(command, []string{"-h"}, &out)
		if !errors.Is(err, errHelp) {
			t.Fatal(err)
		}
		new(options).flags(command).VisitAll(func(def *flag.Flag) {
			if !strings.Contains(out.String(), "\n  -"+def.Name+" ") {
				t.Errorf("the help of %s does not have -%s", command, def.Name)
			}
		})
	}
}

// TestDocumentNamesKinds: what reports count is explained.
func TestDocumentNamesKinds(t *testing.T) {
	text, err := os.ReadFile("../docs/loadgen.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range exchange.Kinds() {
		if !strings.Contains(string(text), "`"+kind+"`") {
			t.Errorf("docs/loadgen.md does not have the failure %s", kind)
		}
	}
}

func TestOurs(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1": true, "127.8.9.1": true, "::1": true, "10.1.2.3": true, "172.16.0.1": true, "192.168.1.1": true,
		"169.254.1.1": true, "fe80::1": true, "fd00::1": true, "0.0.0.0": true, "::": true, "::ffff:10.0.0.1": true,
		"8.8.8.8": false, "172.32.0.1": false, "100.64.0.1": false, "2001:db8::1": false, "::ffff:8.8.8.8": false,
	} {
		if got := ours(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is ours: %v", address, got)
		}
	}
}

func TestAnswer(t *testing.T) {
	for text, want := range map[string]bool{"yes\n": true, " yes \n": true, "yes": true, "y\n": false, "no\n": false, "": false, "\n": false, "yes please\n": false} {
		if err := answer(strings.NewReader(text)); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestConfirm: small loads and our own machines need no answer.
func TestConfirm(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		asks bool
	}{
		"loopback":      {[]string{"-target", "https://127.0.0.1/"}, false},
		"localhost":     {[]string{"-target", "https://localhost/"}, false},
		"private":       {[]string{"-target", "https://10.0.0.1/", "-rate", "1M"}, false},
		"small":         {[]string{"-target", "https://192.0.2.1/", "-rate", "1000"}, false},
		"large":         {[]string{"-target", "https://192.0.2.1/", "-rate", "1001"}, true},
		"per minute":    {[]string{"-target", "https://192.0.2.1/", "-rate", "30k/1m"}, false},
		"becomes large": {[]string{"-target", "https://192.0.2.1/", "-rate", "10", "-slope", "1000"}, true},
		"swings":        {[]string{"-target", "https://192.0.2.1/", "-rate", "900", "-amplitude", "500", "-period", "3s"}, true},
		"confirmed":     {[]string{"-target", "https://192.0.2.1/", "-yes"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := parseFlags("attack", tt.args, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := o.config(context.Background(), nil)
			if err != nil {
				t.Fatal(err)
			}
			in, err := os.Open(os.DevNull)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			if err := o.confirm(context.Background(), &cfg, streams{in, in, in}); (err != nil) != tt.asks {
				t.Errorf("%v", err)
			}
		})
	}
}
