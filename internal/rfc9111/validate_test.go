package rfc9111

import (
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

func TestConditional(t *testing.T) {
	for _, tt := range []struct{ sentence, stored, want string }{
		{"Nothing to ask about.", "date: @0", ""},
		{"Both validators.", `last-modified: @-9|etag: W/"a"`, `if-none-match: W/"a"|if-modified-since: @-9`},
		{"Malformed ones are left out.", "etag: a|last-modified: yesterday", ""},
	} {
		if got, want := text(Conditional(nil, lines(tt.stored))), text(lines(tt.want)); got != want {
			t.Errorf("%s: got %s, want %s", tt.sentence, got, want)
		}
	}
}

func TestConditionalVariants(t *testing.T) {
	long := `"` + strings.Repeat("a", maxTags-10) + `"`
	for _, tt := range []struct {
		sentence string
		variants []string
		want     string
	}{
		{"No stored response.", nil, ""},
		{"The tags of several, and no date.", []string{`etag: "a"|last-modified: @-9`, "last-modified: @-8", `etag: "b,c"`}, `if-none-match: "a", "b,c"`},
		{"The tag of one, and no date.", []string{`etag: "a"|last-modified: @-9`}, `if-none-match: "a"`},
		{"A date cannot be asked about.", []string{"last-modified: @-9"}, ""},
		{"Nor a weak tag.", []string{`etag: W/"a"`}, ""},
		{"A malformed one is left out.", []string{"etag: a"}, ""},
		{"One that several have is sent once.", []string{`etag: "a"`, `etag: "b"`, `etag: "a"`}, `if-none-match: "a", "b"`},
		{"What would be too long is left out.", []string{"etag: " + long, `etag: "too-long"`, `etag: "b"`}, "if-none-match: " + long + `, "b"`},
	} {
		var variants [][]hpack.Field
		for _, v := range tt.variants {
			variants = append(variants, lines(v))
		}
		if got, want := text(ConditionalVariants(nil, variants...)), text(lines(tt.want)); got != want {
			t.Errorf("%s: got %s, want %s", tt.sentence, got, want)
		}
	}
}

func TestSelectsVariant(t *testing.T) {
	for _, tt := range []struct {
		sentence, stored, from string
		want                   bool
	}{
		{"The same strong tag.", `etag: "a"`, `etag: "a"`, true},
		{"Another.", `etag: "a"`, `etag: "b"`, false},
		{"A weak one may be that of other content.", `etag: W/"a"`, `etag: W/"a"`, false},
		{"Also of the 304 alone.", `etag: "a"`, `etag: W/"a"`, false},
		{"Without a tag it names none.", "last-modified: @-9", "last-modified: @-9", false},
		{"A malformed tag is none.", "etag: a", "etag: a", false},
	} {
		if got := SelectsVariant(lines(tt.stored), lines(tt.from)); got != tt.want {
			t.Errorf("%s: got %v", tt.sentence, got)
		}
	}
}

func TestSelects(t *testing.T) {
	for _, tt := range []struct {
		sentence, stored, from string
		want                   bool
	}{
		{"The same strong tag.", `etag: "a"`, `etag: "a"`, true},
		{"Another strong tag.", `etag: "a"`, `etag: "b"`, false},
		{"A strong tag is not the weak one.", `etag: W/"a"`, `etag: "a"`, false},
		{"A weak tag is either.", `etag: "a"`, `etag: W/"a"`, true},
		{"And its like.", `etag: W/"a"`, `etag: W/"a"`, true},
		{"Another weak tag.", `etag: W/"a"`, `etag: W/"b"`, false},
		{"A tag where none was.", "last-modified: @-9", `etag: "a"|last-modified: @-9`, false},
		{"The tag goes before the date.", `etag: "a"|last-modified: @-9`, `etag: "a"|last-modified: @-8`, true},
		{"The same date.", `etag: "a"|last-modified: @-9`, "last-modified: @-9", true},
		{"In another format.", "last-modified: Sun Mar  1 12:00:00 2026", "last-modified: @0", true},
		{"Another date.", "last-modified: @-9", "last-modified: @-8", false},
		{"A date where none was.", `etag: "a"`, "last-modified: @-9", false},
		{"No validator: it is about what was asked about.", `etag: "a"`, "date: @0", true},
		{"A malformed tag is none.", "date: @0", "etag:", true},
		{"A weak one without a tag too.", "date: @0", "etag: W/", true},
	} {
		if got := Selects(lines(tt.stored), lines(tt.from)); got != tt.want {
			t.Errorf("%s: got %v", tt.sentence, got)
		}
	}
}

func TestHeadFreshens(t *testing.T) {
	const stored = `etag: "a"|last-modified: @-9`
	for _, tt := range []struct {
		sentence, head string
		want           bool
	}{
		{"Nothing that contradicts.", "date: @9", true},
		{"All that agrees.", `etag: "a"|last-modified: @-9|content-length: 5`, true},
		{"Another tag.", `etag: "b"`, false},
		{"A weak tag is not the strong one.", `etag: W/"a"`, false},
		{"Another date.", "last-modified: @-8", false},
		{"Another length.", "content-length: 6", false},
		{"No length.", "content-length: x", false},
		{"A length that no integer holds.", "content-length: 18446744073709551621", false},
	} {
		if got := HeadFreshens(lines(stored), 5, lines(tt.head)); got != tt.want {
			t.Errorf("%s: got %v", tt.sentence, got)
		}
	}
	if HeadFreshens(nil, 5, lines("last-modified: @-8")) {
		t.Error("a validator that the stored response does not have contradicts")
	}
}
