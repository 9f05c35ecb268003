package trace

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	record := func(id uint64, size uint32) string {
		b := binary.LittleEndian.AppendUint32(nil, 7)
		b = binary.LittleEndian.AppendUint64(b, id)
		b = binary.LittleEndian.AppendUint32(b, size)
		return string(binary.LittleEndian.AppendUint64(b, math.MaxUint64))
	}
	a, b := identity("a"), identity("b")
	for _, tt := range []struct {
		about, format, text string
		want                []Request
		err                 string
	}{
		{"two records", "oracle", record(5, 100) + record(6, 0), []Request{{5, 100}, {6, 0}}, ""},
		{"nothing", "oracle", "", nil, ""},
		{"half a record", "oracle", record(5, 100) + "half", nil, "request 2"},
		{"look-ups alone", "twitter", "0,a,1,99,3,get,0\n1,b,1,9,3,set,60\n2,b,1,9,3,gets,0\n", []Request{{a, 100}, {b, 10}}, ""},
		{"too few columns", "twitter", "0,a,1,99,3,get,0\n1,b\n", nil, "line 2: 2 columns"},
		{"names, a comment, an empty line", "csv", "time,object,size\n# x\n\n1, a, 10\n2,b,20", []Request{{a, 10}, {b, 20}}, ""},
		{"a size that is none", "csv", "1,a,10\n2,b,x", nil, `line 2: size "x"`},
		{"a negative size", "csv", "1,a,10\n2,b,-1", nil, `line 2: size "-1"`},
		{"no such format", "vscsi", "", nil, "allowed are oracle, twitter, csv"},
	} {
		got, err := Read(strings.NewReader(tt.text), tt.format, 2, 3)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, %v; want %v, %q", tt.about, got, err, tt.want, tt.err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("1,a,10\n2,b,x", 1, 2)
	f.Fuzz(func(t *testing.T, text string, object, size int) {
		for _, format := range strings.Split(Formats, ", ") {
			all, err := Read(strings.NewReader(text), format, object%8, size%8)
			if err != nil && all != nil {
				t.Error("requests beside an error")
			}
			for _, r := range all {
				if r.Size < 0 {
					t.Errorf("%+v", r)
				}
			}
		}
	})
}

// TestGenerated: a seed makes the same trace, with the mix that it states.
func TestGenerated(t *testing.T) {
	m := mixes[1]
	m.requests = 100_000
	one, again := m.generate(1), m.generate(1)
	if !slices.Equal(one.Requests, again.Requests) || slices.Equal(one.Requests, m.generate(2).Requests) {
		t.Error("a seed does not make the trace")
	}
	single := 0
	for _, r := range one.Requests {
		if r.ID >= 1<<40 {
			single++
		}
		if r.Size < 1 || r.Size > int64(m.sizes.most) {
			t.Fatalf("%+v", r)
		}
	}
	if share := float64(single) / 1e5; math.Abs(share-m.once) > 0.01 {
		t.Errorf("%v of the requests are for what is asked for once, want %v", share, m.once)
	}
	if f := one.Facts(); f.Requests != 100_000 || f.Objects <= single || f.Once < 0.5 || f.Bytes <= 0 {
		t.Errorf("%+v", f)
	}
}

// TestSizesAreOfTheObject: a size is the same whenever it is asked for.
func TestSizesAreOfTheObject(t *testing.T) {
	var all []float64
	for id := range uint64(20_000) {
		size := pages.of(id)
		if again := pages.of(id); again != size {
			t.Fatalf("object %d has %d bytes, and then %d", id, size, again)
		}
		all = append(all, float64(size))
	}
	slices.Sort(all)
	if median := all[len(all)/2]; math.Abs(median/13_000-1) > 0.1 {
		t.Errorf("a median of %.0f, want that of the body and a little more", median)
	}
}
