package rfc9111

import (
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

func TestConditional(t *testing.T) {
	for _, tt := range []struct {
		sentence string
		variants []string
		want     string
	}{
		{"Nothing to ask about.", []string{"date: @0"}, ""},
		{"No stored response.", nil, ""},
		{"Both validators of one.", []string{`last-modified: @-9|etag: W/"a"`}, `if-none-match: W/"a"|if-modified-since: @-9`},
		{"The tags of several, and no date.", []string{`etag: "a"|last-modified: @-9`, "last-modified: @-8", `etag: W/"b,c"`}, `if-none-match: "a", W/"b,c"`},
		{"Several dates cannot be asked about.", []string{"last-modified: @-9", "last-modified: @-8"}, ""},
		{"Malformed ones are left out.", []string{"etag: a|last-modified: yesterday"}, ""},
	} {
		var variants [][]hpack.Field
		for _, v := range tt.variants {
			variants = append(variants, lines(v))
		}
		if got, want := text(Conditional(nil, variants...)), text(lines(tt.want)); got != want {
			t.Errorf("%s: got %s, want %s", tt.sentence, got, want)
		}
	}
}

func TestSelects(t *testing.T) {
	for _, tt := range []struct {
		sentence, stored, from string
		only, want             bool
	}{
		{"The same strong tag.", `etag: "a"`, `etag: "a"`, false, true},
		{"Another strong tag.", `etag: "a"`, `etag: "b"`, true, false},
		{"A strong tag is not the weak one.", `etag: W/"a"`, `etag: "a"`, true, false},
		{"A weak tag is either.", `etag: "a"`, `etag: W/"a"`, false, true},
		{"And its like.", `etag: W/"a"`, `etag: W/"a"`, false, true},
		{"Another weak tag.", `etag: W/"a"`, `etag: W/"b"`, true, false},
		{"A tag where none was.", "last-modified: @-9", `etag: "a"|last-modified: @-9`, true, false},
		{"The tag goes before the date.", `etag: "a"|last-modified: @-9`, `etag: "a"|last-modified: @-8`, false, true},
		{"The same date.", `etag: "a"|last-modified: @-9`, "last-modified: @-9", false, true},
		{"In another format.", "last-modified: Sun Mar  1 12:00:00 2026", "last-modified: @0", false, true},
		{"Another date.", "last-modified: @-9", "last-modified: @-8", true, false},
		{"A date where none was.", `etag: "a"`, "last-modified: @-9", true, false},
		{"No validator, and one candidate.", `etag: "a"`, "date: @0", true, true},
		{"A malformed tag is none.", "date: @0", "etag:", false, false},
		{"A weak one without a tag too.", "date: @0", "etag: W/", false, false},
		{"No validator, and several candidates.", `etag: "a"`, "date: @0", false, false},
	} {
		if got := Selects(lines(tt.stored), lines(tt.from), tt.only); got != tt.want {
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
