//go:build linux

package main

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed clients/node.mjs
var nodeClient []byte

//go:embed clients/Client.java
var javaClient []byte

// program is a client that is not in Go. It prints a line for each answer (see
// parseLine), and ends when its standard input does, after the answers that are missing,
// or by itself.
type program struct {
	name, path string
	file       string // its text's name, if it is one of clients/
	text       []byte
	patient    bool
	args       []string
}

// leisure is the nice value of programs that are patient: they ask for the next answer when
// they have the last one, and get fewer if they wait for a processor, while the load at a
// fixed rate falls behind. Java's client is none: if it does not run for two seconds it
// writes to a connection that has drained and closed, and fails what it wrote.
const leisure = "10"

// command runs it.
func (p *program) command() *exec.Cmd {
	if p.patient {
		return exec.Command("nice", append([]string{"-n", leisure, p.path}, p.args...)...)
	}
	return exec.Command(p.path, p.args...)
}

// programLoops are those that the machine has.
func programLoops(ctx context.Context, s *server, j *journal, anyJava bool) (loops []loop, err error) {
	all := []program{
		{"curl HTTP/2, new connections", "curl", "", nil, true, curlArgs(s, s.filesURL()+fileName(0))},
		// Fifty on one connection, in about a second.
		{"curl HTTP/2, a connection again", "curl", "", nil, true, append([]string{"--rate", "50/s"}, curlArgs(s, s.upstreamURL()+"/miss?[1-50]")...)},
		{"Node http2", "node", "node.mjs", nodeClient, true, []string{s.file("node.mjs"), s.filesURL() + fileName(0), s.upstreamURL() + "/miss", s.file("cert.pem")}},
	}
	if java := newestJava(ctx); java.leftOut(anyJava) != "" {
		fmt.Fprintf(j.out, "Java HttpClient is left out: %s\n", java.leftOut(anyJava))
	} else {
		all = append(all, program{fmt.Sprintf("Java %d HttpClient", java.major), java.path, "Client.java", javaClient, false,
			[]string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", s.file("Client.java"), s.filesURL() + fileName(0), s.upstreamURL() + "/miss", s.file("cert.pem")}})
	}
	for _, p := range all {
		if _, err := exec.LookPath(p.path); err != nil {
			fmt.Fprintf(j.out, "%s is left out: there is no %s\n", p.name, p.path)
			continue
		}
		if p.text != nil {
			if err := os.WriteFile(s.file(p.file), p.text, 0o600); err != nil {
				return nil, err
			}
		}
		loops = append(loops, loop{p.name, 1, busy, func(ctx context.Context, j *journal, c *client) {
			if err := runProgram(ctx, p.command(), j, c); err != nil {
				j.failure(c, time.Now(), err.Error())
			}
		}})
	}
	return loops, nil
}

// curlArgs print the exit status and that of the response for each: what curl sends
// again is not to be seen.
func curlArgs(s *server, url string) []string {
	return []string{"-sS", "--http2", "--cacert", s.file("cert.pem"), "--max-time", "60", "--fail",
		"-o", "/dev/null", "-w", "curl %{exitcode} %{http_code} %{errormsg}\n", url}
}

// runProgram runs a client and counts what it prints.
func runProgram(ctx context.Context, cmd *exec.Cmd, j *journal, c *client) error {
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	defer close(ended)
	defer context.AfterFunc(ctx, func() {
		_ = input.Close()
		select {
		case <-ended:
		case <-time.After(patience): // its status will say that an answer is missing
			_ = cmd.Process.Kill()
		}
	})()
	for lines := bufio.NewScanner(output); lines.Scan(); {
		again, why := parseLine(lines.Text())
		if why != "" {
			j.failure(c, time.Now(), why)
			continue
		}
		j.done(c, 1, again)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(complaints.String()))
	}
	return nil
}

// parseLine reads what a client prints for an answer: how often the request was sent
// again, or why it failed.
func parseLine(line string) (again int, why string) {
	if why, failed := strings.CutPrefix(line, "failed "); failed {
		return 0, why
	}
	if text, ok := strings.CutPrefix(line, "curl "); ok {
		if text = strings.TrimSpace(text); text != "0 200" {
			return 0, "exit status, status and error: " + text
		}
		return 0, ""
	}
	again, err := strconv.Atoi(line)
	if err != nil {
		return 0, fmt.Sprintf("it prints %q", line)
	}
	return again, ""
}
