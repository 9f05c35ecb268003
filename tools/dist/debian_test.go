package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

const testDebian = "1.2.3~test" // testVersion as Debian has it

// debFile is the package of a release for a platform.
func debFile(t *testing.T, arch string) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join(madeRelease(t), "hotpath_"+testDebian+"_"+arch+".deb"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestDebianVersion: versions have Debian's form, and its order is ours.
func TestDebianVersion(t *testing.T) {
	inOrder := []struct{ version, want string }{
		{"nightly", "0~nightly"},
		{"v0.2.0-dev-abcdef0", "0.2.0~dev.abcdef0"},
		{"v0.2.0-rc.1", "0.2.0~rc.1"},
		{"v0.2.0", "0.2.0"},
		{"v0.2.0-4-gabcdef0", "0.2.0+4.gabcdef0"},
		{"v0.10.0_x", "0.10.0.x"},
	}
	for i, tt := range inOrder {
		if got := debianVersion(tt.version); got != tt.want {
			t.Errorf("%s is %s, want %s", tt.version, got, tt.want)
		}
		if i == 0 {
			continue
		}
		if _, err := exec.LookPath("dpkg"); err == nil {
			output(t, "dpkg", "--compare-versions", inOrder[i-1].want, "lt", tt.want)
		}
	}
	for _, odd := range []string{"v", "vx", "v-1", "main"} {
		if got, want := debianVersion(odd), "0~"+debianWord(odd); got != want {
			t.Errorf("%s is %s, want %s: it does not begin with a number", odd, got, want)
		}
	}
}

// TestDebianPackages: the package manager reads each package, and finds in it what
// an operator expects, at its place in a Debian system.
func TestDebianPackages(t *testing.T) {
	testkit.Need(t, "dpkg")
	for _, p := range testPlatforms() {
		if p.os != "linux" {
			continue
		}
		t.Run(p.arch, func(t *testing.T) {
			file := debFile(t, p.arch)
			for field, want := range map[string]string{"Package": "hotpath", "Version": testDebian, "Architecture": p.arch, "Depends": "procps"} {
				if got := strings.TrimSpace(output(t, "dpkg-deb", "-f", file, field)); got != want {
					t.Errorf("%s is %q, want %q", field, got, want)
				}
			}
			dir := t.TempDir()
			output(t, "dpkg-deb", "-R", file, dir)
			if got := string(readFile(t, filepath.Join(dir, "DEBIAN", "conffiles"))); got != "/etc/hotpath/hotpath.yaml\n" {
				t.Errorf("the files that an operator may edit are %q", got)
			}
			sums := exec.Command("md5sum", "-c", "--quiet", "DEBIAN/md5sums")
			sums.Dir = dir
			if out, err := sums.CombinedOutput(); err != nil {
				t.Errorf("the sums: %v\n%s", err, out)
			}
			for name, mode := range map[string]os.FileMode{
				"usr/bin/hotpath":                                  0o755,
				"usr/bin/hotpath-loadgen":                          0o755,
				"etc/hotpath/hotpath.yaml":                         0o644,
				"usr/lib/systemd/system/hotpath.service":           0o644,
				"usr/lib/systemd/system/hotpath.socket":            0o644,
				"usr/share/man/man1/hotpath.1.gz":                  0o644,
				"usr/share/bash-completion/completions/hotpath":    0o644,
				"usr/share/zsh/vendor-completions/_hotpath":        0o644,
				"usr/share/fish/vendor_completions.d/hotpath.fish": 0o644,
				"usr/share/doc/hotpath/copyright":                  0o644,
				"usr/share/doc/hotpath/changelog.gz":               0o644,
				"usr/share/doc/hotpath/THIRD-PARTY-NOTICES.txt":    0o644,
				"usr/share/doc/hotpath/docs/operations.md":         0o644,
				"usr/share/doc/hotpath/examples/hotpath.yaml":      0o644,
				"DEBIAN/postinst":                                  0o755,
			} {
				if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != mode || info.Size() == 0 {
					t.Errorf("%s: %v, %v, want mode %v and content", name, info, err, mode)
				}
			}
			for _, name := range []string{"usr/lib/systemd/system/hotpath.service", "usr/lib/systemd/system/hotpath.socket", "etc/hotpath/hotpath.yaml"} {
				if text := string(readFile(t, filepath.Join(dir, name))); strings.Contains(text, "/usr/local") {
					t.Errorf("%s names what the package does not install:\n%s", name, text)
				}
			}
		})
	}
}

// installed is a root directory with the package for this machine, which the
// machine's own packages have nothing to do with.
type installed struct {
	*testing.T
	root string
}

func install(t *testing.T) installed {
	t.Helper()
	testkit.Need(t, "dpkg")
	if os.Geteuid() != 0 {
		testkit.Lacks(t, "root's rights, which dpkg needs to install into a directory")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the package is for Linux")
	}
	i := installed{t, t.TempDir()}
	for _, dir := range []string{"var/lib/dpkg/updates", "var/lib/dpkg/info", "var/log"} {
		if err := os.MkdirAll(filepath.Join(i.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	i.write("var/lib/dpkg/status", "")
	i.dpkg("-i", debFile(t, runtime.GOARCH))
	return i
}

func (i installed) path(name string) string { return filepath.Join(i.root, name) }

func (i installed) write(name, text string) {
	i.Helper()
	if err := os.MkdirAll(filepath.Dir(i.path(name)), 0o755); err != nil {
		i.Fatal(err)
	}
	if err := os.WriteFile(i.path(name), []byte(text), 0o644); err != nil {
		i.Fatal(err)
	}
}

// dpkg runs the package manager on the root directory. What the package depends on
// is not there, and no program to run its scripts with.
func (i installed) dpkg(args ...string) {
	i.Helper()
	output(i.T, "dpkg", append([]string{"--root=" + i.root, "--force-depends", "--force-script-chrootless", "--force-confdef", "--force-confold", "--log=" + i.path("var/log/dpkg.log")}, args...)...)
}

// TestDebianInstall: what is installed is valid; a configuration that was edited
// outlasts an upgrade; a purge takes all of it but what an operator has put there.
func TestDebianInstall(t *testing.T) {
	i := install(t)
	check := func() {
		t.Helper()
		if got, want := output(t, i.path("usr/bin/hotpath"), "check", "-config", i.path("etc/hotpath/hotpath.yaml")), "configuration is valid\n"; got != want {
			t.Errorf("check: %q, want %q", got, want)
		}
	}
	check()
	edited := string(readFile(t, i.path("etc/hotpath/hotpath.yaml"))) + "drain-delay: 3s\n"
	i.write("etc/hotpath/hotpath.yaml", edited)
	i.write("etc/hotpath/cert.pem", "a certificate")
	i.write("var/log/hotpath/access.log", "a line")
	i.dpkg("-i", nextDeb(t))
	if got := string(readFile(t, i.path("etc/hotpath/hotpath.yaml"))); got != edited {
		t.Errorf("after an upgrade the configuration is\n%s\nwant the one that was edited", got)
	}
	if got := output(t, "dpkg-query", "--admindir="+i.path("var/lib/dpkg"), "-W", "-f", "${Version} ${Status}", "hotpath"); got != "1.2.4 install ok installed" {
		t.Errorf("after an upgrade: %q", got)
	}
	check()
	i.dpkg("-r", "hotpath")
	if _, err := os.Stat(i.path("usr/bin/hotpath")); !os.IsNotExist(err) {
		t.Errorf("after the removal the program is there (%v)", err)
	}
	if got := string(readFile(t, i.path("etc/hotpath/hotpath.yaml"))); got != edited {
		t.Errorf("after the removal the configuration is %q", got)
	}
	i.dpkg("-P", "hotpath")
	var left []string
	for _, dir := range []string{"etc", "usr", "var/log/hotpath"} {
		if _, err := os.Stat(i.path(dir)); err == nil {
			walk(t, i.path(dir), func(name string) { left = append(left, filepath.Join(dir, name)) })
		}
	}
	if want := []string{"etc/hotpath/cert.pem"}; !slices.Equal(left, want) {
		t.Errorf("after the purge there are %q, want %q", left, want)
	}
}

// nextDeb is the package of the next version, in which the configuration differs.
func nextDeb(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	output(t, "dpkg-deb", "-R", debFile(t, runtime.GOARCH), dir)
	for name, change := range map[string][2]string{
		"DEBIAN/control":           {"Version: " + testDebian, "Version: 1.2.4"},
		"etc/hotpath/hotpath.yaml": {"cache-bytes: 256MiB", "cache-bytes: 512MiB"},
	} {
		text := string(readFile(t, filepath.Join(dir, name)))
		if !strings.Contains(text, change[0]) {
			t.Fatalf("%s has no %q:\n%s", name, change[0], text)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Replace(text, change[0], change[1], 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "next.deb")
	output(t, "dpkg-deb", "-b", "-Zgzip", dir, file)
	return file
}

// TestDebianUnits: systemd accepts the units that are installed.
func TestDebianUnits(t *testing.T) {
	testkit.Need(t, "systemd-analyze")
	i := install(t)
	for _, unit := range []string{"hotpath.service", "hotpath.socket"} {
		text := strings.ReplaceAll(string(readFile(t, i.path("usr/lib/systemd/system/"+unit))), "=/usr/bin/", "="+i.path("usr/bin")+"/")
		i.write("verify/"+unit, text)
	}
	if out := output(t, "systemd-analyze", "verify", i.path("verify/hotpath.service"), i.path("verify/hotpath.socket")); strings.Contains(out, "hotpath.") {
		t.Errorf("systemd-analyze verify: %s", out)
	}
}

// TestDebianHandsOver: an upgrade of the package has the server that runs start the
// new program, and leaves it alone if that cannot serve.
func TestDebianHandsOver(t *testing.T) {
	i := install(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	pidFile := i.path("pid")
	good := fmt.Sprintf("listen: %q\nadmin: \"\"\npid-file: %s\n", address, pidFile)
	i.write("etc/hotpath/hotpath.yaml", good)
	// A systemd that follows the file with the number, and time that does not pass
	// if nothing is to be waited for.
	i.write("run/systemd/system/none", "")
	i.write("bin/systemctl", "#!/bin/sh\necho \"$*\" >>"+i.path("calls")+"\n[ \"$1\" != show ] || cat "+pidFile+"\n")
	if err := os.Chmod(i.path("bin/systemctl"), 0o755); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(i.path("usr/bin/hotpath"), "-config", i.path("etc/hotpath/hotpath.yaml"))
	var log testkit.LogBuffer
	server.Stderr = &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Wait() }()
	serving := func() string {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if pid, err := os.ReadFile(pidFile); err == nil {
				return string(pid)
			}
		}
		t.Fatalf("no process serves\n%s", log.String())
		return ""
	}
	first := serving()
	t.Cleanup(func() { output(t, "kill", serving()) })

	postinst := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(i.path("var/lib/dpkg/info/hotpath.postinst"), args...)
		cmd.Env = append(os.Environ(), "DPKG_ROOT="+i.root, "PATH="+i.path("bin")+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("postinst: %v\n%s", err, out)
		}
		return string(out)
	}
	if out := postinst("configure", ""); out != "" || serving() != first {
		t.Errorf("a first installation says %q and changes the process that serves", out)
	}
	if out := postinst("configure", "1.2.2"); out != "" || serving() == first {
		t.Errorf("an upgrade says %q, and process %s serves, as before", out, first)
	}
	second := serving()
	i.write("etc/hotpath/hotpath.yaml", "listen: nonsense\n")
	i.write("bin/sleep", "#!/bin/sh\nexec /bin/sleep 0.1\n")
	if err := os.Chmod(i.path("bin/sleep"), 0o755); err != nil {
		t.Fatal(err)
	}
	if out := postinst("configure", "1.2.3"); !strings.Contains(out, "goes on") || serving() != second {
		t.Errorf("an upgrade to what cannot serve says %q, and process %s serves, want %s", out, serving(), second)
	}
	if calls := string(readFile(t, i.path("calls"))); strings.Contains(calls, "start") || strings.Contains(calls, "enable") || strings.Count(calls, "daemon-reload") != 3 {
		t.Errorf("systemd was asked for more than it had to:\n%s", calls)
	}
}

// TestArchiveMembers: an archive of ar has heads of 60 bytes at even places.
func TestArchiveMembers(t *testing.T) {
	var b bytes.Buffer
	appendMember(&b, "odd", []byte("abc"), time.Unix(7, 0))
	appendMember(&b, "even", []byte("ab"), time.Unix(7, 0))
	want := "odd             7           0     0     100644  3         `\nabc\n" +
		"even            7           0     0     100644  2         `\nab"
	if got := b.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
