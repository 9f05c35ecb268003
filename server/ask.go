package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/e0ac7cd4/hotpath/server/admin"
	"github.com/e0ac7cd4/hotpath/server/config"
)

// askTimeout is how long a server may take for a reload or an upgrade, or to say
// its settings: a thousand sites with their certificates take it a second, and a
// successor has 20.
const askTimeout = 30 * time.Second

// asking loads what a command needs to reach a running server: the same
// settings name its admin address.
func asking(args, environ []string) (config.Config, admin.Client, error) {
	cfg, err := config.Load(args, environ, config.ReadFile)
	if err != nil {
		return cfg, admin.Client{}, err
	}
	if err := askable(cfg.Admin); err != nil {
		return cfg, admin.Client{}, err
	}
	token, err := cfg.AdminToken()
	return cfg, admin.Client{Address: cfg.Admin, Token: token}, err
}

// ask runs a command about a running server. It returns the exit status: 0 with
// what do has to say on stdout, exitFailure with its error on stderr, exitUsage if
// the settings are wrong.
func ask(args, environ []string, stdout, stderr io.Writer, do func(context.Context, config.Config, admin.Client) (string, error)) int {
	cfg, server, err := asking(args, environ)
	if errors.Is(err, config.ErrHelp) {
		return done(0, config.WriteHelp(stdout))
	}
	if err != nil {
		config.WriteError(stderr, err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	text, err := do(ctx, cfg, server)
	if err != nil {
		config.WriteError(stderr, err)
		return exitFailure
	}
	return done(fmt.Fprint(stdout, text))
}

// reload is the subcommand reload: the server that runs with the same settings
// reads them again, by its own flags and variables.
func reload(args, environ []string, stdout, stderr io.Writer) int {
	return ask(args, environ, stdout, stderr, func(ctx context.Context, _ config.Config, server admin.Client) (string, error) {
		return server.Reload(ctx)
	})
}

// upgrade is the subcommand upgrade: the server that runs with the same settings
// starts its program again, which may be another by now, and hands over to it.
func upgrade(args, environ []string, stdout, stderr io.Writer) int {
	return ask(args, environ, stdout, stderr, func(ctx context.Context, _ config.Config, server admin.Client) (string, error) {
		return server.Upgrade(ctx)
	})
}

// diff is the subcommand diff: what of the settings here differs from those in
// effect. What the server has from a flag or a variable no file changes, so that it
// is none of the differences.
func diff(args, environ []string, stdout, stderr io.Writer) int {
	return ask(args, environ, stdout, stderr, func(ctx context.Context, cfg config.Config, server admin.Client) (string, error) {
		var running []config.Line
		if err := server.Settings(ctx, &running); err != nil {
			return "", err
		}
		return config.Differences(running, cfg.Effective()), nil
	})
}
