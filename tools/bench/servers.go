//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Names of the contenders, as -only takes them and the tables show them.
const (
	hotpath  = "hotpath"
	baseline = "baseline"
	h2o      = "h2o"
	nginx    = "nginx"
	netHTTP  = "net/http"
)

// contender is a server to be measured.
type contender struct {
	name string

	// command prepares what the server needs in dir, a directory of its own,
	// and returns the command that serves s on addr in the foreground.
	command func(s *site, dir, addr string) (*exec.Cmd, error)

	// prepare, if not nil, brings the server that runs into the state in which it is
	// measured.
	prepare func(ctx context.Context, p *process, st *state) error

	// version is how the server names its version.
	version func() string
}

// hotpathContender is a binary of this project under a name.
func hotpathContender(name, binary string, flags ...string) contender {
	return contender{
		name: name,
		command: func(s *site, _, addr string) (*exec.Cmd, error) {
			admin, err := freeAddr()
			if err != nil {
				return nil, err
			}
			return exec.Command(binary, append([]string{"-listen", addr, "-admin", admin,
				"-cert", s.cert, "-key", s.key, "-root", s.root}, flags...)...), nil
		},
		version: func() string { return goVersion(binary) },
	}
}

func h2oContender() contender {
	return contender{
		name: h2o,
		command: func(s *site, dir, addr string) (*exec.Cmd, error) {
			conf := filepath.Join(dir, "h2o.conf")
			if err := os.WriteFile(conf, []byte(h2oConfig(s, dir, addr)), 0o644); err != nil {
				return nil, err
			}
			return exec.Command("h2o", "-c", conf), nil
		},
		version: func() string { return firstLine("h2o", "--version") },
	}
}

// h2oConfig is h2o's default but for one thread, no access log (the default,
// too), no OCSP for a certificate that has none, and idle connections kept
// longer than the measure of memory takes.
func h2oConfig(s *site, dir, addr string) string {
	host, port, _ := strings.Cut(addr, ":")
	user := ""
	if os.Geteuid() == 0 {
		user = "user: root\n"
	}
	return user + fmt.Sprintf(`num-threads: 1
max-connections: 20000
http2-idle-timeout: 300
pid-file: %[1]s/h2o.pid
error-log: %[1]s/h2o.error.log
listen:
  host: %[2]s
  port: %[3]s
  ssl:
    certificate-file: %[4]s
    key-file: %[5]s
    ocsp-update-interval: 0
hosts:
  default:
    paths:
      /:
        file.dir: %[6]s
`, dir, host, port, s.cert, s.key, s.root)
}

func nginxContender() contender {
	return contender{
		name: nginx,
		command: func(s *site, dir, addr string) (*exec.Cmd, error) {
			conf := filepath.Join(dir, "nginx.conf")
			if err := os.WriteFile(conf, []byte(nginxConfig(s, dir, addr)), 0o644); err != nil {
				return nil, err
			}
			return exec.Command(nginxPath(), "-p", dir, "-c", conf, "-e", filepath.Join(dir, "nginx.error.log")), nil
		},
		version: func() string { return strings.TrimPrefix(firstLine(nginxPath(), "-v"), "nginx version: ") },
	}
}

// nginxConfig is what nginx's documentation recommends for speed: one worker
// for the one core, the files' descriptors cached, no log. keepalive_requests
// is lifted because its default closes an HTTP/2 connection after 1,000
// requests.
func nginxConfig(s *site, dir, addr string) string {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n"
	}
	return user + fmt.Sprintf(`daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/nginx.error.log crit;
events {
  worker_connections 20000;
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
    listen %[2]s ssl http2 backlog=4096;
    ssl_certificate %[3]s;
    ssl_certificate_key %[4]s;
    ssl_protocols TLSv1.2 TLSv1.3;
    root %[5]s;
  }
}
`, dir, addr, s.cert, s.key, s.root)
}

// nginxPath finds nginx where Debian puts it, which is not in everybody's
// PATH.
func nginxPath() string {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path
	}
	return "/usr/sbin/nginx"
}

func netHTTPContender(self string) contender {
	return contender{
		name: netHTTP,
		command: func(s *site, _, addr string) (*exec.Cmd, error) {
			return exec.Command(self, netHTTPCommand, addr, s.cert, s.key, s.root), nil
		},
		version: func() string { return goVersion(self) },
	}
}
