package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// unpacked is this machine's archive of the release, in a directory.
func unpacked(t *testing.T) string {
	t.Helper()
	release := madeRelease(t)
	top := "hotpath-" + testVersion + "-" + platform{runtime.GOOS, runtime.GOARCH}.dashed()
	dir := t.TempDir()
	for name, file := range readArchive(t, filepath.Join(release, top+".tar.gz")) {
		path := filepath.Join(dir, strings.TrimPrefix(name, top))
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file.content, file.header.FileInfo().Mode()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestExamplesAreValid: the server of an archive accepts its configurations as they
// are, and each setting that stands in one behind a #.
func TestExamplesAreValid(t *testing.T) {
	dir := unpacked(t)
	hotpath := filepath.Join(dir, "hotpath")
	for _, name := range []string{"hotpath.yaml", "hotpath-sites.yaml"} {
		file := filepath.Join(dir, "examples", name)
		if got, want := output(t, hotpath, "check", "-config", file), "configuration is valid\n"; got != want {
			t.Errorf("check of %s: %q, want %q", name, got, want)
		}
	}
	text := string(readFile(t, filepath.Join(dir, "examples", "hotpath.yaml")))
	settings := regexp.MustCompile(`(?m)^#[a-z-]+: .+$`).FindAllString(text, -1)
	if len(settings) < 5 {
		t.Errorf("hotpath.yaml has %q behind a #, and should show what is often set", settings)
	}
	for _, setting := range settings {
		file := filepath.Join(t.TempDir(), "one.yaml")
		one := strings.Replace(text, setting, setting[1:], 1)
		one = strings.NewReplacer("/srv/www", dir, "/var/log/hotpath", dir).Replace(one)
		if err := os.WriteFile(file, []byte(one), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(hotpath, "check", "-config", file).CombinedOutput()
		if err != nil {
			t.Errorf("with %s: %v\n%s", setting, err, out)
		}
	}
}

// directives are those of a unit, by name; one that stands there several times
// has its values one after the other.
func directives(unit string) map[string]string {
	found := make(map[string]string)
	for line := range strings.Lines(unit) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			found[name] = strings.TrimSpace(found[name] + " " + value)
		}
	}
	return found
}

// TestUnit: what the unit starts is the server with the configuration that stands
// beside it, and its limits are those of that configuration.
func TestUnit(t *testing.T) {
	dir := unpacked(t)
	unit := directives(string(readFile(t, filepath.Join(dir, "examples", "hotpath.service"))))

	command := strings.Fields(unit["ExecStart"])
	if want := []string{"/usr/local/bin/hotpath", "-config", "/etc/hotpath/hotpath.yaml"}; !slices.Equal(command, want) {
		t.Fatalf("ExecStart is %q, want %q", command, want)
	}
	args := []string{"check", command[1], filepath.Join(dir, "examples", filepath.Base(command[2]))}
	output(t, filepath.Join(dir, filepath.Base(command[0])), args...)

	help := output(t, filepath.Join(dir, "hotpath"), "-h")
	standard := func(setting string) string {
		m := regexp.MustCompile(`-` + setting + `\b.*\(default (\w+)\)`).FindStringSubmatch(help)
		if m == nil {
			t.Fatalf("-h has no default of %s:\n%s", setting, help)
		}
		return m[1]
	}
	conns, err := strconv.Atoi(standard("max-conns"))
	if err != nil {
		t.Fatal(err)
	}
	if files, err := strconv.Atoi(unit["LimitNOFILE"]); err != nil || files <= conns {
		t.Errorf("LimitNOFILE is %s, want more than the %d connections (%v)", unit["LimitNOFILE"], conns, err)
	}
	var drain time.Duration
	for _, setting := range []string{"drain-delay", "drain-timeout"} {
		d, err := time.ParseDuration(standard(setting))
		if err != nil {
			t.Fatal(err)
		}
		drain += d
	}
	if stop, err := time.ParseDuration(unit["TimeoutStopSec"]); err != nil || stop <= drain {
		t.Errorf("TimeoutStopSec is %s, want more than the %v of a drain (%v)", unit["TimeoutStopSec"], drain, err)
	}
}

// TestUnitIsTheModule: the unit takes away every right that nix/module.nix does,
// reloads as it does, and has as many descriptors at its default of connections.
func TestUnitIsTheModule(t *testing.T) {
	testkit.NeedTree(t)
	unit := directives(string(readFile(t, filepath.Join(root, "examples", "hotpath.service"))))
	module := string(readFile(t, filepath.Join(root, "nix", "module.nix")))
	value := func(pattern string) string {
		t.Helper()
		m := regexp.MustCompile(pattern).FindStringSubmatch(module)
		if m == nil {
			t.Fatalf("nix/module.nix has nothing like %s", pattern)
		}
		return m[1]
	}
	if want := value(`ExecReload = "\$\{pkgs\.coreutils\}(.+)";`); unit["ExecReload"] != want {
		t.Errorf("examples/hotpath.service has ExecReload=%s, nix/module.nix %q", unit["ExecReload"], want)
	}
	conns, err1 := strconv.Atoi(value(`max-conns = mkOption \{[^}]*default = (\d+);`))
	others, err2 := strconv.Atoi(value(`LimitNOFILE = cfg\.settings\.max-conns \+ (\d+);`))
	if err := errors.Join(err1, err2); err != nil || unit["LimitNOFILE"] != strconv.Itoa(conns+others) {
		t.Errorf("examples/hotpath.service has LimitNOFILE=%s, nix/module.nix %d + %d (%v)", unit["LimitNOFILE"], conns, others, err)
	}
	_, module, _ = strings.Cut(module, "DynamicUser = ")
	module = "        DynamicUser = " + module
	values := regexp.MustCompile(`(?m)^        (\w+) = (true|"\w+"|\[[^\]]*\]);`).FindAllStringSubmatch(module, -1)
	if len(values) < 20 {
		t.Fatalf("nix/module.nix has only the directives %q", values)
	}
	for _, v := range values {
		name, want := v[1], strings.Join(strings.Fields(strings.Trim(strings.ReplaceAll(v[2], `"`, ""), "[]")), " ")
		if want == "true" {
			want = "yes"
		}
		if unit[name] != want {
			t.Errorf("examples/hotpath.service has %s=%s, nix/module.nix %q", name, unit[name], want)
		}
	}
}

// TestUnitUnderSystemd: systemd accepts every directive, and finds the unit
// hardened.
func TestUnitUnderSystemd(t *testing.T) {
	testkit.Need(t, "systemd-analyze")
	dir := unpacked(t)
	unit := string(readFile(t, filepath.Join(dir, "examples", "hotpath.service")))
	unit = strings.ReplaceAll(unit, "/usr/local/bin/hotpath", filepath.Join(dir, "hotpath"))
	file := filepath.Join(t.TempDir(), "hotpath.service")
	if err := os.WriteFile(file, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := output(t, "systemd-analyze", "verify", file); strings.Contains(out, "hotpath.service") {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	output(t, "systemd-analyze", "security", "--offline=true", "--threshold=25", file)
}
