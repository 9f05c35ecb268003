package buildinfo

import "testing"

func TestVersion(t *testing.T) {
	before := version
	defer func() { version = before }()
	for stamp, want := range map[string]string{
		"":      "v" + Release + "-devel", // a test is built from a working tree
		"1.2.3": "1.2.3",
	} {
		version = stamp
		if got := Version(); got != want {
			t.Errorf("stamped with %q: %q, want %q", stamp, got, want)
		}
	}
}
