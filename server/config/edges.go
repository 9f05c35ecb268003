package config

import (
	"slices"
	"strconv"
)

// Edge is a value at the end of what a setting allows.
type Edge struct{ Key, Value string }

// Edges are the least and the largest value that each setting allows, with numbers
// beside them, its explained zero, and each of a few choices. They are what a test starts the server with:
// nothing that [Check] calls valid may fail at the start. Paths and addresses,
// which have no ends, are not among them.
func Edges() []Edge {
	var c Config
	var all []Edge
	for _, k := range settings(&c) {
		if v, ok := k.value.(interface{ edges() []string }); ok {
			for _, s := range v.edges() {
				all = append(all, Edge{k.name, s})
			}
		}
	}
	return all
}

// ends are the least and the largest value, and zero if it means something.
func ends[T any](zero string, format func(T) string, least, most T) []string {
	all := []string{format(least), format(most)}
	if zero != "" {
		all = append(all, format(*new(T)))
	}
	return all
}

// edges of a number are its neighbours too, because not every number between the
// ends need be allowed.
func (v *count) edges() []string {
	c := *v
	var all []string
	for _, n := range []int{v.min, v.min + 1, v.min + 2, v.max - 1, v.max, 0} {
		if c.p = &n; c.check() == nil {
			all = append(all, strconv.Itoa(n))
		}
	}
	return all
}

func (v *rate) edges() []string { return ends(v.zero, strconv.Itoa, v.min, v.max) }
func (v *size) edges() []string { return ends(v.zero, formatSize, v.min, v.max) }
func (v *span) edges() []string { return ends(v.zero, formatDuration, v.min, v.max) }
func (v *choice) edges() []string {
	return slices.Clone(v.of)
}
func (v *toggle) edges() []string { return []string{"true", "false"} }
func (v *level) edges() []string  { return []string{"debug", "info", "warn", "error"} }
