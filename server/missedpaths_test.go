package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/missed"
)

// TestMissedStats: a path of any bytes is the value of a label, and no two are the same
// one, which a scrape would fail by.
func TestMissedStats(t *testing.T) {
	long := "a.example/" + strings.Repeat("ä", 100)
	got := missedStats([]missed.Heavy{
		{Site: "a", Path: "a.example/item", Rate: 9},
		{Site: "b", Path: "a.example/item", Rate: 8},
		{Site: "a", Path: long + "1", Rate: 7},
		{Site: "a", Path: long + "2", Rate: 6},
		{Site: "a", Path: "a.example/\xff\u202e", Rate: 5},
	})
	want := []metrics.MissedPath{
		{Site: "a", Path: "a.example/item", Rate: 9},
		{Site: "b", Path: "a.example/item", Rate: 8},
		{Site: "a", Path: "a.example/" + strings.Repeat("ä", 43) + "…", Rate: 13},
		{Site: "a", Path: "a.example/\ufffd" + `\u202e`, Rate: 5},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}
