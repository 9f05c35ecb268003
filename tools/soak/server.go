//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/localcert"
)

// patience is how long the server may take for what it does at once, beside the
// load: a machine that is busy decides how long that is.
const patience = 30 * time.Second

// look is how often it is looked at meanwhile.
const look = 5 * time.Millisecond

// Files of the site of files.
const (
	files    = 100
	fileSize = 1 << 10
)

func fileName(i int) string { return fmt.Sprintf("/%d.bin", i) }

// server is one that is replaced again and again: its process changes, its
// addresses do not.
type server struct {
	binary   string
	dir      string // of all its files
	upstream string // URL
	address  string // of both sites: files are localhost's, the upstream is 127.0.0.1's
	admin    string // address
	first    *exec.Cmd
	more     setup
	version  int      // of the configuration
	log      *os.File // of all processes, one after the other
}

func (s *server) file(name string) string { return filepath.Join(s.dir, name) }

// filesURL and upstreamURL are the two sites, without a slash at the end.
func (s *server) filesURL() string    { return "https://localhost" + s.port() }
func (s *server) upstreamURL() string { return "https://" + s.address }

func (s *server) port() string { return s.address[strings.LastIndexByte(s.address, ':'):] }

// setup is what a form of the run adds to the configuration.
type setup struct {
	top   string // settings of the server
	sites string
}

// startServer starts a server whose files are in dir, and waits until it is ready.
func startServer(ctx context.Context, binary, dir, upstream string, more setup) (*server, error) {
	s := &server{binary: binary, dir: dir, upstream: upstream, more: more}
	if err := s.chooseAddresses(); err != nil {
		return nil, err
	}
	err := errors.Join(localcert.Write(s.file("cert.pem"), s.file("key.pem")), s.writeFiles(), s.writeConfig())
	if err != nil {
		return nil, fmt.Errorf("preparing the server: %w", err)
	}
	if s.log, err = os.Create(s.file("log")); err != nil {
		return nil, err
	}
	s.first = exec.Command(binary, "-config", s.file("hotpath.yaml"))
	s.first.Stdout, s.first.Stderr = s.log, s.log
	// A group of its own: an interrupt at the terminal reaches this program alone,
	// which then ends clients and server in order.
	s.first.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.first.Start(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	go func() { _ = s.first.Wait() }() // how it ended is seen by what does not answer
	err = await(ctx, "the server", func() error {
		if _, err := s.pid(); err != nil {
			return err
		}
		_, err := s.ask(ctx, http.MethodGet, "/readyz")
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, s.tail()), s.stop())
	}
	return s, nil
}

// chooseAddresses finds two on which nothing listens now.
func (s *server) chooseAddresses() error {
	for _, address := range []*string{&s.address, &s.admin} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("finding a free port: %w", err)
		}
		defer l.Close() // when both are known
		*address = l.Addr().String()
	}
	return nil
}

// writeFiles makes what the site of files serves, of random bytes.
func (s *server) writeFiles() error {
	if err := os.Mkdir(s.file("www"), 0o755); err != nil {
		return err
	}
	content := make([]byte, fileSize)
	for i := range files {
		rand.Read(content)
		if err := os.WriteFile(s.file("www"+fileName(i)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeConfig writes the next configuration: a site comes or goes, and both others
// change, in what their entries do not depend on and in what they do.
func (s *server) writeConfig() error {
	s.version++
	odd := s.version % 2
	fresh := 1 + s.version/4%2 // what was stored before it changes is not used again
	text := fmt.Sprintf(`listen: %q
admin: %q
cert: %s/cert.pem
key: %[3]s/key.pem
pid-file: %[3]s/pid
max-body: %[4]dMiB
%[9]ssites:
- hosts: [localhost]
  root: %[3]s/www
  cache: {honor-request: %[5]t}
- hosts: [127.0.0.1]
  upstream: %[6]s
  cache: {default-fresh: %[7]ds}
%[8]s`, s.address, s.admin, s.dir, 1+odd, odd == 0, s.upstream, fresh, s.more.sites, s.more.top)
	if odd == 1 {
		text += "- hosts: [other.test]\n  upstream: " + s.upstream + "\n"
	}
	next := s.file("hotpath.yaml.next")
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(next, s.file("hotpath.yaml"))
}

// pid is the number of the process that serves.
func (s *server) pid() (int, error) {
	text, err := os.ReadFile(s.file("pid"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(text))
}

// await looks until check finds nothing to say.
func await(ctx context.Context, what string, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, err)
		case <-time.After(look):
		}
	}
}

// admins is a client that keeps no connection: one to a process that drains is of
// no use for the next question.
var admins = http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

// ask asks the admin listener.
func (s *server) ask(ctx context.Context, method, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.admin+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := admins.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, bytes.TrimSpace(text))
	}
	return text, err
}

// counter is the sum of a metric's samples, but for those that have a label.
func (s *server) counter(ctx context.Context, name, without string) (float64, error) {
	text, err := s.ask(ctx, http.MethodGet, "/metrics")
	if err != nil {
		return 0, err
	}
	all, err := parseSeries(text)
	return all.sum(name, without), err
}

// applied is how many reloads the process that serves has done.
func (s *server) applied(ctx context.Context) (float64, error) {
	return s.counter(ctx, `hotpath_config_reloads_total{outcome="applied"}`, "")
}

// closed is how many connections the process that serves has ended itself.
func (s *server) closed(ctx context.Context) (float64, error) {
	return s.counter(ctx, "hotpath_connections_closed_total{", `reason="peer"`)
}

// command runs one of the server's commands, which finds it by its configuration.
func (s *server) command(ctx context.Context, name string) error {
	out, err := exec.CommandContext(ctx, s.binary, name, "-config", s.file("hotpath.yaml")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("hotpath %s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}

func (s *server) signal(to syscall.Signal) error {
	pid, err := s.pid()
	if err != nil {
		return err
	}
	return syscall.Kill(pid, to)
}

// upgrade has the i-th successor take over, and waits until what was before it has
// ended.
func (s *server) upgrade(ctx context.Context, i int) error {
	before, err := s.pid()
	if err != nil {
		return err
	}
	if i%2 == 0 {
		err = s.command(ctx, "upgrade")
	} else {
		err = s.signal(syscall.SIGUSR2)
	}
	if err != nil {
		return err
	}
	err = await(ctx, "a successor", func() error {
		now, err := s.pid()
		if err == nil && now == before {
			err = fmt.Errorf("process %d serves, as before", now)
		}
		return err
	})
	if err != nil {
		return err
	}
	return await(ctx, "the end of its predecessor", func() error { return gone(before) })
}

// gone returns an error as long as a process is there. One that has ended and that
// its parent has not asked for is gone.
func gone(pid int) error {
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil || bytes.Contains(state, []byte(") Z ")) {
		return nil
	}
	return fmt.Errorf("process %d is there", pid)
}

// reload has the server take its next configuration, in the i-th way.
func (s *server) reload(ctx context.Context, i int) error {
	before, err := s.applied(ctx)
	if err != nil {
		return err
	}
	if err := s.writeConfig(); err != nil {
		return err
	}
	switch i % 3 {
	case 0:
		err = s.signal(syscall.SIGHUP)
	case 1:
		err = s.command(ctx, "reload")
	default:
		_, err = s.ask(ctx, http.MethodPost, "/reload")
	}
	if err != nil {
		return err
	}
	return await(ctx, "the reload", func() error {
		now, err := s.applied(ctx)
		if err == nil && now == before {
			err = errors.New("it has not taken place")
		}
		return err
	})
}

// stop ends the process that serves, and waits for it.
func (s *server) stop() error {
	defer s.log.Close()
	pid, err := s.pid()
	if err != nil { // it has not begun to serve
		pid = s.first.Process.Pid
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping the server: %w", err)
	}
	if err := await(context.Background(), "the server's end", func() error { return gone(pid) }); err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		return err
	}
	return nil
}

// tail is the end of what the server has written.
func (s *server) tail() string {
	const most = 4 << 10 // bytes: a few lines, or the head of a Go trace
	text, err := os.ReadFile(s.file("log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}
