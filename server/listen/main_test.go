package listen

import (
	"os"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestMain plays a role if this is a child process of a test, and fails the
// package if a goroutine of the server outlives the tests.
func TestMain(m *testing.M) {
	if play := roles[os.Getenv(roleVariable)]; play != nil {
		play()
		os.Exit(0)
	}
	testkit.Run(m, "hotpath/server/")
}

// roleVariable names what a child process of a test is for.
const roleVariable = "HOTPATH_LISTEN_TEST"

var roles = map[string]func(){}
