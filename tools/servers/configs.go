//go:build linux

package servers

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Site is what a configuration serves.
type Site struct {
	Cert, Key string // PEM files
	Root      string // directory of the files
}

// H2oConfig is h2o's default but for one thread, no access log (the default,
// too), no OCSP for a certificate that has none, and idle connections kept
// longer than the measure of memory takes.
func H2oConfig(s Site, dir, addr string) string {
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
`, dir, host, port, s.Cert, s.Key, s.Root)
}

// NginxConfig is what nginx's documentation recommends for speed: one worker
// for the one core, the files' descriptors cached, no log. keepalive_requests
// is lifted because its default closes an HTTP/2 connection after 1,000
// requests.
func NginxConfig(s Site, dir, addr string) string {
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
`, dir, addr, s.Cert, s.Key, s.Root)
}

// NginxPath finds nginx where Debian puts it, which is not in everybody's
// PATH.
func NginxPath() string {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path
	}
	return "/usr/sbin/nginx"
}
