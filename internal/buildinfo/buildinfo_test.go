package buildinfo

import (
	"runtime"
	"testing"
)

func TestVersion(t *testing.T) {
	if v := Version(); v != "devel" {
		t.Errorf("a test's version is %q, want devel", v)
	}
	defer func() { version = "" }()
	version = "v1.2.3"
	if v := Version(); v != version {
		t.Errorf("%q, want what the linker was told", v)
	}
	if got, want := Line("hotpath"), "hotpath v1.2.3 "+runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH; got != want {
		t.Errorf("Line: %q, want %q", got, want)
	}
}
