package tools

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestStep: the name of a step is printed before it runs and its output as it
// comes, so that a step of minutes is not silent; at the end all steps follow
// again, and the failed ones by name.
func TestStep(t *testing.T) {
	testkit.NeedTree(t)
	testkit.Need(t, "bash")
	script := filepath.Join(t.TempDir(), "script")
	err := os.WriteFile(script, []byte(`. "$PWD/step.bash"
long() {
	echo begun
	read -r line # until the test has read what is above
	echo "got $line"
}
step 'a long one' long
step 'a bad one' bash -c 'echo why >&2; exit 3'
step 'not said' prints 'hello*' echo good day
step 'said' prints 'good*' echo good day
step 'said, and failed' prints 'good*' bash -c 'echo good day; exit 3'
[[ ${#failed[@]} == 3 ]]
exit 7
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-u", script)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var got []string
	for lines.Scan() {
		if got = append(got, lines.Text()); lines.Text() == "begun" {
			if _, err := in.Write([]byte("on\n")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("the script ended with %v, want its own status 7", err)
	}
	const want = `=== a long one
begun
got on
ok   TIME s  a long one
=== a bad one
why
FAIL TIME s  a bad one
=== not said
good day
FAIL TIME s  not said
=== said
good day
ok   TIME s  said
=== said, and failed
good day
FAIL TIME s  said, and failed

ok   TIME s  a long one
FAIL TIME s  a bad one
FAIL TIME s  not said
ok   TIME s  said
FAIL TIME s  said, and failed
failed: a bad one,not said,said, and failed`
	printed := regexp.MustCompile(` +\d+\.\d s`).ReplaceAllString(strings.Join(got, "\n"), " TIME s")
	printed = strings.ReplaceAll(printed, "ok TIME", "ok   TIME")
	if printed != want {
		t.Errorf("printed\n%s\nwant\n%s", printed, want)
	}
}
