package site

import (
	"encoding/binary"
	"hash/maphash"
	"strconv"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// variances are what an origin has said of the queries of its paths (No-Vary-Search):
// for each path its last response counts. It is known for as many as there are
// places: a path that takes another's has that one's queries distinguished again,
// until its next response. All methods are safe for concurrent use; find is an atomic
// load for a site whose origin says nothing.
type variances struct{ table atomic.Pointer[varianceTable] }

// variancePlaces takes 32 KiB of a site whose origin says something, and at most 2 MiB
// if it says something else of each path.
const variancePlaces = 1024

type varianceTable struct {
	seed   maphash.Seed // paths are clients' to choose
	places [variancePlaces]atomic.Pointer[varying]
	last   atomic.Pointer[variance] // what was said last: mostly all paths have the same
}

// varying is a path, by its hash, and what counts of its queries.
type varying struct {
	path uint64
	*variance
}

// variance is what counts of a query.
type variance struct {
	query Query
	mark  [5]byte // of keys, see varianceMark
}

// varianceMark begins, in a key, a hash of what the origin has said, so that a response
// is found by what was said with it alone. No path and no Vary that extends a key has
// it there.
const varianceMark = 1

func (v *variance) appendMark(dst []byte) []byte { return append(dst, v.mark[:]...) }

// place returns where a path, the beginning of a key, has its place, and its hash.
func (t *varianceTable) place(path []byte) (*atomic.Pointer[varying], uint64) {
	h := maphash.Bytes(t.seed, path)
	return &t.places[h%variancePlaces], h
}

// find returns what is known of a path; nil: nothing.
func (v *variances) find(path []byte) *variance {
	if v == nil {
		return nil
	}
	t := v.table.Load()
	if t == nil {
		return nil
	}
	place, h := t.place(path)
	if known := place.Load(); known != nil && known.path == h {
		return known.variance
	}
	return nil
}

// Statement is what an origin says of a query; nil: nothing.
type Statement = *variance

// Learn notes what a response that is to be stored says of its path's queries, and
// returns it. It decides the keys of the path from here on.
func (s *Site) Learn(r *message.Request, fields []hpack.Field) Statement {
	if s.Files || s.variances == nil {
		return nil
	}
	search, said := rfc9111.NoVarySearch(fields)
	t := s.variances.table.Load()
	if t == nil {
		if !said {
			return nil
		}
		s.variances.table.CompareAndSwap(nil, &varianceTable{seed: maphash.MakeSeed()})
		t = s.variances.table.Load()
	}
	path, _ := cutQuery(r.Path)
	key := append(appendHost(binary.BigEndian.AppendUint32(nil, s.number), r.Authority), path...)
	place, h := t.place(key)
	known := place.Load()
	if known != nil && known.path != h {
		known = nil
	}
	if !said {
		if known != nil {
			place.CompareAndSwap(known, nil)
		}
		return nil
	}
	next := newVariance(search)
	if known != nil && known.mark == next.mark {
		return known.variance
	}
	if last := t.last.Load(); last != nil && last.mark == next.mark {
		next = last
	} else {
		t.last.Store(next)
	}
	place.Store(&varying{h, next})
	return next
}

// Says reports whether the origin has ever said something of a query.
func (s *Site) Says() bool { return s.variances != nil && s.variances.table.Load() != nil }

// AppendSaidPrefix appends what all keys of a path begin with that the origin has said
// something of.
func (s *Site) AppendSaidPrefix(dst []byte, r *message.Request) []byte {
	path, _ := cutQuery(r.Path)
	dst = appendHost(binary.BigEndian.AppendUint32(dst, s.number), r.Authority)
	return append(append(dst, path...), varianceMark)
}

// markSeed is one for the process: sites that inherit have the same keys.
var markSeed = maphash.MakeSeed()

func newVariance(s rfc9111.Search) *variance {
	v := &variance{query: Query{Sorted: s.AnyOrder}}
	switch {
	case s.All && len(s.Names) == 0:
		v.query.Drop = true
	case s.All:
		v.query.Keep = s.Names
	default:
		v.query.Without = s.Names
	}
	text := strconv.FormatBool(s.AnyOrder) + strconv.FormatBool(s.All)
	for _, name := range s.Names {
		text += strconv.Quote(name)
	}
	v.mark[0] = varianceMark
	binary.BigEndian.PutUint32(v.mark[1:], uint32(maphash.String(markSeed, text)))
	return v
}
