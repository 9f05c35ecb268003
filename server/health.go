package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/server/admin"
	"github.com/e0ac7cd4/hotpath/server/config"
)

// healthTimeout is how long a server may take to say that it is ready. It does
// so within a millisecond; a second is a machine that stands still.
const healthTimeout = time.Second

// health is the subcommand health: it asks the server that runs with the same
// settings, at its admin address, whether it is ready. It is for what can run a
// command and nothing else, such as a container's health check. It returns the
// exit status: 0 with a line on stdout if the server is ready; if not, with a line on
// stderr, exitFailure, or exitUsage if the settings are wrong.
func health(args, environ []string, stdout, stderr io.Writer) int {
	cfg, err := config.Load(args, environ, config.ReadFile)
	if errors.Is(err, config.ErrHelp) {
		return done(0, config.WriteHelp(stdout))
	}
	if err == nil {
		err = askable(cfg.Admin)
	}
	if err != nil {
		config.WriteError(stderr, err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
	defer cancel()
	if err := (admin.Client{Address: cfg.Admin}).Ready(ctx); err != nil {
		fmt.Fprintln(stderr, "hotpath:", err)
		return exitFailure
	}
	fmt.Fprintln(stdout, "ready")
	return 0
}

// askable reports, as a [*config.Error], an admin address at which a
// server cannot be asked.
func askable(address string) error {
	fail := func(value, problem string) error {
		return &config.Error{Where: "admin", Key: "admin", Value: value, Problem: problem, Allowed: "the address that the server was given, with its port"}
	}
	switch {
	case address == "":
		return fail("off", "no listener can be asked")
	case strings.HasSuffix(address, ":0"):
		return fail(address, "which port the server got cannot be known")
	}
	return nil
}
