package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// The end-to-end tests (e2e_*_test.go) run the server's binary as its users do
// and look at it with the clients that its users have. The binary has the race
// detector in it if the tests have.

// patience is how long the binary may take for what it does at once: a machine
// under load, not the server, decides how long that is.
const patience = 30 * time.Second

// scratch is a directory for the whole run: the binary, the certificate, the
// site.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if scratch, err = os.MkdirTemp("", "hotpath-e2e"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(scratch)
		return m.Run()
	}())
}

// binary is the path of the server's program.
var binary = sync.OnceValues(func() (string, error) {
	return testkit.Program(scratch, "github.com/e0ac7cd4/hotpath/server")
})

// identity is a certificate for 127.0.0.1 that clients trust.
type identity struct {
	cert, key string // PEM files
	pool      *x509.CertPool
}

var trusted = sync.OnceValues(func() (identity, error) {
	made := testkit.NewIdentity()
	cert, key, err := made.Write(scratch, "test")
	return identity{cert, key, made.Pool()}, err
})

// must unwraps what a test cannot go on without.
func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func builtServer(t *testing.T) string {
	t.Helper()
	path, err := binary()
	return must(t, path, err)
}

func testIdentity(t *testing.T) identity {
	t.Helper()
	id, err := trusted()
	return must(t, id, err)
}

// logLine is a line of the server's log, in JSON.
type logLine struct {
	Level, Msg         string
	URL, Admin, SHA256 string
	Err                string
	Effective          int
	Bytes              int64
}

// process is a server that runs.
type process struct {
	url   string // of the public listener, without a slash at the end
	admin string // URL of the admin listener, or ""

	t      *testing.T
	cmd    *exec.Cmd
	exited chan struct{} // closed when err and code are set
	err    error

	mu  sync.Mutex
	raw strings.Builder
	log []logLine
}

// start starts the server on free ports with the test certificate, further
// flags (a later one wins), and waits until it is ready. At the test's end it
// must stop cleanly.
func start(t *testing.T, flags ...string) *process {
	t.Helper()
	return startCommand(t, exec.Command(builtServer(t), serverFlags(t, flags...)...))
}

func serverFlags(t *testing.T, flags ...string) []string {
	t.Helper()
	id := testIdentity(t)
	return append([]string{"-listen", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-cert", id.cert, "-key", id.key, "-log-format", "json", "-http3", "on"}, flags...)
}

func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, exited: make(chan struct{})}
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	serving := make(chan logLine, 1)
	go func() {
		p.readLog(stderr, serving)
		p.err = cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.cleanUp)
	select {
	case line := <-serving:
		p.url = line.URL
		if line.Admin != "off" {
			p.admin = "http://" + line.Admin
			p.eventually("readiness", func() error { return p.wantReady(http.StatusOK) })
		}
	case <-p.exited:
		t.Fatalf("the server ended at its start: %v\n%s", p.err, p.output())
	case <-time.After(patience):
		t.Fatalf("the server does not serve\n%s", p.output())
	}
	return p
}

func (p *process) readLog(r io.Reader, serving chan<- logLine) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var line logLine
		err := json.Unmarshal(lines.Bytes(), &line)
		p.mu.Lock()
		fmt.Fprintln(&p.raw, lines.Text())
		if err == nil {
			p.log = append(p.log, line)
		}
		p.mu.Unlock()
		if line.Msg == "serving" {
			select {
			case serving <- line:
			default: // a successor's
			}
		}
	}
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.raw.String()
}

// logged returns the first line of the log with that message.
func (p *process) logged(msg string) (logLine, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.log {
		if line.Msg == msg {
			return line, true
		}
	}
	return logLine{}, false
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wantStopped waits for the end that a signal asked for: exit status 0, and a
// log whose last line says so.
func (p *process) wantStopped() {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // its goroutines, to the log
		<-p.exited
		p.t.Fatalf("the server did not stop\n%s", p.output())
	}
	if p.err != nil {
		p.t.Errorf("the server ended with %v\n%s", p.err, p.output())
		return
	}
	if last := p.log[len(p.log)-1]; last.Msg != "stopped" || !strings.HasSuffix(p.output(), "}\n") {
		p.t.Errorf("the log's last line is %+v, want \"stopped\"\n%s", last, p.output())
	}
}

func (p *process) cleanUp() {
	select {
	case <-p.exited:
	default:
		p.signal(syscall.SIGTERM)
		p.wantStopped()
	}
	if p.t.Failed() {
		p.t.Logf("the server's log:\n%s", p.output())
	}
}

// eventually waits until check finds nothing to say.
func (p *process) eventually(what string, check func() error) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("waiting for %s: %v", what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// wantReady reports how /readyz differs from a status.
func (p *process) wantReady(status int) error {
	r, err := http.Get(p.admin + "/readyz")
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if body, err := io.ReadAll(r.Body); err != nil || r.StatusCode != status {
		return fmt.Errorf("/readyz: %d %s %w", r.StatusCode, strings.TrimSpace(string(body)), err)
	}
	return nil
}

// protocols are what Go clients can be set to use.
var protocols = []string{"h2", "http/1.1", "h3"}

// overTCP are those of them for what belongs to TCP, or to its client.
var overTCP = protocols[:2]

// client is a Go client of its own, with its own connections.
func (p *process) client(protocol string) *http.Client {
	p.t.Helper()
	if protocol == "h3" {
		return p.http3Client()
	}
	enabled := new(http.Protocols)
	enabled.SetHTTP1(protocol == "http/1.1")
	enabled.SetHTTP2(protocol == "h2")
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: testIdentity(p.t).pool},
		Protocols:           enabled,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64,
	}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// output runs a program and returns what it prints on standard output. It has
// patience for two: programs with much to fetch.
func output(t *testing.T, stdin, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s%s", name, err, tail(string(out)), tail(stderr.String()))
	}
	return string(out), err
}

// tail is the end of a text that is too long for a message.
func tail(s string) string {
	const most = 4 << 10
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}
