//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/freeport"
	"github.com/e0ac7cd4/hotpath/tools/servers"
)

// Names of the contenders that stand before an upstream, besides those that
// serve files.
const (
	files        = "files" // hotpath without an upstream
	haproxy      = "haproxy"
	caddy        = "caddy"
	caddyDefault = "caddy-default"
	reverseProxy = "ReverseProxy"
)

// peersModule has the versions of contenders that Debian does not have.
const peersModule = "tools/bench/peers"

// buildCaddy compiles the version of Caddy that peersModule names.
func buildCaddy(ctx context.Context, binary string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/caddyserver/caddy/v2/cmd/caddy")
	cmd.Dir = peersModule
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building Caddy in %s: %w\n%s", peersModule, err, out)
	}
	return nil
}

// hotpathBefore is hotpath before the upstream, with further flags.
func hotpathBefore(name, binary string, flags ...string) contender {
	c := hotpathContender(name, binary)
	c.command = func(s *site, _, addr string) (*exec.Cmd, error) {
		admin, err := freeport.Address()
		if err != nil {
			return nil, err
		}
		args := []string{"-listen", addr, "-admin", admin, "-cert", s.cert, "-key", s.key, "-upstream", "http://" + s.upstream}
		return exec.Command(binary, append(args, flags...)...), nil
	}
	return c
}

func reverseProxyContender(self string) contender {
	return contender{
		name: reverseProxy,
		command: func(s *site, _, addr string) (*exec.Cmd, error) {
			return exec.Command(self, reverseProxyCommand, addr, s.cert, s.key, s.upstream), nil
		},
		version: func() string { return servers.GoVersion(self) },
	}
}

// nginxProxyContender is nginx with connections to the upstream kept, which
// needs HTTP/1.1 and an empty Connection.
func nginxProxyContender() contender {
	c := nginxContender()
	c.command = func(s *site, dir, addr string) (*exec.Cmd, error) {
		config := strings.Replace(servers.NginxConfig(s.served(), dir, addr), "    root "+s.root+";\n",
			"    location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host; }\n", 1)
		config = strings.Replace(config, "  server {\n",
			"  upstream origin { server "+s.upstream+"; keepalive "+strconv.Itoa(idleUpstream)+"; keepalive_requests 1000000000; }\n  server {\n", 1)
		conf := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(conf, []byte(config), 0o644); err != nil {
			return nil, err
		}
		return exec.Command(servers.NginxPath(), "-p", dir, "-c", conf, "-e", filepath.Join(dir, "nginx.error.log")), nil
	}
	return c
}

// h2oProxyContender is h2o with its default proxy, which keeps connections.
func h2oProxyContender() contender {
	c := h2oContender()
	c.command = func(s *site, dir, addr string) (*exec.Cmd, error) {
		config := strings.Replace(servers.H2oConfig(s.served(), dir, addr), "file.dir: "+s.root, "proxy.reverse.url: http://"+s.upstream+"/", 1)
		conf := filepath.Join(dir, "h2o.conf")
		if err := os.WriteFile(conf, []byte(config), 0o644); err != nil {
			return nil, err
		}
		return exec.Command("h2o", "-c", conf), nil
	}
	return c
}

// haproxyPath finds HAProxy, which Debian puts beside nginx.
func haproxyPath() string {
	if path, err := exec.LookPath(haproxy); err == nil {
		return path
	}
	return "/usr/sbin/haproxy"
}

func haproxyContender() contender {
	return contender{
		name: haproxy,
		command: func(s *site, dir, addr string) (*exec.Cmd, error) {
			conf := filepath.Join(dir, "haproxy.cfg")
			if err := os.WriteFile(conf, []byte(haproxyConfig(s, addr)), 0o644); err != nil {
				return nil, err
			}
			if err := joined(filepath.Join(s.dir, "joined.pem"), s.cert, s.key); err != nil {
				return nil, err
			}
			return exec.Command(haproxyPath(), "-f", conf, "-db"), nil
		},
		version: func() string { return servers.FirstLine(haproxyPath(), "-v") },
	}
}

// joined writes the files one behind the other.
func joined(name string, parts ...string) error {
	var all []byte
	for _, part := range parts {
		data, err := os.ReadFile(part)
		if err != nil {
			return err
		}
		all = append(all, data...)
	}
	return os.WriteFile(name, all, 0o600)
}

// haproxyConfig is what HAProxy's documentation has for a proxy with connections
// to the upstream kept and shared, which http-reuse always says. Its tables are
// for 4,000 connections, and streams are not limited below what h2load asks for.
func haproxyConfig(s *site, addr string) string {
	return fmt.Sprintf(`global
  nbthread 1
  maxconn 4000
  tune.h2.max-concurrent-streams 256
  tune.ssl.default-dh-param 2048
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  http-reuse always
frontend in
  bind %s ssl crt %s alpn h2,http/1.1
  default_backend out
backend out
  server origin %s pool-max-conn %d
`, addr, filepath.Join(s.dir, "joined.pem"), s.upstream, idleUpstream)
}

// caddyContender is Caddy with as many idle connections to the upstream as all
// others have, or, under the name caddyDefault, with the 32 of its default: under
// more requests than that at once it opens a connection for most of them.
func caddyContender(name, binary string) contender {
	return contender{
		name: name,
		command: func(s *site, dir, addr string) (*exec.Cmd, error) {
			conf := filepath.Join(dir, "caddy.json")
			config, err := caddyConfig(s, addr, name == caddy)
			if err != nil {
				return nil, err
			}
			if err := os.WriteFile(conf, config, 0o644); err != nil {
				return nil, err
			}
			cmd := exec.Command(binary, "run", "--config", conf)
			cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
			return cmd, nil
		},
		version: func() string { return moduleVersion(binary) },
	}
}

// caddyConfig is a Caddyfile's reverse_proxy in JSON, without the redirect from
// port 80 and without logs.
func caddyConfig(s *site, addr string, keep bool) ([]byte, error) {
	type object = map[string]any
	transport := object{"protocol": "http"}
	if keep {
		transport["keep_alive"] = object{"max_idle_conns_per_host": idleUpstream, "max_idle_conns": idleUpstream}
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	return json.Marshal(object{
		"admin":   object{"disabled": true},
		"logging": object{"logs": object{"default": object{"level": "ERROR"}}},
		"apps": object{
			"http": object{
				"https_port": json.Number(port),
				"servers": object{"edge": object{
					"listen":          []string{addr},
					"protocols":       []string{"h1", "h2"},
					"automatic_https": object{"disable": true},
					"tls_connection_policies": []object{
						{"default_sni": "localhost"},
					},
					"routes": []object{{"handle": []object{{
						"handler":   "reverse_proxy",
						"upstreams": []object{{"dial": s.upstream}},
						"transport": transport,
					}}}},
				}},
			},
			"tls": object{"certificates": object{"load_files": []object{{"certificate": s.cert, "key": s.key}}}},
		},
	})
}
