//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/freeport"
	"github.com/e0ac7cd4/hotpath/internal/localcert"
	"github.com/e0ac7cd4/hotpath/tools/attack/catalog"
	"github.com/e0ac7cd4/hotpath/tools/attack/target"
	"github.com/e0ac7cd4/hotpath/tools/servers"
)

// Servers that are attacked, by name.
const (
	hotpath = "hotpath"
	nginx   = "nginx"
	h2o     = "h2o"
)

// others are those of -with.
var others = []string{nginx, h2o}

// What is served: a file for the good client, one that no socket's buffers hold, and
// the origin.
const (
	smallFile  = "/small.bin"
	largeFile  = "/large.bin"
	smallSize  = 1 << 10
	largeSize  = 1 << 20
	originPath = "/origin/"
)

// cacheBytes is hotpath's cache-bytes, which bounds all that clients and origins can
// make it hold beside connections: no attack may make memory grow by more.
const cacheBytes = 64 << 20

// serverCore and clientCore are the cores of the server and of all others.
const serverCore = 0

func clientCore() int { return min(1, runtime.NumCPU()-1) }

// ground is what all rounds share: programs, files and the origin.
type ground struct {
	name    string // of the server
	dir     string
	binary  string // of hotpath
	loadgen string
	short   bool // the times of hotpath's limits
	against *target.Target
	pid     int // of the server of -against; 0: unknown

	site   servers.Site
	origin *originProcess

	alone    service // of the good client without an attack, measured last
	aloneCPU float64
}

func newGround(ctx context.Context, o options, dir string) (*ground, error) {
	g := &ground{name: hotpath, dir: dir, binary: o.server, loadgen: filepath.Join(dir, "loadgen"), short: o.short, pid: o.pid}
	if err := servers.Build(ctx, g.loadgen, "./loadgen"); err != nil {
		return nil, err
	}
	if o.against != "" {
		g.name = "the server at " + o.against
		var err error
		g.against, err = target.Parse(o.against)
		return g, err
	}
	if o.with != "" {
		g.name = o.with
	} else if g.binary == "" {
		g.binary = filepath.Join(dir, hotpath)
		if err := servers.Build(ctx, g.binary, "./server"); err != nil {
			return nil, err
		}
	}
	if err := g.writeSite(); err != nil {
		return nil, fmt.Errorf("making what is served: %w", err)
	}
	var err error
	g.origin, err = startOrigin(ctx, o.form().strict)
	return g, err
}

func (g *ground) close() {
	if g.origin != nil {
		_ = g.origin.close() // nothing listens any more either way
	}
}

// writeSite makes the files, of random bytes, and a certificate.
func (g *ground) writeSite() error {
	g.site = servers.Site{Cert: filepath.Join(g.dir, "cert.pem"), Key: filepath.Join(g.dir, "key.pem"), Root: filepath.Join(g.dir, "root")}
	// A server that gives up root must still be able to read.
	if err := errors.Join(os.Chmod(g.dir, 0o755), os.Mkdir(g.site.Root, 0o755), localcert.Write(g.site.Cert, g.site.Key)); err != nil {
		return err
	}
	for name, size := range map[string]int{smallFile: smallSize, largeFile: largeSize} {
		content := make([]byte, size)
		rand.Read(content)
		if err := os.WriteFile(g.site.Root+name, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// version is how the server names its version.
func (g *ground) version() string {
	switch g.name {
	case hotpath:
		return servers.GoVersion(g.binary)
	case nginx:
		return strings.TrimPrefix(servers.FirstLine(servers.NginxPath(), "-v"), "nginx version: ")
	case h2o:
		return servers.FirstLine("h2o", "--version")
	}
	return "unknown version"
}

// lacks is why an attack cannot be performed; "": it can.
func (g *ground) lacks(a catalog.Attack) string {
	switch {
	case a.NeedsOrigin && g.origin == nil:
		return "it needs an origin behind the server"
	case a.Needs != (catalog.Needs{}) && g.name != hotpath:
		return "it needs a server that is started with a limit for it"
	}
	return ""
}

// subject is a server that is attacked.
type subject struct {
	to    *target.Target
	pid   int    // 0: unknown
	admin string // address; "": it has none

	process *servers.Process // nil: it was there before
}

// start starts the server for an attack, or returns the one that there is.
func (g *ground) start(ctx context.Context, a catalog.Attack) (*subject, error) {
	if g.against != nil {
		return &subject{to: g.against, pid: g.pid}, nil
	}
	addr, err := freeport.Address()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(g.dir, "server")
	if err != nil {
		return nil, err
	}
	to, err := target.Parse("https://" + addr + smallFile)
	if err != nil {
		return nil, err
	}
	to.Large, to.Origin = largeFile, originPath
	s := &subject{to: to}
	var cmd *exec.Cmd
	if g.name == hotpath {
		if s.admin, err = freeport.Address(); err != nil {
			return nil, err
		}
		cmd, err = g.hotpathCommand(a, dir, addr, s.admin)
	} else {
		cmd, err = g.otherCommand(dir, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("preparing %s: %w", g.name, err)
	}
	s.process, err = servers.Start(ctx, servers.Launch{
		Name: g.name, Addr: addr, Cmd: cmd, Output: filepath.Join(dir, "output"), Core: serverCore,
		Answers: func(ctx context.Context) error {
			conn, err := to.DialTLS(ctx, "h2")
			if err != nil {
				return err
			}
			return conn.Close()
		},
	})
	if err == nil {
		s.pid = s.process.Cmd.Process.Pid
	}
	return s, err
}

// hotpathCommand is hotpath with its defaults, but for cacheBytes, the times of the
// short form and what the attack needs.
func (g *ground) hotpathCommand(a catalog.Attack, dir, addr, admin string) (*exec.Cmd, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "listen: %q\nadmin: %q\ncert: %s\nkey: %s\ncache-bytes: %dMiB\n", addr, admin, g.site.Cert, g.site.Key, cacheBytes>>20)
	timeouts := ""
	if g.short {
		for _, name := range []string{"hello-timeout", "handshake-timeout", "head-timeout", "write-timeout"} {
			fmt.Fprintf(&b, "%s: %v\n", name, time.Second)
		}
		timeouts = "  timeouts: {head: 1s, wait: 500ms, idle: 1s}\n"
	}
	if a.Needs.Conns > 0 {
		fmt.Fprintf(&b, "max-conns: %d\n", a.Needs.Conns)
	}
	fmt.Fprintf(&b, "sites:\n- hosts: [%q]\n  root: %s\n- hosts: [%q]\n  path: %s\n  upstream: http://%s\n%s", host, g.site.Root, host, originPath, g.origin.addr, timeouts)
	config := filepath.Join(dir, "hotpath.yaml")
	if err := os.WriteFile(config, []byte(b.String()), 0o644); err != nil {
		return nil, err
	}
	if a.Needs.Files > 0 {
		return exec.Command("sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, a.Needs.Files), g.binary, "-config", config), nil
	}
	return exec.Command(g.binary, "-config", config), nil
}

// otherCommand is nginx or h2o as tools/bench measures them, with the origin beside the
// files: nginx stores what it says, h2o of Debian stores nothing.
func (g *ground) otherCommand(dir, addr string) (*exec.Cmd, error) {
	conf := filepath.Join(dir, g.name+".conf")
	if g.name == h2o {
		text := servers.H2oConfig(g.site, dir, addr) + "      " + originPath + ":\n        proxy.reverse.url: http://" + g.origin.addr + originPath + "\n"
		return exec.Command("h2o", "-c", conf), os.WriteFile(conf, []byte(text), 0o644)
	}
	root := "    root " + g.site.Root + ";\n"
	text := strings.Replace(servers.NginxConfig(g.site, dir, addr), root, root+
		"    location "+originPath+" { proxy_pass http://"+g.origin.addr+"; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_cache stored; proxy_cache_lock on; }\n", 1)
	text = strings.Replace(text, "  server {\n", "  proxy_cache_path "+dir+"/stored keys_zone=stored:16m max_size=64m;\n  server {\n", 1)
	return exec.Command(servers.NginxPath(), "-p", dir, "-c", conf, "-e", filepath.Join(dir, "nginx.error.log")), os.WriteFile(conf, []byte(text), 0o644)
}

// stop ends a server that was started, and returns how it did if not in order.
func (s *subject) stop() error {
	if s.process == nil {
		return nil
	}
	select {
	case <-s.process.Exited():
		return fmt.Errorf("the process has ended: %s", s.process.Tail())
	default:
	}
	s.process.Stop()
	return nil
}
