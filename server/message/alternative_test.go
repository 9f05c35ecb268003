package message

import (
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// TestAlternative: an alternative service is named in what is encoded in the seconds
// behind it, of our own responses and of others', and not any more when it is gone.
func TestAlternative(t *testing.T) {
	field := NewFixedField("alt-svc", `h3=":443"; ma=86400`)
	responses := []*Response{
		New(200, nil, []byte("x"), `"a"`, time.Time{}),
		Stored(200, []hpack.Field{{Name: "a", Value: "b"}}, []byte("x"), 1),
	}
	now := time.Unix(1_000_000_000, 0)
	encoded := func(r *Response) (block, head string) {
		return string(r.AppendBlock(nil, Date(now), nil)), string(r.AppendHead(nil, Date(now), nil))
	}
	for i, named := range []bool{false, true, true, false} {
		if named {
			Announce(field)
		} else {
			Announce(nil)
		}
		if i == 2 {
			now = now.Add(time.Second)
		}
		for _, r := range append(responses, responses[0].NotModified) {
			block, head := encoded(r)
			if strings.Contains(block, string(field.Block)) != named || strings.Contains(head, string(field.Line)) != named {
				t.Errorf("%d: with an alternative %t: %q", i, named, head)
			}
		}
	}
	dst := make([]byte, 0, 4<<10)
	Announce(field)
	defer Announce(nil)
	date := Date(now)
	if n := testing.AllocsPerRun(100, func() {
		responses[1].AppendBlock(dst, date, nil)
		responses[1].AppendHead(dst, date, nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
