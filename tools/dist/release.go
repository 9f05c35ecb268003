package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
)

// release is what everything that is made says of itself.
type release struct {
	version  string
	revision string    // commit, with "-dirty" if the tree differs; "" unknown
	created  time.Time // of every file in it, in UTC
}

// epochVariable is how packagers say which time it shall be, in seconds since
// 1970: https://reproducible-builds.org/specs/source-date-epoch/
const epochVariable = "SOURCE_DATE_EPOCH"

// The version becomes the tag of an image
// (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests).
var versionPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

func isVersion(s string) bool { return versionPattern.MatchString(s) }

// untagged is the version of a tree that git describes as tag: the tag, with what
// is behind it; without any tag, that of the release to come and the commit.
func untagged(tag string) string {
	if strings.HasPrefix(tag, "v") {
		return tag
	}
	return "v" + buildinfo.Release + "-dev-" + tag
}

// describe collects what flags and environment say, and asks git for the rest.
// Binaries that are given may be of another tree than this, so that git has
// nothing to say about them.
func describe(ctx context.Context, o options) (release, error) {
	r := release{version: o.version, revision: o.revision}
	built := len(o.binaries) == 0
	if r.version == "" {
		tag, err := git(ctx, "describe", "--tags", "--always", "--dirty")
		if err != nil {
			return r, fmt.Errorf("the release has no version: give -version, or run in a clone (%w)", err)
		}
		if !isVersion(tag) {
			return r, fmt.Errorf("git describes the tree as %q, which cannot be a version: give -version", tag)
		}
		r.version = untagged(tag)
	}
	if r.revision == "" && built {
		// An unpacked archive of the source has none, and is built all the same.
		r.revision, _ = git(ctx, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
	}
	seconds, from := os.Getenv(epochVariable), epochVariable
	if seconds == "" && built {
		var err error
		if seconds, err = git(ctx, "log", "-1", "--format=%ct"); err != nil {
			return r, fmt.Errorf("the release has no time: set %s, or run in a clone (%w)", epochVariable, err)
		}
		from = "git"
	}
	if seconds == "" {
		return r, fmt.Errorf("the release has no time: with -binary, set %s", epochVariable)
	}
	n, err := strconv.ParseUint(seconds, 10, 32)
	if err != nil {
		return r, fmt.Errorf("%s %q: allowed are seconds since 1970, a number", from, seconds)
	}
	r.created = time.Unix(int64(n), 0).UTC()
	return r, nil
}

func git(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		line, _, _ := strings.Cut(string(exit.Stderr), "\n")
		return "", fmt.Errorf("git %s: %s", args[0], line)
	}
	return strings.TrimSpace(string(out)), err
}
