//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// soundJava is the first version of Java whose HttpClient takes GOAWAY for what it is
// (JDK-8335181); 25 was tried. What older ones do is in clients/Client.java.
const soundJava = 24

// java is a JDK's program: it compiles the client as it starts it. Without a path there
// is none.
type java struct {
	path  string
	major int // of its version
}

// leftOut is why it is no client, unless any is to be one; "": it is.
func (j java) leftOut(anyVersion bool) string {
	switch {
	case j.path == "":
		return "there is no JDK"
	case j.major < soundJava && !anyVersion:
		return fmt.Sprintf("that of JDK %d fails by itself; -java has it all the same", j.major)
	}
	return ""
}

// newestJava looks for it in PATH, and in the directory that systems keep JDKs in.
func newestJava(ctx context.Context) (newest java) {
	candidates, _ := filepath.Glob("/usr/lib/jvm/*/bin/java") // the pattern is right
	if path, err := exec.LookPath("java"); err == nil {
		candidates = append([]string{path}, candidates...)
	}
	asked := make(map[string]bool) // several names may be of one program
	for _, name := range candidates {
		path, err := filepath.EvalSymlinks(name)
		if err != nil || asked[path] {
			continue
		}
		asked[path] = true
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "javac")); err != nil {
			continue // it cannot compile
		}
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // it takes a fraction of one
		out, err := exec.CommandContext(ctx, path, "-version").CombinedOutput()
		cancel()
		if major := javaMajor(string(out)); err == nil && major > newest.major {
			newest = java{path, major}
		}
	}
	return newest
}

var javaVersion = regexp.MustCompile(`version "(?:1\.)?(\d+)`)

// javaMajor reads what java -version prints: 8 of "1.8.0_392", 25 of "25.0.3". 0: it is
// not that.
func javaMajor(printed string) int {
	m := javaVersion.FindStringSubmatch(printed)
	if m == nil {
		return 0
	}
	major, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return major
}
