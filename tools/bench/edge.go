//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/machine"
	"github.com/e0ac7cd4/hotpath/tools/servers"
)

// edgeCommand is the command whose section of the document edge rows are.
const edgeCommand = "go run ./tools/bench -edge"

// requireTools is the variable with which a peer that is not installed is an
// error, for -quick as well.
const requireTools = "HOTPATH_REQUIRE_TOOLS"

// runEdge compares servers that stand before an upstream.
func runEdge(ctx context.Context, o options) (err error) {
	rows, err := chooseRows(edgeRows(), o.rows)
	if err != nil {
		return err
	}
	cores := runtime.NumCPU() // before pinning
	if err := twoCores(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hotpath-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := require(ctx, []string{"h2load", "wrk", nginx}, o.install); err != nil {
		return err
	}
	contenders, binary, err := edgeContenders(ctx, o, dir)
	if err != nil {
		return err
	}
	var names []string
	for _, c := range contenders {
		names = append(names, c.name)
	}
	s, err := newSite(dir)
	if err != nil {
		return fmt.Errorf("making the files to serve: %w", err)
	}
	a := describe(contenders, cores)
	a.versions = append(a.versions, [2]string{"nginx (upstream)", nginxContender().version()})
	st := &state{site: s, size: fullSizes, runs: make(map[cell]int), res: newResults(names), binary: binary}
	if o.quick {
		st.size = quickSizes
		st.res.note("A quick run: it shows that everything works, and its figures mean nothing.")
	}
	if o.rounds > 0 {
		st.size.rounds = o.rounds
	}
	a.rounds = st.size.rounds
	if err := machine.PinSelf(clientCore); err != nil {
		return err
	}
	up, err := startUpstream(ctx, s)
	if err != nil {
		return err
	}
	defer up.Stop()
	s.upstream = up.Addr
	if err := measureAll(ctx, contenders, rows, st); err != nil {
		return err
	}
	text := report(a, st.res)
	fmt.Print(text)
	return write(o, text, st.res, edgeCommand)
}

// edgeContenders are hotpath before the upstream, hotpath with the files, and
// its peers. It returns hotpath's binary, too.
func edgeContenders(ctx context.Context, o options, dir string) ([]contender, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", fmt.Errorf("finding this program: %w", err)
	}
	binary := o.server
	if binary == "" {
		binary = filepath.Join(dir, "hotpath")
		if err := servers.Build(ctx, binary, "./server"); err != nil {
			return nil, "", err
		}
	}
	known := []string{hotpath, files, nginx, haproxy, h2o, caddy, caddyDefault, reverseProxy}
	chosen := known
	if o.baseline != "" {
		known = slices.Insert(known, 1, baseline)
		chosen = []string{hotpath, baseline}
		if o.baseline, err = baselineBinary(ctx, o.baseline, dir); err != nil {
			return nil, "", err
		}
	}
	if o.only != "" {
		chosen = strings.Split(o.only, ",")
	}
	for _, name := range chosen {
		if !slices.Contains(known, name) {
			return nil, "", fmt.Errorf("-only: %q is none of %s", name, strings.Join(known, ", "))
		}
	}
	var contenders []contender
	for _, name := range known {
		if !slices.Contains(chosen, name) {
			continue
		}
		if packages[name] != "" {
			if missing, err := absent(ctx, o, name); err != nil {
				return nil, "", err
			} else if missing {
				continue
			}
		}
		switch name {
		case hotpath:
			contenders = append(contenders, hotpathBefore(hotpath, binary))
		case baseline:
			contenders = append(contenders, hotpathBefore(baseline, o.baseline))
		case files:
			contenders = append(contenders, hotpathContender(files, binary))
		case nginx:
			contenders = append(contenders, nginxProxyContender())
		case haproxy:
			contenders = append(contenders, haproxyContender())
		case h2o:
			contenders = append(contenders, h2oProxyContender())
		case caddy, caddyDefault:
			if o.quick && o.only == "" {
				continue // its build takes minutes
			}
			if o.caddy == "" {
				o.caddy = filepath.Join(dir, "caddy")
				if err := buildCaddy(ctx, o.caddy); err != nil {
					return nil, "", err
				}
			}
			contenders = append(contenders, caddyContender(name, o.caddy))
		case reverseProxy:
			contenders = append(contenders, reverseProxyContender(self))
		}
	}
	return contenders, binary, nil
}

// absent reports whether a quick run goes on without a peer. Any other run needs
// it, and fails with how to get it.
func absent(ctx context.Context, o options, name string) (bool, error) {
	if _, err := exec.LookPath(programPath(name)); err == nil {
		return false, nil
	}
	if o.quick && os.Getenv(requireTools) != "1" {
		log.Printf("%s is not installed: left out", name)
		return true, nil
	}
	return false, require(ctx, []string{name}, o.install)
}

// edgeBodies are what hits are compared with: a small one, and one that is most
// of its cost.
var edgeBodies = []body{bodies[1], bodies[3]}

// edgeRows is the comparison before an upstream, in its order.
func edgeRows() []row {
	var rows []row
	for _, kind := range []struct {
		name, place string
		fields      []string
	}{
		{"hit", placeHit, nil},
		{"vary", placeVary, []string{"accept-encoding: br"}},
		{"public", placePublic, []string{"authorization: Basic dTpw"}},
	} {
		for _, b := range edgeBodies {
			for _, s := range shapes {
				if (kind.name != "hit" || b.size > 1<<10) && s != shapes[0] && s != shapes[3] || kind.name != "hit" && b.size > 1<<10 {
					continue // what comes in another way is slower in these as well
				}
				r := placedRow(kind.name+"-"+s.name+"-"+b.name, s, b, func(server string) string {
					if server == files {
						return "/"
					}
					return kind.place
				}, kind.fields...)
				r.only = func(server string) bool { return server == hotpath || server == files || server == baseline }
				rows = append(rows, r)
			}
		}
	}
	miss := func(s shape, b body) row {
		r := placedRow("miss-"+s.name+"-"+b.name, s, b, func(string) string { return placeMiss })
		r.only = func(server string) bool { return server != files }
		return r
	}
	rows = append(rows, row{name: rowAfter, only: func(server string) bool { return server == hotpath || server == baseline }, measure: measureAfter})
	rows = append(rows, miss(shapes[0], bodies[1]), miss(shapes[3], bodies[1]))
	return append(rows, flowRows()...)
}
