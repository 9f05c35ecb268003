package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	license = "Apache-2.0" // SPDX's name for what LICENSE has

	// nonroot is a user, and a group, that no machine has: what the distroless
	// images use. By number, so that neither /etc/passwd is needed to start as
	// it nor to prove that it is not root (runAsNonRoot).
	nonroot = "65532:65532"

	// publicPort is that of -listen by default. The admin listener is not
	// named: it is on the container's loopback.
	publicPort = "8443/tcp"
)

// Docker checks this often that the server is ready. What reads OCI's part of
// the configuration only, does not have it.
const (
	healthInterval = 10 * time.Second
	healthTimeout  = 3 * time.Second // the command gives up after one
)

// writeImage writes the image of the server for every Linux platform among
// binaries, if there is one: an OCI image layout
// (https://github.com/opencontainers/image-spec/blob/main/image-layout.md), as a
// directory and as a tar file, which "docker load", "podman load" and "skopeo
// copy oci-archive:" take.
func writeImage(dir string, r release, binaries []binary) error {
	index := mutate.Annotations(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), r.annotations()).(v1.ImageIndex)
	n := 0
	for _, b := range binaries {
		if b.program != server || b.os != "linux" {
			continue
		}
		img, err := image(r, b)
		if err != nil {
			return fmt.Errorf("making the image for %s: %w", b.platform, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        img,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: b.os, Architecture: b.arch}},
		})
		n++
	}
	if n == 0 {
		return nil
	}
	name := filepath.Join(dir, server+"-"+r.version+"-oci")
	l, err := layout.Write(name, empty.Index)
	if err != nil {
		return fmt.Errorf("writing the image: %w", err)
	}
	// The two names by which what loads the file will call the image.
	names := layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": r.version,
		"io.containerd.image.name":          "localhost/" + server + ":" + r.version,
	})
	if err := l.AppendIndex(index, names); err != nil {
		return fmt.Errorf("writing the image: %w", err)
	}
	return archiveLayout(name, r.created)
}

// image has the binary and the licences in it, and nothing else: no shell, no
// user database, no certificates of authorities (the server connects to upstreams
// alone).
func image(r release, b binary) (v1.Image, error) {
	entries := []entry{{server, true, b.content}}
	for _, name := range []string{"LICENSE", notices} {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{name, false, text})
	}
	var files bytes.Buffer
	if err := writeTar(&files, entries, r.created); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(
		func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
	if err != nil {
		return nil, err
	}
	created := v1.Time{Time: r.created}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	configured, err := mutate.ConfigFile(base, &v1.ConfigFile{
		OS:           b.os,
		Architecture: b.arch,
		Created:      created,
		RootFS:       v1.RootFS{Type: "layers"},
		Config: v1.Config{
			User:         nonroot,
			Entrypoint:   []string{"/" + server},
			WorkingDir:   "/",
			ExposedPorts: map[string]struct{}{publicPort: {}},
			Labels:       r.annotations(),
			Healthcheck:  &v1.HealthConfig{Test: []string{"CMD", "/" + server, "health"}, Interval: healthInterval, Timeout: healthTimeout},
		},
	})
	if err != nil {
		return nil, err
	}
	img, err := mutate.Append(configured, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: created, CreatedBy: "tools/dist"},
	})
	if err != nil {
		return nil, err
	}
	return mutate.Annotations(img, r.annotations()).(v1.Image), nil
}

// annotations are the ones that OCI defines
// (https://github.com/opencontainers/image-spec/blob/main/annotations.md).
func (r release) annotations() map[string]string {
	a := map[string]string{
		"title":       server,
		"description": "An HTTPS edge server that answers from memory",
		"version":     r.version,
		"revision":    r.revision,
		"source":      "https://" + module,
		"licenses":    license,
		"created":     r.created.Format(time.RFC3339),
	}
	maps.DeleteFunc(a, func(_, value string) bool { return value == "" })
	full := make(map[string]string, len(a))
	for name, value := range a {
		full["org.opencontainers.image."+name] = value
	}
	return full
}

// archiveLayout writes the tar file of a layout beside it.
func archiveLayout(dir string, modified time.Time) error {
	var entries []entry
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		entries = append(entries, entry{name: name, content: content})
		return err
	})
	if err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
	f, err := os.Create(dir + ".tar")
	if err != nil {
		return err
	}
	if err := writeTar(f, entries, modified); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
