//go:build linux

// Package attackers performs attacks in a process of their own, which runs while no
// other would: what they compute keeps nothing waiting that is measured.
//
// The process is the program itself, started with Command as its first argument, which
// main and TestMain have to take for Perform.
package attackers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/machine"
	"github.com/e0ac7cd4/hotpath/tools/attack/catalog"
	"github.com/e0ac7cd4/hotpath/tools/attack/target"
)

// Command has the program be the process that attacks.
const Command = "attackers"

// Asked is what that process is to do, on its standard input in JSON; its answer is the
// Tally on the standard output.
type Asked struct {
	Name    string // in the catalog
	To      *target.Target
	Clients int
	For     time.Duration
}

// Perform is that process.
func Perform(in io.Reader, out io.Writer) error {
	if err := machine.IdleSelf(); err != nil {
		return err
	}
	var a Asked
	if err := json.NewDecoder(in).Decode(&a); err != nil {
		return fmt.Errorf("what is asked for: %w", err)
	}
	for _, attack := range catalog.All() {
		if attack.Name == a.Name {
			ctx, cancel := context.WithTimeout(context.Background(), a.For)
			defer cancel()
			var t catalog.Tally
			attack.Perform(ctx, a.To, a.Clients, &t)
			return json.NewEncoder(out).Encode(&t)
		}
	}
	return fmt.Errorf("there is no attack %q", a.Name)
}

// Run starts the process by start and waits for its end, or that of ctx.
func Run(ctx context.Context, a Asked, start func(*exec.Cmd) error) (*catalog.Tally, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	request, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, self, Command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(request), &out, &complaint
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := start(cmd); err != nil {
		return nil, fmt.Errorf("starting the attackers: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("the attackers: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	t := new(catalog.Tally)
	if err := json.Unmarshal(out.Bytes(), t); err != nil {
		return nil, fmt.Errorf("what the attackers report: %w", err)
	}
	return t, nil
}
