package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/config"
)

// command runs the binary to its end.
func command(t *testing.T, env []string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(builtServer(t), args...)
	cmd.Env = append(os.Environ(), env...)
	var out, err strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &err
	var exit *exec.ExitError
	if e := cmd.Run(); e != nil && !errors.As(e, &exit) {
		t.Fatal(e)
	}
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

// wantOneLine checks the message for a wrong command line.
func wantOneLine(t *testing.T, stderr string, parts ...string) {
	t.Helper()
	if !strings.HasPrefix(stderr, "hotpath: ") || strings.Count(stderr, "\n") != 1 || !strings.HasSuffix(stderr, "\n") {
		t.Errorf("want one line that begins with \"hotpath: \", got %q", stderr)
	}
	for _, part := range parts {
		if !strings.Contains(stderr, part) {
			t.Errorf("%q does not say %q", stderr, part)
		}
	}
}

func writeFile(t *testing.T, text string) (name string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "hotpath.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestWrongSettings: whatever is wrong, and wherever it was set, the start and
// the check end with status 2 and one line that names it.
func TestWrongSettings(t *testing.T) {
	id := testIdentity(t)
	for _, tt := range []struct {
		name string
		env  []string
		args []string
		says []string
	}{
		{"unknown flag", nil, []string{"-cache-entires", "5"}, []string{"cache-entires", "cache-entries"}},
		{"no flag", nil, []string{"-log-level", "info", "serve"}, []string{`"serve"`, "is not a flag"}},
		{"no value", nil, []string{"-listen"}, []string{"flag -listen", "has no value"}},
		{"not a number", nil, []string{"-cache-entries", "many"}, []string{"flag -cache-entries", `"many"`, "allowed: a number from 1"}},
		{"too small", nil, []string{"-max-conns=0"}, []string{"flag -max-conns", `"0"`}},
		{"line break", nil, []string{"-listen", "a\nb"}, []string{"listen"}},
		{"environment", []string{"HOTPATH_IDLE_TIMEOUT=soon"}, nil, []string{"environment HOTPATH_IDLE_TIMEOUT", `"soon"`}},
		{"unknown variable", []string{"HOTPATH_IDEL_TIMEOUT=1s"}, nil, []string{"HOTPATH_IDEL_TIMEOUT", "idle-timeout"}},
		{"key in the file", nil, []string{"-config", writeFile(t, "listen: :0\nmax-steams: 3\n")}, []string{"hotpath.yaml:2: max-steams", "max-streams"}},
		{"value in the file", nil, []string{"-config", writeFile(t, "cache-bytes: 5 apples\n")}, []string{"hotpath.yaml:1: cache-bytes", `"5 apples"`}},
		{"no file", nil, []string{"-config", "/nowhere/hotpath.yaml"}, []string{"/nowhere/hotpath.yaml", "no such file"}},
		{"no root", nil, []string{"-root", "/nowhere/site"}, []string{"root", "/nowhere/site", "no such file"}},
		{"root is a file", nil, []string{"-root", id.cert}, []string{"root", "is not a directory"}},
		{"no certificate", nil, []string{"-cert", "/nowhere/c.pem", "-key", id.key}, []string{"cert", "/nowhere/c.pem"}},
		{"no key", nil, []string{"-cert", id.cert}, []string{"cert", "there is no key"}},
		{"the key is none", nil, []string{"-cert", id.cert, "-key", id.cert}, []string{"cert", id.cert}},
		{"admin for everybody", nil, []string{"-admin", "0.0.0.0:0"}, []string{"flag -admin", "other machines", "admin-token-file", "admin-insecure"}},
		{"no token", nil, []string{"-admin-token-file", "/nowhere/token"}, []string{"admin-token-file", "/nowhere/token", "no such file"}},
		{"a short token", nil, []string{"-admin-token-file", writeFile(t, "secret\n")}, []string{"admin-token-file", "too short"}},
		{"one address for both", nil, []string{"-listen", "127.0.0.1:1", "-admin", "127.0.0.1:1"}, []string{"admin", "is the address of listen"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, sub := range [][]string{nil, {"check"}} {
				status, stdout, stderr := command(t, tt.env, append(sub, tt.args...)...)
				if status != exitUsage || stdout != "" {
					t.Errorf("%v: exit status %d, standard output %q; want 2 and nothing", sub, status, stdout)
				}
				wantOneLine(t, stderr, tt.says...)
			}
		})
	}
}

// TestHelp: whatever asks for help gets the same text, in which the program has
// its own name.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"--help"}, {"-help"}, {"help"}, {"-?"}, {"help", "check"}, {"check", "-h"}} {
		status, stdout, stderr := command(t, nil, args...)
		if status != 0 || stderr != "" || !strings.Contains(stdout, "-cache-bytes (default 256MiB)") || !strings.Contains(stdout, "\n  hotpath check [-key value ...]") {
			t.Errorf("%q: exit status %d, %q, %q", args, status, stdout, stderr)
		}
		for _, c := range config.Commands {
			if !strings.Contains(stdout, "\n  hotpath "+c.Name+" ") {
				t.Errorf("%q does not show the command %s", args, c.Name)
			}
		}
		if strings.Contains(stdout, "\n  server") {
			t.Errorf("%q calls the program server", args)
		}
	}
}

// TestUnknownCommand: what is no command is refused with those that there are.
func TestUnknownCommand(t *testing.T) {
	for word, says := range map[string]string{"serve": "check, health, reload, upgrade, diff, purge, explain, misses, ech, schema, completion, man, version, help", "chek": "did you mean check?", "start": "or flags; -h lists both"} {
		status, stdout, stderr := command(t, nil, word)
		if status != exitUsage || stdout != "" {
			t.Errorf("%s: exit status %d, %q", word, status, stdout)
		}
		wantOneLine(t, stderr, `argument "`+word+`": is no command`, says)
	}
}

// TestWarnings: a setting that does nothing is in the log of a server that
// starts all the same.
func TestWarnings(t *testing.T) {
	p := start(t, "-access-log-sample", "7")
	p.eventually("the warning", func() error {
		if !strings.Contains(p.output(), "access-log is off") {
			return errors.New("nothing in the log about a setting that does nothing")
		}
		return nil
	})
}

func TestCheckCommand(t *testing.T) {
	id := testIdentity(t)
	file := writeFile(t, fmt.Sprintf("listen: 127.0.0.1:443\ncert: %s\nkey: %s\nroot: /\n", id.cert, id.key))
	status, stdout, stderr := command(t, []string{"HOTPATH_LOG_LEVEL=warn"}, "check", "-config", file)
	if status != 0 || stdout != "configuration is valid\n" || stderr != "" {
		t.Errorf("exit status %d, %q, %q", status, stdout, stderr)
	}
}

// TestAddressTaken: what is asked for right and cannot be done ends with
// status 1.
func TestAddressTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, flags := range [][]string{
		{"-listen", l.Addr().String(), "-admin", "off"},
		{"-listen", "127.0.0.1:0", "-admin", l.Addr().String()},
	} {
		status, _, stderr := command(t, nil, append(flags, "-log-level", "error")...)
		if status != exitFailure {
			t.Errorf("exit status %d, want 1", status)
		}
		wantOneLine(t, stderr, l.Addr().String(), "in use")
	}
}

// TestSources: the flag wins over the environment, that over the file, and
// that over the default.
func TestSources(t *testing.T) {
	file := writeFile(t, "cache-entries: 11 # of the file\ncache-bytes: 11MiB\nmax-conns: 11\n")
	cmd := exec.Command(builtServer(t), serverFlags(t, "-cache-entries", "33")...)
	cmd.Env = append(os.Environ(), "HOTPATH_CONFIG="+file, "HOTPATH_CACHE_ENTRIES=22", "HOTPATH_CACHE_BYTES=22MiB")
	p := startCommand(t, cmd)
	samples := p.metrics()
	for name, want := range map[string]float64{
		"hotpath_cache_limit_entries":            33,       // flag
		"hotpath_cache_limit_bytes":              22 << 20, // environment
		"hotpath_connection_permits_configured":  11,       // file
		`hotpath_tls_handshakes_in_progress`:     0,
		`hotpath_connections{state="handshake"}`: 0,
	} {
		if got, ok := samples[name]; !ok || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// TestSelfSigned: without a certificate the server makes one and prints its
// fingerprint, by which a user can check it.
func TestSelfSigned(t *testing.T) {
	p := start(t, "-cert", "", "-key", "")
	c, err := tls.Dial("tcp", strings.TrimPrefix(p.url, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	leaf := c.ConnectionState().PeerCertificates[0]
	line, _ := p.logged("no certificate given: made a self-signed one")
	if got := certs.Fingerprint(leaf.Raw); got != line.SHA256 {
		t.Errorf("the certificate's fingerprint is %s, the log says %q", got, line.SHA256)
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		if err := leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
}

// TestSignals: both end an idle server with open connections at once and
// cleanly.
func TestSignals(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(s.String(), func(t *testing.T) {
			p := start(t)
			for _, protocol := range protocols {
				if err := fetch(p.client(protocol), p.url, demoSite(t)[0]); err != nil {
					t.Fatal(err)
				}
			}
			p.signal(s)
			p.wantStopped()
			if _, cut := p.logged("stopping"); cut {
				t.Error("connections were cut off")
			}
		})
	}
}

func TestAdminOff(t *testing.T) {
	p := start(t, "-admin", "off")
	if p.admin != "" {
		t.Errorf("the admin listener is at %s, want none", p.admin)
	}
	if err := fetch(p.client("h2"), p.url, demoSite(t)[0]); err != nil {
		t.Error(err)
	}
}

// TestAdminIsNotPublic asks each listener for what only the other has.
func TestAdminIsNotPublic(t *testing.T) {
	p := start(t)
	for _, protocol := range protocols {
		c := p.client(protocol)
		for _, path := range []string{"/live", "/metrics", "/healthz", "/readyz", "/debug/pprof/", "/debug/pprof/cmdline", "//metrics", "/%6detrics"} {
			r, err := c.Get(p.url + path)
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			if r.StatusCode != http.StatusNotFound {
				t.Errorf("%s over %s: %s on the public listener, want 404", path, protocol, r.Status)
			}
		}
	}
	for path, want := range map[string]int{"/": 200, "/nothing": 404, "/live/": 404, "/metrics": 200, "/healthz": 200, "/readyz": 200, "/debug/pprof/": 200, "/bench/1k.txt": 404} {
		r, err := http.Get(p.admin + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s: %s on the admin listener, want %d", path, r.Status, want)
		}
	}
}

// TestAdminForOthers: on an address that others can reach, the admin listener
// asks for its token, or says in the log that it asks for none.
func TestAdminForOthers(t *testing.T) {
	const token = "correct horse battery staple"
	file := writeFile(t, strings.ReplaceAll(token, " ", "-")+"\n")
	p := start(t, "-admin", "0.0.0.0:0", "-admin-token-file", file)
	for _, tt := range []struct {
		path, token string
		want        int
	}{
		{"/metrics", "", 401}, {"/", "", 401}, {"/live", "", 401}, {"/metrics", token, 401},
		{"/metrics", strings.ReplaceAll(token, " ", "-"), 200}, {"/readyz", "", 200}, {"/healthz", "", 200},
	} {
		r, err := http.NewRequest("GET", p.admin+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("", tt.token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != tt.want {
			t.Errorf("%s with %q: %s, want %d", tt.path, tt.token, answer.Status, tt.want)
		}
	}
	if strings.Contains(p.output(), "no token") || strings.Contains(p.output(), "battery") {
		t.Errorf("the log is\n%s", p.output())
	}
	open := start(t, "-admin", "0.0.0.0:0", "-admin-insecure")
	open.eventually("the warning", func() error {
		if !strings.Contains(open.output(), "asks for no token") {
			return errors.New("nothing in the log about an admin listener for everybody")
		}
		return nil
	})
}
