package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// nginxConfig answers with 5 bytes, and takes so many requests on a connection: the
// user, the address, certificate, key, and how many.
const nginxConfig = `%s
daemon off;
worker_processes 1;
error_log stderr warn;
pid nginx.pid;
events { worker_connections 512; }
http {
	access_log off;
	client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
	server {
		listen %s ssl http2;
		ssl_certificate %s;
		ssl_certificate_key %s;
		keepalive_requests %d;
		location / { return 200 "hello"; }
	}
}
`

// startNginx starts an nginx that takes so many requests on a connection, and
// returns its URL.
func startNginx(t *testing.T, requests int) string {
	t.Helper()
	dir, address := t.TempDir(), testkit.FreeAddress(t)
	cert, key, err := testkit.NewIdentity().Write(dir, "nginx")
	if err != nil {
		t.Fatal(err)
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // whose the directory is
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, user, address, cert, key, requests), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-e", "stderr", "-p", dir, "-c", config)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("nginx: %v\n%s", err, stderr.String())
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return "https://" + address + "/"
		}
		if time.Now().After(end) {
			t.Fatalf("nginx does not listen: %v", err)
		}
	}
}

// TestNginxKeepalive: of a server that ends each connection after few requests, none
// fails, over either version of HTTP, in a closed loop and at a rate.
func TestNginxKeepalive(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "nginx")
	for _, takes := range []int{1, 5, 10} {
		t.Run(strconv.Itoa(takes), func(t *testing.T) {
			t.Parallel()
			url := startNginx(t, takes)
			for _, mode := range [][]string{nil, {"-http1"}, {"-rate", "500"}} {
				f := measured(t, append([]string{"-target", url, "-insecure", "-requests", "2000"}, mode...)...)
				if f.code != exitOK || f.Requests != 2000 || f.Success != 1 || f.ConnectionsMade < 2000/uint64(takes) {
					t.Errorf("%v: exit %d, %d requests over %d connections, success %v: %.2000s", mode, f.code, f.Requests, f.ConnectionsMade, f.Success, f.text)
				}
			}
		})
	}
}
