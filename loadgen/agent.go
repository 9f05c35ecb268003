package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/e0ac7cd4/hotpath/loadgen/fleet"
)

// tokenVariable is the environment variable with the agents' token.
const tokenVariable = "HOTPATH_LOADGEN_TOKEN"

// readToken reads the token from a file, or else the environment. "" is that
// neither is there.
func readToken(file string) (string, error) {
	token, from := os.Getenv(tokenVariable), tokenVariable
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", usageError{fmt.Errorf("-token-file: %w", err)}
		}
		token, from = string(text), "-token-file "+file
	} else if token == "" {
		return "", nil
	}
	if err := fleet.CheckToken(token); err != nil {
		return "", usageError{fmt.Errorf("%s: %w", from, err)}
	}
	return strings.TrimSpace(token), nil
}

// token is what agents ask for.
func (o *options) token() (string, error) {
	token, err := readToken(o.tokenFile)
	if err == nil && token == "" {
		err = usageError{fmt.Errorf("-workers needs the token that the agents printed or were given: -token-file FILE or %s", tokenVariable)}
	}
	return token, err
}

// runAgent takes part in the attacks of other machines until ctx ends.
func runAgent(ctx context.Context, args []string, s streams) error {
	f := flag.NewFlagSet("agent", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	address := f.String("listen", "127.0.0.1:9191", "`ADDRESS` on which to wait for coordinators")
	tokenFile := f.String("token-file", "", "`FILE` with the token that they must have (or "+tokenVariable+"); without one a token is made and printed")
	if err := parse(f, args, "flags alone are allowed"); errors.Is(err, flag.ErrHelp) {
		return help(s.out, f)
	} else if err != nil {
		return usageError{err}
	}
	token, err := readToken(*tokenFile)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *address)
	if err != nil {
		return usageError{fmt.Errorf("-listen: %w", err)}
	}
	if token == "" {
		token = fleet.NewToken()
		fmt.Fprintf(s.out, "token: %s\n", token)
	}
	log := slog.New(slog.NewTextHandler(s.err, nil))
	log.Info("waiting for coordinators", "address", l.Addr().String())
	return fleet.Serve(ctx, l, fleet.AgentConfig{Token: token, Log: log})
}
