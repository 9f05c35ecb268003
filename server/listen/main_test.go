package listen

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain plays a role where this is a child process of a test, and fails the
// package where a goroutine of the server outlives the tests.
func TestMain(m *testing.M) {
	if play := roles[os.Getenv(roleVariable)]; play != nil {
		play()
		os.Exit(0)
	}
	code := m.Run()
	if left := leaked(10 * time.Second); left != "" && code == 0 {
		fmt.Fprintln(os.Stderr, "goroutines outlive the tests:\n"+left)
		code = 1
	}
	os.Exit(code)
}

// roleVariable names what a child process of a test is for.
const roleVariable = "HOTPATH_LISTEN_TEST"

var roles = map[string]func(){}

// leaked returns the stacks of the server's goroutines that have not ended
// after d.
func leaked(d time.Duration) string {
	for end := time.Now().Add(d); ; {
		all := make([]byte, 1<<20)
		all = all[:runtime.Stack(all, true)]
		var left []string
		for _, stack := range strings.Split(string(all), "\n\n")[1:] {
			if strings.Contains(stack, "hotpath/server/") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
