package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// upgradable is a server whose successors have its number in a file.
type upgradable struct {
	*process
	file string
}

func startUpgradable(t *testing.T, flags ...string) upgradable {
	file := filepath.Join(t.TempDir(), "hotpath.pid")
	return upgradableOf(t, start(t, append(flags, "-pid-file", file)...), file)
}

// upgradableOf is p, whose last successor is stopped at the test's end.
func upgradableOf(t *testing.T, p *process, file string) upgradable {
	u := upgradable{p, file}
	t.Cleanup(func() {
		u.terminate(u.pid())
		u.wantStopped() // its log ends with the last process
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("the file with the number: %v, want none", err)
		}
	})
	return u
}

// pid is the number of the process that serves.
func (u upgradable) pid() (pid int) {
	u.t.Helper()
	u.eventually("the number of the process", func() error { // it comes after readiness
		text, err := os.ReadFile(u.file)
		if err == nil {
			pid, err = strconv.Atoi(string(text))
		}
		return err
	})
	return pid
}

func (u upgradable) terminate(pid int) {
	u.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		u.t.Error(err)
	}
}

// gone waits for the end of a process.
func (u upgradable) gone(pid int) {
	u.t.Helper()
	u.eventually(fmt.Sprintf("the end of process %d", pid), func() error {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(state), ") Z ") {
			return nil // the first one is the test's child
		}
		return fmt.Errorf("it is there")
	})
}

// TestUpgradeUnderLoad: hits, misses and uploads over connections of both protocols
// while the server hands over to its successor again and again, with a reload
// between: no request fails.
func TestUpgradeUnderLoad(t *testing.T) {
	const rounds = 6
	u := startUpgradable(t, "-upstream", counter(t, "origin"))
	stop := u.underLoad(1, "h2", "http/1.1") // over HTTP/3 clients go on over these for some seconds
	for round := range rounds {
		before := u.pid()
		if round%2 == 0 {
			if status, stdout, stderr := u.command("upgrade"); status != 0 || stdout != "upgraded: a successor serves\n" {
				t.Fatalf("exit status %d, %q, %q", status, stdout, stderr)
			}
		} else if err := syscall.Kill(before, syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		u.eventually("a successor", func() error {
			if u.pid() == before {
				return fmt.Errorf("there is none")
			}
			return nil
		})
		u.gone(before)
		if err := syscall.Kill(u.pid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // of load
	}
	stop()
	if err := u.wantReady(http.StatusOK); err != nil {
		t.Error(err)
	}
}

// TestUpgradeFails: if the successor does not start, the server goes on, says so,
// and can be upgraded later.
func TestUpgradeFails(t *testing.T) {
	file := writeFile(t, "max-body: 1MiB\n")
	u := startUpgradable(t, "-config", file)
	before := u.pid()
	if err := os.WriteFile(file, []byte("max-body: much\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := u.command("upgrade")
	if status != exitFailure || stdout != "" {
		t.Errorf("exit status %d, %q", status, stdout)
	}
	wantOneLine(t, stderr, "no upgrade, this process goes on", "exit status 2")
	if pid := u.pid(); pid != before {
		t.Errorf("process %d serves, want %d", pid, before)
	}
	if !strings.Contains(u.output(), "max-body") {
		t.Errorf("the log does not say why:\n%s", u.output())
	}
	if err := u.wantReady(http.StatusOK); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte("max-body: 2MiB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, stdout, stderr := u.command("upgrade"); status != 0 || u.pid() == before {
		t.Errorf("exit status %d, %q, %q; process %d serves, as before", status, stdout, stderr, before)
	}
	u.gone(before)
}

// TestSocketActivation: sockets that systemd has opened are used, at any address,
// and it learns which process serves, a successor included.
func TestSocketActivation(t *testing.T) {
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer public.Close()
	held, err := public.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	states, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify")})
	if err != nil {
		t.Fatal(err)
	}
	defer states.Close()
	state := func() string {
		t.Helper()
		_ = states.SetReadDeadline(time.Now().Add(patience))
		text := make([]byte, 1<<10)
		n, err := states.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(text[:n])
	}
	file := filepath.Join(t.TempDir(), "hotpath.pid")
	flags := serverFlags(t, "-listen", "127.0.0.1:1", "-pid-file", file) // the address is not looked at
	cmd := exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`, builtServer(t)}, flags...)...)
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=hotpath.socket", "NOTIFY_SOCKET="+states.LocalAddr().String())
	cmd.ExtraFiles = []*os.File{held}
	u := upgradableOf(t, startCommand(t, cmd), file)
	if want := "https://" + public.Addr().String(); u.url != want {
		t.Errorf("it serves at %s, want %s", u.url, want)
	}
	for range 2 {
		if got, want := state(), fmt.Sprintf("MAINPID=%d\nREADY=1", u.pid()); got != want {
			t.Errorf("systemd gets %q, want %q", got, want)
		}
		answer, err := u.client("h2").Get(u.url)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if status, _, stderr := u.command("upgrade"); status != 0 {
			t.Fatalf("exit status %d, %q", status, stderr)
		}
	}
}

// TestReusePort: two servers have the same address, and both serve. While one of them
// stops and another starts, again and again, no request fails over connections that
// last, and none over a new one once its handshake has ended. A handshake may fail in
// that moment: no request was sent by then, and the next one succeeds.
func TestReusePort(t *testing.T) {
	const rounds = 4
	flags := []string{"-reuse-port", "-http3", "off", "-upstream", counter(t, "origin")}
	one := start(t, flags...)
	address := strings.TrimPrefix(one.url, "https://")
	beside := func() *process { return start(t, append(flags, "-listen", address)...) }
	other := beside()
	if one.url != other.url {
		t.Fatalf("%s and %s", one.url, other.url)
	}
	stop := one.underLoad(1, "h2", "http/1.1")
	var work sync.WaitGroup
	var failed, served atomic.Int64
	ended := make(chan struct{})
	for range 4 {
		work.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				sent, err := one.askOnce()
				switch {
				case err == nil:
					served.Add(1)
				case sent:
					t.Errorf("a request was sent, and failed: %v", err)
					return
				default:
					failed.Add(1)
					if _, err := one.askOnce(); err != nil {
						t.Errorf("a second try: %v", err)
						return
					}
				}
			}
		})
	}
	for range rounds {
		other.eventually("requests at the other server", func() error {
			n := 0.0
			for name, value := range other.metrics() {
				if strings.HasPrefix(name, "hotpath_tls_handshakes_total{") && strings.Contains(name, `outcome="ok"`) {
					n += value
				}
			}
			if n < 10 {
				return fmt.Errorf("%v handshakes", n)
			}
			return nil
		})
		other.stop()
		other = beside()
	}
	close(ended)
	work.Wait()
	stop()
	t.Logf("%d requests over connections of their own, %d handshakes were repeated", served.Load(), failed.Load())
}

// askOnce asks over a connection of its own, and reports whether the request was sent.
func (p *process) askOnce() (sent bool, err error) {
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: patience}, Config: &tls.Config{RootCAs: testIdentity(p.t).pool}}
	conn, err := dialer.DialContext(p.t.Context(), "tcp", strings.TrimPrefix(p.url, "https://"))
	if err != nil {
		return false, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, "GET /hit HTTP/1.1\r\nHost: s0.test\r\nConnection: close\r\n\r\n"); err != nil {
		return true, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return true, err
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK || string(body) != "s0.test 0" {
		return true, fmt.Errorf("%s %q, %w", answer.Status, body, err)
	}
	return true, nil
}

// TestDocumentedUpgrade: the commands in docs/operations.md do what it says there.
func TestDocumentedUpgrade(t *testing.T) {
	_, text, _ := strings.Cut(document(t, "docs/operations.md"), "<!-- upgrade -->\n```\n")
	text, _, ok := strings.Cut(text, "```\n<!-- /upgrade -->")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if !ok || len(lines) != 2 {
		t.Fatalf("docs/operations.md has no commands of an upgrade: %q", lines)
	}
	// A copy of the program, which is replaced while it runs.
	dir := t.TempDir()
	program := filepath.Join(dir, "hotpath")
	install := func() {
		t.Helper()
		line := strings.Replace(lines[0], "install hotpath /usr/local/bin/hotpath", "install "+builtServer(t)+" "+program, 1)
		if line == lines[0] {
			t.Fatalf("%q would install into the system", line)
		}
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
	install()
	file := filepath.Join(dir, "hotpath.pid")
	u := upgradableOf(t, startCommand(t, exec.Command(program, serverFlags(t, "-pid-file", file)...)), file)
	before := u.pid()
	config := writeFile(t, "admin: "+strings.TrimPrefix(u.admin, "http://")+"\n")
	install()
	words := strings.Fields(strings.Replace(lines[1], "/etc/hotpath/hotpath.yaml", config, 1))
	if status, stdout, stderr := command(t, nil, words[1:]...); status != 0 || stdout != "upgraded: a successor serves\n" || stderr != "" {
		t.Errorf("exit status %d, %q, %q", status, stdout, stderr)
	}
	if u.pid() == before {
		t.Error("no other process serves")
	}
}
