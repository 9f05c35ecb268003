package rfc9111

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

func TestParseVary(t *testing.T) {
	for _, tt := range []struct {
		sentence, response string
		want               Vary
		ok                 bool
	}{
		{"No Vary selects by nothing.", "", "", true},
		{"An empty one too.", "vary:|vary: , ,", "", true},
		{"Names are folded, sorted, and each once, over all lines.", "vary: Foo, bar|vary: FOO,, Accept-Encoding", "accept-encoding,bar,foo", true},
		{"A star among them matches nothing.", "vary: foo|vary: *", "", false},
		{"So does what is no name.", "vary: foo bar", "", false},
		{"So does a quoted one.", `vary: "foo"`, "", false},
		{"A star within a name is a letter of it.", "vary: a*", "a*", true},
	} {
		if got, ok := ParseVary(lines(tt.response)); got != tt.want || ok != tt.ok {
			t.Errorf("%s: got %q %v, want %q %v", tt.sentence, got, ok, tt.want, tt.ok)
		}
	}
	if v := Vary("a,bc"); !v.Has("a") || !v.Has("bc") || v.Has("b") || v.Has("a,bc") || Vary("").Has("a") {
		t.Error("Has must look at whole names")
	}
}

func TestVaryKey(t *testing.T) {
	for _, tt := range []struct {
		sentence, vary, a, b string
		same                 bool
	}{
		{"Other fields do not matter.", "a", "a: 1|b: 2", "b: 3|a: 1", true},
		{"Absent is not empty.", "a", "", "a:", false},
		{"Two empty lines are not one.", "a", "a:", "a:|a:", false},
		{"Lines are joined.", "a", "a: 1|a: 2", "a: 1,2", true},
		{"In their order.", "a", "a: 1|a: 2", "a: 2|a: 1", false},
		{"Whitespace around commas does not matter.", "a", "a:  1 ,\t2 ", "a: 1,2", true},
		{"Whitespace within a member does.", "a", "a: 1  2", "a: 1 2", false},
		{"Within quotes all of it does.", "a", `a: "1 , 2"`, `a: "1,2"`, false},
		{"An escaped quote does not end them.", "a", `a: "\" , 2"`, `a: "\",2"`, false},
		{"Behind a quote without an end nothing is dropped.", "a", `a: "1 , 2`, `a: "1,2`, false},
		{"Empty members count: not every field is a list.", "a", "a: 1,,2", "a: 1,2", false},
		{"Case matters.", "a", "a: x", "a: X", false},
		{"Not in content codings.", "accept-encoding", "accept-encoding: GZIP", "accept-encoding: gzip", true},
		{"Nor does their order, and a weight of 1.", "accept-encoding", "accept-encoding: br;q=1.0|accept-encoding: gzip", "accept-encoding: gzip, br", true},
		{"No coding at all is not the same as any.", "accept-encoding", "", "accept-encoding:", false},
		{"A value does not reach over into the next field.", "a,b", "a: 1|b: 2", "a: 1b: 2", false},
		{"Nor does its absence.", "a,b", "a: x", "b: x", false},
	} {
		a := string(Vary(tt.vary).AppendKey([]byte("k"), lines(tt.a)))
		b := string(Vary(tt.vary).AppendKey([]byte("k"), lines(tt.b)))
		if (a == b) != tt.same {
			t.Errorf("%s\n %q\n %q", tt.sentence, a, b)
		}
	}
	request := lines("a: 1|b: 1")
	if bytes.Equal(Vary("a").AppendKey(nil, request), Vary("b").AppendKey(nil, request)) {
		t.Error("Varys that differ must have keys that differ")
	}
}

// FuzzVaryKey looks for two requests whose values differ, by a definition that
// has nothing in common with the encoder's, and whose keys are the same.
func FuzzVaryKey(f *testing.F) {
	f.Add("1", "2", true, "1, 2", "", false)
	f.Add("", "", false, "", "", true)
	f.Add("a\x00\x00", "b", true, "a", "\x00\x00b", true)
	f.Add(`"a , b`, "c", true, `"a,b`, "c", true)
	f.Add("\xff\xff\xff\xff", "", false, "", "\xff\xff\xff\xff", true)
	f.Fuzz(func(t *testing.T, a1, a2 string, twoA bool, b1, b2 string, twoB bool) {
		build := func(x, y string, two bool) []hpack.Field {
			fields := []hpack.Field{{Name: "x", Value: x}}
			if two {
				fields = append(fields, hpack.Field{Name: "y", Value: y})
			}
			return fields
		}
		a, b := build(a1, a2, twoA), build(b1, b2, twoB)
		const vary = Vary("x,y")
		keyA, keyB := vary.AppendKey(nil, a), vary.AppendKey(nil, b)
		// What is left without any whitespace at all is coarser than what
		// the encoder may drop.
		squeeze := func(fields []hpack.Field) (values []string) {
			for _, f := range fields {
				values = append(values, strings.NewReplacer(" ", "", "\t", "").Replace(f.Value))
			}
			return values
		}
		va, vb := squeeze(a), squeeze(b)
		same := len(va) == len(vb)
		for i := 0; same && i < len(va); i++ {
			same = va[i] == vb[i]
		}
		if !same && bytes.Equal(keyA, keyB) {
			t.Fatalf("%v and %v have the key %q", a, b, keyA)
		}
		// The encoding can be read back: lengths lead to its end.
		rest := keyA
		for i := 0; i < 3; i++ {
			n := binary.BigEndian.Uint32(rest)
			if rest = rest[4:]; n != fieldAbsent {
				rest = rest[n:]
			}
		}
		if len(rest) != 0 {
			t.Fatalf("%q is left of %q", rest, keyA)
		}
		// Normalising is done once for all.
		again := build(strings.Join(squeezeCommas(a1), ","), a2, twoA)
		if !strings.ContainsAny(a1, `"`) && !bytes.Equal(keyA, vary.AppendKey(nil, again)) {
			t.Fatalf("whitespace around the commas of %q matters", a1)
		}
	})
}

func squeezeCommas(v string) []string {
	members := strings.Split(v, ",")
	for i := range members {
		members[i] = strings.Trim(members[i], " \t")
	}
	return members
}
