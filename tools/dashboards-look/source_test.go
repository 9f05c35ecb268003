package main

import (
	"testing"

	"github.com/e0ac7cd4/hotpath/dashboards/hour"
)

// TestWholeMoment: the moment at which no panel may be empty is one of the hour's.
func TestWholeMoment(t *testing.T) {
	for _, m := range hour.Moments() {
		if m.Name == wholeMoment {
			return
		}
	}
	t.Errorf("the hour has no moment %q", wholeMoment)
}
