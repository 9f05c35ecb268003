//go:build linux

package main

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

// attackersCommand has this program be the process that attacks.
const attackersCommand = "attackers"

// asked is what that process is to do, on its standard input in JSON; its answer is the
// Tally on the standard output.
type asked struct {
	Name    string
	To      *target.Target
	Clients int
	For     time.Duration
}

// performAsked is that process.
func performAsked(in io.Reader, out io.Writer) error {
	if err := machine.IdleSelf(); err != nil {
		return err
	}
	var a asked
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

// attackers starts the process and waits for its end, or that of ctx.
func attackers(ctx context.Context, a asked) (*catalog.Tally, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	request, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, self, attackersCommand)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(request), &out, &complaint
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := machine.StartPinned(cmd, clientCore()); err != nil {
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
