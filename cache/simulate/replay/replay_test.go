package replay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/cache/simulate/policy"
	"github.com/e0ac7cd4/hotpath/cache/simulate/trace"
)

func named(t *testing.T, name string) policy.Named {
	for _, p := range policy.All {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no policy %s", name)
	return policy.Named{}
}

// TestBars: the cache beats the plain order on each mix, by objects and by bytes, and
// a scan of ten times its size costs it next to nothing. In the larger caches of
// news the plain order hits nearly all that can be hit: there it is reached.
func TestBars(t *testing.T) {
	if testing.Short() {
		t.Skip("replays 10 million requests")
	}
	lru, hotpath := named(t, "lru"), named(t, "hotpath")
	generated := trace.Generated(1)
	for _, tt := range generated {
		from, sizes := len(tt.Requests)/warm, Sizes[1:2]
		if tt.Name == "news" {
			sizes = Sizes[1:]
		}
		for _, size := range sizes {
			limit := int64(size * float64(tt.Facts().Bytes))
			plain, ours := count(lru.Make(limit), tt.Requests, from, all), count(hotpath.Make(limit), tt.Requests, from, all)
			bar := 0.0
			switch {
			case tt.Name == "cdn":
				bar = 5
			case size > Sizes[1]:
				bar = -0.1
			}
			if ours.Bytes < plain.Bytes+bar || ours.Objects < plain.Objects+bar {
				t.Errorf("%s in %v of its bytes: %.2f, the plain order %.2f; want %v more", tt.Name, size, ours, plain, bar)
			}
		}
	}
	var out strings.Builder
	if err := Scan(&out, generated[0], []policy.Named{hotpath}); err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(out.String())
	if fall := fields[len(fields)-1]; !strings.HasPrefix(fall, "-") && !strings.HasPrefix(fall, "0.") && !strings.HasPrefix(fall, "1.") {
		t.Errorf("the hit ratio falls by %s in a scan", fall)
	}
}

// TestCommand: a published trace from a file or the standard input, and mistakes.
func TestCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trace.csv")
	text := strings.Repeat("1,a,10\n2,b,20\n", 50)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args, want string
	}{
		{"-trace " + file + " -format csv", "100 requests, 2 objects"},
		{"-trace - -format csv", "100 requests, 2 objects"},
		{"-trace - -format csv -object 0", "allowed are numbers from 1"},
		{"-trace - -format oracle", "reading request"},
		{"-trace nowhere", "nowhere"},
		{"file", `argument "file"`},
	} {
		var out strings.Builder
		err := Command(strings.Fields(tt.args), strings.NewReader(text), &out, policy.All)
		if err != nil {
			out.WriteString(err.Error())
		}
		if !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: %s", tt.args, out.String())
		}
	}
}
