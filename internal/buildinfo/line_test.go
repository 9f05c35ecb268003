package buildinfo

import (
	"runtime"
	"testing"
)

func TestLine(t *testing.T) {
	defer func(before string) { version = before }(version)
	version = "v1.2.3"
	if got, want := Line("hotpath"), "hotpath v1.2.3 "+runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
