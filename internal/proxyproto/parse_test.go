package proxyproto

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func header(source, destination string) Header {
	return Header{netip.MustParseAddrPort(source), netip.MustParseAddrPort(destination)}
}

var (
	four = header("192.0.2.1:56324", "198.51.100.9:443")
	six  = header("[2001:db8::1]:56324", "[2001:db8::2]:443")
)

const sig = "\r\n\r\n\x00\r\nQUIT\n"

// inet are the bytes of four behind the head of version 2.
const inet = "\xc0\x00\x02\x01" + "\xc6\x33\x64\x09" + "\xdc\x04" + "\x01\xbb"

// inet6 are those of six.
const inet6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
	"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + "\xdc\x04" + "\x01\xbb"

// TestParse: each header has a sentence, and is followed by the begin of what
// the client sends.
func TestParse(t *testing.T) {
	for why, tt := range map[string]struct {
		said string
		want Header
		err  error
	}{
		// Version 1.
		"TCP4 names two IPv4 addresses and ports":               {"PROXY TCP4 192.0.2.1 198.51.100.9 56324 443\r\n", four, nil},
		"TCP6 names two IPv6 addresses and ports":               {"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n", six, nil},
		"an IPv4 address within IPv6 is the IPv4 address":       {"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.9 56324 443\r\n", four, nil},
		"port 0 is a port":                                      {"PROXY TCP4 192.0.2.1 198.51.100.9 0 65535\r\n", header("192.0.2.1:0", "198.51.100.9:65535"), nil},
		"UNKNOWN names no client":                               {"PROXY UNKNOWN\r\n", Header{}, nil},
		"what follows UNKNOWN is ignored":                       {"PROXY UNKNOWN ffff:f...f:ffff 65535 whatever\r\n", Header{}, nil},
		"the longest line has 107 bytes":                        {"PROXY UNKNOWN " + strings.Repeat("x", 107-14-2) + "\r\n", Header{}, nil},
		"one of 108 bytes is too long":                          {"PROXY UNKNOWN " + strings.Repeat("x", 108-14-2) + "\r\n", Header{}, ErrMalformed},
		"so is one without an end":                              {"PROXY UNKNOWN " + strings.Repeat("x", 200), Header{}, ErrMalformed},
		"a line does not end in LF alone":                       {"PROXY TCP4 192.0.2.1 198.51.100.9 56324 443\n", Header{}, ErrMalformed},
		"nor in CR alone":                                       {"PROXY TCP4 192.0.2.1 198.51.100.9 56324 443\rx", Header{}, ErrMalformed},
		"a LF within UNKNOWN ends the line wrongly":             {"PROXY UNKNOWN a\nb\r\n", Header{}, ErrMalformed},
		"an IPv6 address is none of TCP4":                       {"PROXY TCP4 2001:db8::1 198.51.100.9 56324 443\r\n", Header{}, ErrMalformed},
		"an IPv4 address is none of TCP6":                       {"PROXY TCP6 2001:db8::1 198.51.100.9 56324 443\r\n", Header{}, ErrMalformed},
		"an address has no zone":                                {"PROXY TCP6 fe80::1%eth0 2001:db8::2 56324 443\r\n", Header{}, ErrMalformed},
		"an octet has no zero before it":                        {"PROXY TCP4 192.0.02.1 198.51.100.9 56324 443\r\n", Header{}, ErrMalformed},
		"a port has none either":                                {"PROXY TCP4 192.0.2.1 198.51.100.9 056324 443\r\n", Header{}, ErrMalformed},
		"a port has no sign":                                    {"PROXY TCP4 192.0.2.1 198.51.100.9 +5632 443\r\n", Header{}, ErrMalformed},
		"a port is below 65536":                                 {"PROXY TCP4 192.0.2.1 198.51.100.9 65536 443\r\n", Header{}, ErrMalformed},
		"a port is not empty":                                   {"PROXY TCP4 192.0.2.1 198.51.100.9  443\r\n", Header{}, ErrMalformed},
		"one space stands between fields":                       {"PROXY TCP4  192.0.2.1 198.51.100.9 56324 443\r\n", Header{}, ErrMalformed},
		"none stands behind them":                               {"PROXY TCP4 192.0.2.1 198.51.100.9 56324 443 \r\n", Header{}, ErrMalformed},
		"a tab is no space":                                     {"PROXY TCP4\t192.0.2.1 198.51.100.9 56324 443\r\n", Header{}, ErrMalformed},
		"UDP has brought no connection":                         {"PROXY UDP4 192.0.2.1 198.51.100.9 56324 443\r\n", Header{}, ErrMalformed},
		"a family is named in upper case":                       {"PROXY tcp4 192.0.2.1 198.51.100.9 56324 443\r\n", Header{}, ErrMalformed},
		"there is a family":                                     {"PROXY \r\n", Header{}, ErrMalformed},
		"the word is in upper case: another begin is no header": {"proxy TCP4 192.0.2.1 198.51.100.9 56324 443\r\n", Header{}, ErrNone},
		"HTTP is no header":                                     {"GET / HTTP/1.1\r\n", Header{}, ErrNone},
		"POST begins with the same letter and is no header":     {"POST / HTTP/1.1\r\n", Header{}, ErrNone},
		"a ClientHello is no header":                            {"\x16\x03\x01\x02\x00\x01", Header{}, ErrNone},
		// Version 2: signature, 2 and the command, family and protocol, length.
		"PROXY of TCP over IPv4":                              {sig + "\x21\x11\x00\x0c" + inet, four, nil},
		"PROXY of TCP over IPv6":                              {sig + "\x21\x21\x00\x24" + inet6, six, nil},
		"TLVs behind the addresses are skipped":               {sig + "\x21\x11\x00\x13" + inet + "\x04\x00\x04abcd", four, nil},
		"and are not read: a TLV may be longer than its room": {sig + "\x21\x11\x00\x0f" + inet + "\x04\xff\xff", four, nil},
		"LOCAL is the balancer's own connection":              {sig + "\x20\x00\x00\x00", Header{}, nil},
		"addresses of LOCAL are ignored":                      {sig + "\x20\x11\x00\x0c" + inet, Header{}, nil},
		"as is what LOCAL has in place of them":               {sig + "\x20\x11\x00\x01x", Header{}, nil},
		"PROXY of UNSPEC names no client":                     {sig + "\x21\x00\x00\x00", Header{}, nil},
		"whatever follows UNSPEC is skipped":                  {sig + "\x21\x00\x00\x05abcde", Header{}, nil},
		"a family without a protocol is UNSPEC, too":          {sig + "\x21\x10\x00\x0c" + inet, Header{}, nil},
		"a client on a unix socket has no address":            {sig + "\x21\x31\x00\xd8" + strings.Repeat("\x00", 216), Header{}, nil},
		"the largest header has 4096 bytes":                   {sig + "\x21\x11\x0f\xf0" + inet + strings.Repeat("x", 4080-12), four, nil},
		"one more is too large":                               {sig + "\x21\x11\x0f\xf1" + inet, Header{}, ErrTooLarge},
		"64 KiB are too large as soon as they are announced":  {sig + "\x21\x11\xff\xff", Header{}, ErrTooLarge},
		"two IPv4 addresses need 12 bytes":                    {sig + "\x21\x11\x00\x0b" + inet[:11], Header{}, ErrMalformed},
		"two IPv6 addresses need 36 bytes":                    {sig + "\x21\x21\x00\x23" + inet6[:35], Header{}, ErrMalformed},
		"two unix paths need 216 bytes":                       {sig + "\x21\x31\x00\xd7", Header{}, ErrMalformed},
		"version 1 has no binary form":                        {sig + "\x11\x11\x00\x0c" + inet, Header{}, ErrMalformed},
		"version 3 is not known":                              {sig + "\x31\x11\x00\x0c" + inet, Header{}, ErrMalformed},
		"there are two commands":                              {sig + "\x22\x11\x00\x0c" + inet, Header{}, ErrMalformed},
		"there are four families":                             {sig + "\x21\x41\x00\x0c" + inet, Header{}, ErrMalformed},
		"there are three protocols":                           {sig + "\x21\x13\x00\x0c" + inet, Header{}, ErrMalformed},
		"a datagram has brought no connection":                {sig + "\x21\x12\x00\x0c" + inet, Header{}, ErrMalformed},
		"a signature that ends otherwise is no header":        {"\r\n\r\n\x00\r\nQUIT\r\x21\x11\x00\x0c" + inet, Header{}, ErrNone},
		"empty lines before a request are no header":          {"\r\n\r\nGET / HTTP/1.1\r\n", Header{}, ErrNone},
	} {
		t.Run(why, func(t *testing.T) {
			const behind = "\x16\x03\x01"
			h, n, err := Parse([]byte(tt.said + behind))
			if tt.err == nil && (err != nil || n != len(tt.said) || h != tt.want) {
				t.Fatalf("%v, %d bytes, %v; want %v of %d", h, n, err, tt.want, len(tt.said))
			}
			if tt.err != nil && (!errors.Is(err, tt.err) || n != 0 || h != Header{}) {
				t.Fatalf("%v, %d bytes, %v; want %v", h, n, err, tt.err)
			}
			// Of any part of a header more is expected; of what is none, from
			// some byte on nothing is.
			for i := range tt.said {
				_, n, part := Parse([]byte(tt.said[:i]))
				if n != 0 || part == nil || tt.err == nil && !errors.Is(part, ErrPart) || !errors.Is(part, ErrPart) && !errors.Is(part, tt.err) {
					t.Fatalf("%d of %d bytes: %d taken, %v", i, len(tt.said), n, part)
				}
			}
		})
	}
}

// TestAppend: what is appended reads as what it was made of.
func TestAppend(t *testing.T) {
	for _, h := range []Header{four, six, {}} {
		for name, b := range map[string][]byte{"1": AppendV1(nil, h), "2": AppendV2(nil, h, nil), "2 with a TLV": AppendV2(nil, h, []byte("\x04\x00\x01x"))} {
			if got, n, err := Parse(b); got != h || n != len(b) || err != nil {
				t.Errorf("version %s of %v: %q is %v, %d bytes, %v", name, h, b, got, n, err)
			}
		}
	}
	mixed := Header{four.Source, six.Destination}
	if got := string(AppendV1(nil, mixed)); got != "PROXY UNKNOWN\r\n" {
		t.Errorf("addresses of two families are %q", got)
	}
	if got := string(AppendV2(nil, mixed, nil)); got != sig+"\x20\x00\x00\x00" {
		t.Errorf("addresses of two families are %q", got)
	}
}

// FuzzParse: what is decided stays decided whatever comes behind it, nothing
// waits beyond Max bytes, and a header that names a client is one of ours when
// it is written again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "PROXY UNKNOWN\r\n", "PROXY TCP4 192.0.2.1 198.51.100.9 56324 443\r\n\x16", "PROXY TCP6 ::1 ::2 1 2\r\n", sig + "\x21\x11\x00\x0c" + inet, sig + "\x21\x21\x00\x24" + inet6, sig + "\x20\x00\x00\x00", sig + "\x21\x31\x00\xd8", "GET / "} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		h, n, err := Parse(said)
		switch {
		case n < 0 || n > len(said) || n > Max || (err == nil) != (n > 0):
			t.Fatalf("%d bytes of %d, %v", n, len(said), err)
		case errors.Is(err, ErrPart) && len(said) >= Max:
			t.Fatalf("more is expected behind %d bytes", len(said))
		}
		if errors.Is(err, ErrPart) {
			return
		}
		if again, m, e := Parse(append(said[:len(said):len(said)], "\r\n 1"...)); again != h || m != n || !errors.Is(e, err) {
			t.Fatalf("%v, %d, %v becomes %v, %d, %v with more behind it", h, n, err, again, m, e)
		}
		if err != nil || !h.named() {
			return
		}
		for _, b := range [][]byte{AppendV1(nil, h), AppendV2(nil, h, nil)} {
			if again, _, err := Parse(b); err != nil || again != h {
				t.Fatalf("%v is written as %q: %v, %v", h, b, again, err)
			}
		}
	})
}
