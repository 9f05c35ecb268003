//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/freeport"
	"github.com/e0ac7cd4/hotpath/internal/machine"
	"github.com/e0ac7cd4/hotpath/tools/servers"
)

// Places of the upstream that is nginx. Each has all bodies.
const (
	placeMiss   = "/"        // no cache may store it
	placeHit    = "/hit/"    // fresh for an hour
	placeVary   = "/vary/"   // and another for each Accept-Encoding
	placePublic = "/public/" // and for requests with Authorization, too
)

// startUpstream runs nginx, without TLS, on the clients' core: what it takes is
// not the proxies'.
func startUpstream(ctx context.Context, s *site) (*process, error) {
	addr, err := freeport.Address()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(s.dir, "upstream")
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(upstreamConfig(s, dir, addr)), 0o644); err != nil {
		return nil, err
	}
	c := contender{name: "upstream", command: func(*site, string, string) (*exec.Cmd, error) {
		return exec.Command(servers.NginxPath(), "-p", dir, "-c", conf, "-e", filepath.Join(dir, "nginx.error.log")), nil
	}}
	return startOn(ctx, c, s, addr, clientCore, func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+placeMiss+bodies[0].file(), nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("the upstream answers %s", resp.Status)
		}
		return nil
	})
}

func upstreamConfig(s *site, dir, addr string) string {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n"
	}
	return user + fmt.Sprintf(`daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/nginx.error.log crit;
events {
  worker_connections 4096;
}
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  open_file_cache max=1000 inactive=300s;
  open_file_cache_valid 300s;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  default_type application/octet-stream;
  server {
    listen %[2]s backlog=4096;
    location / { root %[3]s; add_header Cache-Control no-store; }
    location /hit/ { alias %[3]s/; add_header Cache-Control max-age=3600; }
    location /vary/ { alias %[3]s/; add_header Cache-Control max-age=3600; add_header Vary Accept-Encoding; }
    location /public/ { alias %[3]s/; add_header Cache-Control "public, max-age=3600"; }
  }
}
`, dir, addr, s.root)
}

// growth follows a process's memory while something runs.
type growth struct {
	before, most, after int64 // KiB
}

// growthStep is how often memory is read: a burst that is shorter has to be
// small, and reading it takes the kernel some 100 µs.
const growthStep = 20 * time.Millisecond

// watchGrowth reads the memory of p while run runs.
func watchGrowth(ctx context.Context, p *process, settle time.Duration, run func() error) (g growth, err error) {
	pid := p.Cmd.Process.Pid
	if g.before, err = machine.Memory(pid); err != nil {
		return g, err
	}
	g.most = g.before
	done := make(chan error, 1)
	go func() { done <- run() }()
	for {
		select {
		case err := <-done:
			if err != nil {
				return g, err
			}
			if err := sleep(ctx, settle); err != nil {
				return g, err
			}
			g.after, err = machine.Memory(pid)
			return g, err
		case <-time.After(growthStep):
			now, err := machine.Memory(pid)
			if err != nil {
				return g, err
			}
			g.most = max(g.most, now)
		}
	}
}
