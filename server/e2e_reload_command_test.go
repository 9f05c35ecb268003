package main

import (
	"slices"
	"strings"
	"testing"
)

// TestDiffCommand: the command says what a file would change of a server that
// runs, and leaves out what flags and variables have set.
func TestDiffCommand(t *testing.T) {
	s := testSite(t)
	c := startConfigured(t, "root: "+s.root+"\nmax-body: 1MiB\n", "-log-level", "debug")
	for _, tt := range []struct {
		text string
		want []string // lines
	}{
		{"root: " + s.root + "\nmax-body: 1MiB\nlog-level: warn\nlisten: :1\n", []string{"no setting differs"}},
		{"root: " + s.root + "\nmax-body: 2MiB\n", []string{"~ max-body: 1MiB -> 2MiB", "a reload takes it"}},
		{"root: " + s.root + "\nmax-body: 1MiB\ncache-entries: 7\n", []string{"~ cache-entries: 1024 -> 7 (needs a restart)", "a reload is refused: what needs a restart has changed"}},
	} {
		status, stdout, stderr := c.command("diff", "-config", writeFile(t, tt.text))
		if status != 0 || stderr != "" || !slices.Equal(strings.Split(strings.TrimRight(stdout, "\n"), "\n"), tt.want) {
			t.Errorf("%q: exit status %d, %q, %q; want %q", tt.text, status, stdout, stderr, tt.want)
		}
	}
	status, _, stderr := c.command("diff", "-config", writeFile(t, "max-body: much\n"))
	if status != exitUsage {
		t.Errorf("a file that is wrong: exit status %d", status)
	}
	wantOneLine(t, stderr, "max-body", "much")
	status, _, stderr = command(t, nil, "diff", "-admin", "off")
	if status != exitUsage {
		t.Errorf("no admin listener: exit status %d", status)
	}
	wantOneLine(t, stderr, "no listener can be asked")
}

// TestDocumentedReload: the commands in docs/operations.md do what it says there.
func TestDocumentedReload(t *testing.T) {
	_, text, _ := strings.Cut(document(t, "docs/operations.md"), "<!-- reload -->\n```\n")
	text, _, ok := strings.Cut(text, "```\n<!-- /reload -->")
	if !ok {
		t.Fatal("docs/operations.md has no commands of a reload")
	}
	c := startConfigured(t, "max-body: 1MiB\n")
	c.write("max-body: 2MiB\nadmin: " + strings.TrimPrefix(c.admin, "http://") + "\n")
	const change = "~ max-body: 1MiB -> 2MiB\n"
	want := []string{"configuration is valid\n", change + "a reload takes it\n", change + "reloaded, settings that changed: 1\n"}
	commands := strings.Split(strings.TrimSpace(text), "\n")
	if len(commands) != len(want) {
		t.Fatalf("%q", commands)
	}
	for i, line := range commands {
		words := strings.Fields(strings.Replace(line, "/etc/hotpath/hotpath.yaml", c.file, 1))
		status, stdout, stderr := command(t, nil, words[1:]...)
		if words[0] != "hotpath" || status != 0 || stdout != want[i] || stderr != "" {
			t.Errorf("%s: exit status %d, %q, %q; want %q", line, status, stdout, stderr, want[i])
		}
	}
}
