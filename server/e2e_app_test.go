package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// startApp starts the application of testdata/app.mjs and returns its URL. It
// ends with the test.
func startApp(t *testing.T) string {
	t.Helper()
	url, stop := runApp(t, "0")
	t.Cleanup(stop)
	return url
}

// runApp starts it on a port. stop may be called again.
func runApp(t *testing.T, port string) (url string, stop func()) {
	t.Helper()
	testkit.Need(t, "node")
	cmd := exec.Command("node", "testdata/app.mjs", port)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := false
	stop = func() {
		if done {
			return
		}
		done = true
		_ = stdin.Close() // the application's sign to end
		timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the application: %v\n%s", err, tail(stderr.String()))
		}
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		stop()
		t.Fatalf("the application does not listen: %v\n%s", err, tail(stderr.String()))
	}
	return "http://127.0.0.1:" + strings.TrimSpace(line), stop
}

// nginxConfig serves static files, and passes the rest on to the application
// over connections that stay.
const nginxConfig = `
daemon off;
worker_processes 1;
error_log stderr warn;
pid nginx.pid;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
	types { text/html html; text/css css; text/plain txt; application/octet-stream bin; }
	keepalive_requests 100000;
	client_max_body_size 32m;
	upstream application { server %s; keepalive 16; }
	map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
	server {
		listen %s;
		location /files/ { root %s; add_header Cache-Control "public, max-age=60"; }
		location / {
			proxy_pass http://application;
			proxy_http_version 1.1;
			proxy_buffering off;
			proxy_set_header Host $http_host;
			proxy_set_header Connection $connection_upgrade;
			proxy_set_header Upgrade $http_upgrade;
		}
	}
}
`

// startNginx starts an nginx in front of the application, with the files of the
// real site below /files/ , and returns its URL.
func startNginx(t *testing.T, app string) string {
	t.Helper()
	testkit.Need(t, "nginx")
	dir := t.TempDir()
	address := testkit.FreeAddress(t)
	if err := os.Symlink(testSite(t).root, filepath.Join(dir, "files")); err != nil {
		t.Fatal(err)
	}
	// Its worker may be another user.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(scratch, 0o755); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "nginx.conf")
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // of the files
	}
	text := user + fmt.Sprintf(nginxConfig, strings.TrimPrefix(app, "http://"), address, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd := exec.Command("nginx", "-p", dir, "-c", config, "-e", "stderr")
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // a fast end, of its worker too
		if err := <-exited; err != nil {
			t.Errorf("nginx: %v\n%s", err, tail(stderr.String()))
		}
		if t.Failed() {
			t.Logf("nginx says:\n%s", tail(stderr.String()))
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return "http://" + address
		}
		select {
		case err := <-exited:
			exited <- err
			t.Fatalf("nginx: %v\n%s", err, tail(stderr.String()))
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("nginx does not listen: %v", err)
		}
	}
}

// upstreams are what the edge stands in front of.
func upstreams(t *testing.T, each func(t *testing.T, p *process)) {
	t.Run("application", func(t *testing.T) { each(t, start(t, "-upstream", startApp(t))) })
	t.Run("nginx and application", func(t *testing.T) { each(t, start(t, "-upstream", startNginx(t, startApp(t)))) })
}
