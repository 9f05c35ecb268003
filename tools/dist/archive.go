package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"
)

// notices are the terms of what the programs have from others: tools/notices.
const notices = "THIRD-PARTY-NOTICES.txt"

// documents are what an operator gets beside the binaries. All of docs is among
// them and whatever else README.md links to, so that links lead somewhere, and
// all of examples; of dashboards what Grafana and Prometheus are given.
var documents = []string{
	"CHANGELOG.md",
	"CONTRIBUTING.md",
	"LICENSE",
	"README.md",
	"SECURITY.md",
	notices,
	"dashboards/grafana/cache.json",
	"dashboards/grafana/loadtest.json",
	"dashboards/grafana/overview.json",
	"dashboards/prometheus/alerts.yml",
	"dashboards/prometheus/prometheus.yml",
	"dashboards/prometheus/rules.yml",
	"docs/architecture.md",
	"docs/benchmarks.md",
	"docs/benchmarks.svg",
	"docs/building.md",
	"docs/caching.md",
	"docs/conformance.md",
	"docs/configuration.md",
	"docs/dashboard-dead.png",
	"docs/dashboard-overload.png",
	"docs/live-360.png",
	"docs/live-dark.png",
	"docs/live.png",
	"docs/loadgen.md",
	"docs/loadgen-capacity.png",
	"docs/loadgen-compare.png",
	"docs/loadgen.png",
	"docs/operations.md",
	"docs/security.md",
	"docs/walk.md",
	"examples/hotpath-sites.yaml",
	"examples/hotpath.schema.json",
	"examples/hotpath.service",
	"examples/hotpath.socket",
	"examples/hotpath.yaml",
	"examples/kubernetes/configmap.yaml",
	"examples/kubernetes/deployment.yaml",
	"examples/kubernetes/networkpolicy.yaml",
	"examples/kubernetes/poddisruptionbudget.yaml",
	"examples/kubernetes/service.yaml",
	"examples/kubernetes/servicemonitor.yaml",
}

// entry is a file in an archive.
type entry struct {
	name       string // path, with slashes
	executable bool
	content    []byte
}

// writeTar writes entries, sorted, each after the directories above it. Owner,
// modes and times are the same wherever and whenever it runs.
func writeTar(w io.Writer, entries []entry, modified time.Time) error {
	t := tar.NewWriter(w)
	header := func(h tar.Header) error {
		h.Format, h.ModTime = tar.FormatUSTAR, modified
		return t.WriteHeader(&h)
	}
	made := map[string]bool{".": true}
	var makeDir func(name string) error
	makeDir = func(name string) error {
		if made[name] {
			return nil
		}
		made[name] = true
		if err := makeDir(path.Dir(name)); err != nil {
			return err
		}
		return header(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755})
	}
	entries = slices.SortedFunc(slices.Values(entries), func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	for _, e := range entries {
		if err := makeDir(path.Dir(e.name)); err != nil {
			return fmt.Errorf("packing %s: %w", e.name, err)
		}
		mode := int64(0o644)
		if e.executable {
			mode = 0o755
		}
		if err := header(tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: mode, Size: int64(len(e.content))}); err != nil {
			return fmt.Errorf("packing %s: %w", e.name, err)
		}
		if _, err := t.Write(e.content); err != nil {
			return fmt.Errorf("packing %s: %w", e.name, err)
		}
	}
	return t.Close()
}

// tarGzip is what writeTar writes, compressed.
func tarGzip(entries []entry, modified time.Time) ([]byte, error) {
	var b bytes.Buffer
	if err := writeTar(&b, entries, modified); err != nil {
		return nil, err
	}
	return compress(b.Bytes())
}

// compress is gzip without a name and a time.
func compress(content []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(content); err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	return b.Bytes(), nil
}

// writeArchives writes an archive for each platform, with everything below one
// directory of the archive's name.
func writeArchives(dir string, r release, binaries []binary) error {
	var common []entry
	for _, name := range documents {
		content, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			return fmt.Errorf("%w; run this at the repository's root", err)
		}
		common = append(common, entry{name: name, content: content})
	}
	byPlatform := make(map[platform][]entry)
	for _, b := range binaries {
		byPlatform[b.platform] = append(byPlatform[b.platform], entry{b.program, true, b.content})
	}
	for p, entries := range byPlatform {
		name := server + "-" + r.version + "-" + p.dashed()
		entries = append(entries, common...)
		for i := range entries {
			entries[i].name = path.Join(name, entries[i].name)
		}
		packed, err := tarGzip(entries, r.created)
		if err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".tar.gz"), packed, 0o644); err != nil {
			return err
		}
	}
	return nil
}
