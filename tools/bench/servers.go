//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/freeport"
	"github.com/e0ac7cd4/hotpath/tools/servers"
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
			admin, err := freeport.Address()
			if err != nil {
				return nil, err
			}
			// On a slow machine the row of many connections has idle ones for longer
			// than the minute that is the default.
			return exec.Command(binary, append([]string{"-listen", addr, "-admin", admin, "-idle-timeout", "10m",
				"-cert", s.cert, "-key", s.key, "-root", s.root}, flags...)...), nil
		},
		version: func() string { return servers.GoVersion(binary) },
	}
}

func h2oContender() contender {
	return contender{
		name: h2o,
		command: func(s *site, dir, addr string) (*exec.Cmd, error) {
			conf := filepath.Join(dir, "h2o.conf")
			if err := os.WriteFile(conf, []byte(servers.H2oConfig(s.served(), dir, addr)), 0o644); err != nil {
				return nil, err
			}
			return exec.Command("h2o", "-c", conf), nil
		},
		version: func() string { return servers.FirstLine("h2o", "--version") },
	}
}

func nginxContender() contender {
	return contender{
		name: nginx,
		command: func(s *site, dir, addr string) (*exec.Cmd, error) {
			conf := filepath.Join(dir, "nginx.conf")
			if err := os.WriteFile(conf, []byte(servers.NginxConfig(s.served(), dir, addr)), 0o644); err != nil {
				return nil, err
			}
			return exec.Command(servers.NginxPath(), "-p", dir, "-c", conf, "-e", filepath.Join(dir, "nginx.error.log")), nil
		},
		version: func() string {
			return strings.TrimPrefix(servers.FirstLine(servers.NginxPath(), "-v"), "nginx version: ")
		},
	}
}

func netHTTPContender(self string) contender {
	return contender{
		name: netHTTP,
		command: func(s *site, _, addr string) (*exec.Cmd, error) {
			return exec.Command(self, netHTTPCommand, addr, s.cert, s.key, s.root), nil
		},
		version: func() string { return servers.GoVersion(self) },
	}
}
