package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/pebble"
)

// walkTime is how long the walk may take: a certificate's life, and what a machine
// under load takes for the rest.
const walkTime = 3 * time.Minute

// step is a block of commands of docs/walk.md, and what they print.
type step struct {
	commands, output string
}

// walkSteps are the steps of a document, in their order. Output stands behind its
// commands; commands without any print nothing.
func walkSteps(t *testing.T, text string) (steps []step) {
	t.Helper()
	for _, block := range regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		switch kind, code := block[1], block[2]; {
		case kind == "bash":
			steps = append(steps, step{commands: code})
		case kind == "text" && len(steps) > 0 && steps[len(steps)-1].output == "":
			steps[len(steps)-1].output = code
		default:
			t.Fatalf("a block is neither commands nor what they print:\n%s", block[0])
		}
	}
	return steps
}

// assignments are the names and values of a block that has nothing else.
func assignments(t *testing.T, block string) map[string]string {
	t.Helper()
	set := make(map[string]string)
	form := regexp.MustCompile(`^([A-Z]+)=('[^']*'|\S*)\s*`)
	for line := range strings.Lines(block) {
		line, _, _ = strings.Cut(strings.TrimSuffix(line, "\n"), " #")
		for line != "" {
			m := form.FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("the first block has more than values: %q", line)
			}
			set[m[1]] = m[2]
			line = line[len(m[0]):]
		}
	}
	return set
}

// application is a version of what the walk's site is in front of. It can be ended
// and begun again.
type application struct {
	t       *testing.T
	address string
	version int

	mu     sync.Mutex
	server *http.Server
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz":
		fmt.Fprintln(w, "well")
	case "/new":
		w.Header().Set("Cache-Control", "max-age=60")
	default:
		w.Header().Set("Cache-Control", "max-age=1")
		fmt.Fprintln(w, "version", a.version)
	}
}

func (a *application) start() {
	a.mu.Lock()
	defer a.mu.Unlock()
	l, err := net.Listen("tcp", a.address)
	if err != nil {
		a.t.Errorf("starting the application: %v", err)
		return
	}
	a.server = &http.Server{Handler: a}
	go func(s *http.Server) { _ = s.Serve(l) }(a.server) // until it is closed
}

func (a *application) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.server.Close()
}

// TestWalk: the commands of docs/walk.md, in their order and in one shell, do what it
// says there: a site gets its certificate and another one in time, its application
// and the server are replaced while it is asked, and it outlives its application.
func TestWalk(t *testing.T) {
	testkit.NeedTree(t)
	for _, program := range []string{"bash", "curl", "install", "sed"} {
		testkit.Need(t, program)
	}
	steps := walkSteps(t, document(t, "docs/walk.md"))
	dir := t.TempDir()
	listen, plain, admin := testkit.FreeAddress(t), testkit.FreeAddress(t), testkit.FreeAddress(t)
	authority := pebble.Start(t, pebble.Options{TLS: listen, HTTP: plain, Valid: 30})
	app := &application{t: t, address: testkit.FreeAddress(t), version: 1}
	next := &application{t: t, address: testkit.FreeAddress(t), version: 2}
	for _, a := range []*application{app, next} {
		a.start()
		t.Cleanup(a.stop)
	}
	switches := http.NewServeMux()
	switches.HandleFunc("/stop", func(http.ResponseWriter, *http.Request) { next.stop() })
	switches.HandleFunc("/start", func(http.ResponseWriter, *http.Request) { next.start() })
	control := &application{t: t, address: testkit.FreeAddress(t)}
	control.server = &http.Server{Handler: switches}
	l, err := net.Listen("tcp", control.address)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = control.server.Serve(l) }()
	t.Cleanup(control.stop)

	programs := t.TempDir()
	bin, newer := filepath.Join(programs, "hotpath"), filepath.Join(programs, "new", "hotpath")
	must(t, 0, os.Mkdir(filepath.Dir(newer), 0o755))
	for _, path := range []string{bin, newer} {
		program, err := os.ReadFile(builtServer(t))
		must(t, 0, err)
		must(t, 0, os.WriteFile(path, program, 0o755))
	}
	values := map[string]string{
		"NAME": "www.example.com", "APP": "http://" + app.address, "NEXT": "http://" + next.address,
		"DIR": dir, "BIN": bin, "NEW": newer, "HTTPS": listen, "HTTP": plain, "ADMIN": admin, "ACME": authority.Directory,
		"STOP":  "'curl -fsS http://" + control.address + "/stop'",
		"START": "'curl -fsS http://" + control.address + "/start'",
	}
	if named := assignments(t, steps[0].commands); !slices.Equal(slices.Sorted(maps.Keys(named)), slices.Sorted(maps.Keys(values))) {
		t.Fatalf("the first block sets %v, the test %v", named, values)
	}

	// What is the network's: the name leads here, and the authority is trusted.
	must(t, 0, os.WriteFile(filepath.Join(dir, "roots.pem"), authority.RootsPEM(t), 0o600))
	must(t, 0, os.WriteFile(filepath.Join(dir, ".curlrc"), fmt.Appendf(nil, "cacert = %q\nconnect-to = \"%s:443:%s\"\nconnect-to = \"%[2]s:80:%[4]s\"\n",
		filepath.Join(dir, "roots.pem"), values["NAME"], listen, plain), 0o600))

	const mark = "== step %d ==\n"
	var script strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&script, "%s=%s\n", name, values[name])
	}
	for i, s := range steps[1:] {
		fmt.Fprintf(&script, "printf '"+strings.ReplaceAll(mark, "\n", `\n`)+"'\n%s", i+1, s.commands)
	}
	ctx, cancel := context.WithTimeout(t.Context(), walkTime)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-euo", "pipefail")
	shell.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "CURL_HOME="+dir, "HOTPATH_ACME_CA_FILE="+authority.CAFile, "LC_ALL=C")
	shell.Stdin = strings.NewReader(script.String())
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endGroup := func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) } // all that it has started
	shell.Cancel = endGroup
	shell.WaitDelay = time.Second
	var stderr strings.Builder
	shell.Stderr = &stderr
	printed, err := shell.Output()
	_ = endGroup() // nothing is left if all went well
	if err != nil || stderr.Len() > 0 {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		t.Errorf("the walk ended with %v, said\n%s\nprinted\n%s\nthe server's log:\n%s", err, &stderr, printed, log)
	}
	rest := string(printed)
	for i, s := range steps[1:] {
		_, after, ok := strings.Cut(rest, fmt.Sprintf(mark, i+1))
		if !ok {
			t.Fatalf("it did not get to\n%s", s.commands)
		}
		rest = after
		got, _, _ := strings.Cut(after, fmt.Sprintf(mark, i+2))
		want := "^" + strings.ReplaceAll(regexp.QuoteMeta(s.output), "…", ".*") + "$"
		if !regexp.MustCompile(want).MatchString(strings.ReplaceAll(got, "\r", "")) {
			t.Errorf("the commands\n%sprint\n%swant\n%s", s.commands, got, s.output)
		}
	}
}
