package pattern

import (
	"slices"
	"testing"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// TestRows: targets that a report cannot distinguish are counted together, one
// target alone is not counted apart, and of many the first are named.
func TestRows(t *testing.T) {
	get := func(url string) vegeta.Target { return vegeta.Target{Method: "GET", URL: url} }
	post := vegeta.Target{Method: "POST", URL: "http://a/1"}
	for _, tt := range []struct {
		name    string
		targets []vegeta.Target
		spec    Spec
		rows    []int // of requests, by index
		counted []string
	}{
		{"one", []vegeta.Target{get("http://a/1")}, Spec{}, []int{0}, nil},
		{"the same twice", []vegeta.Target{get("http://a/1"), get("http://a/1")}, Spec{}, []int{0, 0}, nil},
		{"a line for each weight", []vegeta.Target{get("http://a/1"), get("http://a/2"), get("http://a/1"), post}, Spec{}, []int{1, 2, 1, 3}, []string{"GET http://a/1", "GET http://a/2", "POST http://a/1"}},
		{"more than are counted apart", []vegeta.Target{get("http://a/1"), get("http://a/2"), get("http://a/3"), get("http://a/4")}, Spec{}, []int{1, 2, 3, 4}, []string{"GET http://a/1", "GET http://a/2", "GET http://a/3"}},
		{"drawn targets", []vegeta.Target{get("http://a/1"), get("http://a/2"), get("http://a/1")}, Spec{Popularity: Popularity{Kind: uniform}}, []int{1, 2, 1}, []string{"GET http://a/1", "GET http://a/2"}},
		{"keys", []vegeta.Target{get("http://a/{n}")}, Spec{Keys: 4}, []int{1, 2, 3, 4}, []string{"GET http://a/0", "GET http://a/1", "GET http://a/2"}},
		{"one key", []vegeta.Target{get("http://a/{n}")}, Spec{Keys: 1}, []int{0}, nil},
		{"variants of a key", []vegeta.Target{get("http://a/{n}")}, Spec{Keys: 2, Vary: []Vary{{"X-A", []string{"1", "2"}}}}, []int{1, 1, 2, 2}, []string{"GET http://a/0", "GET http://a/1"}},
		{"variants of one target", []vegeta.Target{get("http://a/")}, Spec{Vary: []Vary{{"X-A", []string{"1", "2"}}}}, []int{0, 0}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var counted []string
			for _, c := range Counted(tt.targets, &tt.spec, 3) {
				counted = append(counted, c.Method+" "+c.URL)
			}
			if !slices.Equal(counted, tt.counted) {
				t.Errorf("%q, want %q", counted, tt.counted)
			}
			if tt.spec.Zero() {
				rows := Rows(tt.targets)
				if rows == nil {
					rows = make([]int, len(tt.targets))
				}
				if !slices.Equal(rows, tt.rows) {
					t.Errorf("rows %v, want %v", rows, tt.rows)
				}
				return
			}
			b := book(t, tt.targets, tt.spec)
			var rows []int
			for i := range b.Len() {
				rows = append(rows, b.Plain(i).Row)
			}
			if !slices.Equal(rows, tt.rows) {
				t.Errorf("rows of a book %v, want %v", rows, tt.rows)
			}
		})
	}
}
