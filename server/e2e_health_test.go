package main

import (
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestHealthCommand: the command finds the server by the settings that the
// server has, and its exit status says whether requests are welcome.
func TestHealthCommand(t *testing.T) {
	s := testSite(t)
	p := start(t, "-root", s.root)
	address := strings.TrimPrefix(p.admin, "http://")
	for _, tt := range []struct{ env, args []string }{
		{nil, []string{"-admin", address}},
		{[]string{"HOTPATH_ADMIN=" + address}, nil},
		{nil, []string{"-config", writeFile(t, "admin: "+address+"\n")}},
	} {
		if status, stdout, stderr := command(t, tt.env, append([]string{"health"}, tt.args...)...); status != 0 || stdout != "ready\n" || stderr != "" {
			t.Errorf("%v: exit status %d, %q, %q", tt, status, stdout, stderr)
		}
	}

	want := s.sized(streamed)
	r := begin(t, p, "h2", want) // keeps it draining
	p.signal(syscall.SIGTERM)
	p.eventually("readiness to end", func() error { return p.wantReady(503) })
	status, stdout, stderr := command(t, nil, "health", "-admin", address)
	if status != exitFailure || stdout != "" {
		t.Errorf("while draining: exit status %d, %q; want 1 and nothing", status, stdout)
	}
	wantOneLine(t, stderr, address, "draining")
	if err := want.differs(r.Body); err != nil {
		t.Error(err)
	}
	p.wantStopped()
	status, _, stderr = command(t, nil, "health", "-admin", address)
	if status != exitFailure {
		t.Errorf("when it has stopped: exit status %d, want 1", status)
	}
	wantOneLine(t, stderr, address)
}

func TestHealthWrongSettings(t *testing.T) {
	for _, tt := range []struct{ args, says []string }{
		{[]string{"-admin", "off"}, []string{"admin", `"off"`, "no listener can be asked", "allowed: the address"}},
		{[]string{"-admin", "127.0.0.1:0"}, []string{"127.0.0.1:0", "cannot be known"}},
		{[]string{"-admin", "here"}, []string{"flag -admin", `"here"`}},
		{[]string{"-config", "/nowhere/hotpath.yaml"}, []string{"/nowhere/hotpath.yaml", "no such file"}},
	} {
		status, stdout, stderr := command(t, nil, append([]string{"health"}, tt.args...)...)
		if status != exitUsage || stdout != "" {
			t.Errorf("%v: exit status %d, %q; want 2 and nothing", tt.args, status, stdout)
		}
		wantOneLine(t, stderr, tt.says...)
	}
	if status, stdout, _ := command(t, nil, "health", "-h"); status != 0 || !strings.Contains(stdout, "hotpath health") {
		t.Errorf("-h: exit status %d, %q", status, stdout)
	}
}

func TestVersionCommand(t *testing.T) {
	for _, word := range []string{"version", "--version", "-version", "-v", "-V"} {
		status, stdout, stderr := command(t, nil, word)
		if status != 0 || stderr != "" || !strings.HasPrefix(stdout, "hotpath ") || !strings.HasSuffix(stdout, " "+runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH+"\n") {
			t.Errorf("%s: exit status %d, %q, %q", word, status, stdout, stderr)
		}
	}
}
