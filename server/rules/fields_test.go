package rules

import (
	"slices"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// TestFieldsOfStrangers: what a rule sets or removes cannot be brought back, or
// removed on its way, by what a client sends.
func TestFieldsOfStrangers(t *testing.T) {
	f := &Fields{Set: []hpack.Field{{Name: "x-edge", Value: "ours"}}, Remove: []string{"x-secret"}}
	for _, tt := range []struct {
		says, name, value string
		want              []hpack.Field // before the one that is set
	}{
		{"another field stays", "x-other", "a", []hpack.Field{{Name: "x-other", Value: "a"}}},
		{"the name that is set", "x-edge", "theirs", nil},
		{"what CGI servers take for it", "x_edge", "theirs", nil},
		{"what they take for the one that is removed", "x.secret", "theirs", nil},
		{"Connection does not name it", "connection", "close, X-Edge", []hpack.Field{{Name: "connection", Value: "close"}}},
		{"others may be named", "connection", "x-other", []hpack.Field{{Name: "connection", Value: "x-other"}}},
	} {
		t.Run(tt.says, func(t *testing.T) {
			got := f.Apply([]hpack.Field{{Name: tt.name, Value: tt.value}})
			if want := append(tt.want, f.Set...); !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}
