package conformance

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// patience is how long what comes at once may take on a machine under load.
const patience = 20 * time.Second

// sites are the settings that cases may choose, as hosts below .test. failing is
// plain, for cases whose origin fails: its upstream may be thought ill.
var sites = []struct{ name, settings string }{
	{"plain", ""},
	{"failing", ""},
	{"heuristic", "cache: {heuristics: true}"},
	{"cookies", "cache: {store-set-cookie: true}"},
	{"strangers", "cache: {honor-request: false}"},
	{"defaults", "cache: {default-fresh: 1h, negative: {404: 1h}}"},
	{"lenient", "cache: {stale-if-error: 1h}"},
	{"hurried", "cache: {stale-while-revalidate: 1h}"},
}

// binary is the server's program, built once.
var binary = sync.OnceValues(func() (string, error) {
	return testkit.Program(scratch, "github.com/e0ac7cd4/hotpath/server")
})

var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if scratch, err = os.MkdirTemp("", "hotpath-conformance"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(scratch)
		return m.Run()
	}())
}

// server is a server in front of an origin.
type server struct {
	*origin
	address string
}

// start starts a server with all sites. At the test's end it must stop cleanly,
// and the origin must have understood all that came.
func start(t *testing.T) *server {
	t.Helper()
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	o := newOrigin(t)
	var file strings.Builder
	file.WriteString("sites:\n")
	for _, s := range sites {
		fmt.Fprintf(&file, "  - hosts: %s.test\n    upstream: http://%s\n", s.name, o.Address())
		if s.settings != "" {
			fmt.Fprintf(&file, "    %s\n", s.settings)
		}
	}
	config := filepath.Join(t.TempDir(), "hotpath.yaml")
	if err := os.WriteFile(config, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-config", config, "-listen", "127.0.0.1:0", "-admin", "off", "-cache-entries", "20000", "-log-format", "json", "-drain-delay", "0s")
	cmd.Env = append(os.Environ(), "GOTRACEBACK=all")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving, ended := make(chan string, 1), make(chan struct{})
	var log strings.Builder // read when ended, as is exit
	var exit error
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			var line struct{ Msg, URL string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
				serving <- line.URL
			}
			fmt.Fprintln(&log, lines.Text())
		}
		exit = cmd.Wait()
		close(ended)
	}()
	s := &server{origin: o}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // in vain if it has ended
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
			t.Error("the server does not stop")
		}
		if exit != nil || strings.Contains(log.String(), "panic") {
			t.Errorf("the server ended: %v\n%s", exit, log.String())
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, stray := range o.strays {
			t.Errorf("the origin got what it cannot take: %s", stray)
		}
	})
	select {
	case address := <-serving:
		s.address = strings.TrimPrefix(address, "https://")
	case <-ended:
		t.Fatal("the server does not start")
	case <-time.After(patience):
		t.Fatal("the server does not serve")
	}
	return s
}

// dial opens a connection to the server for the host of a site.
func (s *server) dial(ctx context.Context, host, protocol string) (net.Conn, error) {
	d := tls.Dialer{Config: &tls.Config{
		InsecureSkipVerify: true, // made for this run
		ServerName:         host,
		NextProtos:         []string{protocol},
	}}
	return d.DialContext(ctx, "tcp", s.address)
}

// client speaks one protocol to one site.
func (s *server) client(t *testing.T, site, protocol string) *http.Client {
	t.Helper()
	enabled := new(http.Protocols)
	enabled.SetHTTP1(protocol == "http/1.1")
	enabled.SetHTTP2(protocol == "h2")
	transport := &http.Transport{
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := s.dial(ctx, site+".test", protocol)
			if err != nil {
				return nil, fmt.Errorf("connecting to the server: %w", err)
			}
			return c, nil
		},
		Protocols:           enabled,
		DisableCompression:  true,
		MaxIdleConnsPerHost: concurrent,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// urlOf is a target at a site.
func urlOf(site, target string) string {
	u := url.URL{Scheme: "https", Host: site + ".test"}
	return u.String() + target
}
