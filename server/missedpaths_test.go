package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/missed"
)

// TestMissedStats: a path of any bytes is the value of a label, and no two are the same
// one, which a scrape would fail by; what is rare, or one of very many, has none.
func TestMissedStats(t *testing.T) {
	long := "a.example/" + strings.Repeat("ä", 100)
	got := missedStats([]missed.Path{
		{Site: "a", Path: "a.example/item", Misses: 90, Rate: 9, Share: .4},
		{Site: "b", Path: "a.example/item", Misses: 80, Rate: 8, Share: .3},
		{Site: "a", Path: long + "1", Misses: 70, Rate: 7, Share: .1},
		{Site: "a", Path: long + "2", Misses: 66, Rate: 6, Share: .1},
		{Site: "a", Path: "a.example/\xff\u202e", Misses: 65, Rate: 5, Share: .1},
		{Site: "a", Path: "a.example/rare", Misses: 63, Rate: 1, Share: .1},
		{Site: "a", Path: "a.example/one-of-many", Misses: 1000, Rate: 20, Share: .015},
	})
	want := []metrics.MissedPath{
		{Site: "a", Path: "a.example/item", Rate: 9},
		{Site: "b", Path: "a.example/item", Rate: 8},
		{Site: "a", Path: "a.example/" + strings.Repeat("ä", 45) + "…", Rate: 13},
		{Site: "a", Path: "a.example/\ufffd" + `\u202e`, Rate: 5},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}
