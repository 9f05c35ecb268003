//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// baselineBar is what a hit may cost beside the baseline: less than that cannot
// be distinguished from noise when other programs run.
const baselineBar = 1.05

// baselineBinary is the binary that -baseline names: a file, or a commit of this
// repository, which is built beside the tree.
func baselineBinary(ctx context.Context, named, dir string) (string, error) {
	if info, err := os.Stat(named); err == nil && info.Mode().IsRegular() {
		return filepath.Abs(named)
	}
	tree, binary := filepath.Join(dir, "baseline-tree"), filepath.Join(dir, "baseline")
	git := func(args ...string) error {
		out, err := exec.CommandContext(ctx, "git", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	if err := git("worktree", "add", "--detach", tree, named); err != nil {
		return "", fmt.Errorf("-baseline %q is neither a file nor a commit: %w", named, err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=auto", "-o", binary, "./server")
	cmd.Dir = tree
	out, buildErr := cmd.CombinedOutput()
	if err := git("worktree", "remove", "--force", tree); err != nil {
		return "", err
	}
	if buildErr != nil {
		return "", fmt.Errorf("building the baseline %s: %w\n%s", named, buildErr, out)
	}
	return binary, nil
}

// baselineRows are what is compared with a baseline: the hits and the memory of
// an idle connection.
func baselineRows(rows []row) []row {
	return slices.DeleteFunc(rows, func(r row) bool { return r.name == rowHandshake || r.name == rowMany })
}

// baselineTable compares hotpath with the baseline, row by row. The ratio is the
// median of the rounds' ratios: the two were measured one after the other in
// each, so that what happened to the machine happened to both.
func baselineTable(r *results) [][]string {
	table := [][]string{{"", "", hotpath, baseline, "ratio", "rounds", "bar", "met"}}
	for _, m := range []metric{cpuPerRequest, memoryPerConn} {
		for _, row := range r.rows {
			ours, theirs := r.values[cell{row, hotpath, m}], r.values[cell{row, baseline, m}]
			if len(ours) == 0 || len(ours) != len(theirs) {
				continue
			}
			ratios := make([]float64, len(ours))
			for i := range ours {
				ratios[i] = ours[i] / theirs[i]
			}
			info := metricInfos[m]
			ratio, met := median(ratios), "yes"
			if ratio > baselineBar {
				met = "no"
			}
			table = append(table, []string{
				row, info.unit,
				grouped(median(ours), info.decimals), grouped(median(theirs), info.decimals),
				grouped(ratio, 3), grouped(slices.Min(ratios), 2) + " to " + grouped(slices.Max(ratios), 2),
				fmt.Sprintf("≤ %.2f", baselineBar), met,
			})
		}
	}
	return table
}
