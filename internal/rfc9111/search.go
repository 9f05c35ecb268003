package rfc9111

import "github.com/e0ac7cd4/hotpath/internal/hpack"

// Search is what a response says of the parameters of its URL's query in
// No-Vary-Search (draft-ietf-httpbis-no-vary-search): which do not matter.
type Search struct {
	AnyOrder bool     // parameters may stand in any order
	All      bool     // no parameter matters but Names; else all but these do
	Names    []string // as they are written in the field, which need not be as in a URL
}

// What a response names at most. One that names more says nothing: it is kept for each
// path.
const (
	maxSearchNames = 64
	maxSearchBytes = 1024
)

// NoVarySearch reads No-Vary-Search. It reports false if the response does not have it
// or it says nothing: it is malformed, has a value of a wrong type, or both a list of
// parameters and of exceptions.
func NoVarySearch(fields []hpack.Field) (s Search, ok bool) {
	value, ok := joined(fields, "no-vary-search")
	if !ok {
		return s, false
	}
	var members []member
	p := structured{rest: value}
	if !p.dictionary(&members) {
		return Search{}, false
	}
	listed, excepted := false, false
	for i := range members {
		switch m := &members[i]; {
		case m.key == "key-order" && (m.kind == kindTrue || m.kind == kindFalse):
			s.AnyOrder = m.kind == kindTrue
		case m.key == "params" && (m.kind == kindTrue || m.kind == kindFalse):
			s.All = m.kind == kindTrue
		case m.key == "params" && m.kind == kindStrings:
			s.Names, listed = append(s.Names, m.list...), true
		case m.key == "except" && m.kind == kindStrings:
			s.Names, excepted = append(s.Names, m.list...), true
		case m.key == "key-order", m.key == "params", m.key == "except":
			return Search{}, false
		}
	}
	bytes := 0
	for _, name := range s.Names {
		bytes += len(name)
	}
	if listed && excepted || excepted && !s.All || len(s.Names) > maxSearchNames || bytes > maxSearchBytes {
		return Search{}, false
	}
	return s, s.AnyOrder || s.All || len(s.Names) > 0
}
