package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// blobs reads an image layout as the specification says, and records what was
// reached.
type blobs struct {
	t       *testing.T
	dir     string
	reached map[string]bool
}

// get is the content that a descriptor is of; its digest and its size must be
// the content's.
func (b blobs) get(d v1.Descriptor) []byte {
	b.t.Helper()
	content := readFile(b.t, filepath.Join(b.dir, "blobs", d.Digest.Algorithm, d.Digest.Hex))
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(content)); got != d.Digest.String() || int64(len(content)) != d.Size {
		b.t.Errorf("%s (%d bytes) has the content of %s (%d bytes)", d.Digest, d.Size, got, len(content))
	}
	b.reached[d.Digest.Hex] = true
	return content
}

func unmarshal[T any](t *testing.T, text []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestImage(t *testing.T) {
	dir := filepath.Join(madeRelease(t), "hotpath-"+testVersion+"-oci")
	b := blobs{t, dir, make(map[string]bool)}
	layout := unmarshal[struct{ ImageLayoutVersion string }](t, readFile(t, filepath.Join(dir, "oci-layout")))
	if layout.ImageLayoutVersion != "1.0.0" {
		t.Errorf("oci-layout: version %q", layout.ImageLayoutVersion)
	}
	top := unmarshal[v1.IndexManifest](t, readFile(t, filepath.Join(dir, "index.json")))
	if len(top.Manifests) != 1 || top.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != testVersion {
		t.Fatalf("index.json has %+v, want the image, named %s", top.Manifests, testVersion)
	}
	index := unmarshal[v1.IndexManifest](t, b.get(top.Manifests[0]))
	wantAnnotations(t, "the index", index.Annotations)
	var got []platform
	for _, d := range index.Manifests {
		p := platform{d.Platform.OS, d.Platform.Architecture}
		got = append(got, p)
		t.Run(p.String(), func(t *testing.T) { testPlatformImage(t, b, p, unmarshal[v1.Manifest](t, b.get(d))) })
	}
	want := slices.DeleteFunc(testPlatforms(), func(p platform) bool { return p.os != "linux" })
	if !slices.Equal(got, want) {
		t.Errorf("the image is for %v, want %v", got, want)
	}
	walk(t, filepath.Join(dir, "blobs", "sha256"), func(name string) {
		if !b.reached[name] {
			t.Errorf("the blob %s belongs to nothing", name)
		}
	})
}

func testPlatformImage(t *testing.T, b blobs, p platform, m v1.Manifest) {
	wantAnnotations(t, "the manifest", m.Annotations)
	config := unmarshal[v1.ConfigFile](t, b.get(m.Config))
	wantAnnotations(t, "the configuration's labels", config.Config.Labels)
	for _, media := range []struct{ got, want string }{
		{string(m.MediaType), "application/vnd.oci.image.manifest.v1+json"},
		{string(m.Config.MediaType), "application/vnd.oci.image.config.v1+json"},
		{string(m.Layers[0].MediaType), "application/vnd.oci.image.layer.v1.tar+gzip"},
	} {
		if media.got != media.want {
			t.Errorf("media type %s, want %s", media.got, media.want)
		}
	}
	c := config.Config
	if c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/hotpath"}) || len(c.Cmd) > 0 || len(c.Env) > 0 || len(c.Volumes) > 0 {
		t.Errorf("the configuration is %+v", c)
	}
	if _, ok := c.ExposedPorts["8443/tcp"]; !ok || len(c.ExposedPorts) != 1 {
		t.Errorf("ports %v, want 8443/tcp", c.ExposedPorts)
	}
	if c.Healthcheck == nil || !slices.Equal(c.Healthcheck.Test, []string{"CMD", "/hotpath", "health"}) {
		t.Errorf("health check %+v", c.Healthcheck)
	}
	if (platform{config.OS, config.Architecture}) != p {
		t.Errorf("the configuration is of %s/%s, want %s", config.OS, config.Architecture, p)
	}

	if len(m.Layers) != 1 || len(config.RootFS.DiffIDs) != 1 {
		t.Fatalf("%d layers, %d sums of them; want one", len(m.Layers), len(config.RootFS.DiffIDs))
	}
	layer := unzip(t, b.get(m.Layers[0]))
	if got := fmt.Sprintf("sha256:%x", sha256.Sum256(layer)); got != config.RootFS.DiffIDs[0].String() {
		t.Errorf("the layer is %s, the configuration has %s", got, config.RootFS.DiffIDs[0])
	}
	files := readTar(t, bytes.NewReader(layer))
	wantPlain(t, layer, files, "hotpath")
	if len(files) != 3 || files["hotpath"].header == nil || files["LICENSE"].header == nil || files[notices].header == nil {
		t.Errorf("the layer has %d files, want hotpath, LICENSE and %s", len(files), notices)
	}
	if p == (platform{runtime.GOOS, runtime.GOARCH}) {
		testServes(t, write(t, "hotpath", files["hotpath"].content), c.Healthcheck.Test[2:])
	}
}

func wantAnnotations(t *testing.T, of string, got map[string]string) {
	t.Helper()
	for name, want := range map[string]string{
		"title": "hotpath", "version": testVersion, "revision": testRevision, "created": "2026-01-02T03:04:05Z",
		"licenses": "Apache-2.0", "source": "https://github.com/e0ac7cd4/hotpath",
	} {
		if got := got["org.opencontainers.image."+name]; got != want {
			t.Errorf("%s: %s is %q, want %q", of, name, got, want)
		}
	}
}

// testServes runs the server out of the image, asks it for a page, and runs the
// image's health check before and after it stops.
func testServes(t *testing.T, binary string, healthCheck []string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-listen", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-log-format", "json")
	cmd.Env = []string{} // as in the image
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var line struct{ Msg, URL, Admin string }
	log := bufio.NewScanner(stderr)
	for line.Msg != "serving" && log.Scan() {
		if err := json.Unmarshal(log.Bytes(), &line); err != nil {
			t.Errorf("the log has %q: %v", log.Text(), err)
		}
	}
	health := exec.Command(binary, append(healthCheck, "-admin", line.Admin)...)
	if out, err := health.CombinedOutput(); err != nil {
		t.Errorf("health: %v\n%s", err, out)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport}).Get(line.URL + "/")
	if err != nil {
		t.Error(err)
	} else {
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != 200 || r.ProtoMajor != 2 || len(body) == 0 || err != nil {
			t.Errorf("%s over %s, %d bytes, %v", r.Status, r.Proto, len(body), err)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for log.Scan() { // to its end
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if exec.Command(binary, append(healthCheck, "-admin", line.Admin)...).Run() == nil {
		t.Error("it is healthy when it has stopped")
	}
}

// TestImageArchive: the tar file has the layout's files.
func TestImageArchive(t *testing.T) {
	dir := filepath.Join(madeRelease(t), "hotpath-"+testVersion+"-oci")
	archive := readFile(t, dir+".tar")
	files := readTar(t, bytes.NewReader(archive))
	wantPlain(t, archive, files)
	walk(t, dir, func(name string) {
		if !bytes.Equal(files[name].content, readFile(t, filepath.Join(dir, name))) {
			t.Errorf("%s is not the layout's", name)
		}
		delete(files, name)
	})
	for name := range files {
		if !strings.HasSuffix(name, "/") {
			t.Errorf("the layout does not have %s", name)
		}
	}
}

// TestImageLoads: what others load images with finds each platform's image in
// the tar file and in the directory, and all of its blobs in order.
func TestImageLoads(t *testing.T) {
	testkit.Need(t, "skopeo")
	name := filepath.Join(madeRelease(t), "hotpath-"+testVersion+"-oci")
	for _, p := range testPlatforms() {
		if p.os != "linux" {
			continue
		}
		for _, source := range []string{"oci-archive:" + name + ".tar", "oci:" + name + ":" + testVersion} {
			out := output(t, "skopeo", "--override-os", p.os, "--override-arch", p.arch, "inspect", source)
			got := unmarshal[struct{ Architecture string }](t, []byte(out))
			if got.Architecture != p.arch {
				t.Errorf("%s for %s is for %s", source, p, got.Architecture)
			}
			to := filepath.Join(t.TempDir(), "copy")
			output(t, "skopeo", "--insecure-policy", "--override-os", p.os, "--override-arch", p.arch, "copy", source, "dir:"+to)
			if _, err := os.Stat(filepath.Join(to, "manifest.json")); err != nil {
				t.Error(err)
			}
		}
	}
}
