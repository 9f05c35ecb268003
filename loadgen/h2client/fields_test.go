package h2client

import (
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// TestFieldOctets: RFC 9113 §8.2.1 and RFC 9110 §5.1, octet by octet.
func TestFieldOctets(t *testing.T) {
	const inNames = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"
	for i := range 256 {
		octet := string([]byte{byte(i)})
		if why := checkField(&hpack.Field{Name: "x" + octet + "y", Value: "z"}); (why == "") != strings.Contains(inNames, octet) {
			t.Errorf("%q in a name: %q", octet, why)
		}
		if why := checkField(&hpack.Field{Name: "x", Value: "y" + octet + "z"}); (why == "") == strings.Contains("\x00\r\n", octet) {
			t.Errorf("%q in a value: %q", octet, why)
		}
	}
}

// TestConnectionFields: RFC 9113 §8.2.2. What is only like them may come.
func TestConnectionFields(t *testing.T) {
	for _, name := range []string{"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"} {
		if checkField(&hpack.Field{Name: name}) == "" {
			t.Errorf("%s passes", name)
		}
		if why := checkField(&hpack.Field{Name: name + "s"}); why != "" {
			t.Errorf("%ss: %s", name, why)
		}
	}
}
