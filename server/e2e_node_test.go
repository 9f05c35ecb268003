package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

func TestNode(t *testing.T) {
	testkit.Need(t, "node")
	sites(t, func(t *testing.T, p *process, all []resource) {
		var list strings.Builder
		for _, r := range all {
			fmt.Fprintf(&list, "%s\t%s\n", r.path, r.hex())
		}
		out, err := output(t, list.String(), "node", "testdata/fetch.mjs", p.url, testIdentity(t).cert)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("right: %d\n", len(all)); out != want {
			t.Errorf("node says %s, want %s", tail(out), want)
		}
	})
}
