package acme

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

// hookTimeout is one call of the hook: what a provider of DNS takes until all its
// servers have a record. It is ended then, with all that it has started.
const (
	hookTimeout = 2 * time.Minute
	hookGrace   = time.Second // from its end to that of its output
	removeGrace = 5 * time.Second
)

// maxOutput is how much of the hook's output the log has, its end.
const maxOutput = 2 << 10

// hookSolver has a program add and remove TXT records:
//
//	HOOK add    _acme-challenge.example.com VALUE
//	HOOK remove _acme-challenge.example.com VALUE
type hookSolver struct {
	program string
	log     *slog.Logger
}

// Present implements acmez.Solver: the record can be seen when the hook ends.
func (h hookSolver) Present(ctx context.Context, c acme.Challenge) error {
	return h.call(ctx, "add", c)
}

// CleanUp implements acmez.Solver.
func (h hookSolver) CleanUp(ctx context.Context, c acme.Challenge) error {
	// Also if the order was given up, since the record would stay. A stop does not
	// wait for it much longer.
	of, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(removeGrace, cancel) })()
	return h.call(of, "remove", c)
}

// hookError is that the hook has failed.
type hookError struct {
	action, output string
	err            error
}

func (e *hookError) Error() string {
	return fmt.Sprintf("acme-dns-hook %s: %v: %s", e.action, e.err, e.output)
}
func (e *hookError) Unwrap() error { return e.err }

func (h hookSolver) call(ctx context.Context, action string, c acme.Challenge) error {
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	name := strings.TrimSuffix(c.DNS01TXTRecordName(), ".")
	cmd := exec.CommandContext(ctx, h.program, action, name, c.DNS01KeyAuthorization())
	var output tail
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = hookGrace
	ownGroup(cmd)
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("it was ended: %w", context.Cause(ctx))
	}
	h.log.Debug("ACME: acme-dns-hook was called", "action", action, "record", name, "output", output.String(), "err", err)
	if err != nil {
		return &hookError{action, output.String(), err}
	}
	return nil
}

// tail keeps the last maxOutput bytes that are written.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[max(0, len(p)-maxOutput):]...)
	t.text = t.text[max(0, len(t.text)-maxOutput):]
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.text)) }
