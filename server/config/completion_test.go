package config

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestCompletion has bash complete command lines.
func TestCompletion(t *testing.T) {
	testkit.Need(t, "bash")
	var script, stderr bytes.Buffer
	if status := Completion([]string{"bash"}, &script, &stderr); status != 0 {
		t.Fatal(status, stderr.String())
	}
	for _, tt := range []struct{ words, want string }{
		{"hotpath rel", "reload"},
		{"hotpath -cache-s", "-cache-shards"},
		{"hotpath check -log-f", "-log-format"},
		{"hotpath -log-format ", "text json"},
		{"hotpath -log-level w", "warn"},
		{"hotpath completion f", "fish"},
	} {
		words := strings.Split(tt.words, " ")
		cmd := exec.Command("bash", "-c", script.String()+`
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hotpath; echo "${COMPREPLY[@]}"`, "bash")
		cmd.Args = append(cmd.Args, words...)
		got, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(got)) != tt.want {
			t.Errorf("%q: %q, %v; want %q", tt.words, got, err, tt.want)
		}
	}
}

// TestShells: each script has all commands and flags, and in fish's, which no test
// runs, every quotation ends.
func TestShells(t *testing.T) {
	var script, stderr bytes.Buffer
	for _, shell := range shells {
		script.Reset()
		if status := Completion([]string{shell}, &script, &stderr); status != 0 {
			t.Errorf("%s: exit status %d, %s", shell, status, stderr.String())
		}
		for _, c := range Commands {
			if !strings.Contains(script.String(), c.Name) {
				t.Errorf("%s: %s is missing", shell, c.Name)
			}
		}
		var c Config
		for _, k := range settings(&c) {
			if !strings.Contains(script.String(), k.name) {
				t.Errorf("%s: %s is missing", shell, k.name)
			}
		}
	}
	script.Reset()
	Completion([]string{"fish"}, &script, &stderr)
	for line := range strings.Lines(script.String()) {
		if strings.Count(strings.ReplaceAll(line, `\'`, ""), "'")%2 != 0 {
			t.Errorf("a quotation does not end: %s", line)
		}
	}
	if status := Completion([]string{"bsh"}, &script, &stderr); status != 2 || !strings.Contains(stderr.String(), "did you mean bash") {
		t.Errorf("another shell: exit status %d, %q", status, stderr.String())
	}
}

// TestMan: groff has nothing to say of the page, which has every setting.
func TestMan(t *testing.T) {
	testkit.Need(t, "groff")
	var page bytes.Buffer
	if err := WriteMan(&page); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("groff", "-man", "-Tutf8", "-ww", "-P-cbou")
	cmd.Stdin = &page
	var text, warnings bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &warnings
	if err := cmd.Run(); err != nil || warnings.Len() > 0 {
		t.Fatalf("%v: %s", err, warnings.String())
	}
	var c Config
	for _, k := range settings(&c) {
		if !regexp.MustCompile(`(?m)^\s+-` + k.name + `( |$)`).MatchString(text.String()) {
			t.Errorf("-%s is not in the page", k.name)
		}
	}
	for _, c := range Commands {
		if !strings.Contains(text.String(), "hotpath "+c.Name) {
			t.Errorf("%s is not in the page", c.Name)
		}
	}
}
